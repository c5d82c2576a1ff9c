//! Tasks with options.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;

#[cfg(feature = "context")]
use corokit_core::context::Context;
use corokit_core::{Position, Priority, ReadyQueue};

use crate::executor::LocalExecutor;
use crate::spawn::Start;
use crate::task::Task;

/// Describes a task before it is spawned: what [`LocalExecutor::task`] returns.
///
/// # Examples
///
/// ```
/// use corokit_scheduler::LocalExecutor;
///
/// let executor = LocalExecutor::new();
/// let task = executor.task().name("worker 1").spawn(async {});
/// assert_eq!(executor.tasks()[0].name(), Some("worker 1"));
/// ```
#[must_use = "a task builder does nothing until `spawn` is called"]
pub struct TaskBuilder<'e, 'a, Q: ReadyQueue + 'static> {
    executor: &'e LocalExecutor<'a, Q>,
    name: Option<Rc<str>>,
    start: Start,
    #[cfg(feature = "context")]
    context: Option<Context>,
    location: Option<&'static Location<'static>>,
    priority: Option<Priority>,
}

impl<'e, 'a, Q: ReadyQueue> TaskBuilder<'e, 'a, Q> {
    pub(crate) fn new(executor: &'e LocalExecutor<'a, Q>) -> Self {
        TaskBuilder {
            executor,
            name: None,
            start: Start::Default,
            #[cfg(feature = "context")]
            context: None,
            location: None,
            priority: None,
        }
    }

    /// Names the task. Names are for people: they need not be unique, and cost nothing for tasks
    /// that have none.
    ///
    /// Source: `asyncio.create_task(name=..)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.task().name(format!("client {}", 7)).spawn(async {});
    /// assert_eq!(executor.tasks()[0].name(), Some("client 7"));
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
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let first = executor.spawn(async {});
    /// let sooner = executor.task().position(0).spawn(async {});
    /// assert_eq!(executor.ready_ids(), [sooner.metadata().id(), first.metadata().id()]);
    /// ```
    pub fn position(mut self, position: impl Into<Position>) -> Self {
        self.start = Start::At(position.into());
        self
    }

    /// Says whether the task starts now, inside the call to `spawn`, up to the point where it first
    /// blocks. Without this call the executor's default counts, see
    /// [`set_eager_tasks`](LocalExecutor::set_eager_tasks).
    ///
    /// The task has its own identity from its first instruction, and its panics are its own. If it
    /// completes, it never was in the ready queue. Eager starts nest 64 deep; beyond that the task
    /// is put at the front of the queue.
    ///
    /// [`LocalExecutor::eager`] costs less for futures that hardly ever block.
    ///
    /// Source: asynkit's `create_task(eager_start=True)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.task().eager(true).spawn(async {});
    /// assert!(task.is_finished());
    /// ```
    pub fn eager(mut self, eager: bool) -> Self {
        self.start = match eager {
            true => Start::Eager,
            false => Start::Regular,
        };
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
    /// use corokit_core::context::{Context, ContextVar};
    /// use corokit_scheduler::LocalExecutor;
    /// use futures_lite::future::block_on;
    ///
    /// static LEVEL: ContextVar<u32> = ContextVar::new();
    ///
    /// let executor = LocalExecutor::new();
    /// let context = Context::current().with_value(&LEVEL, 1);
    /// let task = executor.task().context(context).spawn(async { LEVEL.get() });
    /// assert_eq!(block_on(executor.run(task)), Some(1));
    /// ```
    #[cfg(feature = "context")]
    pub fn context(mut self, context: Context) -> Self {
        self.context = Some(context);
        self
    }

    /// Says how urgent the task is. A ready queue that knows no priorities, as the default one, makes
    /// nothing of it.
    ///
    /// Source: `asynkit.PriorityTask(coro, priority=..)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::Priority;
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.task().priority(Priority::HIGH).spawn(async {});
    /// assert!(executor.try_tick());
    /// assert!(task.is_finished());
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
    /// use corokit_scheduler::{DebugOptions, LocalExecutor};
    /// use std::panic::Location;
    ///
    /// let executor = LocalExecutor::new();
    /// executor.set_debug(Some(DebugOptions::new()));
    /// let here = Location::caller();
    /// let task = executor.task().location(here).spawn(async {});
    /// assert_eq!(executor.task_dump().tasks()[0].location(), Some(here));
    /// # executor.set_debug(None);
    /// ```
    pub fn location(mut self, location: &'static Location<'static>) -> Self {
        self.location = Some(location);
        self
    }

    /// Spawns the task, as [`LocalExecutor::spawn`] does.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.task().spawn(async {});
    /// assert!(executor.try_tick());
    /// assert!(task.is_finished());
    /// ```
    #[track_caller]
    pub fn spawn<T: 'a>(self, future: impl Future<Output = T> + 'a) -> Task<T> {
        let location = self.location.unwrap_or(Location::caller());
        let spawn = || {
            let TaskBuilder {
                name,
                priority,
                start,
                ..
            } = self;
            self.executor
                .spawn_with(future, name, priority, start, location)
        };
        #[cfg(feature = "context")]
        if let Some(mut context) = self.context {
            return context.run(spawn);
        }
        spawn()
    }
}

impl<Q: ReadyQueue> fmt::Debug for TaskBuilder<'_, '_, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskBuilder")
            .field("name", &self.name)
            .field("start", &self.start)
            .finish_non_exhaustive()
    }
}
