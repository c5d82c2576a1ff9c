//! Crosses between blocking and async code, both ways.
//!
//! ```
//! # #[cfg(all(feature = "await-sync", feature = "colour", feature = "iter"))] {
//! use corokit_sync_bridge::{await_sync, block, blocking, task, unblock_iter};
//! use futures_lite::StreamExt;
//!
//! // An async function that has no need to wait, from one that is not async.
//! async fn cached(key: &str) -> usize {
//!     key.len()
//! }
//! assert_eq!(await_sync(cached("key")).unwrap(), 3);
//!
//! // What blocks, awaited; what is awaited, blocked on.
//! let sum = block(task(|| async {
//!     let lines = unblock_iter(std::io::BufRead::lines(&b"1\n2\n3"[..]));
//!     let length = lines.fold(0, |sum, line| sum + line.unwrap().len()).await;
//!     length + blocking(|| 39).await
//! }));
//! assert_eq!(sum, 42);
//! # }
//! ```
//!
//! # What crosses what
//!
//! | from | to | by | feature |
//! |---|---|---|---|
//! | a future that never waits | a result, here and now | `await_sync`, `try_await_sync`, `SyncDrive` | `await-sync` |
//! | a stream that never waits | an iterator | `aiter_sync` | `await-sync` |
//! | an async function | a blocking one that must not wait, and back | `enter`, `leave`, `leave_or_unblock` | `enter` |
//! | a blocking function | a future | `unblock`; on a pool of one's own `Pool::run` | `pool` |
//! | either colour | either colour | `to_async`, `to_blocking`, `run`, `block`, `queue_background_thread` | `colour` |
//! | an iterator that blocks | a stream | `unblock_iter` | `iter` |
//! | a stream | an iterator that blocks | `block_iter` | `iter` |
//! | many threads | one at a time, from await to await | `Domain` | `domain` |
//!
//! With the feature `backtrace` the error of `await_sync` shows where the future waits.
//!
//! # The model
//!
//! - **Executors**: everything runs on any, and on none.
//! - **Threads** are those of a `Pool`, and of the global one unless another is named. A pool has
//!   as many as its jobs need, and none when there is nothing to do. Jobs that wait for jobs of the
//!   same pool cannot bring it to a standstill.
//! - **Order**: jobs begin, and turns are handed on, first in, first out. Items keep their order.
//! - **Cancelling**: dropping a future is never having waited. A blocking call that has begun runs
//!   on, and what it gives is dropped.
//! - **Panics** come out where the result would: at who awaits, after the items before. They cost
//!   no thread.

#![forbid(unsafe_code)]

#[cfg(feature = "await-sync")]
mod await_sync;
#[cfg(feature = "colour")]
mod colour;
#[cfg(any(feature = "domain", all(test, loom)))]
#[cfg_attr(
    loom,
    allow(
        dead_code,
        unreachable_pub,
        unused_imports,
        reason = "the models need a part of it"
    )
)]
mod domain;
#[cfg(feature = "enter")]
mod enter;
#[cfg(feature = "iter")]
mod iter;
#[cfg(any(feature = "pool", feature = "domain"))]
mod park;
#[cfg(any(feature = "pool", all(test, loom)))]
#[cfg_attr(
    loom,
    allow(
        dead_code,
        unreachable_pub,
        unused_imports,
        reason = "the models need a part of it"
    )
)]
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
