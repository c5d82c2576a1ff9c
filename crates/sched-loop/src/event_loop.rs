//! The loop and its owner.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::pin;
use std::rc::Rc;

use corokit_core::{LocalSpawn, ReadyQueue, time};
use corokit_scheduler::Task;

use crate::builder::LoopBuilder;
use crate::current;
use crate::handle::{LoopHandle, TaskBuilder};
use crate::queue::LoopExecutor;
use crate::stop::Stop;

/// An event loop: a [`LocalExecutor`](corokit_scheduler::LocalExecutor) together with async-io's reactor and timers.
///
/// Dropping the loop cancels every task, and returns when every future has been dropped; if that
/// happens inside of [`LoopHandle::with`], they are dropped when that call returns. Meanwhile the
/// loop is the current one, and spawning on it is refused.
///
/// Source: `asyncio.AbstractEventLoop`, `asyncio.Runner`.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::EventLoop;
///
/// let event_loop = EventLoop::new();
/// let task = event_loop.spawn(async { 1 });
/// assert_eq!(event_loop.run(async { task.await + 1 }), 2);
/// ```
pub struct EventLoop {
    executor: Rc<LoopExecutor>,
    stop: Rc<Stop>,
}

impl EventLoop {
    /// Creates a loop. It lives on the thread that uses it first, which need not be the main one.
    ///
    /// It is in debug mode if the environment variable `COROKIT_DEBUG` was set, and neither empty
    /// nor `0`, when the first loop of the process was made.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// assert_eq!(EventLoop::new().run(async { 1 }), 1);
    /// ```
    pub fn new() -> Self {
        EventLoop::builder().build()
    }

    /// Starts to describe a loop: debug mode, the ready queue.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::builder().debug(true).build();
    /// assert!(event_loop.executor().is_debug());
    /// ```
    pub fn builder() -> LoopBuilder {
        LoopBuilder::new()
    }

    /// Makes a loop of an executor.
    pub(crate) fn with_executor(executor: LoopExecutor) -> Self {
        EventLoop {
            executor: Rc::new(executor),
            stop: Rc::default(),
        }
    }

    /// Creates a loop whose tasks run in the order of `queue`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::ReadyQueue;
    /// use corokit_scheduler::Fifo;
    /// use corokit_sched_loop::EventLoop;
    ///
    /// /// Runs the newest entry first.
    /// struct Lifo(Fifo);
    ///
    /// impl ReadyQueue for Lifo {
    ///     fn push(&mut self, slot: u32) {
    ///         self.0.insert_at(slot, 0);
    ///     }
    /// #   fn set_slots(&mut self, slots: usize) { self.0.set_slots(slots) }
    /// #   fn len(&self) -> usize { self.0.len() }
    /// #   fn contains(&self, slot: u32) -> bool { self.0.contains(slot) }
    /// #   fn remove(&mut self, slot: u32) -> bool { self.0.remove(slot) }
    /// #   fn insert_at(&mut self, slot: u32, index: usize) { self.0.insert_at(slot, index) }
    /// #   fn insert_after(&mut self, slot: u32, anchor: u32) -> bool { self.0.insert_after(slot, anchor) }
    /// #   fn insert_before(&mut self, slot: u32, anchor: u32) -> bool { self.0.insert_before(slot, anchor) }
    /// #   fn rotate_left(&mut self, count: usize) { self.0.rotate_left(count) }
    /// #   fn iter(&self) -> Box<dyn Iterator<Item = u32> + '_> { self.0.iter() }
    ///     fn pop(&mut self) -> Option<u32> {
    ///         self.0.pop()
    ///     }
    ///     // The other methods pass on to the `Fifo`.
    /// }
    ///
    /// let event_loop = EventLoop::with_queue(Lifo(Fifo::new()));
    /// let early = event_loop.spawn(async {});
    /// let late = event_loop.spawn(async {});
    /// assert!(event_loop.try_tick());
    /// assert!(late.is_finished() && !early.is_finished());
    /// ```
    pub fn with_queue(queue: impl ReadyQueue + 'static) -> Self {
        EventLoop::builder().queue(queue).build()
    }

    /// Runs the loop on this thread until `future`, the main future, completes.
    ///
    /// The thread sleeps while there is nothing to do, and handles I/O and timers. Unfinished
    /// tasks stay, and go on with the next `run`. See
    /// [`LocalExecutor::run`](corokit_scheduler::LocalExecutor::run) for the order.
    ///
    /// Inside of a task of another loop this works, but that loop does not go on meanwhile: its
    /// debug mode reports it.
    ///
    /// Source: `asyncio.Runner.run`, `loop.run_until_complete`.
    ///
    /// # Panics
    ///
    /// A panic of the main future goes to the caller; the loop can be used again.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::{EventLoop, sleep};
    /// use std::time::Duration;
    ///
    /// let event_loop = EventLoop::new();
    /// let answer = event_loop.run(async {
    ///     sleep(Duration::from_millis(1)).await;
    ///     42
    /// });
    /// assert_eq!(answer, 42);
    /// ```
    #[track_caller]
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let entered = current::enter(self.handle());
        if let Some(outer) = entered.outer() {
            EventLoop::report_nested(outer, Location::caller());
        }
        time::block_on(self.executor.run(future))
    }

    /// Runs the loop inside of a foreign one: a future for `block_on` of smol or tokio, or for a
    /// task of another executor on this thread.
    ///
    /// It does what [`run`](EventLoop::run) does, but does not block the thread, and leaves the
    /// reactor to async-io's own thread. The loop is the current one whenever the future is polled.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the main future. Tasks stay, and go on with the next run.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::{self as sched_loop, EventLoop};
    /// use futures_lite::future::block_on;
    ///
    /// let event_loop = EventLoop::new();
    /// let answer = block_on(event_loop.drive(async { sched_loop::spawn(async { 42 }).await }));
    /// assert_eq!(answer, 42);
    /// ```
    pub async fn drive<T>(&self, future: impl Future<Output = T>) -> T {
        let mut run = pin!(self.executor.run(future));
        poll_fn(|cx| {
            let _entered = current::enter(self.handle());
            run.as_mut().poll(cx)
        })
        .await
    }

    /// Runs the loop on this thread until [`LoopHandle::stop`] is called.
    ///
    /// Source: `loop.run_forever`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let handle = event_loop.handle();
    /// event_loop.spawn(async move { handle.stop() }).detach();
    /// event_loop.run_forever();
    /// ```
    pub fn run_forever(&self) {
        self.run(poll_fn(|cx| self.stop.poll(cx)));
    }

    /// Runs tasks until none can run any more, without waiting for time or I/O, and returns how many
    /// steps that took. See
    /// [`LocalExecutor::run_until_stalled`](corokit_scheduler::LocalExecutor::run_until_stalled).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let task = event_loop.spawn(async {});
    /// assert_eq!(event_loop.run_until_stalled(), 1);
    /// assert!(task.is_finished());
    /// ```
    pub fn run_until_stalled(&self) -> usize {
        let _entered = current::enter(self.handle());
        self.executor.run_until_stalled()
    }

    /// Runs the next task, if one can run now. See
    /// [`LocalExecutor::try_tick`](corokit_scheduler::LocalExecutor::try_tick).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let task = event_loop.spawn(async {});
    /// assert!(event_loop.try_tick());
    /// assert!(!event_loop.try_tick());
    /// ```
    pub fn try_tick(&self) -> bool {
        let _entered = current::enter(self.handle());
        self.executor.try_tick()
    }

    /// Tells the outer loop's debug mode that this loop is run inside of a poll, which blocks it.
    #[cold]
    fn report_nested(outer: &LoopHandle, location: &'static Location<'static>) {
        // A loop that is being dropped is current, too, but blocks no task.
        let _ = outer.with(|executor| executor.report_nested_run(location));
    }

    /// Returns a handle, which tasks may hold.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let handle = event_loop.handle();
    /// let task = handle.spawn(async { 3 });
    /// assert_eq!(event_loop.run(task), 3);
    /// ```
    pub fn handle(&self) -> LoopHandle {
        LoopHandle::new(Rc::downgrade(&self.executor), Rc::clone(&self.stop))
    }

    /// Calls a function with the loop as the current one: what it spawns goes here.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::{self as sched_loop, EventLoop};
    ///
    /// let event_loop = EventLoop::new();
    /// let task = event_loop.enter(|| sched_loop::spawn(async { 1 }));
    /// assert_eq!(event_loop.run(task), 1);
    /// ```
    pub fn enter<R>(&self, call: impl FnOnce() -> R) -> R {
        let _entered = current::enter(self.handle());
        call()
    }

    /// Returns the executor: the ready queue and the tasks.
    ///
    /// Its own methods that run tasks do not make the loop the current one; those of the loop do.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let task = event_loop.spawn(async {});
    /// assert_eq!(event_loop.executor().ready_ids(), [task.metadata().id()]);
    /// assert!(event_loop.executor().try_tick());
    /// ```
    pub fn executor(&self) -> &LoopExecutor {
        &self.executor
    }

    /// Spawns a task. It runs when the loop does.
    ///
    /// Source: `loop.create_task`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let task = event_loop.spawn(async { 1 });
    /// assert_eq!(event_loop.run(task), 1);
    /// ```
    #[track_caller]
    pub fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T> {
        self.executor.spawn(future)
    }

    /// Starts to describe a task: its name.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let task = event_loop.task().name("one").spawn(async { 1 });
    /// assert_eq!(event_loop.executor().tasks()[0].name(), Some("one"));
    /// assert_eq!(event_loop.run(task), 1);
    /// ```
    pub fn task(&self) -> TaskBuilder {
        self.handle().task()
    }
}

/// Spawns as [`EventLoop::spawn`] does.
impl<F> LocalSpawn<F> for EventLoop
where
    F: Future<Output: 'static> + 'static,
{
    type Handle = Task<F::Output>;

    #[track_caller]
    fn spawn_local(&self, future: F) -> Task<F::Output> {
        self.spawn(future)
    }
}

impl Default for EventLoop {
    fn default() -> Self {
        EventLoop::new()
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        // Destructors of futures must not take another loop, an outer one, for theirs.
        let _entered = current::enter(self.handle());
        self.executor = Rc::default();
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventLoop").field(&self.executor).finish()
    }
}
