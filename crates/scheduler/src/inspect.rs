//! Looking at the tasks of an executor.

use std::rc::Rc;

use corokit_core::{ReadyQueue, TaskId, TaskState};

use crate::error::ScheduleError;
use crate::executor::LocalExecutor;
use crate::table::Kind;

/// What [`LocalExecutor::tasks`] tells about one task.
///
/// # Examples
///
/// ```
/// use corokit_core::TaskState;
/// use corokit_scheduler::LocalExecutor;
///
/// let executor = LocalExecutor::new();
/// let task = executor.spawn(async {});
/// let info = executor.tasks().remove(0);
/// assert_eq!(info.id(), task.metadata().id());
/// assert_eq!((info.name(), info.state()), (None, TaskState::Runnable));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskInfo {
    id: TaskId,
    name: Option<Rc<str>>,
    state: TaskState,
}

impl TaskInfo {
    /// Returns the id of the task.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(async {});
    /// assert_eq!(executor.tasks()[0].id(), task.metadata().id());
    /// ```
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// Returns the name that the task was given. A main future is called `main` until it is given
    /// another one.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.task().name("worker").spawn(async {});
    /// assert_eq!(executor.tasks()[0].name(), Some("worker"));
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns what the task was doing when the list was made.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::TaskState;
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(std::future::pending::<()>());
    /// executor.try_tick();
    /// assert_eq!(executor.tasks()[0].state(), TaskState::Blocked);
    /// ```
    pub fn state(&self) -> TaskState {
        self.state
    }
}

/// Looking at the tasks.
impl<Q: ReadyQueue> LocalExecutor<'_, Q> {
    /// Lists the unfinished tasks and the main futures, by slot: an order that says nothing.
    ///
    /// Source: `asyncio.all_tasks`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let one = executor.spawn(async {});
    /// let two = executor.spawn(async {});
    /// assert_eq!(executor.tasks().len(), 2);
    /// ```
    pub fn tasks(&self) -> Vec<TaskInfo> {
        let Some(local) = self.settled() else {
            return Vec::new();
        };
        let state = local.state.borrow();
        let info = |(index, kind)| TaskInfo {
            id: local.id_of(&state, index),
            name: match (state.names.get(&index), kind) {
                (None, Kind::Main) => Some(Rc::from("main")),
                (name, _) => name.cloned(),
            },
            state: local.state_of(&state, index),
        };
        let entries = state.table.iter().map(|(index, slot)| (index, slot.kind));
        entries.map(info).collect()
    }

    /// Returns what a task is doing, or `None` if it belongs to another executor.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::TaskState;
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(async {});
    /// let id = task.metadata().id();
    /// assert_eq!(executor.task_state(id), Some(TaskState::Runnable));
    ///
    /// executor.try_tick();
    /// assert_eq!(executor.task_state(id), Some(TaskState::Finished));
    /// assert_eq!(LocalExecutor::new().task_state(id), None);
    /// ```
    pub fn task_state(&self, id: TaskId) -> Option<TaskState> {
        let local = self.settled()?;
        let state = local.state.borrow();
        match local.unfinished(&state, id) {
            Ok(index) => Some(local.state_of(&state, index)),
            Err(ScheduleError::Finished(_)) => Some(TaskState::Finished),
            Err(_) => None,
        }
    }

    /// Returns the task, or main future, that is being polled: the innermost one if a running
    /// task runs another. `None` outside of any poll.
    ///
    /// Source: `asyncio.current_task`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    /// use futures_lite::future;
    ///
    /// let executor = LocalExecutor::new();
    /// assert_eq!(executor.current_task(), None);
    ///
    /// let main = future::block_on(executor.run(async { executor.current_task() }));
    /// assert!(main.is_some());
    /// ```
    pub fn current_task(&self) -> Option<TaskId> {
        let local = self.local_if_used()?;
        let index = local.current()?;
        Some(local.id_of(&local.state.borrow(), index))
    }

    /// Lists the tasks and main futures that wait for a wake-up, by slot: an order that says
    /// nothing. Those that can run are [`ready_ids`](LocalExecutor::ready_ids).
    ///
    /// Source: `asynkit.blocked_tasks`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{LocalExecutor, TaskExt};
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(std::future::pending::<()>());
    /// assert!(executor.blocked_ids().is_empty());
    /// executor.try_tick();
    /// assert_eq!(executor.blocked_ids(), [task.id()]);
    /// ```
    pub fn blocked_ids(&self) -> Vec<TaskId> {
        let tasks = self.tasks().into_iter();
        let blocked = tasks.filter(|info| info.state == TaskState::Blocked);
        blocked.map(|info| info.id).collect()
    }

    /// Returns how many tasks and main futures wait for a wake-up.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(std::future::pending::<()>());
    /// assert_eq!(executor.blocked_len(), 0);
    /// executor.try_tick();
    /// assert_eq!(executor.blocked_len(), 1);
    /// ```
    pub fn blocked_len(&self) -> usize {
        self.settled().map_or(0, |local| {
            let state = local.state.borrow();
            let ready = state.queue.len() + state.parked + local.running(&state);
            state.table.entries() - ready
        })
    }
}
