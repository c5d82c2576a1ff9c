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
//! the feature of the same name.
//!
//! # Where to begin
//!
//! | module | what it is | look at first |
//! |---|---|---|
//! | [`sched_loop`] | the event loop: the scheduler with a reactor and timers | [`run`](sched_loop::run), [`spawn`](sched_loop::spawn()), [`EventLoop`](sched_loop::EventLoop) |
//! | [`scheduler`] | an executor on one thread whose ready queue can be read and rearranged | [`LocalExecutor`](scheduler::LocalExecutor) |
//! | [`priority`] | which task goes first: a ready queue with a bound on waiting, locks with inheritance | [`PriorityQueue`](priority::PriorityQueue), [`PriorityMutex`](priority::PriorityMutex) |
//! | [`coro_start`] | start a future now, go on with it later; task groups; drive and inspect futures; works on any executor or none | [`eager`](coro_start::eager()), [`CoroStart`](coro_start::CoroStart) |
//! | [`monitor`] | a coroutine talks to whoever drives it, or yields a stream; works on any executor or none | [`Monitor`](monitor::Monitor), [`Generator`](monitor::Generator) |
//! | [`sync_bridge`] | between blocking and async code: queues of two colours, signals, threads, iterators, turns | [`Queue`](sync_bridge::queue::Queue), [`await_sync`](sync_bridge::await_sync()), [`blocking`](sync_bridge::blocking) |
//! | [`bg_utils`] | what long-running programs need: rates, batches, schedules, shutdown, caches, groups | [`Shutdown`](bg_utils::shutdown::Shutdown), [`Memo`](bg_utils::cache::Memo), [`Group`](bg_utils::group::Group) |
//! | [`parallel_serial`] | many things at once, or in turn: gather, wait, timeouts, scopes, plans, fleets; on any executor | [`gather`](parallel_serial::gather()), [`timeout`](parallel_serial::timeout()), [`Fleet`](parallel_serial::Fleet) |
//! | `lab` | for tests: a virtual clock, exploration of schedules, replay, fault injection | `lab::check`, `lab::cancel_everywhere` |
//! | [`core`] | the shared words: task identity, positions, states, the one clock | [`Position`](core::Position), [`TaskState`](core::TaskState) |
//!
//! The [guide] has a chapter for each, a [tutorial] that builds a small server, recipes, what is what
//! for who comes [from Python], and what to do [when something goes wrong]. In a clone it is the
//! folder `docs/src`.
//!
//! # Features
//!
//! | feature | default | brings |
//! |---|---|---|
//! | `core` | yes | the module of its name |
//! | `scheduler` | yes | the module of its name |
//! | `sched-loop` | yes | the module of its name |
//! | `priority` | yes | the module of its name |
//! | `coro-start` | yes | the module of its name |
//! | `monitor` | yes | the module of its name |
//! | `sync-bridge` | yes | the module of its name, whole |
//! | `bg-utils` | yes | the module of its name, but for patterns of cron: for these depend on `corokit-bg-utils`, too |
//! | `parallel-serial` | yes | the module of its name, with timeouts, plans and fleets |
//! | `lab` | no | the module of its name, for tests: it lets a thread have a clock of its own |
//! | `context` | no | task-local values: `core::context`, and a context for each task |
//! | `tracing` | no | spans and events for each task, as tokio-console understands them |
//! | `location` | no | where a future that is inspected blocks |
//! | `backtrace` | no | errors of `await_sync` show where the future waits |
//! | `progress-bar` | no | a progress bar for plans |
//!
//! The crates can be had one by one, with finer features; [what each costs] is how many crates come
//! along.
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
//! In a clone, `cargo run --release -p corokit --example kv` is a server that speaks the protocol of
//! Redis, built from all of this. The README lists the other examples.
//!
//! [guide]: https://github.com/corokit/corokit/blob/main/docs/src/SUMMARY.md
//! [tutorial]: https://github.com/corokit/corokit/blob/main/docs/src/tutorial.md
//! [from Python]: https://github.com/corokit/corokit/blob/main/docs/src/python.md
//! [when something goes wrong]: https://github.com/corokit/corokit/blob/main/docs/src/mistakes.md
//! [what each costs]: https://github.com/corokit/corokit/blob/main/docs/src/costs.md

#![forbid(unsafe_code)]

#[cfg(feature = "bg-utils")]
#[doc(inline)]
pub use corokit_bg_utils as bg_utils;
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
#[cfg(feature = "sync-bridge")]
#[doc(inline)]
pub use corokit_sync_bridge as sync_bridge;
