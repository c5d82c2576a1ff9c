//! The priorities of tasks, on loops whose ready queue knows some.

use corokit_core::{Priority, TaskId};

use crate::current::current;
use crate::handle::LoopHandle;
use crate::scheduling::LoopError;

/// Sets how urgent a task of the current loop is, at once. See
/// [`LocalExecutor::set_priority`](corokit_scheduler::LocalExecutor::set_priority).
///
/// Source: asynkit's `PriorityTask.priority_value`.
///
/// # Errors
///
/// Fails outside of any loop, if the loop's ready queue knows no priorities, and if the task has
/// finished or belongs to another loop.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, LoopError, Priority, ScheduleError, TaskExt};
///
/// sched_loop::run(async {
///     let task = sched_loop::spawn(async {});
///     let refused = sched_loop::set_priority(task.id(), Priority::HIGH);
///     // This loop is first in, first out.
///     assert_eq!(refused, Err(LoopError::Schedule(ScheduleError::NoPriorities)));
/// });
/// ```
pub fn set_priority(id: TaskId, priority: Priority) -> Result<(), LoopError> {
    current()
        .ok_or(LoopError::NoLoop)?
        .set_priority(id, priority)
}

/// Returns how urgent a task of the current loop is. See
/// [`LocalExecutor::priority`](corokit_scheduler::LocalExecutor::priority).
///
/// # Errors
///
/// As [`set_priority`].
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, LoopError, ScheduleError, TaskExt};
///
/// sched_loop::run(async {
///     let task = sched_loop::spawn(async {});
///     let refused = sched_loop::priority(task.id());
///     assert_eq!(refused, Err(LoopError::Schedule(ScheduleError::NoPriorities)));
/// });
/// ```
pub fn priority(id: TaskId) -> Result<Priority, LoopError> {
    current().ok_or(LoopError::NoLoop)?.priority(id)
}

/// Priorities.
impl LoopHandle {
    /// Sets how urgent a task of this loop is: see [`set_priority`](crate::set_priority).
    ///
    /// # Errors
    ///
    /// As there, and if the loop has been dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::{EventLoop, Priority, TaskExt};
    ///
    /// let event_loop = EventLoop::new();
    /// let task = event_loop.spawn(async {});
    /// assert!(event_loop.handle().set_priority(task.id(), Priority::LOW).is_err());
    /// ```
    pub fn set_priority(&self, id: TaskId, priority: Priority) -> Result<(), LoopError> {
        Ok(self.with(|executor| executor.set_priority(id, priority))??)
    }

    /// Returns how urgent a task of this loop is: see [`priority`](crate::priority).
    ///
    /// # Errors
    ///
    /// As [`LoopHandle::set_priority`].
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::{EventLoop, TaskExt};
    ///
    /// let event_loop = EventLoop::new();
    /// let task = event_loop.spawn(async {});
    /// assert!(event_loop.handle().priority(task.id()).is_err());
    /// ```
    pub fn priority(&self, id: TaskId) -> Result<Priority, LoopError> {
        Ok(self.with(|executor| executor.priority(id))??)
    }
}
