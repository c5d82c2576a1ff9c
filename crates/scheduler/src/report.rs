//! What debug mode reports.

use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use corokit_core::TaskId;

/// Something that debug mode found. Its `Display` is one line for people.
///
/// # Examples
///
/// ```
/// use corokit_scheduler::{DebugOptions, LocalExecutor, Report};
/// use std::cell::RefCell;
/// use std::rc::Rc;
///
/// let seen = Rc::new(RefCell::new(Vec::new()));
/// let executor = LocalExecutor::new();
/// let log = Rc::clone(&seen);
/// executor.set_debug(Some(
///     DebugOptions::new().hook(move |report| log.borrow_mut().push(report.clone())),
/// ));
///
/// // The handle of this task is dropped at once: it will never run.
/// drop(executor.task().name("forgotten").spawn(async {}));
/// executor.try_tick();
///
/// let seen = seen.borrow();
/// let Report::DroppedUnfinished { task, polls: 0, .. } = &seen[0] else { panic!() };
/// assert_eq!(task.name(), Some("forgotten"));
/// assert!(seen[0].to_string().ends_with("was dropped before it was ever polled"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// One poll took as long as the threshold or longer: meanwhile nothing else could run.
    ///
    /// Source: `loop.slow_callback_duration`.
    SlowPoll {
        /// The task, or main future.
        task: ReportedTask,
        /// How long the poll took.
        took: Duration,
        /// What is too long, as [`DebugOptions::slow_poll`](crate::DebugOptions::slow_poll) was told.
        threshold: Duration,
    },
    /// The future of a task was dropped before it completed: the handle was dropped, the task was
    /// cancelled, or the executor was dropped.
    ///
    /// Source: asyncio's "coroutine was never awaited" and "Task was destroyed but it is pending!".
    DroppedUnfinished {
        /// The task.
        task: ReportedTask,
        /// How often it had been polled.
        polls: u64,
        /// Whether it was the end of the executor that dropped the task.
        executor_dropped: bool,
    },
    /// A task panicked, and nobody is left who could learn of it: it was detached, or its handle
    /// was dropped while it ran.
    ///
    /// Source: asyncio's "Task exception was never retrieved".
    UnheardPanic {
        /// The task.
        task: ReportedTask,
        /// What the panic said, if it was text.
        message: Option<Rc<str>>,
    },
    /// A task runs an event loop inside its own poll, and so blocks the loop that polls it.
    NestedRun {
        /// The task, or main future, that blocks.
        task: ReportedTask,
        /// Where the inner loop is run.
        location: &'static Location<'static>,
    },
    /// A task blocks its thread on a future inside its own poll, and so the loop that polls it. If
    /// what it waits for is for a task of that loop to do, it waits for ever.
    BlockingWait {
        /// The task, or main future, that blocks.
        task: ReportedTask,
        /// Where it blocks.
        location: &'static Location<'static>,
    },
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::SlowPoll {
                task,
                took,
                threshold,
            } => write!(
                f,
                "{task} took {took:?} in one poll, the limit is {threshold:?}"
            ),
            Report::DroppedUnfinished {
                task,
                polls,
                executor_dropped,
            } => {
                write!(f, "{task} was dropped ")?;
                if *executor_dropped {
                    f.write_str("with its executor ")?;
                }
                match polls {
                    0 => f.write_str("before it was ever polled"),
                    1 => f.write_str("before it finished, after 1 poll"),
                    _ => write!(f, "before it finished, after {polls} polls"),
                }
            }
            Report::UnheardPanic { task, message } => write!(
                f,
                "{task} panicked, and nobody holds its handle: {}",
                message.as_deref().unwrap_or("the payload is not text")
            ),
            Report::NestedRun { task, location } => {
                write!(f, "{task} blocks: it runs an event loop at {location}")
            }
            Report::BlockingWait { task, location } => write!(
                f,
                "{task} blocks: it waits for a future at {location}, and for ever if that needs \
                 this loop"
            ),
        }
    }
}

/// Which task a [`Report`] is about.
///
/// # Examples
///
/// See [`Report`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedTask {
    pub(crate) id: TaskId,
    pub(crate) name: Option<Rc<str>>,
    pub(crate) location: Option<&'static Location<'static>>,
}

impl ReportedTask {
    /// Returns the id of the task.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{DebugOptions, LocalExecutor, Report};
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    ///
    /// let seen = Rc::new(Cell::new(None));
    /// let executor = LocalExecutor::new();
    /// let slot = Rc::clone(&seen);
    /// executor.set_debug(Some(DebugOptions::new().hook(move |report| {
    ///     if let Report::DroppedUnfinished { task, .. } = report {
    ///         slot.set(Some(task.id()));
    ///     }
    /// })));
    /// let task = executor.spawn(async {});
    /// let id = task.metadata().id();
    /// drop(task);
    /// executor.try_tick();
    /// assert_eq!(seen.get(), Some(id));
    /// ```
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// Returns the name that the task was spawned with. A main future is called `main`.
    ///
    /// # Examples
    ///
    /// See [`Report`].
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns where the task was spawned; `None` for a main future, and for a task that was
    /// spawned before debug mode was on.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{DebugOptions, LocalExecutor, Report};
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    ///
    /// let seen = Rc::new(Cell::new(None));
    /// let executor = LocalExecutor::new();
    /// let slot = Rc::clone(&seen);
    /// executor.set_debug(Some(DebugOptions::new().hook(move |report| {
    ///     if let Report::DroppedUnfinished { task, .. } = report {
    ///         slot.set(task.location().map(|location| location.line()));
    ///     }
    /// })));
    /// drop(executor.spawn(async {})); let line = line!();
    /// executor.try_tick();
    /// assert_eq!(seen.get(), Some(line));
    /// ```
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.location
    }
}

impl fmt::Display for ReportedTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " {name:?}")?;
        }
        match self.location {
            Some(location) => write!(f, " (spawned at {location})"),
            None => Ok(()),
        }
    }
}
