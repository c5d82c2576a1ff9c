//! The task type: async-task's, with our metadata. Nothing else in the crate names async-task's
//! types, but for the runnables that pass through.

use std::fmt;
use std::mem;
use std::sync::Arc;

use async_task::{Runnable, ScheduleInfo};
use corokit_core::{ReadyQueue, TaskId};

use crate::local::Local;
use crate::shared::{Delivery, Shared};
use crate::watch;

/// A spawned task: a future that gives its output, and a handle that owns the task.
///
/// This is [`async_task::Task`] with corokit's metadata: dropping it cancels the task,
/// [`detach`](async_task::Task::detach) lets the task go on alone, awaiting it gives the output.
/// Awaiting a task that was cancelled, also by the drop of its executor, panics;
/// [`fallible`](async_task::Task::fallible) gives `None` instead. A panic inside the task is
/// caught and resumed where the task is awaited.
///
/// A handle may be sent to other threads if `T` is [`Send`]; the task itself stays where it is.
///
/// The metadata makes it another type than the `Task` of async-executor and smol: where such a
/// handle is asked for by name, this one does not fit.
///
/// Source: `asyncio.Task`; async-executor's `Task`.
///
/// # Examples
///
/// ```
/// use corokit_scheduler::LocalExecutor;
/// use futures_lite::future;
///
/// let executor = LocalExecutor::new();
/// let task = executor.spawn(async { 1 + 1 });
/// assert_eq!(future::block_on(executor.run(task)), 2);
/// ```
pub type Task<T> = async_task::Task<T, TaskMeta>;

/// A spawned task whose output is `None` if it was cancelled: what
/// [`Task::fallible`](async_task::Task::fallible) returns.
///
/// # Examples
///
/// ```
/// use corokit_scheduler::LocalExecutor;
/// use futures_lite::future;
///
/// let executor = LocalExecutor::new();
/// let task = executor.spawn(async { 1 }).fallible();
/// drop(executor);
/// assert_eq!(future::block_on(task), None);
/// ```
pub type FallibleTask<T> = async_task::FallibleTask<T, TaskMeta>;

/// What a task carries with it: its identity and the way back to its scheduler.
///
/// It never changes, and it is `Send` and `Sync`: a handle may look at it on any thread.
pub struct TaskMeta {
    pub(crate) shared: Arc<Shared>,
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl TaskMeta {
    /// Returns the id of the task.
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
    /// ```
    pub fn id(&self) -> TaskId {
        self.shared.task_id(self.slot, self.generation)
    }
}

impl Drop for TaskMeta {
    #[inline]
    fn drop(&mut self) {
        if self.shared.is_watched() {
            watch::task_is_freed(self);
        }
    }
}

impl fmt::Debug for TaskMeta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskMeta").field("id", &self.id()).finish()
    }
}

/// Hands a runnable to its scheduler, which is a `Local<Q>`. async-task calls this for each wake-up
/// that makes a task runnable, on whatever thread that happens.
///
/// It is a function without captures: async-task then neither clones nor drops a waker around it.
pub(crate) fn schedule<Q: ReadyQueue>(runnable: Runnable<TaskMeta>, info: ScheduleInfo) {
    let shared = &runnable.metadata().shared;
    let Some(home) = shared.home.target() else {
        return deliver(runnable);
    };
    // Whatever is touched after the runnable has been handed over must be owned here, since
    // waking a runner may run any code.
    let sleeping = shared.inbox.is_sleeping().then(|| Arc::clone(shared));
    // SAFETY: a task is given `schedule::<Q>` by `spawn`, together with the shared part of a
    // `Local<Q>`, and the target of that part's cell is this very `Local<Q>`. It is valid as long
    // as no user code runs, and none has run since `target` was called. `schedule` runs none but
    // the ready queue's, which cannot free the scheduler: see `Home`.
    let local = unsafe { home.cast::<Local<Q>>().as_ref() };
    local.schedule(runnable, info.woken_while_running);
    if let Some(shared) = sleeping {
        shared.inbox.wake_sleepers();
    }
}

/// Hands a runnable to a scheduler that is elsewhere, or gone.
#[cold]
fn deliver(runnable: Runnable<TaskMeta>) {
    // As soon as the runnable is in the inbox, the home thread may run it and free the task, and
    // with it the metadata: hold the shared part until the push is over.
    let shared = Arc::clone(&runnable.metadata().shared);
    if let Err(Delivery::Task(runnable)) = shared.inbox.push(Delivery::Task(runnable)) {
        // The executor is gone, and with it what the future may have borrowed. Dropping the
        // runnable here could drop a future that must not leave its thread: leak it.
        mem::forget(runnable);
    }
}
