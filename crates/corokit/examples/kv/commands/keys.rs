//! Commands about keys, whatever their values are.

use super::{Call, Failure, Outcome};
use crate::glob;
use crate::resp;

/// How many keys `SCAN` visits at most in one call, whatever it is asked for: it is a hint.
const MOST_AT_ONCE: usize = 1024;

pub(super) fn del(call: &mut Call<'_>) -> Outcome {
    let removed = call
        .args
        .from(1)
        .filter(|key| call.store.remove(key))
        .count();
    call.out.integer(removed as i64);
    Ok(())
}

/// Counts the keys that are there. One that is named twice counts twice.
pub(super) fn exists(call: &mut Call<'_>) -> Outcome {
    let found = call
        .args
        .from(1)
        .filter(|key| call.store.get(key).is_some())
        .count();
    call.out.integer(found as i64);
    Ok(())
}

pub(super) fn dbsize(call: &mut Call<'_>) -> Outcome {
    call.out.integer(call.store.len() as i64);
    Ok(())
}

pub(super) fn flushall(call: &mut Call<'_>) -> Outcome {
    match (call.args.get(1), call.args.len()) {
        (None, _) => {}
        (Some(mode), 2) if ["sync", "async"].iter().any(|known| is(mode, known)) => {}
        _ => return Err(Failure::SYNTAX),
    }
    call.store.clear();
    call.out.simple("OK");
    Ok(())
}

/// Lets a key expire after a number of seconds. NX, XX, GT and LT: only if it does not expire yet,
/// does, would later, or would sooner.
pub(super) fn expire(call: &mut Call<'_>) -> Outcome {
    let (mut nx, mut xx, mut gt, mut lt) = (false, false, false, false);
    for option in call.args.from(3) {
        match option.to_ascii_lowercase().as_slice() {
            b"nx" => nx = true,
            b"xx" => xx = true,
            b"gt" => gt = true,
            b"lt" => lt = true,
            _ => {
                let option = String::from_utf8_lossy(option);
                return Err(Failure::say(format_args!(
                    "ERR Unsupported option {option}"
                )));
            }
        }
    }
    if nx && (xx || gt || lt) {
        let text = "ERR NX and XX, GT or LT options at the same time are not compatible";
        return Err(Failure::new(text));
    }
    if gt && lt {
        let text = "ERR GT and LT options at the same time are not compatible";
        return Err(Failure::new(text));
    }

    let key = &call.args[1];
    let now = call.store.now();
    let deadline = call
        .integer(2)?
        .checked_mul(1000)
        .and_then(|millis| now.after(millis));
    let deadline = deadline.ok_or_else(|| Failure::invalid_expiry("expire"))?;
    let changed = match call.store.deadline(key) {
        None => false,
        Some(None) => !xx && !gt,
        Some(Some(old)) => !nx && (!gt || deadline > old) && (!lt || deadline < old),
    };
    if changed && deadline <= now {
        call.store.remove(key);
    } else if changed {
        call.store.set_deadline(key, Some(deadline));
    }
    call.out.integer(i64::from(changed));
    Ok(())
}

pub(super) fn persist(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    let changed = call.store.deadline(key).flatten().is_some();
    if changed {
        call.store.set_deadline(key, None);
    }
    call.out.integer(i64::from(changed));
    Ok(())
}

/// The time to live in seconds, to the nearest one.
pub(super) fn ttl(call: &mut Call<'_>) -> Outcome {
    let millis = time_to_live(call);
    call.out.integer(if millis < 0 {
        millis
    } else {
        (millis + 500) / 1000
    });
    Ok(())
}

/// The time to live in milliseconds.
pub(super) fn pttl(call: &mut Call<'_>) -> Outcome {
    let millis = time_to_live(call);
    call.out.integer(millis);
    Ok(())
}

/// Returns how long a key lives: -2 if it is not there, -1 if for ever.
fn time_to_live(call: &mut Call<'_>) -> i64 {
    match call.store.deadline(&call.args[1]) {
        None => -2,
        Some(None) => -1,
        Some(Some(deadline)) => deadline.since(call.store.now()) as i64,
    }
}

pub(super) fn scan(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let cursor = std::str::from_utf8(&args[1])
        .ok()
        .and_then(|text| text.parse().ok());
    let cursor = cursor.ok_or(Failure::new("ERR invalid cursor"))?;
    let mut pattern: &[u8] = b"*";
    let mut count = 10;
    for at in (2..args.len()).step_by(2) {
        let value = args.get(at + 1).ok_or(Failure::SYNTAX)?;
        if is(&args[at], "match") {
            pattern = value;
        } else if is(&args[at], "count") {
            let number = resp::integer(value).ok_or(Failure::NOT_AN_INTEGER)?;
            count = usize::try_from(number).unwrap_or(0).min(MOST_AT_ONCE);
            if count == 0 {
                return Err(Failure::SYNTAX);
            }
        } else {
            return Err(Failure::SYNTAX);
        }
    }

    let mut found = Vec::new();
    let next = call.store.scan(cursor, count, |key| {
        if glob::matches(pattern, key) {
            found.push(key);
        }
    });
    call.out.array(2);
    call.out.bulk(itoa::Buffer::new().format(next).as_bytes());
    call.out.array(found.len());
    for key in found {
        call.out.bulk(key);
    }
    Ok(())
}

/// Compares a word with one in lower case.
fn is(word: &[u8], lower: &str) -> bool {
    word.eq_ignore_ascii_case(lower.as_bytes())
}
