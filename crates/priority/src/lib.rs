//! Which task goes first: a ready queue that knows priorities, with a bound on how long anybody
//! waits, and locks that lend their holders the priority of those who wait for them.
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
//!   position, by `task_switch` or `sleep_insert`, goes before all priorities, together with what it
//!   is placed behind: also before what comes later. Only `Position::Back` is the regular place.
//! - **Change**: `set_priority` takes effect at once, wherever the task is. A task that is in the
//!   queue keeps its arrival, so that raising it and lowering it again changes nothing. The loop's own
//!   `set_priority` is for tasks that use no locks; a [`TaskNode`] is for those that do.
//! - **Waiting**: with the default [`Ageing`], a task that becomes ready behind `m` others runs after
//!   at most `256 + 32 * (m + 1)` turns, whatever else comes.
//!
//! Both executors take the queue: `EventLoop::with_queue` of `corokit-sched-loop` and
//! `LocalExecutor::with_queue` of `corokit-scheduler`.
//!
//! # Locks
//!
//! [`PriorityMutex`] goes to the most urgent task that waits, and makes its holder as urgent as that
//! one while it waits, through chains of any length; [`PriorityRwLock`] does so with all of its
//! holders, and [`donate_to`] with a task whose result is awaited. [`PriorityCondvar`] and
//! [`PrioritySemaphore`] serve the most urgent one who waits. They work on any executor: [`scope`]
//! says how urgent a future is. Tasks of corokit's executors that are spawned by [`spawn`] have their places
//! in the ready queue as well; other executors may give their tasks nodes and hear of every change
//! by [`TaskControl`].
//!
//! ```
//! use corokit_priority::{Priority, PriorityMutex, TaskNode, scope, scope_as};
//! use futures_lite::future::{block_on, poll_once};
//!
//! let cache = PriorityMutex::named(0, "cache");
//! let batch = TaskNode::new(Priority::LOW).named("batch");
//! block_on(async {
//!     let guard = scope_as(batch.clone(), cache.lock()).await;
//!     let mut request = Box::pin(scope(Priority::HIGH, cache.lock()));
//!     assert!(poll_once(&mut request).await.is_none());
//!     assert_eq!(batch.effective_priority(), Priority::HIGH);
//!     drop(guard);
//!     assert_eq!(batch.effective_priority(), Priority::LOW);
//! });
//! ```
//!
//! Source: asynkit's `experimental.priority`, async-utils' `priority_context`.

#![deny(unsafe_code)]

mod atomic;
mod blocking;
mod condvar;
mod current;
mod deadlock;
mod donate;
mod followers;
mod mutex;
mod node;
mod queue;
mod rwlock;
mod semaphore;
mod spawn;
mod sync;
mod urgency;
mod wait;
mod waiters;

pub use condvar::{CondvarWait, Guard, Listen, PriorityCondvar};
pub use corokit_core::{Priority, PriorityError, TimedOut};
pub use current::{Scope, current, inherit, scope, scope_as};
pub use deadlock::{ChainLink, Deadlock, clear_deadlock_hook, set_deadlock_hook};
pub use donate::{DonateTo, donate_to};
pub use mutex::{
    Lock, LockArc, LockChecked, PriorityMutex, PriorityMutexGuard, PriorityMutexGuardArc,
};
pub use node::{TaskControl, TaskNode};
pub use queue::{Ageing, PriorityQueue};
pub use rwlock::{
    PriorityReadGuard, PriorityReadGuardArc, PriorityRwLock, PriorityWriteGuard,
    PriorityWriteGuardArc, ReadLock, ReadLockArc, WriteLock, WriteLockArc,
};
pub use semaphore::{Acquire, AcquireArc, PriorityPermit, PriorityPermitArc, PrioritySemaphore};
pub use spawn::spawn;
pub use urgency::Urgency;
