//! Crosses between blocking and async code, both ways.

#![forbid(unsafe_code)]

#[cfg(feature = "await-sync")]
mod await_sync;
#[cfg(feature = "enter")]
mod enter;
#[cfg(feature = "pool")]
mod park;
#[cfg(feature = "pool")]
mod pool;

#[cfg(feature = "await-sync")]
pub use await_sync::{
    AiterSync, Blocked, STEP_BUDGET, SyncDrive, SynchronousError, SynchronousErrorKind, aiter_sync,
    await_sync, try_await_sync,
};
#[cfg(feature = "enter")]
pub use enter::{InSyncDrive, Leave, NotSyncDriven, enter, in_sync_drive, leave};
#[cfg(feature = "pool")]
pub use pool::{Job, JobError, Join, Pool, PoolBuilder, PoolStats, TryRunError, pool_wait};
