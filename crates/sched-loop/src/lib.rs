//! The event loop: corokit's scheduler with a reactor and timers.
//!
//! ```
//! use corokit_sched_loop as sched_loop;
//! use std::time::Duration;
//!
//! let result = sched_loop::run(async {
//!     let task = sched_loop::spawn(async {
//!         sched_loop::sleep(Duration::from_millis(1)).await;
//!         1
//!     });
//!     task.await + 1
//! });
//! assert_eq!(result, 2);
//! ```
//!
//! [`run`] is what `asyncio.run` is in Python: it makes an [`EventLoop`], runs a main future on it
//! on the current thread, and cancels what is left when the main future is done. Everything of the
//! smol ecosystem that waits for I/O or time works inside: the loop drives async-io's reactor.
//!
//! # Model
//!
//! * **Order.** Tasks run first in, first out; the main future is an entry of the same queue. A
//!   task gives way with [`sleep_insert`] and [`task_switch`], starts others with [`eager`] and
//!   [`create_task_descend`], and moves them with [`task_reinsert`]. [`LoopHandle::with`] gives the
//!   whole [`LocalExecutor`](corokit_scheduler::LocalExecutor), whose documentation has the rules.
//! * **Rounds.** After at most 256 entries the reactor has its turn, and a main future that was
//!   woken is polled. So whatever the tasks do, I/O and timers are handled and the main future goes
//!   on. A task waits as long as the order says: one that keeps putting itself in front keeps the
//!   other tasks waiting.
//! * **Threads.** A loop lives on the thread that uses it first. Several threads may have loops of
//!   their own; a loop may run inside a task of another one.
//! * **Current loop.** While a loop runs, the functions of this crate act on it; in a nested loop,
//!   on the inner one.
//! * **Cancellation.** Dropping a [`Task`] cancels it, and [`detach`](Task::detach)
//!   lets it go on alone; dropping the loop cancels every task.
//! * **Debug mode.** [`LoopBuilder::debug`], or `COROKIT_DEBUG=1` in the environment, switches it
//!   on: it reports slow polls, tasks dropped unfinished, panics that nobody hears and loops inside
//!   of polls, and [`LoopHandle::task_dump`] then says where each task was spawned and where it
//!   waits. Off, it costs a branch for each spawn and each turn. The feature `tracing` shows the
//!   tasks to tokio-console.

#![forbid(unsafe_code)]

mod builder;
mod current;
mod event_loop;
mod handle;
mod interrupt;
mod introspect;
mod priority;
mod queue;
mod scheduling;
mod stop;

#[cfg(feature = "context")]
pub use corokit_core::context;
pub use corokit_core::time::{Sleep, sleep, sleep_until};
pub use corokit_core::{Position, Priority, TaskId, TaskState, TimedOut};
pub use corokit_scheduler::{
    DebugOptions, Eager, FallibleTask, Frame, Report, ReportedTask, ScheduleError, Stats, Task,
    TaskDetails, TaskDump, TaskExt, TaskInfo,
};

pub use builder::LoopBuilder;
pub use current::{current, run, spawn, task};
pub use event_loop::EventLoop;
pub use handle::{LoopGone, LoopHandle, TaskBuilder};
pub use interrupt::{
    Interrupt, InterruptError, Interruptible, Outcome, Shield, TaskInterrupt, TaskTimeout,
    ThrowError, interruptible, shield, spawn_interruptible, task_interrupt, task_throw,
    task_timeout, task_timeout_at,
};
pub use introspect::{stats, task_dump};
pub use priority::{priority, set_priority};
pub use queue::{LoopExecutor, LoopQueue};
pub use scheduling::{
    LoopError, all_tasks, blocked_tasks, create_task_descend, create_task_start, current_task,
    eager, runnable_tasks, sleep_insert, task_is_blocked, task_is_runnable, task_reinsert,
    task_state, task_switch,
};
