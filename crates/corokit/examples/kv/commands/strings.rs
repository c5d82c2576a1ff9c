//! Commands about strings.

use super::{Call, Failure, Outcome};
use crate::store::{Millis, Value};

pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    match call.store.string(&call.args[1])? {
        Some(string) => call.out.bulk(string),
        None => call.out.null_bulk(),
    }
    Ok(())
}

pub(super) fn mget(call: &mut Call<'_>) -> Outcome {
    call.out.array(call.args.len() - 1);
    for key in call.args.from(1) {
        match call.store.get(key) {
            Some(Value::String(string)) => call.out.bulk(string),
            _ => call.out.null_bulk(),
        }
    }
    Ok(())
}

pub(super) fn set(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let (mut only_new, mut only_old) = (false, false);
    // Where the time to live is, and how many milliseconds its unit has.
    let mut expiry: Option<(usize, i64)> = None;
    let mut at = 3;
    while let Some(option) = args.get(at) {
        let unit = match option.to_ascii_lowercase().as_slice() {
            b"nx" if !only_old => {
                only_new = true;
                None
            }
            b"xx" if !only_new => {
                only_old = true;
                None
            }
            b"ex" => Some(1000),
            b"px" => Some(1),
            _ => return Err(Failure::SYNTAX),
        };
        if let Some(unit) = unit {
            at += 1;
            // A time may be given twice, in the same unit.
            if at == args.len() || expiry.is_some_and(|(_, other)| other != unit) {
                return Err(Failure::SYNTAX);
            }
            expiry = Some((at, unit));
        }
        at += 1;
    }
    let deadline = match expiry {
        Some((at, unit)) => Some(deadline_in(call, at, unit)?),
        None => None,
    };

    let refused = (only_new || only_old) && call.store.get(&args[1]).is_some() != only_old;
    if refused {
        call.out.null_bulk();
    } else {
        call.store.set(&args[1], &args[2], deadline);
        call.out.simple("OK");
    }
    Ok(())
}

/// Reads a positive time to live, in units of so many milliseconds, as a deadline.
fn deadline_in(call: &Call<'_>, index: usize, unit: i64) -> Result<Millis, Failure> {
    let millis = call.integer(index)?.checked_mul(unit);
    let deadline = match millis {
        Some(millis @ 1..) => call.store.now().after(millis),
        _ => None,
    };
    deadline.ok_or_else(|| Failure::invalid_expiry("set"))
}

pub(super) fn mset(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    if args.len() % 2 == 0 {
        return Err(Failure::wrong_arity("mset"));
    }
    for key in (1..args.len()).step_by(2) {
        call.store.set(&args[key], &args[key + 1], None);
    }
    call.out.simple("OK");
    Ok(())
}

pub(super) fn incr(call: &mut Call<'_>) -> Outcome {
    add(call, 1)
}

pub(super) fn decr(call: &mut Call<'_>) -> Outcome {
    add(call, -1)
}

pub(super) fn incrby(call: &mut Call<'_>) -> Outcome {
    let amount = call.integer(2)?;
    add(call, amount)
}

pub(super) fn decrby(call: &mut Call<'_>) -> Outcome {
    const OVERFLOW: Failure = Failure::new("ERR decrement would overflow");
    let amount = call.integer(2)?.checked_neg().ok_or(OVERFLOW)?;
    add(call, amount)
}

/// Adds to a number. A key that is not there counts as 0; a deadline stays.
fn add(call: &mut Call<'_>, amount: i64) -> Outcome {
    const OVERFLOW: Failure = Failure::new("ERR increment or decrement would overflow");
    let key = &call.args[1];
    let mut text = itoa::Buffer::new();
    let sum = match call.store.string(key)? {
        Some(string) => {
            let number = crate::resp::integer(string).ok_or(Failure::NOT_AN_INTEGER)?;
            let sum = number.checked_add(amount).ok_or(OVERFLOW)?;
            call.store.replace(key, text.format(sum).as_bytes());
            sum
        }
        None => {
            call.store.set(key, text.format(amount).as_bytes(), None);
            amount
        }
    };
    call.out.integer(sum);
    Ok(())
}
