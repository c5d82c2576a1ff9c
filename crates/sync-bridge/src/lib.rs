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
//! # Queues and signals
//!
//! - [`queue`]: first in first out, last in first out, or by priority; bounded or not; with an end,
//!   batches, and a way to wait until the work is done.
//! - [`oneshot`]: one value, once.
//! - [`Flag`]: a level and an edge, as `asyncio.Event`.
//! - [`Condvar`]: for the guards of async-lock, as `asyncio.Condition`.
//! - [`KeyedMutex`]: a mutex for each key.
//! - [`block_on_until`]: blocking on any future, with a limit.
//! - [`waiters`]: the line of waiters that they stand on, for locks of your own.
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
//! - **Queues and signals** have a `*_blocking` form for threads and a `*_deadline` form that gives up at an
//!   instant beside each future. Threads and tasks wait in one line, first come, first served; what is
//!   released is handed to the first, and nobody can take it in between. What was granted to one that
//!   goes away goes to the next, inside of the drop. No lock is held while code of the caller runs.

#![forbid(unsafe_code)]

#[cfg(feature = "await-sync")]
mod await_sync;
#[cfg(feature = "colour")]
mod colour;
#[cfg(all(feature = "condvar", not(loom)))]
mod condvar;
#[cfg(any(feature = "pool", all(test, loom)))]
mod contained;
#[cfg(all(feature = "deadline", not(loom)))]
mod deadline;
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
#[cfg(any(feature = "flag", loom))]
mod flag;
#[cfg(any(feature = "iter", all(test, loom)))]
#[cfg_attr(
    loom,
    allow(
        dead_code,
        unreachable_pub,
        unused_imports,
        reason = "the models need a part of it"
    )
)]
mod iter;
#[cfg(any(feature = "keyed-mutex", loom))]
mod keyed_mutex;
#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(any(feature = "oneshot", loom))]
pub mod oneshot;
#[cfg(any(
    feature = "oneshot",
    feature = "flag",
    feature = "condvar",
    feature = "keyed-mutex",
    feature = "queue",
    feature = "pool",
    feature = "domain",
    loom
))]
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
#[cfg(any(feature = "queue", loom))]
pub mod queue;
#[cfg(any(
    feature = "oneshot",
    feature = "flag",
    feature = "condvar",
    feature = "keyed-mutex",
    feature = "queue",
    feature = "pool",
    feature = "domain",
    loom
))]
mod sync;
#[cfg(feature = "pool")]
mod unblock;
#[cfg(any(feature = "waiters", loom))]
pub mod waiters;
#[cfg(any(
    feature = "pool",
    feature = "flag",
    feature = "condvar",
    feature = "queue",
    loom
))]
mod wakes;

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
#[cfg(all(feature = "condvar", not(loom)))]
pub use condvar::Condvar;
pub use corokit_core::TimedOut;
#[cfg(all(feature = "deadline", not(loom)))]
pub use deadline::block_on_until;
#[cfg(feature = "domain")]
pub use domain::{Domain, DomainCell, Member, Turn};
#[cfg(feature = "enter")]
pub use enter::{InSyncDrive, Leave, NotSyncDriven, enter, in_sync_drive, leave};
#[cfg(all(feature = "enter", feature = "pool"))]
pub use enter::{LeaveOrUnblock, leave_or_unblock};
#[cfg(any(feature = "flag", loom))]
pub use flag::{Flag, Wait};
#[cfg(feature = "iter")]
pub use iter::{BlockIter, IntoInner, UnblockIter, block_iter, unblock_iter};
#[cfg(any(feature = "keyed-mutex", loom))]
pub use keyed_mutex::{KeyedLock, KeyedMutex, KeyedMutexGuard};
#[cfg(feature = "pool")]
pub use pool::{Job, JobError, Join, Pool, PoolBuilder, PoolStats, TryRunError, pool_wait};
#[cfg(feature = "pool")]
pub use unblock::{Unblock, unblock};
