//! Every task at a glance.

use std::backtrace::Backtrace;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use corokit_core::{Frame, ReadyQueue, TaskState, frames_of};

use crate::executor::LocalExecutor;
use crate::inspect::TaskInfo;
use crate::stats::Stats;

/// Every task of an executor at one moment: what [`LocalExecutor::task_dump`] returns.
///
/// It owns what it shows, and may be kept when the executor is long gone. Its `Display` is a text
/// for people, whose form may change.
///
/// # Examples
///
/// See [`LocalExecutor::task_dump`].
#[derive(Clone, Debug)]
pub struct TaskDump {
    stats: Stats,
    tasks: Vec<TaskDetails>,
}

impl TaskDump {
    /// Returns the counts of that moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(async {});
    /// assert_eq!(executor.task_dump().stats(), executor.stats());
    /// ```
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Returns the tasks and main futures, in the order of [`LocalExecutor::tasks`].
    ///
    /// # Examples
    ///
    /// See [`LocalExecutor::task_dump`].
    pub fn tasks(&self) -> &[TaskDetails] {
        &self.tasks
    }
}

/// What a [`TaskDump`] tells about one task. What only debug mode knows is `None` for a task that
/// was spawned while it was off.
///
/// # Examples
///
/// See [`LocalExecutor::task_dump`].
#[derive(Clone, Debug)]
pub struct TaskDetails {
    info: TaskInfo,
    location: Option<&'static Location<'static>>,
    age: Option<Duration>,
    polls: Option<u64>,
    busy: Option<Duration>,
    places: Option<Rc<[Backtrace]>>,
}

impl TaskDetails {
    /// Returns the id, name and state.
    ///
    /// # Examples
    ///
    /// See [`LocalExecutor::task_dump`].
    pub fn info(&self) -> &TaskInfo {
        &self.info
    }

    /// Returns where the task was spawned. A main future has no such place.
    ///
    /// # Examples
    ///
    /// See [`LocalExecutor::task_dump`].
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.location
    }

    /// Returns how long ago the task was spawned, or the main future first polled.
    ///
    /// # Examples
    ///
    /// See [`DebugOptions::clock`](crate::DebugOptions::clock).
    pub fn age(&self) -> Option<Duration> {
        self.age
    }

    /// Returns how often the task has been polled.
    ///
    /// # Examples
    ///
    /// See [`LocalExecutor::task_dump`].
    pub fn polls(&self) -> Option<u64> {
        self.polls
    }

    /// Returns how long its polls have taken, the one under way included.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{DebugOptions, LocalExecutor};
    /// use std::time::{Duration, Instant};
    ///
    /// // A clock that goes one second further each time it is looked at.
    /// let now = std::cell::Cell::new(Instant::now());
    /// let clock = move || now.replace(now.get() + Duration::from_secs(1));
    /// let executor = LocalExecutor::new();
    /// executor.set_debug(Some(DebugOptions::new().clock(clock).hook(|_| ())));
    ///
    /// let task = executor.spawn(std::future::pending::<()>());
    /// executor.try_tick();
    /// assert_eq!(executor.task_dump().tasks()[0].busy(), Some(Duration::from_secs(1)));
    /// ```
    pub fn busy(&self) -> Option<Duration> {
        self.busy
    }

    /// Returns where a blocked task waits: for each thing that it waits for, the lines of the
    /// program from there outward to the task. At most 8 are kept.
    ///
    /// An empty list means that the last poll kept no waker: nothing will ever wake the task.
    /// `None` means that the task is not blocked, or that it was not looked at.
    ///
    /// This takes time: some microseconds for each frame, and the first call of a process reads
    /// the debug information, which may take a second.
    ///
    /// # Examples
    ///
    /// See [`LocalExecutor::task_dump`].
    pub fn waits_at(&self) -> Option<Vec<Vec<Frame>>> {
        let places = self.places.as_ref()?;
        Some(
            places
                .iter()
                .map(|place| frames_of(place, &["corokit_scheduler::"]))
                .collect(),
        )
    }
}

/// Everything at a glance.
impl<Q: ReadyQueue> LocalExecutor<'_, Q> {
    /// Returns every task and main future with what is known of it; in
    /// [debug mode](LocalExecutor::set_debug) also where it was spawned, its age, its polls, how
    /// long they took, and where it waits.
    ///
    /// Where a task waits is seen when a future clones the waker of its poll, which a future must
    /// do to be woken later. Not seen is what hides behind wakers of its own, as inside of a
    /// `FuturesUnordered`: there the list ends.
    ///
    /// Source: `asyncio.all_tasks`, `Task.print_stack`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{DebugOptions, LocalExecutor};
    ///
    /// async fn leaf(receiver: async_channel::Receiver<()>) {
    ///     let _ = receiver.recv().await;
    /// }
    ///
    /// let (_sender, receiver) = async_channel::unbounded();
    /// let executor = LocalExecutor::new();
    /// executor.set_debug(Some(DebugOptions::new()));
    /// let task = executor.task().name("server").spawn(leaf(receiver));
    /// executor.try_tick();
    ///
    /// let dump = executor.task_dump();
    /// let details = &dump.tasks()[0];
    /// assert_eq!(details.info().name(), Some("server"));
    /// assert_eq!(details.location().unwrap().file(), file!());
    /// assert_eq!(details.polls(), Some(1));
    /// # if cfg!(debug_assertions) {
    /// let waits = details.waits_at().unwrap();
    /// let leaf = waits[0].iter().find(|frame| frame.function().contains("leaf")).unwrap();
    /// assert!(leaf.to_string().starts_with(leaf.function()));
    /// # assert!(leaf.place().is_none_or(|place| place.contains(':')));
    /// # }
    /// println!("{dump}");
    /// # executor.set_debug(None);
    /// ```
    pub fn task_dump(&self) -> TaskDump {
        // The clock may be any code: it comes first.
        let watch = self.local_if_used().and_then(|local| local.watch.get());
        let now = watch.and_then(|watch| Some((watch.options()?.clock)()));
        let tasks = self.tasks().into_iter();
        let details = |info: TaskInfo| {
            let id = info.id();
            let recorded = now
                .zip(watch)
                .and_then(|(now, watch)| watch.recorded(id.slot(), now));
            let mut details = TaskDetails {
                info,
                location: None,
                age: None,
                polls: None,
                busy: None,
                places: None,
            };
            if let Some(recorded) = recorded {
                details.location = recorded.task.location;
                details.age = Some(recorded.age);
                details.polls = Some(recorded.polls);
                details.busy = Some(recorded.busy);
                let blocked = details.info.state() == TaskState::Blocked;
                details.places = recorded.places.filter(|_| blocked);
            }
            details
        };
        TaskDump {
            tasks: tasks.map(details).collect(),
            stats: self.stats(),
        }
    }
}

impl fmt::Display for TaskDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stats {
            ready,
            running,
            blocked,
            parked,
            polls,
            longest_queue,
            foreign_wakes,
            ..
        } = self.stats;
        writeln!(
            f,
            "{} tasks: {ready} ready, {running} running, {blocked} blocked, {parked} parked",
            self.tasks.len(),
        )?;
        writeln!(
            f,
            "{polls} polls, longest queue {longest_queue}, {foreign_wakes} wake-ups from other threads",
        )?;
        self.tasks.iter().try_for_each(|task| task.fmt(f))
    }
}

impl fmt::Display for TaskDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.info.id())?;
        if let Some(name) = self.info.name() {
            write!(f, " {name:?}")?;
        }
        write!(f, " {}", self.info.state())?;
        if let Some(location) = self.location {
            write!(f, ", spawned at {location}")?;
        }
        if let Some(age) = self.age {
            write!(f, ", age {age:.1?}")?;
        }
        if let Some(polls) = self.polls {
            write!(f, ", polls {polls}")?;
        }
        if let Some(busy) = self.busy {
            write!(f, ", busy {busy:.1?}")?;
        }
        writeln!(f)?;
        let Some(waits) = self.waits_at() else {
            return Ok(());
        };
        if waits.is_empty() {
            writeln!(f, "  waits, but its last poll kept no waker to be woken by")?;
        }
        for frames in waits {
            writeln!(f, "  waits at")?;
            for frame in frames {
                writeln!(f, "    {frame}")?;
            }
        }
        Ok(())
    }
}
