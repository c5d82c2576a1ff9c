//! Code of others that may panic where that must not be felt.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs what may panic and must not; the panic hook has reported it.
pub(crate) fn contained(run: impl FnOnce()) {
    let Err(payload) = catch_unwind(AssertUnwindSafe(run)) else {
        return;
    };
    // The payload may panic again when it is dropped, and so may the payload of that: this one is kept for ever.
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    dropped.unwrap_or_else(mem::forget);
}
