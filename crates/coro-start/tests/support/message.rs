//! Catches a panic that is expected.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the closure, which must panic with a plain message, and returns that message.
#[track_caller]
pub(crate) fn message_of<T>(body: impl FnOnce() -> T) -> String {
    let panic = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(_) => panic!("nothing panicked"),
        Err(panic) => panic,
    };
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => (*panic.downcast::<&str>().unwrap()).to_owned(),
    }
}
