//! Debug mode, as the program sees it.

use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::{Duration, Instant};

use corokit_core::ReadyQueue;

use crate::executor::LocalExecutor;
use crate::report::{Report, ReportedTask};
use crate::watch::Watch;

/// How debug mode works: what [`LocalExecutor::set_debug`] takes.
///
/// # Examples
///
/// ```
/// use corokit_scheduler::{DebugOptions, LocalExecutor};
/// use std::time::Duration;
///
/// let executor = LocalExecutor::new();
/// executor.set_debug(Some(DebugOptions::new().slow_poll(Duration::from_millis(20))));
/// assert!(executor.is_debug());
/// ```
#[derive(Clone)]
#[must_use = "options do nothing until they are given to `set_debug`"]
pub struct DebugOptions {
    pub(crate) slow_poll: Duration,
    pub(crate) backtraces: bool,
    pub(crate) hook: Rc<dyn Fn(&Report)>,
    pub(crate) clock: Rc<dyn Fn() -> Instant>,
}

impl DebugOptions {
    /// Polls of 100 milliseconds are slow, backtraces are taken, reports go to standard error.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{DebugOptions, LocalExecutor};
    ///
    /// LocalExecutor::new().set_debug(Some(DebugOptions::new()));
    /// ```
    pub fn new() -> Self {
        DebugOptions {
            slow_poll: Duration::from_millis(100),
            backtraces: true,
            hook: Rc::new(|report| eprintln!("corokit: {report}")),
            clock: Rc::new(Instant::now),
        }
    }

    /// Says how long a poll may take: one that takes as long or longer is reported.
    ///
    /// Source: `loop.slow_callback_duration`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{DebugOptions, LocalExecutor, Report};
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    /// use std::time::Duration;
    ///
    /// let count = Rc::new(Cell::new(0));
    /// let reports = Rc::clone(&count);
    /// let executor = LocalExecutor::new();
    /// executor.set_debug(Some(
    ///     DebugOptions::new()
    ///         .slow_poll(Duration::ZERO)
    ///         .hook(move |_| reports.set(reports.get() + 1)),
    /// ));
    /// executor.spawn(async {}).detach();
    /// executor.try_tick();
    /// assert_eq!(count.get(), 1);
    /// ```
    pub fn slow_poll(mut self, threshold: Duration) -> Self {
        self.slow_poll = threshold;
        self
    }

    /// Says whether a backtrace is taken whenever a future clones its waker, so that a
    /// [`TaskDump`](crate::TaskDump) knows where the task waits. One takes some microseconds.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{DebugOptions, LocalExecutor};
    ///
    /// let executor = LocalExecutor::new();
    /// executor.set_debug(Some(DebugOptions::new().backtraces(false)));
    /// let (sender, receiver) = async_channel::bounded::<()>(1);
    /// let task = executor.spawn(async move { receiver.recv().await });
    /// executor.try_tick();
    /// assert!(executor.task_dump().tasks()[0].waits_at().is_none());
    /// # executor.set_debug(None);
    /// ```
    pub fn backtraces(mut self, taken: bool) -> Self {
        self.backtraces = taken;
        self
    }

    /// Says what to do with a report.
    ///
    /// The hook may do anything, also use the executor; it runs on the executor's thread, often
    /// inside of a poll or of a destructor. What would be reported while it runs is not. A panic
    /// of the hook is caught and ends the call.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{DebugOptions, LocalExecutor};
    /// use std::cell::RefCell;
    /// use std::rc::Rc;
    ///
    /// let lines = Rc::new(RefCell::new(Vec::new()));
    /// let log = Rc::clone(&lines);
    /// let executor = LocalExecutor::new();
    /// executor.set_debug(Some(
    ///     DebugOptions::new().hook(move |report| log.borrow_mut().push(report.to_string())),
    /// ));
    /// drop(executor.spawn(async {}));
    /// executor.try_tick();
    /// assert_eq!(lines.borrow().len(), 1);
    /// ```
    pub fn hook(mut self, hook: impl Fn(&Report) + 'static) -> Self {
        self.hook = Rc::new(hook);
        self
    }

    /// Says what the time is, for tests that own it. It is read before and after each poll; if it
    /// panics, that is a panic of the task.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{DebugOptions, LocalExecutor};
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    /// use std::time::{Duration, Instant};
    ///
    /// let now = Rc::new(Cell::new(Instant::now()));
    /// let clock = Rc::clone(&now);
    /// let executor = LocalExecutor::new();
    /// executor.set_debug(Some(DebugOptions::new().clock(move || clock.get())));
    ///
    /// let task = executor.spawn(async {});
    /// now.set(now.get() + Duration::from_secs(3600));
    /// let dump = executor.task_dump();
    /// assert_eq!(dump.tasks()[0].age(), Some(Duration::from_secs(3600)));
    /// # executor.set_debug(None);
    /// ```
    pub fn clock(mut self, clock: impl Fn() -> Instant + 'static) -> Self {
        self.clock = Rc::new(clock);
        self
    }
}

impl Default for DebugOptions {
    fn default() -> Self {
        DebugOptions::new()
    }
}

impl fmt::Debug for DebugOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DebugOptions")
            .field("slow_poll", &self.slow_poll)
            .field("backtraces", &self.backtraces)
            .finish_non_exhaustive()
    }
}

/// Debug mode.
impl<Q: ReadyQueue> LocalExecutor<'_, Q> {
    /// Switches debug mode on, with these options from now on, or off.
    ///
    /// Debug mode watches the tasks that are spawned while it is on, and the main futures: see
    /// [`Report`] for what it reports, and [`task_dump`](LocalExecutor::task_dump) for what it
    /// adds to the list of tasks. It costs an allocation or two for each task, two readings of the
    /// clock for each poll, and what backtraces take. Off, it costs a branch for each spawn, for
    /// each end of a task and for each poll of a main future.
    ///
    /// It may be called at any time, also inside of a poll or of the hook.
    ///
    /// Source: `loop.set_debug`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{DebugOptions, LocalExecutor};
    ///
    /// let executor = LocalExecutor::new();
    /// executor.set_debug(Some(DebugOptions::new()));
    /// assert!(executor.is_debug());
    /// executor.set_debug(None);
    /// assert!(!executor.is_debug());
    /// ```
    pub fn set_debug(&self, options: Option<DebugOptions>) {
        if options.is_none() && !self.is_debug() {
            return;
        }
        let local = self.local();
        let on = options.is_some();
        local.shared.set_watched(on);
        let watch = local.watch.get_or_init(|| Rc::new(Watch::new()));
        // What the old options own may do anything when it is dropped: that comes last.
        drop(watch.set_options(options));
    }

    /// Returns `true` if debug mode is on.
    ///
    /// Source: `loop.get_debug`.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!corokit_scheduler::LocalExecutor::new().is_debug());
    /// ```
    pub fn is_debug(&self) -> bool {
        self.local_if_used()
            .is_some_and(|local| local.shared.is_watched())
    }

    /// Reports that the running task runs an event loop at `location`, inside of its own poll.
    /// Returns `false`, and does nothing, outside of debug mode or of any poll.
    ///
    /// Event loops call this of the executor that they find running on their thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{DebugOptions, LocalExecutor};
    /// use futures_lite::future::block_on;
    /// use std::panic::Location;
    ///
    /// let executor = LocalExecutor::new();
    /// let here = Location::caller();
    /// assert!(!executor.report_nested_run(here));
    ///
    /// executor.set_debug(Some(DebugOptions::new().hook(|_| ())));
    /// assert!(!executor.report_nested_run(here));
    /// assert!(block_on(executor.run(async { executor.report_nested_run(here) })));
    /// ```
    pub fn report_nested_run(&self, location: &'static Location<'static>) -> bool {
        self.report_running(|task| Report::NestedRun { task, location })
    }

    /// Reports that the running task blocks its thread on a future at `location`, inside of its own
    /// poll. Returns `false`, and does nothing, outside of debug mode or of any poll.
    ///
    /// Event loops call this when they are told of it.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{DebugOptions, LocalExecutor};
    /// use futures_lite::future::block_on;
    /// use std::panic::Location;
    ///
    /// let executor = LocalExecutor::new();
    /// let here = Location::caller();
    /// executor.set_debug(Some(DebugOptions::new().hook(|report| {
    ///     assert!(report.to_string().contains("waits for a future"));
    /// })));
    /// assert!(!executor.report_blocking_wait(here));
    /// assert!(block_on(executor.run(async { executor.report_blocking_wait(here) })));
    /// ```
    pub fn report_blocking_wait(&self, location: &'static Location<'static>) -> bool {
        self.report_running(|task| Report::BlockingWait { task, location })
    }

    /// Reports what the running task does, in debug mode and inside of a poll.
    fn report_running(&self, report: impl FnOnce(ReportedTask) -> Report) -> bool {
        let Some((local, watch)) = self
            .local_if_used()
            .and_then(|local| Some((local, local.watch.get()?)))
        else {
            return false;
        };
        let Some(slot) = local.current().filter(|_| watch.is_on()) else {
            return false;
        };
        watch.report(report(local.reported(slot)));
        true
    }
}
