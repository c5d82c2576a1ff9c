//! Which task goes first: a ready queue that knows priorities, with a bound on how long anybody
//! waits.
//!
//! ```
//! use corokit_priority::{Priority, PriorityQueue};
//! use corokit_sched_loop::EventLoop;
//! use std::cell::RefCell;
//! use std::rc::Rc;
//!
//! let log = Rc::new(RefCell::new(Vec::new()));
//! let event_loop = EventLoop::with_queue(PriorityQueue::new());
//! for (name, priority) in [("batch", Priority::LOW), ("request", Priority::HIGH)] {
//!     let log = Rc::clone(&log);
//!     let task = event_loop.task().name(name).priority(priority);
//!     task.spawn(async move { log.borrow_mut().push(name) }).detach();
//! }
//! event_loop.run_until_stalled();
//! assert_eq!(*log.borrow(), ["request", "batch"]);
//! ```
//!
//! # The model
//!
//! - **Priority**: a finite number, and the lower the sooner. [`Priority::HIGH`], `NORMAL` and `LOW`
//!   are -10, 0 and 10; a task that has not been given one is normal.
//! - **Order**: by priority, and first in, first out among equals. What the program places at a
//!   position, by `task_switch` or `sleep_insert`, goes before all priorities.
//! - **Change**: `set_priority` takes effect at once, wherever the task is. A task that is in the
//!   queue keeps its arrival, so that raising it and lowering it again changes nothing.
//! - **Waiting**: with the default [`Ageing`], a task that becomes ready behind `m` others runs after
//!   at most `256 + 32 * (m + 1)` turns, whatever else comes.
//!
//! Both executors take the queue: `EventLoop::with_queue` of `corokit-sched-loop` and
//! `LocalExecutor::with_queue` of `corokit-scheduler`.
//!
//! Source: asynkit's `experimental.priority`.

#![forbid(unsafe_code)]

mod queue;

pub use corokit_core::{Priority, PriorityError};
pub use queue::{Ageing, PriorityQueue};
