//! Interrupts: ending what another task waits for, and telling it why.
//!
//! # How it works
//!
//! A Rust future cannot be resumed with an error. So the program says where a task may be
//! interrupted, by a region, which is a future around another one. To interrupt it means to leave a
//! payload in the region and to wake it; at its next poll the region drops its future and gives the
//! payload as an error. A payload is delivered at the start of a poll and nowhere else, and polls
//! go from the outside to the inside: so the outermost of the regions and timeouts that have
//! something to deliver is the one that ends.
//!
//! ```text
//!            first poll              throw              poll
//!   New ---------------------> Open -------> Signalled ------> Interrupted
//!                              ^  |           |  |  |
//!                              |  |  replaced |  |  | future completes, all inside of a shield
//!                              |  |           +<-+  v
//!                              |  +--------------> Completed
//!                              |   future completes
//!          spawn_interruptible +
//! ```
//!
//! What is open is kept in the [`registry`] of the thread, as a tree by task: that is how a payload
//! finds the region, and how a region knows of the shields inside of it.

mod ack;
mod arena;
mod error;
mod region;
mod registry;
mod scope;
mod shield;
mod spawn;
mod throw;
mod timeout;

pub use ack::{Outcome, TaskInterrupt, task_interrupt};
pub use error::{InterruptError, ThrowError};
pub use region::{Interrupt, Interruptible, interruptible};
pub use shield::{Shield, shield};
pub use spawn::spawn_interruptible;
pub use throw::task_throw;
pub use timeout::{TaskTimeout, task_timeout, task_timeout_at};

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use corokit_scheduler::TaskExt;
    use futures_lite::future::{poll_once, yield_now};

    use super::*;

    /// Whatever way regions, shields, timeouts and waiters end, nothing of them stays.
    #[test]
    fn nothing_is_left_behind() {
        let counts = || registry::with(|registry| registry.counts());
        crate::run(async {
            let body = || async {
                let inner = interruptible::<u8, _>(async {
                    shield(yield_now()).await;
                    pending::<()>().await;
                });
                let _ = task_timeout(Duration::from_secs(60), inner).await;
                pending::<()>().await;
            };
            let cancelled = spawn_interruptible::<(), _>(body());
            let interrupted = spawn_interruptible::<(), _>(body());
            let dropped = spawn_interruptible::<(), _>(body());
            yield_now().await;
            task_throw(cancelled.id(), ()).unwrap();
            cancelled.cancel().await;
            task_throw(interrupted.id(), 1u8).unwrap();
            let mut given_up = task_interrupt(dropped.id(), ());
            assert!(poll_once(&mut given_up).await.is_none());
            assert_eq!(counts(), Some((6, 2, 1)));
            drop(given_up);
            let outcome = task_interrupt(interrupted.id(), ()).await;
            assert_eq!(outcome, Ok(Outcome::Delivered));
            drop((interrupted, dropped));
        });
        assert_eq!(counts(), Some((0, 0, 0)));
    }
}
