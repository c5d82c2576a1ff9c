//! Plans whose jobs have results of different types.

use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::sync::Arc;

use super::away::Away;
use super::crew::Crew;
use super::{AtOnce, BlockingPool, InTurn, JobError, Order, Plan, Unblock};
use crate::panicked::Settle;

/// One job, as a part of [`Parallel::of`](crate::Parallel::of) and [`Serial::of`](crate::Serial::of): what [`task`] and
/// [`blocking`](blocking()) make, and plans.
pub trait Job: Sync {
    /// Its result.
    type Output: Send;

    #[doc(hidden)]
    fn start(&self, crew: &Threads) -> impl Future<Output = Result<Self::Output, JobError>> + Send;
}

/// Where the blocking jobs of a run go.
#[doc(hidden)]
pub struct Threads {
    crew: Arc<Crew>,
    away: Arc<Away>,
}

impl Threads {
    /// Begins with no other job, and waits for those that are on other threads.
    async fn come_home(&self) {
        self.crew.close();
        poll_fn(|cx| self.away.poll_home(cx)).await;
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").finish_non_exhaustive()
    }
}

/// An async job: see [`task`].
#[derive(Clone, Copy)]
pub struct TaskJob<F>(F);

/// A blocking job: see [`blocking`](blocking()).
pub struct BlockingJob<F>(Arc<F>);

/// Makes an async job, whose function is called once for each run.
///
/// # Examples
///
/// See [`Parallel::of`](crate::Parallel::of).
pub fn task<F: Fn() -> Fut + Sync, Fut: Future>(job: F) -> TaskJob<F> {
    TaskJob(job)
}

/// Makes a blocking job.
///
/// # Examples
///
/// See [`Parallel::of`](crate::Parallel::of).
pub fn blocking<F: Fn() -> T + Send + Sync + 'static, T>(job: F) -> BlockingJob<F> {
    BlockingJob(Arc::new(job))
}

impl<F, Fut> Job for TaskJob<F>
where
    F: Fn() -> Fut + Sync,
    Fut: Future<Output: Send> + Send,
{
    type Output = Fut::Output;

    async fn start(&self, threads: &Threads) -> Result<Fut::Output, JobError> {
        let _driving = threads.crew.driving();
        let result = Settle::new(async { (self.0)().await }).await;
        result.map_err(JobError::Panicked)
    }
}

impl<F, T> Job for BlockingJob<F>
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    type Output = T;

    async fn start(&self, threads: &Threads) -> Result<T, JobError> {
        let (job, ticket) = (Arc::clone(&self.0), threads.away.ticket());
        let run = move || {
            let _ticket = ticket;
            job()
        };
        threads.crew.run(run).await
    }
}

impl<T: Send + 'static, O: Order + Sync> Job for Plan<T, O> {
    type Output = Vec<T>;

    async fn start(&self, threads: &Threads) -> Result<Vec<T>, JobError> {
        // It has threads of its own, which the driver of this run does not know.
        let _driving = threads.crew.driving();
        let result = Settle::new(self.run()).await;
        result.map_err(JobError::Panicked)
    }
}

impl<J: Jobs, O: Order + Sync> Job for Mixed<J, O> {
    type Output = J::Outputs;

    async fn start(&self, threads: &Threads) -> Result<J::Outputs, JobError> {
        self.jobs.all(O::AT_ONCE, threads).await
    }
}

/// A tuple of up to eight [`Job`]s.
pub trait Jobs: Sync {
    /// The tuple of their results.
    type Outputs: Send;
    /// The tuple of their results, with panics among them.
    type Settled: Send;

    #[doc(hidden)]
    fn all(
        &self,
        at_once: bool,
        threads: &Threads,
    ) -> impl Future<Output = Result<Self::Outputs, JobError>> + Send;

    #[doc(hidden)]
    fn settle(
        &self,
        at_once: bool,
        threads: &Threads,
    ) -> impl Future<Output = Self::Settled> + Send;
}

/// A tuple of up to eight [`Job`]s whose results are `Result`s with the same error.
pub trait TryJobs: Jobs {
    /// The tuple of their values.
    type Values: Send;
    /// How any of them fails.
    type Error: Send;

    #[doc(hidden)]
    fn try_all(
        &self,
        at_once: bool,
        threads: &Threads,
    ) -> impl Future<Output = Result<Self::Values, Stop<Self::Error>>> + Send;
}

/// What ends a run of [`TryJobs`].
#[doc(hidden)]
#[derive(Debug)]
pub enum Stop<E> {
    Failed(E),
    NoResult(JobError),
}

/// A job that is to have a value.
async fn try_start<T, E>(
    job: &impl Job<Output = Result<T, E>>,
    threads: &Threads,
) -> Result<T, Stop<E>> {
    match job.start(threads).await {
        Ok(result) => result.map_err(Stop::Failed),
        Err(error) => Err(Stop::NoResult(error)),
    }
}

/// Implements the traits for tuples of one length.
macro_rules! jobs {
    ($($($letter:ident $value:ident $index:tt),+;)*) => {
        $(
            impl<$($letter: Job),+> Jobs for ($($letter,)+) {
                type Outputs = ($($letter::Output,)+);
                type Settled = ($(Result<$letter::Output, JobError>,)+);

                async fn all(
                    &self,
                    at_once: bool,
                    threads: &Threads,
                ) -> Result<Self::Outputs, JobError> {
                    match at_once {
                        true => crate::try_gather(($(self.$index.start(threads),)+)).await,
                        false => Ok(($(self.$index.start(threads).await?,)+)),
                    }
                }

                async fn settle(&self, at_once: bool, threads: &Threads) -> Self::Settled {
                    match at_once {
                        true => crate::gather(($(self.$index.start(threads),)+)).await,
                        false => ($(self.$index.start(threads).await,)+),
                    }
                }
            }

            impl<Error: Send, $($letter, $value: Send),+> TryJobs for ($($letter,)+)
            where
                $($letter: Job<Output = Result<$value, Error>>,)+
            {
                type Values = ($($value,)+);
                type Error = Error;

                async fn try_all(
                    &self,
                    at_once: bool,
                    threads: &Threads,
                ) -> Result<Self::Values, Stop<Error>> {
                    match at_once {
                        true => crate::try_gather(($(try_start(&self.$index, threads),)+)).await,
                        false => Ok(($(try_start(&self.$index, threads).await?,)+)),
                    }
                }
            }
        )*
    };
}

jobs! {
    A VA 0;
    A VA 0, B VB 1;
    A VA 0, B VB 1, C VC 2;
    A VA 0, B VB 1, C VC 2, D VD 3;
    A VA 0, B VB 1, C VC 2, D VD 3, E VE 4;
    A VA 0, B VB 1, C VC 2, D VD 3, E VE 4, F VF 5;
    A VA 0, B VB 1, C VC 2, D VD 3, E VE 4, F VF 5, G VG 6;
    A VA 0, B VB 1, C VC 2, D VD 3, E VE 4, F VF 5, G VG 6, H VH 7;
}

/// A reusable plan whose results have different types: see [`Parallel::of`](crate::Parallel::of).
///
/// It runs, panics and is dropped as other [plans](Plan) are. A plan or tuple inside of it counts as one of
/// its jobs.
pub struct Mixed<J, Order> {
    jobs: J,
    unblock: Arc<dyn Unblock>,
    threads: usize,
    order: PhantomData<Order>,
}

impl Plan<(), AtOnce> {
    /// Makes a plan of a tuple of jobs that run at once; its result is the tuple of theirs.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{Parallel, Serial, blocking, task};
    /// use futures_lite::future::block_on;
    ///
    /// let plan = Parallel::of((
    ///     task(|| async { "Ada" }),
    ///     blocking(|| 36),
    ///     Serial::of((blocking(|| 'x'), task(|| async { 1.5 }))),
    ///     Parallel::new().each(0..3, |n| async move { n * n }),
    /// ));
    /// let expected = ("Ada", 36, ('x', 1.5), vec![0, 1, 4]);
    /// assert_eq!(block_on(plan.run()), expected);
    /// assert_eq!(plan.run_blocking(), expected);
    /// ```
    pub fn of<J: Jobs>(jobs: J) -> Mixed<J, AtOnce> {
        Mixed::new(jobs)
    }
}

impl Plan<(), InTurn> {
    /// As [`Parallel::of`](crate::Parallel::of), for jobs that run in turn.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{Serial, blocking, task};
    ///
    /// let plan = Serial::of((task(|| async { 1 }), blocking(|| "two")));
    /// assert_eq!(plan.run_blocking(), (1, "two"));
    /// ```
    pub fn of<J: Jobs>(jobs: J) -> Mixed<J, InTurn> {
        Mixed::new(jobs)
    }
}

impl<J: Jobs, O: Order> Mixed<J, O> {
    fn new(jobs: J) -> Self {
        Mixed {
            jobs,
            unblock: Arc::new(BlockingPool),
            // A tuple is short: a thread for each of its jobs.
            threads: 8,
            order: PhantomData,
        }
    }

    /// Says where blocking jobs go, as [`Plan::unblock_with`].
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{BlockingPool, Parallel, blocking};
    ///
    /// let plan = Parallel::of((blocking(|| 1),)).unblock_with(BlockingPool);
    /// assert_eq!(plan.run_blocking(), (1,));
    /// ```
    pub fn unblock_with(mut self, unblock: impl Unblock + 'static) -> Self {
        self.unblock = Arc::new(unblock);
        self
    }

    /// Says how many blocking jobs may run at a time, those of tuples inside of this one included; without
    /// it, eight. Jobs that wait for each other need as many as they are.
    ///
    /// # Panics
    ///
    /// Panics if it is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{Parallel, blocking};
    ///
    /// let plan = Parallel::of((blocking(|| 1), blocking(|| "two"))).threads(1);
    /// assert_eq!(plan.run_blocking(), (1, "two"));
    /// ```
    #[track_caller]
    pub fn threads(mut self, threads: usize) -> Self {
        assert!(threads > 0, "no thread would run the jobs");
        self.threads = threads;
        self
    }

    fn threads_of_run(&self, blocks: bool) -> Threads {
        Threads {
            crew: Crew::new(Arc::clone(&self.unblock), self.threads, blocks),
            away: Arc::default(),
        }
    }

    async fn outcome(&self, threads: &Threads) -> Result<J::Outputs, JobError> {
        let result = self.jobs.all(O::AT_ONCE, threads).await;
        if result.is_err() {
            threads.come_home().await;
        }
        result
    }

    async fn settled(&self, threads: &Threads) -> J::Settled {
        let results = self.jobs.settle(O::AT_ONCE, threads).await;
        // A tuple inside of this one that has panicked may have left some behind.
        threads.come_home().await;
        results
    }

    /// Runs the jobs.
    ///
    /// # Panics
    ///
    /// Panics with the first panic of a job. Before that, async jobs are dropped, and blocking ones that
    /// have begun are waited for.
    ///
    /// # Cancel safety
    ///
    /// As that of a [`Plan`].
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{Parallel, blocking, task};
    /// use futures_lite::future::block_on;
    ///
    /// let plan = Parallel::of((task(|| async { 1 }), blocking(|| "two")));
    /// assert_eq!(block_on(plan.run()), (1, "two"));
    /// ```
    pub async fn run(&self) -> J::Outputs {
        let threads = self.threads_of_run(false);
        let result = self.outcome(&threads).await;
        result.unwrap_or_else(|error| error.resume())
    }

    /// As [`run`](Mixed::run), on this thread, which also runs blocking jobs.
    ///
    /// # Panics
    ///
    /// As [`run`](Mixed::run).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{Serial, blocking};
    ///
    /// assert_eq!(Serial::of((blocking(|| 1), blocking(|| "two"))).run_blocking(), (1, "two"));
    /// ```
    pub fn run_blocking(&self) -> J::Outputs {
        let threads = self.threads_of_run(true);
        let result = threads.crew.block_on(self.outcome(&threads));
        result.unwrap_or_else(|error| error.resume())
    }

    /// As [`run`](Mixed::run), with panics among the results. All jobs run.
    ///
    /// # Cancel safety
    ///
    /// As that of a [`Plan`].
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{Parallel, blocking, task};
    /// use futures_lite::future::block_on;
    ///
    /// let plan = Parallel::of((task(|| async { 1 }), blocking(|| -> &str { panic!("no") })));
    /// let (one, two) = block_on(plan.run_settled());
    /// assert_eq!(one.unwrap(), 1);
    /// assert_eq!(two.unwrap_err().to_string(), "the job panicked: no");
    /// ```
    pub async fn run_settled(&self) -> J::Settled {
        let threads = self.threads_of_run(false);
        self.settled(&threads).await
    }

    /// As [`run_settled`](Mixed::run_settled), on this thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{Serial, blocking};
    ///
    /// let plan = Serial::of((blocking(|| -> u32 { panic!("no") }), blocking(|| "two")));
    /// let (one, two) = plan.run_settled_blocking();
    /// assert!(one.is_err());
    /// assert_eq!(two.unwrap(), "two");
    /// ```
    pub fn run_settled_blocking(&self) -> J::Settled {
        let threads = self.threads_of_run(true);
        threads.crew.block_on(self.settled(&threads))
    }
}

impl<J: TryJobs, O: Order> Mixed<J, O> {
    async fn tried(&self, threads: &Threads) -> Result<J::Values, Stop<J::Error>> {
        let result = self.jobs.try_all(O::AT_ONCE, threads).await;
        if result.is_err() {
            threads.come_home().await;
        }
        result
    }

    /// Runs the jobs until all have a value, or one has failed.
    ///
    /// Then no more jobs begin, async ones are dropped, and blocking ones that have begun are waited
    /// for: nothing of the run is left.
    ///
    /// # Errors
    ///
    /// The first error in time, as of [`try_gather`](crate::try_gather). What the others come to is dropped.
    ///
    /// # Panics
    ///
    /// As [`run`](Mixed::run), if a panic comes before any error.
    ///
    /// # Cancel safety
    ///
    /// As that of a [`Plan`].
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{Parallel, blocking, task};
    /// use futures_lite::future::block_on;
    ///
    /// let plan = Parallel::of((task(|| async { "1".parse::<u8>() }), blocking(|| Ok("two"))));
    /// assert_eq!(block_on(plan.try_run()), Ok((1, "two")));
    ///
    /// let plan = Parallel::of((task(|| async { "x".parse::<u8>() }), blocking(|| Ok("two"))));
    /// assert!(block_on(plan.try_run()).is_err());
    /// ```
    pub async fn try_run(&self) -> Result<J::Values, J::Error> {
        let threads = self.threads_of_run(false);
        tried(self.tried(&threads).await)
    }

    /// As [`try_run`](Mixed::try_run), on this thread.
    ///
    /// # Errors
    ///
    /// As [`try_run`](Mixed::try_run).
    ///
    /// # Panics
    ///
    /// As [`try_run`](Mixed::try_run).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{Serial, blocking};
    ///
    /// let plan = Serial::of((blocking(|| Err::<u8, _>("no")), blocking(|| Ok("never"))));
    /// assert_eq!(plan.try_run_blocking(), Err("no"));
    /// ```
    pub fn try_run_blocking(&self) -> Result<J::Values, J::Error> {
        let threads = self.threads_of_run(true);
        tried(threads.crew.block_on(self.tried(&threads)))
    }
}

fn tried<T, E>(result: Result<T, Stop<E>>) -> Result<T, E> {
    result.map_err(|stop| match stop {
        Stop::Failed(error) => error,
        Stop::NoResult(error) => error.resume(),
    })
}

impl<F> Clone for BlockingJob<F> {
    fn clone(&self) -> Self {
        BlockingJob(Arc::clone(&self.0))
    }
}

impl<F> fmt::Debug for TaskJob<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskJob").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for BlockingJob<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingJob").finish_non_exhaustive()
    }
}

impl<J, O> fmt::Debug for Mixed<J, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mixed").finish_non_exhaustive()
    }
}
