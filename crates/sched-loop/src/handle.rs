//! A way to the loop that tasks may hold.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::rc::{Rc, Weak};

#[cfg(feature = "context")]
use corokit_core::context::Context;
use corokit_core::{LocalSpawn, Position, Priority};
use corokit_scheduler::{LocalExecutor, Stats, Task, TaskDump, TaskInfo};

use crate::queue::LoopExecutor;
use crate::stop::Stop;

/// A handle to an [`EventLoop`](crate::EventLoop), which does not keep the loop alive: a task may
/// hold a handle to the loop that owns the task.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{EventLoop, LoopGone};
///
/// let event_loop = EventLoop::new();
/// let handle = event_loop.handle();
/// assert_eq!(event_loop.run(handle.spawn(async { 1 })), 1);
///
/// drop(event_loop);
/// assert_eq!(handle.with(|executor| executor.ready_len()), Err(LoopGone));
/// ```
#[derive(Clone)]
pub struct LoopHandle {
    executor: Weak<LoopExecutor>,
    stop: Rc<Stop>,
}

impl LoopHandle {
    pub(crate) fn new(executor: Weak<LoopExecutor>, stop: Rc<Stop>) -> Self {
        LoopHandle { executor, stop }
    }

    /// Lets [`EventLoop::run_forever`](crate::EventLoop::run_forever) return: the one that runs, or
    /// else the next one.
    ///
    /// Source: `loop.stop`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// event_loop.handle().stop();
    /// event_loop.run_forever();
    /// ```
    pub fn stop(&self) {
        self.stop.request();
    }

    /// Returns `true` if both are handles to the same loop.
    pub(crate) fn is_same(&self, other: &LoopHandle) -> bool {
        Weak::ptr_eq(&self.executor, &other.executor)
    }

    /// Calls `visit` with the loop's executor: the ready queue and the tasks.
    ///
    /// # Errors
    ///
    /// Fails if the loop has been dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop as sched_loop;
    ///
    /// let ready = sched_loop::run(async {
    ///     let task = sched_loop::spawn(async {});
    ///     let handle = sched_loop::current().unwrap();
    ///     handle.with(|executor| executor.ready_ids() == [task.metadata().id()])
    /// });
    /// assert_eq!(ready, Ok(true));
    /// ```
    pub fn with<R>(&self, visit: impl FnOnce(&LoopExecutor) -> R) -> Result<R, LoopGone> {
        Ok(visit(&*self.executor()?))
    }

    /// Returns the loop's executor, which lives as long as what is returned.
    pub(crate) fn executor(&self) -> Result<Rc<LoopExecutor>, LoopGone> {
        self.executor.upgrade().ok_or(LoopGone)
    }

    /// Spawns a task.
    ///
    /// Source: `loop.create_task`.
    ///
    /// # Panics
    ///
    /// Panics if the loop has been dropped. [`LoopHandle::try_spawn`] does not: in destructors,
    /// where a panic may abort the process, it is the one to call.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let task = event_loop.handle().spawn(async { 1 });
    /// assert_eq!(event_loop.run(task), 1);
    /// ```
    #[track_caller]
    pub fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T> {
        self.task().spawn(future)
    }

    /// Spawns a task.
    ///
    /// # Errors
    ///
    /// Fails if the loop has been dropped. Then the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::{EventLoop, LoopGone};
    ///
    /// let event_loop = EventLoop::new();
    /// let handle = event_loop.handle();
    /// drop(event_loop);
    /// assert_eq!(handle.try_spawn(async {}).unwrap_err(), LoopGone);
    /// ```
    #[track_caller]
    pub fn try_spawn<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> Result<Task<T>, LoopGone> {
        self.task().try_spawn(future)
    }

    /// Starts to describe a task: its name.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let handle = event_loop.handle();
    /// let task = handle.task().name("one").spawn(async {});
    /// assert_eq!(handle.tasks()[0].name(), Some("one"));
    /// ```
    pub fn task(&self) -> TaskBuilder {
        TaskBuilder {
            handle: self.clone(),
            name: None,
            start: Start::Default,
            #[cfg(feature = "context")]
            context: None,
            location: None,
            priority: None,
        }
    }

    /// Lists the unfinished tasks and the main futures; none if the loop has been dropped.
    ///
    /// Source: `asyncio.all_tasks`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let task = event_loop.spawn(async {});
    /// assert_eq!(event_loop.handle().tasks().len(), 1);
    /// ```
    pub fn tasks(&self) -> Vec<TaskInfo> {
        self.with(LocalExecutor::tasks).unwrap_or_default()
    }

    /// Returns how busy the loop is and was; `None` if it has been dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop as sched_loop;
    ///
    /// let stats = sched_loop::run(async {
    ///     let _task = sched_loop::spawn(async {});
    ///     sched_loop::current().unwrap().stats().unwrap()
    /// });
    /// assert_eq!((stats.ready, stats.running, stats.polls), (1, 1, 1));
    /// ```
    pub fn stats(&self) -> Option<Stats> {
        self.with(LocalExecutor::stats).ok()
    }

    /// Returns every task with what is known of it; `None` if the loop has been dropped. See
    /// [`LocalExecutor::task_dump`].
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop as sched_loop;
    ///
    /// sched_loop::run(async {
    ///     let _task = sched_loop::task().name("idle").spawn(std::future::pending::<()>());
    ///     let dump = sched_loop::current().unwrap().task_dump().unwrap();
    ///     assert!(dump.to_string().contains("\"idle\" runnable"));
    /// });
    /// ```
    pub fn task_dump(&self) -> Option<TaskDump> {
        self.with(LocalExecutor::task_dump).ok()
    }

    /// Returns how many tasks and main futures are ready to run; 0 if the loop has been dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let task = event_loop.spawn(async {});
    /// assert_eq!(event_loop.handle().ready_len(), 1);
    /// ```
    pub fn ready_len(&self) -> usize {
        self.with(LocalExecutor::ready_len).unwrap_or_default()
    }
}

/// Spawns as [`LoopHandle::spawn`] does.
impl<F> LocalSpawn<F> for LoopHandle
where
    F: Future<Output: 'static> + 'static,
{
    type Handle = Task<F::Output>;

    #[track_caller]
    fn spawn_local(&self, future: F) -> Task<F::Output> {
        self.spawn(future)
    }
}

impl fmt::Debug for LoopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LoopHandle")
            .field(&self.executor.upgrade())
            .finish()
    }
}

/// Describes a task before it is spawned: what [`task`](crate::task) and [`LoopHandle::task`]
/// return.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop as sched_loop;
///
/// let name = sched_loop::run(async {
///     let task = sched_loop::task().name("worker").spawn(async {});
///     let tasks = sched_loop::current().unwrap().tasks();
///     let info = tasks.iter().find(|info| info.id() == task.metadata().id());
///     info.and_then(|info| info.name().map(String::from))
/// });
/// assert_eq!(name.as_deref(), Some("worker"));
/// ```
#[derive(Debug)]
#[must_use = "a task builder does nothing until `spawn` is called"]
pub struct TaskBuilder {
    handle: LoopHandle,
    name: Option<Rc<str>>,
    start: Start,
    #[cfg(feature = "context")]
    context: Option<Context>,
    location: Option<&'static Location<'static>>,
    priority: Option<Priority>,
}

/// When the task runs for the first time.
#[derive(Debug)]
enum Start {
    Default,
    At(Position),
    Eager(bool),
}

impl TaskBuilder {
    /// Names the task. Names are for people: they need not be unique.
    ///
    /// Source: `asyncio.create_task(name=..)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let task = event_loop.task().name(format!("client {}", 7)).spawn(async {});
    /// assert_eq!(event_loop.handle().tasks()[0].name(), Some("client 7"));
    /// ```
    pub fn name(mut self, name: impl Into<Rc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Puts the new task at a position of the ready queue; at the back if the position names a
    /// task that is not there. The last of this and [`eager`](TaskBuilder::eager) counts.
    ///
    /// Source: `asynkit.call_pos`, for which a callback is `async { callback() }`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::{EventLoop, TaskExt};
    ///
    /// let event_loop = EventLoop::new();
    /// let first = event_loop.spawn(async {});
    /// let sooner = event_loop.task().position(0).spawn(async {});
    /// assert_eq!(event_loop.executor().ready_ids(), [sooner.id(), first.id()]);
    /// ```
    pub fn position(mut self, position: impl Into<Position>) -> Self {
        self.start = Start::At(position.into());
        self
    }

    /// Says whether the task starts now, inside the call to `spawn`, up to the point where it first
    /// blocks. Without this call the loop's default counts, see
    /// [`LocalExecutor::set_eager_tasks`].
    ///
    /// Source: asynkit's `create_task(eager_start=True)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// assert!(event_loop.task().eager(true).spawn(async {}).is_finished());
    /// ```
    pub fn eager(mut self, eager: bool) -> Self {
        self.start = Start::Eager(eager);
        self
    }

    /// Gives the task this context instead of a copy of the spawner's.
    ///
    /// An empty context is a context, too: the task then inherits nothing.
    ///
    /// Source: `asyncio.create_task(context=..)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::context::{Context, ContextVar};
    /// use corokit_sched_loop::EventLoop;
    ///
    /// static LEVEL: ContextVar<u32> = ContextVar::new();
    ///
    /// let event_loop = EventLoop::new();
    /// let context = Context::current().with_value(&LEVEL, 1);
    /// let task = event_loop.task().context(context).spawn(async { LEVEL.get() });
    /// assert_eq!(event_loop.run(task), Some(1));
    /// ```
    #[cfg(feature = "context")]
    pub fn context(mut self, context: Context) -> Self {
        self.context = Some(context);
        self
    }

    /// Says how urgent the task is. A loop whose ready queue knows no priorities makes nothing of it.
    ///
    /// Source: `asynkit.PriorityTask(coro, priority=..)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::{EventLoop, Priority};
    ///
    /// let event_loop = EventLoop::new();
    /// let task = event_loop.task().priority(Priority::HIGH).spawn(async { 1 });
    /// assert_eq!(event_loop.run(task), 1);
    /// ```
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Says where the task was spawned, which otherwise is where
    /// [`spawn`](TaskBuilder::spawn) is called: for functions that spawn for their callers.
    ///
    /// The place is kept in debug mode and for tracing only.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    /// use std::panic::Location;
    ///
    /// let event_loop = EventLoop::builder().debug(true).build();
    /// let here = Location::caller();
    /// let task = event_loop.task().location(here).spawn(async {});
    /// assert_eq!(event_loop.handle().task_dump().unwrap().tasks()[0].location(), Some(here));
    /// # event_loop.executor().set_debug(None);
    /// ```
    pub fn location(mut self, location: &'static Location<'static>) -> Self {
        self.location = Some(location);
        self
    }

    /// Spawns the task.
    ///
    /// # Panics
    ///
    /// Panics if the loop has been dropped. [`TaskBuilder::try_spawn`] does not.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let task = event_loop.task().spawn(async { 1 });
    /// assert_eq!(event_loop.run(task), 1);
    /// ```
    #[track_caller]
    pub fn spawn<T: 'static>(self, future: impl Future<Output = T> + 'static) -> Task<T> {
        match self.try_spawn(future) {
            Ok(task) => task,
            Err(error) => panic!("cannot spawn: {error}"),
        }
    }

    /// Spawns the task.
    ///
    /// # Errors
    ///
    /// Fails if the loop has been dropped. Then the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::{EventLoop, LoopGone};
    ///
    /// let builder = EventLoop::new().task();
    /// assert_eq!(builder.try_spawn(async {}).unwrap_err(), LoopGone);
    /// ```
    #[track_caller]
    pub fn try_spawn<T: 'static>(
        self,
        future: impl Future<Output = T> + 'static,
    ) -> Result<Task<T>, LoopGone> {
        let TaskBuilder {
            handle,
            name,
            start,
            #[cfg(feature = "context")]
            context,
            location,
            priority,
        } = self;
        let location = location.unwrap_or(Location::caller());
        handle.with(|executor| {
            let mut builder = executor.task().location(location);
            if let Some(name) = name {
                builder = builder.name(name);
            }
            if let Some(priority) = priority {
                builder = builder.priority(priority);
            }
            #[cfg(feature = "context")]
            if let Some(context) = context {
                builder = builder.context(context);
            }
            match start {
                Start::Default => builder,
                Start::At(position) => builder.position(position),
                Start::Eager(eager) => builder.eager(eager),
            }
            .spawn(future)
        })
    }
}

/// The event loop has been dropped.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::LoopGone;
///
/// assert_eq!(LoopGone.to_string(), "the event loop has been dropped");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopGone;

impl fmt::Display for LoopGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event loop has been dropped")
    }
}

impl Error for LoopGone {}
