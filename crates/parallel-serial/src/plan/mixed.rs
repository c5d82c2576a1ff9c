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
        self.start_all(threads).await
    }
}

/// A tuple of up to eight [`Job`]s.
pub trait Jobs: Sync {
    /// The tuple of their results.
    type Outputs: Send;

    #[doc(hidden)]
    fn at_once(
        &self,
        threads: &Threads,
    ) -> impl Future<Output = Result<Self::Outputs, JobError>> + Send;

    #[doc(hidden)]
    fn in_turn(
        &self,
        threads: &Threads,
    ) -> impl Future<Output = Result<Self::Outputs, JobError>> + Send;
}

/// Implements the trait for tuples of one length.
macro_rules! jobs {
    ($($($letter:ident $index:tt),+;)*) => {
        $(
            impl<$($letter: Job),+> Jobs for ($($letter,)+) {
                type Outputs = ($($letter::Output,)+);

                async fn at_once(&self, threads: &Threads) -> Result<Self::Outputs, JobError> {
                    crate::try_gather(($(self.$index.start(threads),)+)).await
                }

                async fn in_turn(&self, threads: &Threads) -> Result<Self::Outputs, JobError> {
                    Ok(($(self.$index.start(threads).await?,)+))
                }
            }
        )*
    };
}

jobs! {
    A 0;
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
    A 0, B 1, C 2, D 3, E 4;
    A 0, B 1, C 2, D 3, E 4, F 5;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
}

/// A reusable plan whose results have different types: see [`Parallel::of`](crate::Parallel::of).
pub struct Mixed<J, Order> {
    jobs: J,
    unblock: Arc<dyn Unblock>,
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

    async fn start_all(&self, threads: &Threads) -> Result<J::Outputs, JobError> {
        match O::AT_ONCE {
            true => self.jobs.at_once(threads).await,
            false => self.jobs.in_turn(threads).await,
        }
    }

    fn threads(&self, blocks: bool) -> Threads {
        // A tuple is short: a thread for each of its jobs.
        Threads {
            crew: Crew::new(Arc::clone(&self.unblock), 8, blocks),
            away: Arc::default(),
        }
    }

    /// Runs the jobs, and after a panic waits for those that are on other threads.
    async fn outcome(&self, threads: &Threads) -> Result<J::Outputs, JobError> {
        let result = self.start_all(threads).await;
        if result.is_err() {
            // Nobody begins with the others any more.
            threads.crew.close();
            poll_fn(|cx| threads.away.poll_home(cx)).await;
        }
        result
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
        let threads = self.threads(false);
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
        let threads = self.threads(true);
        let result = threads.crew.block_on(self.outcome(&threads));
        result.unwrap_or_else(|error| error.resume())
    }
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
