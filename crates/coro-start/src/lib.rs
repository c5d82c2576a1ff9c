//! Starts a future now and goes on with it later, on any executor or none.
//!
//! ```
//! use corokit_coro_start::eager;
//! use futures_lite::future::{block_on, yield_now};
//! use std::cell::RefCell;
//!
//! let log = RefCell::new(Vec::new());
//! let executor = async_executor::LocalExecutor::new();
//!
//! block_on(executor.run(async {
//!     log.borrow_mut().push("a");
//!     let child = eager(
//!         async {
//!             log.borrow_mut().push("1");
//!             yield_now().await;
//!             log.borrow_mut().push("2");
//!             "done"
//!         },
//!         |rest| executor.spawn(rest),
//!     );
//!     log.borrow_mut().push("b");
//!     log.borrow_mut().push("c");
//!     assert_eq!(child.await, "done");
//! }));
//!
//! assert_eq!(*log.borrow(), ["a", "1", "b", "c", "2"]);
//! ```
//!
//! # The tools
//!
//! * [`eager`] runs the first leg of a future, up to its first suspension, inside the call. A future that
//!   finishes there never becomes a task. One that blocks is handed, already started, to the spawner of the
//!   caller's choice: smol, tokio, async-executor, or nothing but a boxed future. The result is an [`Eager`],
//!   a future of the same output.
//! * [`CoroStart`] does the same without allocating: the future is pinned where it stands, started there, and
//!   awaited there later. It can also be inspected, closed, and asked for its output.
//!   [`start_boxed`] puts it into a box, where it can be moved about.
//! * [`eager_fn`] makes an async function start at once; [`eager_on`] takes a spawner that is a value, for libraries.
//! * [`EagerTaskGroup`] holds children that start in the call and end with the group.
//! * [`drive`] polls a future here and now, and asks its caller each time that it blocks.
//! * [`Inspect`] wraps a future so that its state, and the place where it blocks, can be seen from outside.
//! * [`EagerPool`] is `eager` for calls that are made again and again, without an allocation.
//! * [`eager_scope`] and [`cancelling`] end a child with the scope that it belongs to.
//!
//! # States
//!
//! ```text
//!              eager(future, spawn)
//!                       |
//!             first leg, in the call
//!              /                  \
//!         finished              blocked
//!             |                    |
//!             |           spawn(rest), once
//!             |                    |
//!       Eager::Ready         Eager::Task
//!              \                  /
//!             await          await: what the handle yields
//!                \              /
//!                 Eager::Taken
//! ```
//!
//! Those of a coroutine are drawn at [`CoroState`].
//!
//! # Order
//!
//! The first leg runs in the caller's order, before the call returns: with `a`, `b`, `c` written by the
//! caller before the call, after it, and before it lets go of the thread, and `1`, `2` written by the future
//! before and after it blocks, the log is `a, 1, b, c, 2` on every single-threaded executor. A future that
//! does not block gives `a, 1, 2, b, c`. What follows the first block runs in the order of the executor that
//! took the rest: for a first-in first-out executor, behind all that was runnable when the call was made. On
//! an executor with several threads, `2` comes after `1`, and nothing more is promised.
//!
//! The one exception is the guard against deep recursion, see [`depth`].
//!
//! # Wakers
//!
//! The first leg is polled with [`Waker::noop`](core::task::Waker::noop), and whoever goes on polls once more
//! with a waker of its own. No wake is lost: by the contract of [`Future::poll`] only the waker of the latest
//! poll counts, and every future can be polled though nothing woke it. A wake that falls between the two
//! polls is not needed, since the second poll comes in any case: a spawner queues what it is given, and an
//! awaited future is polled. The price is one more poll of the leaf, paid only by futures that block.
//!
//! A leaf that keeps the waker of its *first* poll breaks that contract and does not work here, as it does
//! not work wherever a future moves from one task to another.
//!
//! # Threads
//!
//! Nothing here is bound to a thread. [`Eager<T, J>`](Eager) is `Send` when `T` and `J` are,
//! [`CoroStart<F>`](CoroStart) when `F` and its output are; a future of [`eager`] needs to be `Send` or
//! `'static` only when the spawner asks for it.
//!
//! # Cancellation and panics
//!
//! Dropping an [`Eager`] drops the value or the task handle: a smol task is cancelled, a tokio task detached.
//! Dropping a [`CoroStart`] drops the future. A panic in the first leg goes to the caller of [`eager`] or
//! [`CoroStart::start`]; a panic after it goes where the executor sends panics.
//!
//! # Identity
//!
//! During the first leg the future runs as its caller: it sees the caller's task-local values, task id and
//! cooperative budget. After its first block it has those of its own task. What must not differ between the
//! two should not be kept in task-locals. An event loop that knows its tasks can do better and give the child
//! its own identity from the first instruction; this crate, which knows no executor, cannot.
//!
//! # Features
//!
//! * `std` (default): the guard against deep recursion. Without it the crate is `no_std` and needs `alloc`.
//! * `location`: `Probe::blocked_at`, which tells where a future blocks. Needs `std`.
//! * `async-task` (default): [`TaskHandle`] for the tasks of smol, async-executor and corokit.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod cancelling;
mod coro_start;
pub mod depth;
mod drive;
mod eager;
mod eager_fn;
mod from_ready;
mod group;
mod inspect;
#[cfg(feature = "location")]
mod location;
mod pool;
mod signal;
mod state;
mod task_handle;

pub use cancelling::{Cancelling, cancelling, eager_scope};
pub use coro_start::{CoroStart, start_boxed};
#[cfg(feature = "location")]
pub use corokit_core::Frame;
pub use drive::{Blocked, drive};
pub use eager::{Eager, eager};
pub use eager_fn::{eager_fn, eager_on};
pub use from_ready::FromReady;
pub use group::{EagerTaskGroup, GroupError, GroupHandle, GroupTask, Start, StartError, Status};
pub use inspect::{Inspect, Probe};
pub use pool::{EagerPool, PoolRest};
pub use state::CoroState;
pub use task_handle::TaskHandle;

/// Runs the examples of the README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
