//! Control over single tasks: their names, their end, and what happens after it.

use std::mem;
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;
use std::thread;

use async_task::Runnable;
use corokit_core::{ReadyQueue, TaskId, TaskState};

use crate::context::{self, Taken};
use crate::error::ScheduleError;
use crate::executor::LocalExecutor;
use crate::local::{Local, State};
use crate::remote::TaskRemote;
use crate::shared::Shared;
use crate::table::Kind;
use crate::task::{Task, TaskMeta};

/// What is called when a task has ended.
pub(crate) type Callback = Box<dyn FnOnce(TaskId)>;

/// What it takes to kill a task.
pub(crate) enum Kill {
    /// Dropping this, which drops the future, in the context of the task.
    Drop(Runnable<TaskMeta>, Taken),
    /// Waking it and asking again.
    Wake(Waker),
}

/// Control over single tasks.
impl<Q: ReadyQueue> LocalExecutor<'_, Q> {
    /// Returns the name of a task; `None` if it has none, has finished, or belongs to another
    /// executor.
    ///
    /// Source: `asyncio.Task.get_name`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{LocalExecutor, TaskExt};
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.task().name("worker").spawn(async {});
    /// assert_eq!(executor.task_name(task.id()).as_deref(), Some("worker"));
    /// ```
    pub fn task_name(&self, id: TaskId) -> Option<Rc<str>> {
        let local = self.local_if_used()?;
        let state = local.state.borrow();
        local.unfinished(&state, id).ok()?;
        state.names.get(&id.slot()).cloned()
    }

    /// Names a task that has not finished.
    ///
    /// Source: `asyncio.Task.set_name`.
    ///
    /// # Errors
    ///
    /// Fails if the task has finished or belongs to another executor.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{LocalExecutor, TaskExt};
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(async {});
    /// executor.set_task_name(task.id(), "late name")?;
    /// assert_eq!(executor.task_name(task.id()).as_deref(), Some("late name"));
    /// # Ok::<(), corokit_scheduler::ScheduleError>(())
    /// ```
    pub fn set_task_name(&self, id: TaskId, name: impl Into<Rc<str>>) -> Result<(), ScheduleError> {
        let local = self.local_if_used().ok_or(ScheduleError::Foreign(id))?;
        local.set_name(id, name.into())
    }

    /// Ends a task now: drops its future before it returns. Awaiting the task panics then, as after
    /// a cancellation.
    ///
    /// Dropping the [`Task`] handle, or [`cancel`](async_task::Task::cancel), ends the task when its
    /// turn comes.
    ///
    /// # Errors
    ///
    /// Fails if the task is running, has finished or belongs to another executor, and for main
    /// futures.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{LocalExecutor, TaskExt};
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(std::future::pending::<()>());
    /// executor.try_tick();
    /// executor.kill(task.id())?;
    /// assert!(executor.is_empty());
    /// # Ok::<(), corokit_scheduler::ScheduleError>(())
    /// ```
    pub fn kill(&self, id: TaskId) -> Result<(), ScheduleError> {
        let local = self.settled().ok_or(ScheduleError::Foreign(id))?;
        kill(|| local.kill_step(id))
    }

    /// Calls `callback` when the task has ended, however it ended: from a task of its own that is
    /// put into the queue then, or now if the task has finished.
    ///
    /// Callbacks of a task are called in the order in which they were added. If the executor is
    /// dropped first they are dropped uncalled; if one panics, the later ones are.
    ///
    /// Source: `asyncio.Task.add_done_callback`.
    ///
    /// # Errors
    ///
    /// Fails if the task belongs to another executor, and for main futures.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{LocalExecutor, TaskExt};
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(async {});
    /// let done = Rc::new(Cell::new(None));
    /// let note = Rc::clone(&done);
    /// executor.on_done(task.id(), move |id| note.set(Some(id)))?;
    /// while executor.try_tick() {}
    /// assert_eq!(done.get(), Some(task.id()));
    /// # Ok::<(), corokit_scheduler::ScheduleError>(())
    /// ```
    pub fn on_done(
        &self,
        id: TaskId,
        callback: impl FnOnce(TaskId) + 'static,
    ) -> Result<(), ScheduleError> {
        let local = self.local_if_used().ok_or(ScheduleError::Foreign(id))?;
        local.add_callback(id, Box::new(callback))?;
        local.wake_runners();
        Ok(())
    }
}

/// Control over a task by its handle, on the home thread of its executor.
///
/// # Examples
///
/// ```
/// use corokit_core::TaskState;
/// use corokit_scheduler::{LocalExecutor, TaskExt};
///
/// let executor = LocalExecutor::new();
/// let task = executor.spawn(async {});
/// task.set_name("worker")?;
/// assert_eq!(task.name().as_deref(), Some("worker"));
/// assert_eq!(task.state(), Ok(TaskState::Runnable));
///
/// task.kill()?;
/// assert_eq!(task.state(), Ok(TaskState::Finished));
/// # Ok::<(), corokit_scheduler::ScheduleError>(())
/// ```
///
/// On another thread there is nothing to see:
///
/// ```
/// use corokit_scheduler::{LocalExecutor, ScheduleError, TaskExt};
///
/// let executor = LocalExecutor::new();
/// let task = executor.spawn(async {});
/// let id = task.id();
/// let state = std::thread::spawn(move || task.state()).join().unwrap();
/// assert_eq!(state, Err(ScheduleError::Elsewhere(id)));
/// ```
pub trait TaskExt: Sealed {
    /// Returns the id of the task, on any thread.
    fn id(&self) -> TaskId {
        self.meta().id()
    }

    /// Returns what the task is doing. After the executor has gone it is finished.
    ///
    /// # Errors
    ///
    /// Fails on other threads than the executor's.
    fn state(&self) -> Result<TaskState, ScheduleError> {
        let meta = self.meta();
        let state = meta.shared.home.at_home(|home| home.state(meta.id()));
        state.map_or_else(
            || match meta.shared.home.is_here() {
                true => Ok(TaskState::Finished),
                false => Err(ScheduleError::Elsewhere(meta.id())),
            },
            Ok,
        )
    }

    /// Returns the name of the task; `None` if it has none or has finished, and on other threads
    /// than the executor's. See [`LocalExecutor::task_name`].
    fn name(&self) -> Option<Rc<str>> {
        let meta = self.meta();
        meta.shared.home.at_home(|home| home.name(meta.id()))?
    }

    /// Returns where the task was spawned, if it was spawned in
    /// [debug mode](LocalExecutor::set_debug); `None` otherwise, after it has finished, and on other
    /// threads than the executor's.
    fn location(&self) -> Option<&'static Location<'static>> {
        let meta = self.meta();
        meta.shared.home.at_home(|home| home.location(meta.id()))?
    }

    /// Names the task. See [`LocalExecutor::set_task_name`].
    ///
    /// # Errors
    ///
    /// Fails if the task has finished, and on other threads than the executor's.
    fn set_name(&self, name: impl Into<Rc<str>>) -> Result<(), ScheduleError> {
        let (meta, name) = (self.meta(), name.into());
        let home = &meta.shared.home;
        home.at_home(|home| home.set_name(meta.id(), name))
            .unwrap_or_else(|| Err(not_here(meta)))
    }

    /// Returns what other threads may hold of the task.
    fn remote(&self) -> TaskRemote {
        TaskRemote::new(self.meta())
    }

    /// Ends the task now. See [`LocalExecutor::kill`].
    ///
    /// # Errors
    ///
    /// Fails if the task is running or has finished, and on other threads than the executor's.
    fn kill(&self) -> Result<(), ScheduleError> {
        let meta = self.meta();
        kill(|| {
            let home = &meta.shared.home;
            home.at_home(|home| home.kill_step(meta.id()))
                .unwrap_or_else(|| Err(not_here(meta)))
        })
    }

    /// Calls `callback` when the task has ended. See [`LocalExecutor::on_done`].
    ///
    /// # Errors
    ///
    /// Fails after the executor has gone, and on other threads than the executor's.
    fn on_done(&self, callback: impl FnOnce(TaskId) + 'static) -> Result<(), ScheduleError> {
        let meta = self.meta();
        let home = &meta.shared.home;
        home.at_home(|home| home.add_callback(meta.id(), Box::new(callback)))
            .unwrap_or_else(|| Err(not_here(meta)))?;
        wake_runners(&meta.shared);
        Ok(())
    }
}

/// Why a task's executor cannot be reached.
fn not_here(meta: &TaskMeta) -> ScheduleError {
    match meta.shared.home.is_here() {
        true => ScheduleError::Finished(meta.id()),
        false => ScheduleError::Elsewhere(meta.id()),
    }
}

/// Wakes the runners that sleep.
pub(crate) fn wake_runners(shared: &Shared) {
    if shared.inbox.is_sleeping() {
        shared.inbox.wake_sleepers();
    }
}

impl<T> TaskExt for Task<T> {}

use sealed::Sealed;

mod sealed {
    use super::{Task, TaskMeta};

    /// What [`TaskExt`](super::TaskExt) stands on.
    pub trait Sealed {
        /// Returns what the task carries with it.
        fn meta(&self) -> &TaskMeta;
    }

    impl<T> Sealed for Task<T> {
        fn meta(&self) -> &TaskMeta {
            self.metadata()
        }
    }
}

/// Takes the steps that it takes to kill a task.
fn kill(step: impl Fn() -> Result<Kill, ScheduleError>) -> Result<(), ScheduleError> {
    let mut woken = false;
    loop {
        match step()? {
            Kill::Drop(runnable, context) => {
                context.run(|| drop(runnable));
                return Ok(());
            }
            Kill::Wake(waker) => {
                // If that did not help, another thread has woken the task and is about to say so.
                if mem::replace(&mut woken, true) {
                    thread::yield_now();
                }
                waker.wake();
            }
        }
    }
}

impl<Q: ReadyQueue> Local<Q> {
    /// Returns the slot of a task or main future that has not finished.
    pub(crate) fn unfinished(&self, state: &State<Q>, id: TaskId) -> Result<u32, ScheduleError> {
        if id.scheduler() != self.shared.number {
            return Err(ScheduleError::Foreign(id));
        }
        match state.table.find(id.slot(), id.generation()) {
            Some(_) => Ok(id.slot()),
            None => Err(ScheduleError::Finished(id)),
        }
    }

    pub(crate) fn set_name(&self, id: TaskId, name: Rc<str>) -> Result<(), ScheduleError> {
        let mut state = self.state.borrow_mut();
        let index = self.unfinished(&state, id)?;
        state.names.insert(index, name);
        Ok(())
    }

    /// Takes a task's runnable, which is to be dropped, or says how to get at it.
    pub(crate) fn kill_step(&self, id: TaskId) -> Result<Kill, ScheduleError> {
        self.settle();
        let mut state = self.state.borrow_mut();
        let index = self.unfinished(&state, id)?;
        if state.table.slot(index).kind == Kind::Main {
            return Err(ScheduleError::MainFuture(id));
        }
        if self.state_of(&state, index) == TaskState::Running {
            return Err(ScheduleError::Running(id));
        }
        let State {
            table,
            queue,
            parked,
            ..
        } = &mut *state;
        let slot = table.slot_mut(index);
        if let Some(runnable) = slot.runnable.take() {
            queue.remove(index);
            *parked -= usize::from(mem::take(&mut slot.parked));
            return Ok(Kill::Drop(runnable, self.contexts.take_out(index)));
        }
        let waker = slot.waker.clone();
        Ok(Kill::Wake(waker.expect("a task that waits has a waker")))
    }

    /// Keeps a callback until the task has ended, or calls it soon if it has.
    pub(crate) fn add_callback(&self, id: TaskId, callback: Callback) -> Result<(), ScheduleError> {
        let callback = context::bind(callback);
        let mut state = self.state.borrow_mut();
        match self.unfinished(&state, id) {
            Ok(index) if state.table.slot(index).kind == Kind::Main => {
                return Err(ScheduleError::MainFuture(id));
            }
            Ok(index) => state.callbacks.entry(index).or_default().push(callback),
            Err(ScheduleError::Finished(_)) => {
                drop(state);
                self.call_soon(id, vec![callback]);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
