//! A thread-confined executor on async-task whose ready queue can be read and rearranged.
//!
//! ```
//! use corokit_scheduler::LocalExecutor;
//! use futures_lite::future;
//! use std::cell::RefCell;
//!
//! let log = RefCell::new(Vec::new());
//! let executor = LocalExecutor::new();
//! let tasks = ["first", "second", "third"].map(|name| {
//!     let log = &log;
//!     executor.spawn(async move { log.borrow_mut().push(name) })
//! });
//!
//! // The third one is in a hurry.
//! executor.ready_reinsert(tasks[2].metadata().id(), 0)?;
//!
//! future::block_on(executor.run(async {
//!     for task in tasks {
//!         task.await;
//!     }
//! }));
//! assert_eq!(*log.borrow(), ["third", "first", "second"]);
//! # Ok::<(), corokit_scheduler::ScheduleError>(())
//! ```
//!
//! [`LocalExecutor`] is a drop-in for async-executor's type of that name: change the `use` line.
//! The project's `cargo xtask conformance` runs async-executor's own tests against it.
//!
//! # Order
//!
//! The default order, [`Fifo`], is strict: spawns, wake-ups and yields all go to the back. Any
//! other order is asked for. A position is the number of entries that run before it, the moved
//! entry itself not counted: 0 is next, and past the end means the back.
//!
//! | to | call | cost |
//! |---|---|---|
//! | look | [`ready_len`](LocalExecutor::ready_len), [`ready_ids`](LocalExecutor::ready_ids), [`tasks`](LocalExecutor::tasks), [`task_state`](LocalExecutor::task_state) | counts and states O(1), lists O(n) |
//! | move | [`ready_reinsert`](LocalExecutor::ready_reinsert) | O(1) at the ends and beside a task, else O(min(n, len - n)) |
//! | take out, put back | [`ready_take`](LocalExecutor::ready_take), [`ready_pop`](LocalExecutor::ready_pop), [`Parked::insert`] | the same |
//! | rotate | [`ready_rotate_left`](LocalExecutor::ready_rotate_left), [`ready_rotate_right`](LocalExecutor::ready_rotate_right) | O(min(n, len - n)) |
//! | give way | [`sleep_insert`](LocalExecutor::sleep_insert), [`task_switch`](LocalExecutor::task_switch) | one step of the scheduler |
//!
//! The main future of [`run`](LocalExecutor::run) is an entry like the others. Another order for
//! all is another [`ReadyQueue`](corokit_core::ReadyQueue).
//!
//! # Looking inside
//!
//! [`stats`](LocalExecutor::stats) counts, [`task_dump`](LocalExecutor::task_dump) shows every task.
//! [Debug mode](LocalExecutor::set_debug) adds to the dump where each task was spawned, how long it
//! ran and at which line it waits, and reports slow polls, tasks dropped unfinished and panics that
//! nobody hears. With the feature `tracing`, tokio-console shows the tasks live.
//!
//! # Threads
//!
//! An executor lives on one thread; its wakers and task handles go anywhere. A wake-up on the home
//! thread puts the task into the queue at once and touches no lock. A wake-up, or the drop of a
//! handle, on another thread goes through an inbox, which is emptied into the queue before each
//! step, and before anything else is put into the queue or looked at. After the executor is gone,
//! wake-ups do nothing.
//!
//! # Context
//!
//! With the feature `context` each task has a `Context` of its own (see `corokit_core::context`), a
//! copy of its spawner's at the time of the spawn: what it sets is its own, before and after it
//! first blocks, and its destructors see it, too. A main future has the context of whoever polls
//! `run`; a callback of `on_done` that of whoever added it. Where nobody has set a variable, a poll
//! costs two branches more.
//!
//! # Cancellation
//!
//! Dropping a [`Task`] cancels it: its future is dropped by the executor, when its turn comes.
//! Dropping the executor cancels all tasks, at once. See [`LocalExecutor`].

#![deny(unsafe_op_in_unsafe_fn)]

mod builder;
mod context;
mod control;
mod debug;
mod drive;
mod dump;
mod eager;
mod error;
mod executor;
mod fifo;
mod home;
mod inbox;
mod inspect;
mod leg;
mod local;
mod main_waker;
mod priority;
mod ready;
mod remote;
mod report;
mod runner;
mod shared;
mod spawn;
mod stats;
mod switch;
mod sync;
mod table;
mod task;
mod trace;
mod wake;
mod watch;

pub use builder::TaskBuilder;
pub use control::TaskExt;
pub use corokit_core::Frame;
pub use debug::DebugOptions;
pub use dump::{TaskDetails, TaskDump};
pub use eager::Eager;
pub use error::ScheduleError;
pub use executor::LocalExecutor;
pub use fifo::Fifo;
pub use inspect::TaskInfo;
pub use ready::{InsertError, Parked};
pub use remote::TaskRemote;
pub use report::{Report, ReportedTask};
pub use stats::Stats;
pub use switch::{SleepInsert, TaskSwitch};
pub use task::{FallibleTask, Task, TaskMeta};
