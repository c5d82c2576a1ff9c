//! Commands about lists. The one that waits is in `blocking`.

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

/// Replies with the elements from one index to another. A negative one counts from the end.
pub(super) fn lrange(call: &mut Call<'_>) -> Outcome {
    let (start, stop) = (call.integer(2)?, call.integer(3)?);
    let Some(list) = call.store.list(&call.args[1])? else {
        call.out.array(0);
        return Ok(());
    };
    let len = list.len() as i64;
    let from_end = |index: i64| {
        if index < 0 {
            index.saturating_add(len)
        } else {
            index
        }
    };
    let start = from_end(start).clamp(0, len);
    let stop = from_end(stop).saturating_add(1).clamp(start, len);
    call.out.array((stop - start) as usize);
    for element in list.range(start as usize..stop as usize) {
        call.out.bulk(element);
    }
    Ok(())
}
