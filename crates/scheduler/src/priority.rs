//! The priorities of tasks, if the ready queue knows any.

use corokit_core::{Priority, ReadyQueue, TaskId};

use crate::error::ScheduleError;
use crate::executor::LocalExecutor;

/// Priorities.
impl<Q: ReadyQueue> LocalExecutor<'_, Q> {
    /// Sets how urgent a task or main future is, from now on: wherever it is, and at once if it is
    /// in the ready queue.
    ///
    /// Source: asynkit's `PriorityTask.priority_value`, which takes effect only when somebody calls
    /// `propagate_priority`.
    ///
    /// # Errors
    ///
    /// Fails if the task has finished or belongs to another executor, and if the executor's
    /// [`ReadyQueue`] knows no priorities.
    ///
    /// # Examples
    ///
    /// With `corokit_priority::PriorityQueue` this moves the task. The default queue has no use for
    /// it:
    ///
    /// ```
    /// use corokit_core::Priority;
    /// use corokit_scheduler::{LocalExecutor, ScheduleError, TaskExt};
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(async {});
    /// let refused = executor.set_priority(task.id(), Priority::HIGH);
    /// assert_eq!(refused, Err(ScheduleError::NoPriorities));
    /// ```
    pub fn set_priority(&self, id: TaskId, priority: Priority) -> Result<(), ScheduleError> {
        let local = self.settled().ok_or(ScheduleError::Foreign(id))?;
        let mut state = local.state.borrow_mut();
        let index = local.unfinished(&state, id)?;
        match state.queue.set_priority(index, priority) {
            true => Ok(()),
            false => Err(ScheduleError::NoPriorities),
        }
    }

    /// Returns how urgent a task or main future is.
    ///
    /// # Errors
    ///
    /// As [`set_priority`](LocalExecutor::set_priority).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{LocalExecutor, ScheduleError, TaskExt};
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(async {});
    /// assert_eq!(executor.priority(task.id()), Err(ScheduleError::NoPriorities));
    /// ```
    pub fn priority(&self, id: TaskId) -> Result<Priority, ScheduleError> {
        let local = self.settled().ok_or(ScheduleError::Foreign(id))?;
        let state = local.state.borrow();
        let index = local.unfinished(&state, id)?;
        let priority = state.queue.priority(index);
        priority.ok_or(ScheduleError::NoPriorities)
    }
}
