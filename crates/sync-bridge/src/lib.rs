//! Crosses between blocking and async code, both ways.
//!
//! ```
//! use corokit_sync_bridge::queue::Queue;
//! use std::thread;
//!
//! let (putter, getter) = Queue::bounded(16).split();
//! let thread = thread::spawn(move || {
//!     (0..100).for_each(|n| putter.put_blocking(n).unwrap());
//! });
//! futures_lite::future::block_on(async {
//!     for expected in 0..100 {
//!         assert_eq!(getter.get().await, Ok(expected));
//!     }
//!     assert!(getter.get().await.is_err());
//! });
//! thread.join().unwrap();
//! ```
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
//! **Colours**: what waits is a future, and beside it are a `*_blocking` form for threads and a
//! `*_deadline` form that gives up at an instant. Threads and tasks wait in one line.
//!
//! **Order**: first come, first served. What is released is handed to the first in line, and nobody
//! can take it in between.
//!
//! **Going away**: to drop a future that waits is the same as never having waited. What it was
//! granted already goes to the next in line, inside of the drop.
//!
//! **Locks**: no waker is called, cloned or dropped, and nothing of the caller's is dropped, while a
//! lock is held.

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
mod parking;
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
