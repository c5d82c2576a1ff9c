//! The executor: spawn, run, drop.

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::pin::pin;
use std::rc::Rc;

use corokit_core::{LocalSpawn, Priority, ReadyQueue};

use crate::builder::TaskBuilder;
use crate::eager::Eager;
use crate::fifo::Fifo;
use crate::local::Local;
use crate::runner::{Runner, Sleeper};
use crate::spawn::{self, Start};
use crate::task::Task;

/// A thread-confined executor whose ready queue can be read and rearranged.
///
/// It is a drop-in for async-executor's `LocalExecutor`; beyond that, see the methods that start
/// with `ready_`, [`sleep_insert`](LocalExecutor::sleep_insert) and
/// [`task_switch`](LocalExecutor::task_switch).
///
/// Tasks may borrow what lives for `'a`. `Q` is the order in which they run: [`Fifo`] unless
/// another [`ReadyQueue`] is given to [`with_queue`](LocalExecutor::with_queue).
///
/// The executor is neither `Send` nor `Sync`; its home is the thread on which it is first used.
/// Wakers and task handles may go anywhere.
///
/// # Drop
///
/// Dropping the executor cancels every task and returns when every future has been dropped. If
/// another thread is about to wake a task at that moment, the drop waits for the few instructions
/// that this takes. A destructor that panics in a future aborts the process, as it does in
/// async-task.
///
/// # Examples
///
/// ```
/// use corokit_scheduler::LocalExecutor;
/// use futures_lite::future;
///
/// let executor = LocalExecutor::new();
/// let task = executor.spawn(async { "Hello" });
/// assert_eq!(future::block_on(executor.run(task)), "Hello");
/// ```
///
/// It stays on its thread, and so do its runners:
///
/// ```compile_fail,E0277
/// fn is_send<T: Send>(_: T) {}
/// is_send(corokit_scheduler::LocalExecutor::new());
/// ```
///
/// ```compile_fail,E0277
/// fn is_send<T: Send>(_: T) {}
/// let executor = corokit_scheduler::LocalExecutor::new();
/// is_send(executor.run(async {}));
/// ```
///
/// The same holds for a tick:
///
/// ```compile_fail,E0277
/// fn is_send<T: Send>(_: T) {}
/// let executor = corokit_scheduler::LocalExecutor::new();
/// is_send(executor.tick());
/// ```
///
/// An executor of tasks that live long is not one of tasks that live shorter, nor the other way
/// round:
///
/// ```compile_fail
/// use corokit_scheduler::LocalExecutor;
///
/// fn shorter<'a>(executor: LocalExecutor<'static>) -> LocalExecutor<'a> {
///     executor
/// }
/// ```
///
/// What its tasks borrow must outlive it:
///
/// ```compile_fail,E0597
/// use corokit_scheduler::LocalExecutor;
///
/// let executor = LocalExecutor::new();
/// {
///     let text = String::from("gone too soon");
///     executor.spawn(async { text.len() }).detach();
/// }
/// executor.try_tick();
/// ```
pub struct LocalExecutor<'a, Q: ReadyQueue + 'static = Fifo> {
    local: OnceCell<Rc<Local<Q>>>,
    /// What the scheduler starts with.
    queue: Cell<Option<Q>>,
    /// Makes `'a` invariant.
    marker: PhantomData<Cell<&'a ()>>,
}

// Whatever unwinds, a poll or the iterator given to `spawn_many`, finds the scheduler in order: no
// user code runs while its state is borrowed, and what a poll has set is restored by a guard.
impl<Q: ReadyQueue> UnwindSafe for LocalExecutor<'_, Q> {}
impl<Q: ReadyQueue> RefUnwindSafe for LocalExecutor<'_, Q> {}

impl<'a> LocalExecutor<'a> {
    /// Creates an executor that runs its tasks first in, first out.
    ///
    /// Nothing is allocated before the first use.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = corokit_scheduler::LocalExecutor::new();
    /// assert!(executor.is_empty());
    /// ```
    pub const fn new() -> Self {
        LocalExecutor::with_queue(Fifo::new())
    }
}

impl<'a, Q: ReadyQueue> LocalExecutor<'a, Q> {
    /// Creates an executor that runs its tasks in the order of `queue`, which must be empty.
    ///
    /// # Panics
    ///
    /// The first use of the executor panics if the queue is not empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::ReadyQueue;
    /// use corokit_scheduler::{Fifo, LocalExecutor};
    ///
    /// /// Last in, first out.
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
    /// let executor = LocalExecutor::with_queue(Lifo(Fifo::new()));
    /// let early = executor.spawn(async {});
    /// let late = executor.spawn(async {});
    /// assert!(executor.try_tick());
    /// assert!(late.is_finished() && !early.is_finished());
    /// ```
    pub const fn with_queue(queue: Q) -> Self {
        LocalExecutor {
            local: OnceCell::new(),
            queue: Cell::new(Some(queue)),
            marker: PhantomData,
        }
    }

    /// Returns the scheduler, which is made at the first use.
    #[inline]
    pub(crate) fn local(&self) -> &Local<Q> {
        self.local.get_or_init(|| {
            let queue = self.queue.take().expect("the queue is taken once");
            assert!(queue.is_empty(), "an executor starts with an empty queue");
            Local::new(queue)
        })
    }

    /// Returns the scheduler if there has been a first use.
    pub(crate) fn local_if_used(&self) -> Option<&Local<Q>> {
        self.local.get().map(|local| &**local)
    }

    /// Returns `true` if there are no unfinished tasks.
    ///
    /// A task that was cancelled counts until its future has been dropped. Main futures do not
    /// count.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// assert!(executor.is_empty());
    ///
    /// let task = executor.spawn(async {});
    /// assert!(!executor.is_empty());
    ///
    /// assert!(executor.try_tick());
    /// assert!(executor.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.local_if_used()
            .is_none_or(|local| local.state.borrow().table.tasks() == 0)
    }

    /// Spawns a task: puts it at the back of the ready queue.
    ///
    /// Source: `asyncio.create_task`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let text = String::from("tasks may borrow");
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(async { text.len() });
    /// assert!(executor.try_tick());
    /// assert!(task.is_finished());
    /// ```
    #[inline]
    #[track_caller]
    pub fn spawn<T: 'a>(&self, future: impl Future<Output = T> + 'a) -> Task<T> {
        self.spawn_with(future, None, None, Start::Default, Location::caller())
    }

    /// Spawns a task with the options that the builder collected.
    #[inline]
    pub(crate) fn spawn_with<T: 'a>(
        &self,
        future: impl Future<Output = T> + 'a,
        name: Option<Rc<str>>,
        priority: Option<Priority>,
        start: Start,
        location: &'static Location<'static>,
    ) -> Task<T> {
        // SAFETY: what the future borrows lives for `'a`. The lifetime is invariant and the
        // executor implements `Drop`, so `'a` strictly outlives the executor; its drop calls
        // `shut_down`, and an executor that is leaked never polls or drops a future again, since
        // only its methods, and the futures that borrow it, do so.
        unsafe { spawn::spawn(self.local(), future, name, priority, start, location) }
    }

    /// Runs a future now, up to the point where it first blocks, and makes a task of it only if it
    /// does.
    ///
    /// Control comes back directly to the caller, as from a function. From its first instruction the
    /// future has an identity of its own: [`current_task`](LocalExecutor::current_task) is not the
    /// caller, and a panic is not the caller's; both stay the same if it becomes a task. A future
    /// that completes costs a box and a poll and never touches the queue. One that blocks is put at
    /// the back of the queue, or at the place that it asked for, and is polled once more from there.
    ///
    /// Eager calls nest 64 deep; beyond that the future is spawned at the front of the queue. The
    /// call may also come from outside of any task.
    ///
    /// Source: `asynkit.eager`, whose first leg runs under the identity of the caller.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    /// use futures_lite::future::{block_on, yield_now};
    /// use std::cell::RefCell;
    ///
    /// let log = RefCell::new(Vec::new());
    /// let executor = LocalExecutor::new();
    /// block_on(executor.run(async {
    ///     log.borrow_mut().push("a");
    ///     let child = executor.eager(async {
    ///         log.borrow_mut().push("1");
    ///         yield_now().await;
    ///         log.borrow_mut().push("2");
    ///     });
    ///     log.borrow_mut().push("b");
    ///     child.await;
    /// }));
    /// assert_eq!(*log.borrow(), ["a", "1", "b", "2"]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn eager<T: 'a>(&self, future: impl Future<Output = T> + 'a) -> Eager<T> {
        let local = self.local();
        if local.is_watching() {
            return *self.eager_watched(future, Location::caller());
        }
        // SAFETY: as in `spawn_with`.
        unsafe { spawn::eager(local, future) }
    }

    /// Says whether tasks that are spawned from inside a poll of this executor start at once, inside
    /// the call, unless their [builder](TaskBuilder::eager) says otherwise. They do not at first.
    ///
    /// Tasks that are spawned from outside always wait for their turn.
    ///
    /// Source: asynkit's `eager_task_factory`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    /// use futures_lite::future;
    ///
    /// let executor = LocalExecutor::new();
    /// executor.set_eager_tasks(true);
    /// assert!(!executor.spawn(async {}).is_finished());
    /// future::block_on(executor.run(async {
    ///     assert!(executor.spawn(async {}).is_finished());
    /// }));
    /// ```
    pub fn set_eager_tasks(&self, eager: bool) {
        self.local().set_eager_tasks(eager);
    }

    /// Says how many entries a [round](LocalExecutor::run) runs at most: 256, unless this says
    /// otherwise, and at least one.
    ///
    /// It takes effect with the next round. Where steps take long, fewer of them let the reactor look
    /// sooner at what has arrived; a look costs a microsecond or so.
    ///
    /// Source: `event_interval` of tokio; asyncio has one round for all that is ready.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    /// use futures_lite::future::{self, yield_now};
    /// use std::cell::Cell;
    ///
    /// let turns = Cell::new(0);
    /// let executor = LocalExecutor::new();
    /// executor.set_steps_per_round(2);
    /// executor.spawn(async {
    ///     loop {
    ///         turns.set(turns.get() + 1);
    ///         yield_now().await;
    ///     }
    /// }).detach();
    /// // One poll is one round.
    /// future::block_on(future::poll_once(executor.run(future::pending::<()>())));
    /// assert_eq!(turns.get(), 2);
    /// ```
    pub fn set_steps_per_round(&self, steps: usize) {
        self.local().set_steps_per_round(steps.max(1));
    }

    /// Spawns many tasks and pushes their handles to `handles`, in order.
    ///
    /// If the iterator panics, the tasks spawned until then stay.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    /// use futures_lite::future;
    ///
    /// let executor = LocalExecutor::new();
    /// let mut tasks = Vec::new();
    /// executor.spawn_many((0..3).map(future::ready), &mut tasks);
    ///
    /// let sum = future::block_on(executor.run(async {
    ///     let mut sum = 0;
    ///     for task in tasks {
    ///         sum += task.await;
    ///     }
    ///     sum
    /// }));
    /// assert_eq!(sum, 3);
    /// ```
    #[track_caller]
    pub fn spawn_many<T: 'a, F: Future<Output = T> + 'a>(
        &self,
        futures: impl IntoIterator<Item = F>,
        handles: &mut impl Extend<Task<F::Output>>,
    ) {
        let location = Location::caller();
        let spawn = |future| self.spawn_with(future, None, None, Start::Default, location);
        handles.extend(futures.into_iter().map(spawn));
    }

    /// Starts to describe a task: its name.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.task().name("greeter").spawn(async {});
    /// assert_eq!(executor.tasks()[0].name(), Some("greeter"));
    /// ```
    pub fn task(&self) -> TaskBuilder<'_, 'a, Q> {
        TaskBuilder::new(self)
    }

    /// Runs the next task, if there is one that can run now. Returns `true` if one was run.
    ///
    /// Running a task means to poll its future once, or to drop it if the task was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// assert!(!executor.try_tick());
    ///
    /// let task = executor.spawn(async {});
    /// assert!(executor.try_tick());
    /// assert!(!executor.try_tick());
    /// ```
    pub fn try_tick(&self) -> bool {
        self.local_if_used().is_some_and(Local::step)
    }

    /// Runs the next task, and waits for one if none can run now.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future runs nothing and loses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    /// use futures_lite::future;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(async {});
    /// future::block_on(executor.tick());
    /// assert!(task.is_finished());
    /// ```
    pub async fn tick(&self) {
        let mut sleeper = Sleeper::new(self.local());
        poll_fn(|cx| sleeper.poll_step(cx)).await;
    }

    /// Runs the executor until `future`, the main future, completes.
    ///
    /// The main future is polled at once. From then on it has an entry in the ready queue like a
    /// task: when it is woken, it goes to the back, and it can give up or choose its place with
    /// [`sleep_insert`](LocalExecutor::sleep_insert) and
    /// [`task_switch`](LocalExecutor::task_switch).
    ///
    /// One poll of `run` is a *round*: it ends when nothing is left to run, when the turn of
    /// another runner's main future has come, and otherwise after 256 entries, or what
    /// [`set_steps_per_round`](LocalExecutor::set_steps_per_round) says, so that a reactor that
    /// shares the thread gets its turn. A main future that was woken is polled at the end of a
    /// round at the latest, wherever in the queue it is.
    ///
    /// When the main future completes, tasks stay as they are: unfinished ones go on with the next
    /// `run`, and end with the executor. Several runners may drive one executor, also nested in
    /// its own tasks; each polls its own main future.
    ///
    /// Source: `asyncio.AbstractEventLoop.run_until_complete`.
    ///
    /// # Panics
    ///
    /// A panic of the main future goes to the caller. Panics of tasks do not.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the main future. Tasks are not affected, and other runners go on.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    /// use futures_lite::future;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(async { 1 + 2 });
    /// let result = future::block_on(executor.run(async { task.await * 2 }));
    /// assert_eq!(result, 6);
    /// ```
    pub async fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let mut runner = Runner::new(self.local(), mem::size_of_val(&*future));
        poll_fn(|cx| runner.poll(future.as_mut(), cx)).await
    }
}

/// Spawns as [`LocalExecutor::spawn`] does.
impl<'a, Q: ReadyQueue, F> LocalSpawn<F> for LocalExecutor<'a, Q>
where
    F: Future<Output: 'a> + 'a,
{
    type Handle = Task<F::Output>;

    #[track_caller]
    fn spawn_local(&self, future: F) -> Task<F::Output> {
        self.spawn(future)
    }
}

impl<Q: ReadyQueue> Drop for LocalExecutor<'_, Q> {
    fn drop(&mut self) {
        if let Some(local) = self.local.take() {
            // If something unwinds in here, the scheduler is leaked, as by `mem::forget`: tasks and
            // wakers that are left may still find their way to it.
            let local = ManuallyDrop::new(local);
            local.shut_down();
            drop(ManuallyDrop::into_inner(local));
        }
    }
}

impl<Q: ReadyQueue + Default> Default for LocalExecutor<'_, Q> {
    fn default() -> Self {
        LocalExecutor::with_queue(Q::default())
    }
}

impl<Q: ReadyQueue> fmt::Debug for LocalExecutor<'_, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.local_if_used() {
            None => f.write_str("LocalExecutor(<unused>)"),
            Some(local) => {
                // What is written to may be anything, so the state is not borrowed meanwhile.
                let (tasks, ready) = {
                    let state = local.state.borrow();
                    (state.table.tasks(), state.queue.len())
                };
                f.debug_struct("LocalExecutor")
                    .field("number", &local.shared.number)
                    .field("tasks", &tasks)
                    .field("ready", &ready)
                    .finish_non_exhaustive()
            }
        }
    }
}
