//! Waking a task by its id.

use std::task::Waker;

use corokit_core::{ReadyQueue, TaskId, TaskState};

use crate::error::ScheduleError;
use crate::executor::LocalExecutor;
use crate::table::Kind;

impl<Q: ReadyQueue> LocalExecutor<'_, Q> {
    /// Wakes a task or main future as its own waker would, and returns `true` if it was blocked.
    ///
    /// Nothing has happened that it waits for, so this is a spurious wake-up: a future that is
    /// sound looks again and goes on waiting. It is a tool for tests, and for telling a task to
    /// look at something that has no waker.
    ///
    /// # Errors
    ///
    /// Fails if the task is running, has finished or belongs to another executor.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{LocalExecutor, TaskExt};
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(std::future::pending::<()>());
    /// assert_eq!(executor.wake_task(task.id()), Ok(false));
    /// executor.try_tick();
    /// assert_eq!(executor.wake_task(task.id()), Ok(true));
    /// assert_eq!(executor.ready_ids(), [task.id()]);
    /// ```
    pub fn wake_task(&self, id: TaskId) -> Result<bool, ScheduleError> {
        let local = self.settled().ok_or(ScheduleError::Foreign(id))?;
        let state = local.state.borrow();
        let index = local.unfinished(&state, id)?;
        match local.state_of(&state, index) {
            TaskState::Blocked => {}
            TaskState::Running => return Err(ScheduleError::Running(id)),
            _ => return Ok(false),
        }
        if state.table.slot(index).kind == Kind::Main {
            drop(state);
            local.enqueue_main(index, id.generation());
            return Ok(true);
        }
        let waker = state.table.slot(index).waker.clone();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        Ok(true)
    }
}
