//! A coroutine toolkit for the smol ecosystem: the order in which tasks run belongs to the program.
//!
//! ```
//! use corokit::coro_start::eager;
//! use corokit::sched_loop;
//!
//! let answer = sched_loop::run(async {
//!     let event_loop = sched_loop::current().expect("this runs on an event loop");
//!
//!     // A task has a name, and can be seen from outside.
//!     let task = event_loop.task().name("half").spawn(async { 21 });
//!     assert_eq!(event_loop.tasks().iter().filter(|t| t.name() == Some("half")).count(), 1);
//!
//!     // A future is started at once, and becomes a task only if it blocks.
//!     let doubled = eager(async move { 2 * task.await }, |rest| event_loop.spawn(rest));
//!     assert!(!doubled.is_ready());
//!     doubled.await
//! });
//! assert_eq!(answer, 42);
//! ```
//!
//! This crate holds nothing of its own: it is the crates of the toolkit under one name, each behind
//! the feature of the same name. All features are on by default, but for `context`, `progress-bar` and `lab`.
//!
//! | module | what it is |
//! |---|---|
//! | [`core`] | the shared words: task identity, positions, states, the one clock |
//! | [`scheduler`] | an executor on one thread whose ready queue can be read and rearranged |
//! | [`sched_loop`] | the event loop: the scheduler with a reactor and timers |
//! | [`priority`] | which task goes first: a ready queue with a bound on waiting, a mutex with inheritance |
//! | [`coro_start`] | start a future now, go on with it later; works on any executor or none |
//! | [`monitor`] | a coroutine talks to whoever drives it; works on any executor or none |
//! | [`parallel_serial`] | many things at once, or in turn: gather, wait, timeouts, scopes, plans, fleets; on any executor |
//! | `lab` | for tests: a virtual clock, exploration of schedules, replay, fault injection |
//!
//! # The model
//!
//! - **States**: a task is runnable, running, blocked, parked (taken out of the queue by the
//!   program) or finished: [`core::TaskState`].
//! - **Order**: strictly first in, first out, unless the program asks for another place.
//!   [`core::Position`] says what a place is.
//! - **Threads**: a loop and its tasks stay on one thread. Wakers may go anywhere.
//! - **Cancelling**: dropping a future is never having waited. Dropping a task's handle cancels the
//!   task; `detach` lets it run on.
//!
//! # The example
//!
//! `cargo run --release -p corokit --example kv` is a server that speaks the protocol of Redis, built
//! from all of this.

#![forbid(unsafe_code)]

#[cfg(feature = "core")]
#[doc(inline)]
pub use corokit_core as core;
#[cfg(feature = "coro-start")]
#[doc(inline)]
pub use corokit_coro_start as coro_start;
#[cfg(feature = "lab")]
#[doc(inline)]
pub use corokit_lab as lab;
#[cfg(feature = "monitor")]
#[doc(inline)]
pub use corokit_monitor as monitor;
#[cfg(feature = "parallel-serial")]
#[doc(inline)]
pub use corokit_parallel_serial as parallel_serial;
#[cfg(feature = "priority")]
#[doc(inline)]
pub use corokit_priority as priority;
#[cfg(feature = "sched-loop")]
#[doc(inline)]
pub use corokit_sched_loop as sched_loop;
#[cfg(feature = "scheduler")]
#[doc(inline)]
pub use corokit_scheduler as scheduler;
