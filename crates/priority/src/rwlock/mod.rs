//! A lock for many readers or one writer, which knows how urgent those are who wait for it.

mod guard;
mod line;
mod lock;
#[cfg(all(test, loom))]
mod loom_tests;

pub use guard::{
    PriorityReadGuard, PriorityReadGuardArc, PriorityRwLock, PriorityWriteGuard,
    PriorityWriteGuardArc,
};
pub use lock::{ReadLock, ReadLockArc, WriteLock, WriteLockArc};
