//! A lock that knows how urgent those are who wait for it.

mod front;
mod guard;
mod line;
mod lock;
#[cfg(all(test, loom))]
mod loom_tests;
mod word;

pub use guard::{PriorityMutex, PriorityMutexGuard, PriorityMutexGuardArc};
pub use lock::{Lock, LockArc, LockChecked};
