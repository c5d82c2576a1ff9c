//! Crosses between blocking and async code, both ways.

#![forbid(unsafe_code)]

#[cfg(feature = "await-sync")]
mod await_sync;
#[cfg(feature = "colour")]
mod colour;
#[cfg(any(feature = "domain", all(test, loom)))]
mod domain;
#[cfg(feature = "enter")]
mod enter;
#[cfg(feature = "iter")]
mod iter;
#[cfg(any(feature = "pool", feature = "domain"))]
mod park;
#[cfg(feature = "pool")]
mod pool;
#[cfg(feature = "pool")]
mod unblock;
#[cfg(feature = "waiters")]
pub mod waiters;

#[cfg(feature = "await-sync")]
pub use await_sync::{
    AiterSync, Blocked, STEP_BUDGET, SyncDrive, SynchronousError, SynchronousErrorKind, aiter_sync,
    await_sync, try_await_sync,
};
#[cfg(feature = "colour")]
pub use colour::{
    Block, Blocking, Task, block, blocking, queue_background_thread, run, task, to_async,
    to_blocking,
};
#[cfg(feature = "domain")]
pub use domain::{Domain, DomainCell, Member, Turn};
#[cfg(feature = "enter")]
pub use enter::{InSyncDrive, Leave, NotSyncDriven, enter, in_sync_drive, leave};
#[cfg(all(feature = "enter", feature = "pool"))]
pub use enter::{LeaveOrUnblock, leave_or_unblock};
#[cfg(feature = "iter")]
pub use iter::{BlockIter, IntoInner, UnblockIter, block_iter, unblock_iter};
#[cfg(feature = "pool")]
pub use pool::{Job, JobError, Join, Pool, PoolBuilder, PoolStats, TryRunError, pool_wait};
#[cfg(feature = "pool")]
pub use unblock::{Unblock, unblock};
