//! Commands about lists. The one that waits is in `blocking`, and the one that may take long in `long`.

use super::{Call, Failure, Outcome};
use crate::store::End;

pub(super) fn lpush(call: &mut Call<'_>) -> Outcome {
    push(call, End::Left)
}

pub(super) fn rpush(call: &mut Call<'_>) -> Outcome {
    push(call, End::Right)
}

fn push(call: &mut Call<'_>, end: End) -> Outcome {
    let key = &call.args[1];
    let len = call.store.push(key, end, call.args.from(2))?;
    call.out.integer(len as i64);
    // All elements are in before the first one is given away.
    call.store.serve(key);
    Ok(())
}

pub(super) fn lpop(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Left)
}

pub(super) fn rpop(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Right)
}

/// Takes one element out, or a number of them.
fn pop(call: &mut Call<'_>, end: End) -> Outcome {
    let key = &call.args[1];
    let name = if end == End::Left { "lpop" } else { "rpop" };
    match call.args.len() {
        2 => match call.store.pop(key, end)? {
            Some(element) => call.out.bulk(&element),
            None => call.out.null_bulk(),
        },
        3 => {
            let count = usize::try_from(call.integer(2).unwrap_or(-1))
                .map_err(|_| Failure::new("ERR value is out of range, must be positive"))?;
            let Some(list) = call.store.list(key)? else {
                call.out.null_array();
                return Ok(());
            };
            let count = count.min(list.len());
            call.out.array(count);
            for _ in 0..count {
                if let Some(element) = call.store.pop(key, end)? {
                    call.out.bulk(&element);
                }
            }
        }
        _ => return Err(Failure::wrong_arity(name)),
    }
    Ok(())
}

pub(super) fn llen(call: &mut Call<'_>) -> Outcome {
    let len = call.store.list(&call.args[1])?.map_or(0, |list| list.len());
    call.out.integer(len as i64);
    Ok(())
}
