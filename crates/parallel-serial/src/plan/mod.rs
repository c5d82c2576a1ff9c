//! Plans of async and blocking work.

mod away;
mod context;
mod crew;
mod error;
mod mixed;
mod progress;
mod run;
mod unblock;

pub use error::Failed;
pub use mixed::{BlockingJob, Job, Jobs, Mixed, TaskJob, TryJobs, blocking, task};
pub use progress::Progress;
#[cfg(feature = "progress-bar")]
pub use progress::progress_bar;
pub use unblock::{BlockingPool, Unblock};

use crate::job_error::JobError;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;

/// A future of a job.
pub(crate) type JobFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A plan whose parts run at once.
///
/// Source: `a_sync.Parallel`.
///
/// # Examples
///
/// ```
/// use corokit_parallel_serial::{Parallel, Serial};
/// use futures_lite::future::block_on;
///
/// let setup = Serial::new().blocking(|| "connect").task(|| async { "log in" });
/// let plan = Parallel::new().plan(setup).blocking(|| "read config");
///
/// // As often as one likes, async or blocking; results are in the order of the plan.
/// assert_eq!(block_on(plan.run()), ["connect", "log in", "read config"]);
/// assert_eq!(plan.run_blocking(), ["connect", "log in", "read config"]);
/// ```
pub type Parallel<T> = Plan<T, AtOnce>;

/// A plan whose parts run in turn.
///
/// Source: `a_sync.Serial`.
///
/// # Examples
///
/// See [`Parallel`].
pub type Serial<T> = Plan<T, InTurn>;

/// The order of [`Parallel`].
#[derive(Clone, Copy, Debug)]
pub enum AtOnce {}

/// The order of [`Serial`].
#[derive(Clone, Copy, Debug)]
pub enum InTurn {}

/// How the parts of a plan follow each other: [`AtOnce`] or [`InTurn`].
pub trait Order: sealed::Sealed {
    #[doc(hidden)]
    const AT_ONCE: bool;
}

impl Order for AtOnce {
    const AT_ONCE: bool = true;
}

impl Order for InTurn {
    const AT_ONCE: bool = false;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::AtOnce {}
    impl Sealed for super::InTurn {}
}

/// A reusable plan of async and blocking jobs, and of other plans: [`Parallel`] or [`Serial`].
///
/// - **Jobs** are functions, so that a plan can be run again. Async jobs run inside of whoever runs
///   the plan, unless [`spawn_on`](Plan::spawn_on) says otherwise. Blocking jobs run on
///   [other threads](Plan::unblock_with), a few at a time ([`threads`](Plan::threads)); a
///   `run_blocking` also runs them on its own thread.
/// - **Results** are in the order of the plan, those of a plan inside of it at its place.
/// - **Nesting** costs no thread: a job may run plans of its own, however deep, and never waits for
///   a thread that waits for it.
/// - **Panics** of a job end a run: jobs that have not begun are not begun with any more, async ones
///   are dropped, blocking ones that have begun are waited for, and then the panic goes on.
///   [`run_settled`](Plan::run_settled) makes values of them.
///
/// `Order` is [`AtOnce`] or [`InTurn`].
///
/// # Cancel safety
///
/// Dropping the future of a run drops its async jobs, and the blocking ones that have not begun. Those
/// that have begun run to their end, and their results are dropped.
pub struct Plan<T, Order> {
    group: Group<T>,
    options: Options,
    order: PhantomData<Order>,
}

/// Jobs that follow each other in one way.
struct Group<T> {
    nodes: Vec<Node<T>>,
    at_once: bool,
    /// At most so many parts at a time.
    limit: usize,
    /// How many jobs are in it.
    jobs: usize,
}

enum Node<T> {
    Task(Arc<dyn Fn() -> JobFuture<T> + Send + Sync>),
    Blocking(Arc<dyn Fn() -> T + Send + Sync>),
    Group(Arc<Group<T>>),
}

impl<T> Node<T> {
    fn jobs(&self) -> usize {
        match self {
            Node::Task(_) | Node::Blocking(_) => 1,
            Node::Group(group) => group.jobs,
        }
    }
}

/// What the outermost plan says about a run.
#[derive(Clone)]
struct Options {
    unblock: Arc<dyn Unblock>,
    threads: usize,
    spawner: Option<Arc<Spawner>>,
    progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
}

/// Spawns a future on an executor. Dropping what it gives ends the future.
type Spawner = dyn Fn(JobFuture<()>) -> Box<dyn Any + Send> + Send + Sync;

impl Default for Options {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Options {
            unblock: Arc::new(BlockingPool),
            threads: 4.max(2 * cores),
            spawner: None,
            progress: None,
        }
    }
}

impl<T, O: Order> Plan<T, O> {
    /// Makes a plan without jobs. Running it gives nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Parallel;
    ///
    /// assert_eq!(Parallel::<u32>::new().run_blocking(), []);
    /// ```
    pub fn new() -> Self {
        Plan {
            group: Group {
                nodes: Vec::new(),
                at_once: O::AT_ONCE,
                limit: usize::MAX,
                jobs: 0,
            },
            options: Options::default(),
            order: PhantomData,
        }
    }

    fn with(mut self, node: Node<T>) -> Self {
        self.group.jobs += node.jobs();
        self.group.nodes.push(node);
        self
    }

    /// Adds an async job: a function that makes its future, once for each run.
    ///
    /// Source: `Parallel.schedule`, `Serial.schedule`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Serial;
    ///
    /// let plan = Serial::new().task(|| async { 1 }).task(|| async { 2 });
    /// assert_eq!(plan.run_blocking(), [1, 2]);
    /// ```
    pub fn task<Fut>(self, job: impl Fn() -> Fut + Send + Sync + 'static) -> Self
    where
        Fut: Future<Output = T> + Send + 'static,
    {
        self.with(Node::Task(Arc::new(move || Box::pin(job()))))
    }

    /// Adds a blocking job.
    ///
    /// Source: `Parallel.schedule`, `Serial.schedule`. There, the kind of a function is guessed.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Parallel;
    ///
    /// let plan = Parallel::new().blocking(|| 1).blocking(|| 2);
    /// assert_eq!(plan.run_blocking(), [1, 2]);
    /// ```
    pub fn blocking(self, job: impl Fn() -> T + Send + Sync + 'static) -> Self {
        self.with(Node::Blocking(Arc::new(job)))
    }

    /// Adds another plan as one part of this one. Of what that plan says about its runs, its
    /// [`limit`](Parallel::limit) counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{Parallel, Serial};
    ///
    /// let both = Parallel::new().blocking(|| 1).blocking(|| 2);
    /// let plan = Serial::new().plan(both).blocking(|| 3);
    /// assert_eq!(plan.run_blocking(), [1, 2, 3]);
    /// ```
    pub fn plan<P: Order>(self, plan: Plan<T, P>) -> Self {
        self.with(Node::Group(Arc::new(plan.group)))
    }

    /// Adds an async job for each item.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Parallel;
    ///
    /// let plan = Parallel::new().each(["a", "bc"], |word| async move { word.len() });
    /// assert_eq!(plan.run_blocking(), [1, 2]);
    /// ```
    pub fn each<I, F, Fut>(mut self, items: I, job: F) -> Self
    where
        I: IntoIterator<Item: Clone + Send + Sync + 'static>,
        F: Fn(I::Item) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        let job = Arc::new(job);
        for item in items {
            let job = Arc::clone(&job);
            self = self.task(move || job(item.clone()));
        }
        self
    }

    /// Adds a blocking job for each item.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Parallel;
    ///
    /// let plan = Parallel::new().each_blocking(["a", "bc"], |word| word.len());
    /// assert_eq!(plan.run_blocking(), [1, 2]);
    /// ```
    pub fn each_blocking<I, F>(mut self, items: I, job: F) -> Self
    where
        I: IntoIterator<Item: Clone + Send + Sync + 'static>,
        F: Fn(I::Item) -> T + Send + Sync + 'static,
    {
        let job = Arc::new(job);
        for item in items {
            let job = Arc::clone(&job);
            self = self.blocking(move || job(item.clone()));
        }
        self
    }

    /// Says where blocking jobs go. Without it: to the threads that all of smol shares.
    ///
    /// # Examples
    ///
    /// See [`Unblock`].
    pub fn unblock_with(mut self, unblock: impl Unblock + 'static) -> Self {
        self.options.unblock = Arc::new(unblock);
        self
    }

    /// Says how many blocking jobs may run at a time; without it, two for each core, and at least four.
    /// Jobs that wait for each other need as many as they are.
    ///
    /// # Panics
    ///
    /// Panics if it is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Parallel;
    /// use std::sync::{Arc, Barrier};
    ///
    /// let barrier = Arc::new(Barrier::new(10));
    /// let plan = Parallel::new().each_blocking(0..10, move |_| barrier.wait().is_leader());
    /// let leaders = plan.threads(10).run_blocking();
    /// assert_eq!(leaders.iter().filter(|leader| **leader).count(), 1);
    /// ```
    #[track_caller]
    pub fn threads(mut self, threads: usize) -> Self {
        assert!(threads > 0, "no thread would run the jobs");
        self.options.threads = threads;
        self
    }

    /// Has async jobs spawned on an executor, so that they run on its threads. Dropping what `spawn`
    /// returns must cancel the task, as the tasks of smol do.
    ///
    /// A run that ends early cancels its tasks and waits until the executor has dropped them: it has
    /// to go on running.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Parallel;
    /// use std::thread;
    ///
    /// let here = thread::current().id();
    /// let plan = Parallel::new().task(|| async { thread::current().id() }).spawn_on(smol::spawn);
    /// assert_ne!(plan.run_blocking(), [here]);
    /// ```
    pub fn spawn_on<H: Send + 'static>(
        mut self,
        spawn: impl Fn(Pin<Box<dyn Future<Output = ()> + Send>>) -> H + Send + Sync + 'static,
    ) -> Self {
        self.options.spawner = Some(Arc::new(move |future| Box::new(spawn(future))));
        self
    }

    /// Has a function called at the beginning of each run, after each job, and at its end. It is called
    /// on the thread that has run the job: calls may overlap, and a blocking job that a dropped run has
    /// left behind may be told after the end.
    ///
    /// A panic of the function ends the run, and goes to its caller.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{Progress, Serial};
    /// use std::sync::{Arc, Mutex};
    ///
    /// let log = Arc::new(Mutex::new(Vec::new()));
    /// let note = Arc::clone(&log);
    /// let plan = Serial::new().blocking(|| 1).blocking(|| 2);
    /// plan.progress(move |progress| note.lock().unwrap().push(progress)).run_blocking();
    /// assert_eq!(
    ///     *log.lock().unwrap(),
    ///     [
    ///         Progress::Started { total: 2 },
    ///         Progress::Finished { index: 0, done: 1, total: 2 },
    ///         Progress::Finished { index: 1, done: 2, total: 2 },
    ///         Progress::Ended { done: 2, total: 2 },
    ///     ]
    /// );
    /// ```
    pub fn progress(mut self, callback: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.options.progress = Some(Arc::new(callback));
        self
    }

    /// Returns how many jobs there are, in the plans of this plan, too.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{Parallel, Serial};
    ///
    /// let inner = Serial::new().blocking(|| 1).blocking(|| 2);
    /// assert_eq!(Parallel::new().plan(inner).blocking(|| 3).len(), 3);
    /// ```
    pub fn len(&self) -> usize {
        self.group.jobs
    }

    /// Says whether there is no job.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Serial;
    ///
    /// assert!(Serial::<u32>::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Parallel<T> {
    /// Lets at most so many parts run at a time. They are begun with in their order. A plan that is a
    /// part counts as one.
    ///
    /// # Panics
    ///
    /// Panics if it is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Parallel;
    ///
    /// let plan = Parallel::new().each(0..100, |n| async move { n * n }).limit(8);
    /// assert_eq!(plan.run_blocking()[10], 100);
    /// ```
    #[track_caller]
    pub fn limit(mut self, parts: usize) -> Self {
        assert!(parts > 0, "a limit of 0 parts: nothing would ever run");
        self.group.limit = parts;
        self
    }
}

impl<T, O: Order> Default for Plan<T, O> {
    fn default() -> Self {
        Plan::new()
    }
}

impl<T> Clone for Node<T> {
    fn clone(&self) -> Self {
        match self {
            Node::Task(job) => Node::Task(Arc::clone(job)),
            Node::Blocking(job) => Node::Blocking(Arc::clone(job)),
            Node::Group(group) => Node::Group(Arc::clone(group)),
        }
    }
}

impl<T, O> Clone for Plan<T, O> {
    fn clone(&self) -> Self {
        Plan {
            group: Group {
                nodes: self.group.nodes.clone(),
                ..self.group
            },
            options: self.options.clone(),
            order: PhantomData,
        }
    }
}

impl<T, O: Order> fmt::Debug for Plan<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if O::AT_ONCE { "Parallel" } else { "Serial" };
        f.debug_struct(name)
            .field("jobs", &self.group.jobs)
            .finish_non_exhaustive()
    }
}
