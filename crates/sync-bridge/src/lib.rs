//! Crosses between blocking and async code, both ways.

#![forbid(unsafe_code)]

#[cfg(all(feature = "condvar", not(loom)))]
mod condvar;
#[cfg(all(feature = "deadline", not(loom)))]
mod deadline;
#[cfg(any(feature = "flag", loom))]
mod flag;
#[cfg(all(feature = "keyed-mutex", not(loom)))]
mod keyed_mutex;
#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(any(feature = "oneshot", loom))]
pub mod oneshot;
#[cfg(all(
    any(
        feature = "oneshot",
        feature = "flag",
        feature = "condvar",
        feature = "keyed-mutex",
        feature = "queue"
    ),
    not(loom)
))]
mod park;
#[cfg(any(feature = "queue", loom))]
pub mod queue;
#[cfg(any(
    feature = "oneshot",
    feature = "flag",
    feature = "condvar",
    feature = "keyed-mutex",
    feature = "queue",
    loom
))]
mod sync;
#[cfg(any(feature = "waiters", loom))]
pub mod waiters;

#[cfg(all(feature = "condvar", not(loom)))]
pub use condvar::Condvar;
#[cfg(all(feature = "deadline", not(loom)))]
pub use deadline::{TimedOut, block_on_until};
#[cfg(any(feature = "flag", loom))]
pub use flag::{Flag, Wait};
#[cfg(all(feature = "keyed-mutex", not(loom)))]
pub use keyed_mutex::{KeyedLock, KeyedMutex, KeyedMutexGuard};
