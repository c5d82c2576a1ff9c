//! Order and tasks of the current loop: what asynkit calls its scheduling tools.

use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::task::Poll;

use corokit_core::{Position, TaskId, TaskState};
use corokit_scheduler::{Eager, LocalExecutor, ScheduleError, Task, TaskInfo};

use crate::current::current;
use crate::handle::{LoopGone, LoopHandle};
use crate::queue::LoopExecutor;

/// Why a request about the order or the tasks of a loop failed. Nothing has changed.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{LoopError, sleep_insert};
/// use futures_lite::future::block_on;
///
/// let outside = block_on(sleep_insert(0));
/// assert_eq!(outside, Err(LoopError::NoLoop));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoopError {
    /// There is no running loop on this thread.
    NoLoop,
    /// The loop has been dropped.
    Gone,
    /// The loop's executor refused.
    Schedule(ScheduleError),
}

impl fmt::Display for LoopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoopError::NoLoop => f.write_str("there is no running event loop on this thread"),
            LoopError::Gone => LoopGone.fmt(f),
            LoopError::Schedule(error) => error.fmt(f),
        }
    }
}

impl Error for LoopError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            LoopError::Schedule(error) => Some(error),
            LoopError::NoLoop | LoopError::Gone => None,
        }
    }
}

impl From<LoopGone> for LoopError {
    fn from(_: LoopGone) -> Self {
        LoopError::Gone
    }
}

impl From<ScheduleError> for LoopError {
    fn from(error: ScheduleError) -> Self {
        LoopError::Schedule(error)
    }
}

fn running() -> Result<LoopHandle, LoopError> {
    current().ok_or(LoopError::NoLoop)
}

/// Gives way to others: puts the running task at a position of the ready queue. See
/// [`LocalExecutor::sleep_insert`].
///
/// Source: `asynkit.sleep_insert`.
///
/// # Errors
///
/// Fails outside of a task of the current loop, or if the task that the position names is not in
/// the ready queue.
///
/// # Cancel safety
///
/// Dropping the future after its first poll leaves the task where it was put.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop as sched_loop;
///
/// sched_loop::run(async {
///     let tasks = [(); 3].map(|()| sched_loop::spawn(async {}));
///     sched_loop::sleep_insert(2).await?;
///     assert_eq!(tasks.each_ref().map(|task| task.is_finished()), [true, true, false]);
///     Ok::<(), sched_loop::LoopError>(())
/// })?;
/// # Ok::<(), sched_loop::LoopError>(())
/// ```
pub async fn sleep_insert(position: impl Into<Position>) -> Result<(), LoopError> {
    running()?.sleep_insert(position).await
}

/// Switches to another task: `target` runs next, then the rest, and the running task goes to
/// `position`. See [`LocalExecutor::task_switch`].
///
/// Source: `asynkit.task_switch`.
///
/// # Errors
///
/// Fails outside of a task of the current loop, or if `target`, or the task that the position
/// names, is not in the ready queue.
///
/// # Cancel safety
///
/// Dropping the future after its first poll leaves both tasks where they were put.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, TaskExt};
///
/// sched_loop::run(async {
///     let tasks = [(); 3].map(|()| sched_loop::spawn(async {}));
///     sched_loop::task_switch(tasks[2].id(), 1).await?;
///     assert_eq!(tasks.each_ref().map(|task| task.is_finished()), [false, false, true]);
///     Ok::<(), sched_loop::LoopError>(())
/// })?;
/// # Ok::<(), sched_loop::LoopError>(())
/// ```
pub async fn task_switch(target: TaskId, position: impl Into<Position>) -> Result<(), LoopError> {
    running()?.task_switch(target, position).await
}

/// Moves a task that is in the ready queue to another place there. See
/// [`LocalExecutor::ready_reinsert`].
///
/// Source: `asynkit.task_reinsert`.
///
/// # Errors
///
/// Fails outside of a loop, or if the task, or the one that the position names, is not in the ready
/// queue.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, TaskExt};
///
/// sched_loop::run(async {
///     let tasks = [(); 2].map(|()| sched_loop::spawn(async {}));
///     sched_loop::task_reinsert(tasks[1].id(), 0)?;
///     assert_eq!(sched_loop::runnable_tasks(), [tasks[1].id(), tasks[0].id()]);
///     Ok::<(), sched_loop::LoopError>(())
/// })?;
/// # Ok::<(), sched_loop::LoopError>(())
/// ```
pub fn task_reinsert(id: TaskId, position: impl Into<Position>) -> Result<(), LoopError> {
    running()?.task_reinsert(id, position)
}

/// Spawns a task and runs it at once, up to the point where it first blocks: the child runs now,
/// then the running task goes on, then the rest.
///
/// Unlike [`eager`], this is an ordinary switch: the child starts from the queue.
///
/// Source: `asynkit.create_task_descend`.
///
/// # Errors
///
/// Fails outside of a task of the current loop. Then nothing was spawned.
///
/// # Cancel safety
///
/// Dropping the future after its first poll cancels the child.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop as sched_loop;
///
/// sched_loop::run(async {
///     let other = sched_loop::spawn(async {});
///     let child = sched_loop::create_task_descend(async { 1 }).await?;
///     assert!(child.is_finished() && !other.is_finished());
///     Ok::<(), sched_loop::LoopError>(())
/// })?;
/// # Ok::<(), sched_loop::LoopError>(())
/// ```
#[track_caller]
pub fn create_task_descend<T: 'static>(
    future: impl Future<Output = T> + 'static,
) -> impl Future<Output = Result<Task<T>, LoopError>> {
    let location = Location::caller();
    async move { running()?.descend(future, location).await }
}

/// Spawns a task and lets it start: those that were ready run first, then the child, then the
/// running task goes on.
///
/// Source: `asynkit.create_task_start`.
///
/// # Errors
///
/// Fails outside of a task of the current loop. Then nothing was spawned.
///
/// # Cancel safety
///
/// Dropping the future after its first poll cancels the child.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop as sched_loop;
///
/// sched_loop::run(async {
///     let other = sched_loop::spawn(async {});
///     let child = sched_loop::create_task_start(async { 1 }).await?;
///     assert!(child.is_finished() && other.is_finished());
///     Ok::<(), sched_loop::LoopError>(())
/// })?;
/// # Ok::<(), sched_loop::LoopError>(())
/// ```
#[track_caller]
pub fn create_task_start<T: 'static>(
    future: impl Future<Output = T> + 'static,
) -> impl Future<Output = Result<Task<T>, LoopError>> {
    let location = Location::caller();
    async move { running()?.start(future, location).await }
}

/// Runs a future now, up to the point where it first blocks, and makes a task of it only if it
/// does. See [`LocalExecutor::eager`].
///
/// Source: `asynkit.eager`.
///
/// # Panics
///
/// Panics outside of any loop, before anything of the future has run.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop as sched_loop;
///
/// sched_loop::run(async {
///     let hit = sched_loop::eager(async { "cached" });
///     assert!(hit.is_finished());
///     assert_eq!(hit.await, "cached");
/// });
/// ```
#[track_caller]
pub fn eager<T: 'static>(future: impl Future<Output = T> + 'static) -> Eager<T> {
    let executor = match running() {
        Ok(handle) => handle.executor(),
        Err(error) => panic!("{error}: call this inside of `run`"),
    };
    match executor {
        Ok(executor) => executor.eager(future),
        Err(error) => panic!("cannot start a future: {error}"),
    }
}

/// Returns the running task, or main future, of the current loop.
///
/// Source: `asyncio.current_task`.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, TaskExt};
///
/// assert_eq!(sched_loop::current_task(), None);
/// sched_loop::run(async {
///     let task = sched_loop::spawn(async { sched_loop::current_task() });
///     let id = task.id();
///     assert_eq!(task.await, Some(id));
/// });
/// ```
pub fn current_task() -> Option<TaskId> {
    current()?.with(LocalExecutor::current_task).ok()?
}

/// Lists the unfinished tasks of the current loop and its main futures; none outside of a loop.
///
/// They are those that are [runnable](runnable_tasks), [blocked](blocked_tasks), running, or taken
/// out of the queue.
///
/// Source: `asyncio.all_tasks`.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop as sched_loop;
///
/// sched_loop::run(async {
///     let task = sched_loop::spawn(async {});
///     assert_eq!(sched_loop::all_tasks().len(), 2);
/// });
/// ```
pub fn all_tasks() -> Vec<TaskInfo> {
    current().map_or_else(Vec::new, |handle| handle.tasks())
}

/// Lists the tasks of the current loop that are ready to run, in the order in which they will; none
/// outside of a loop.
///
/// Source: `asynkit.runnable_tasks`.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, TaskExt};
///
/// sched_loop::run(async {
///     let task = sched_loop::spawn(async {});
///     assert_eq!(sched_loop::runnable_tasks(), [task.id()]);
/// });
/// ```
pub fn runnable_tasks() -> Vec<TaskId> {
    ask(LocalExecutor::ready_ids).unwrap_or_default()
}

/// Lists the tasks of the current loop that wait for a wake-up; none outside of a loop.
///
/// Source: `asynkit.blocked_tasks`.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, TaskExt};
///
/// sched_loop::run(async {
///     let task = sched_loop::spawn(std::future::pending::<()>());
///     sched_loop::sleep_insert(1).await.unwrap();
///     assert_eq!(sched_loop::blocked_tasks(), [task.id()]);
/// });
/// ```
pub fn blocked_tasks() -> Vec<TaskId> {
    ask(LocalExecutor::blocked_ids).unwrap_or_default()
}

/// Returns what a task of the current loop is doing; `None` outside of a loop, or if it belongs to
/// another one.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, TaskExt, TaskState};
///
/// sched_loop::run(async {
///     let task = sched_loop::spawn(async {});
///     assert_eq!(sched_loop::task_state(task.id()), Some(TaskState::Runnable));
/// });
/// ```
pub fn task_state(id: TaskId) -> Option<TaskState> {
    ask(|executor| executor.task_state(id))?
}

/// Returns `true` if the task is in the ready queue of the current loop. A running task is not.
///
/// Source: `asynkit.task_is_runnable`.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, TaskExt};
///
/// sched_loop::run(async {
///     let task = sched_loop::spawn(async {});
///     assert!(sched_loop::task_is_runnable(task.id()));
/// });
/// ```
pub fn task_is_runnable(id: TaskId) -> bool {
    task_state(id) == Some(TaskState::Runnable)
}

/// Returns `true` if the task belongs to the current loop and waits for a wake-up.
///
/// Source: `asynkit.task_is_blocked`.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, TaskExt};
///
/// sched_loop::run(async {
///     let task = sched_loop::spawn(std::future::pending::<()>());
///     assert!(!sched_loop::task_is_blocked(task.id()));
///     sched_loop::sleep_insert(1).await.unwrap();
///     assert!(sched_loop::task_is_blocked(task.id()));
/// });
/// ```
pub fn task_is_blocked(id: TaskId) -> bool {
    task_state(id) == Some(TaskState::Blocked)
}

/// Asks the executor of the current loop.
fn ask<R>(question: impl FnOnce(&LoopExecutor) -> R) -> Option<R> {
    current()?.with(question).ok()
}

/// Order. These are the methods behind the functions of the same names, for a loop at hand.
impl LoopHandle {
    /// Gives way to others. See [`sleep_insert`](crate::sleep_insert).
    ///
    /// # Errors
    ///
    /// Fails if the loop is gone or no task of it is running, or if the task that the position names
    /// is not in the ready queue.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let handle = event_loop.handle();
    /// let task = event_loop.spawn(async {});
    /// event_loop.run(async {
    ///     handle.sleep_insert(1).await.unwrap();
    ///     assert!(task.is_finished());
    /// });
    /// ```
    pub async fn sleep_insert(&self, position: impl Into<Position>) -> Result<(), LoopError> {
        self.give_way(None, position.into()).await
    }

    /// Switches to another task. See [`task_switch`](crate::task_switch).
    ///
    /// # Errors
    ///
    /// Fails if the loop is gone or no task of it is running, or if `target`, or the task that the
    /// position names, is not in the ready queue.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::{EventLoop, TaskExt};
    ///
    /// let event_loop = EventLoop::new();
    /// let handle = event_loop.handle();
    /// let task = event_loop.spawn(async {});
    /// event_loop.run(async {
    ///     handle.task_switch(task.id(), 1).await.unwrap();
    ///     assert!(task.is_finished());
    /// });
    /// ```
    pub async fn task_switch(
        &self,
        target: TaskId,
        position: impl Into<Position>,
    ) -> Result<(), LoopError> {
        self.give_way(Some(target), position.into()).await
    }

    /// Moves a task that is in the ready queue. See [`task_reinsert`](crate::task_reinsert).
    ///
    /// # Errors
    ///
    /// Fails if the loop is gone, or if the task, or the one that the position names, is not in the
    /// ready queue.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::{EventLoop, TaskExt};
    ///
    /// let event_loop = EventLoop::new();
    /// let tasks = [(); 2].map(|()| event_loop.spawn(async {}));
    /// event_loop.handle().task_reinsert(tasks[1].id(), 0)?;
    /// assert_eq!(event_loop.executor().ready_at(0), Some(tasks[1].id()));
    /// # Ok::<(), corokit_sched_loop::LoopError>(())
    /// ```
    pub fn task_reinsert(
        &self,
        id: TaskId,
        position: impl Into<Position>,
    ) -> Result<(), LoopError> {
        Ok(self.with(|executor| executor.ready_reinsert(id, position))??)
    }

    /// Spawns a task and switches to it. See [`create_task_descend`](crate::create_task_descend).
    ///
    /// # Errors
    ///
    /// Fails if the loop is gone or no task of it is running. Then nothing was spawned.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let handle = event_loop.handle();
    /// let child = event_loop.run(handle.create_task_descend(async {})).unwrap();
    /// assert!(child.is_finished());
    /// ```
    #[track_caller]
    pub fn create_task_descend<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> impl Future<Output = Result<Task<T>, LoopError>> {
        self.descend(future, Location::caller())
    }

    async fn descend<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
        location: &'static Location<'static>,
    ) -> Result<Task<T>, LoopError> {
        let task = self.spawn_inside(future, location)?;
        self.task_switch(task.metadata().id(), 1).await?;
        Ok(task)
    }

    /// Spawns a task and lets it start. See [`create_task_start`](crate::create_task_start).
    ///
    /// # Errors
    ///
    /// Fails if the loop is gone or no task of it is running. Then nothing was spawned.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let handle = event_loop.handle();
    /// let child = event_loop.run(handle.create_task_start(async {})).unwrap();
    /// assert!(child.is_finished());
    /// ```
    #[track_caller]
    pub fn create_task_start<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> impl Future<Output = Result<Task<T>, LoopError>> {
        self.start(future, Location::caller())
    }

    async fn start<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
        location: &'static Location<'static>,
    ) -> Result<Task<T>, LoopError> {
        let task = self.spawn_inside(future, location)?;
        self.sleep_insert(Position::Back).await?;
        Ok(task)
    }

    /// Spawns a task that waits in the queue, from inside of a task of this loop only.
    fn spawn_inside<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
        location: &'static Location<'static>,
    ) -> Result<Task<T>, LoopError> {
        let spawned = self.with(|executor| {
            let inside = executor.current_task().is_some();
            let task = executor.task().eager(false).location(location);
            inside.then(|| task.spawn(future))
        })?;
        Ok(spawned.ok_or(ScheduleError::Outside)?)
    }

    async fn give_way(&self, target: Option<TaskId>, position: Position) -> Result<(), LoopError> {
        self.with(|executor| executor.give_way(target, position))??;
        let mut waited = false;
        poll_fn(|cx| {
            if waited {
                return Poll::Ready(());
            }
            waited = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        Ok(())
    }
}
