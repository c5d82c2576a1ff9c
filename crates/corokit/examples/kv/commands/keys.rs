//! Commands about keys, whatever their values are.

use super::{Call, Failure, Outcome, failure};

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
                let option = failure::repeat(option);
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

/// Compares a word with one in lower case.
pub(super) fn is(word: &[u8], lower: &str) -> bool {
    word.eq_ignore_ascii_case(lower.as_bytes())
}
