use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::builder::PoolBuilder;
use super::cell::{Cell, Ran, Work};
use super::shared::{self, Refusal, Shared};
use super::stats::PoolStats;
use super::{Job, JobError, Join, TryRunError};
use crate::TimedOut;
use crate::park::{block_on, block_until};

/// An elastic pool of threads for jobs that block.
///
/// - **Order**: jobs begin first in, first out.
/// - **It grows** when jobs wait although there are processors left: up to the number of processors
///   at once, beyond that when the first job has waited for 1 ms. [`PoolBuilder`] has the figures,
///   and the limits.
/// - **It shrinks**: a thread that was idle for 10 s leaves. The last one used is the first one
///   used again.
/// - **Jobs may wait for jobs**, of the same pool and of others, however few threads these may have.
/// - **A panic** of a job is resumed in whoever awaits it, and costs no thread.
/// - **Closing**: the last handle dropped closes the pool. What is in the queue is still run.
///
/// Handles are cloned freely. Source: `concurrent.futures.ThreadPoolExecutor`, and what a_sync's
/// readme wishes for.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::Pool;
/// use futures_lite::future::{block_on, zip};
///
/// let pool = Pool::new();
/// let both = zip(pool.run(|| "read"), pool.run(|| "written"));
/// assert_eq!(block_on(both), (Ok("read"), Ok("written")));
/// ```
#[derive(Clone)]
pub struct Pool {
    pub(super) handle: Arc<Handle>,
}

/// Closes the pool when the last handle goes.
pub(super) struct Handle(pub(super) Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Pool {
    /// Makes a pool as the builder does by default.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    ///
    /// assert_eq!(Pool::new().run_wait(|| 1), Ok(1));
    /// ```
    #[must_use = "a pool that is dropped is closed"]
    pub fn new() -> Self {
        Pool::builder().build()
    }

    /// Begins to describe a pool.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    ///
    /// let pool = Pool::builder().max_threads(4).build();
    /// assert_eq!(pool.run_wait(|| 1), Ok(1));
    /// ```
    pub fn builder() -> PoolBuilder {
        PoolBuilder::new()
    }

    /// The pool of the process, which the functions of this crate use unless they are told
    /// otherwise. It is made at the first call, its threads are named `corokit-blocking-1` and so
    /// on. It is not to be closed.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    ///
    /// assert_eq!(Pool::global().run_wait(|| 1), Ok(1));
    /// ```
    #[must_use]
    pub fn global() -> &'static Pool {
        static GLOBAL: OnceLock<Pool> = OnceLock::new();
        GLOBAL.get_or_init(|| Pool::builder().name("corokit-blocking").build())
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.0
    }

    /// Queues a job. It runs whether or not the returned future is polled, and is cancelled if that
    /// is dropped before it has begun.
    ///
    /// On a pool that is closed the future fails; [`try_run`](Pool::try_run) gives the job back.
    ///
    /// Source: `ThreadPoolExecutor.submit`, `asyncio.to_thread`.
    ///
    /// ```
    /// use corokit_sync_bridge::{JobError, Pool};
    /// use futures_lite::future::block_on;
    ///
    /// let pool = Pool::new();
    /// assert_eq!(block_on(pool.run(|| 1)), Ok(1));
    /// pool.close();
    /// assert_eq!(block_on(pool.run(|| 1)), Err(JobError::Closed));
    /// ```
    pub fn run<F, T>(&self, job: F) -> Job<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let shared = Arc::clone(self.shared());
        let cell = Arc::new(Cell::queued(job));
        if shared.push(Arc::<Cell<F, T>>::clone(&cell)) {
            return Job::new(cell, shared);
        }
        cell.claim();
        cell.refuse(JobError::Closed);
        Job::new(cell, shared)
    }

    /// Runs a job for which a thread is free, or may be started under the limit; never queues it.
    ///
    /// # Errors
    ///
    /// Gives the job back if it would have to wait for a thread, or if the pool is closed.
    ///
    /// ```
    /// use corokit_sync_bridge::{Pool, TryRunError};
    ///
    /// let pool = Pool::builder().max_threads(1).build();
    /// let (release, blocked) = std::sync::mpsc::channel::<()>();
    /// let job = pool.try_run(move || blocked.recv()).unwrap();
    /// let refused = pool.try_run(|| ()).unwrap_err();
    /// assert!(matches!(refused, TryRunError::WouldQueue(_)));
    /// drop(release);
    /// assert!(job.join_blocking().is_ok());
    /// ```
    pub fn try_run<F, T>(&self, job: F) -> Result<Job<T>, TryRunError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let shared = Arc::clone(self.shared());
        let mut job = Some(job);
        let mut cell = None;
        let pushed = shared.try_push(|| {
            let new = Arc::new(Cell::queued(job.take().expect("it is made once")));
            cell = Some(Arc::<Cell<F, T>>::clone(&new));
            new
        });
        match (pushed, cell, job) {
            (Ok(()), Some(cell), _) => Ok(Job::new(cell, shared)),
            (Err(Refusal::Closed), _, Some(job)) => Err(TryRunError::Closed(job)),
            (Err(Refusal::WouldQueue), _, Some(job)) => Err(TryRunError::WouldQueue(job)),
            _ => unreachable!("a job is taken, or given back"),
        }
    }

    /// Runs a job and blocks this thread until it has ended. On a thread of the pool the job is run
    /// in place.
    ///
    /// # Errors
    ///
    /// If the pool is closed, or abandoned before the job begins.
    ///
    /// # Panics
    ///
    /// Resumes a panic of the job.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    ///
    /// assert_eq!(Pool::new().run_wait(|| 1), Ok(1));
    /// ```
    pub fn run_wait<F, T>(&self, job: F) -> Result<T, JobError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let shared = self.shared();
        if !shared.is_own_thread() {
            return self.run(job).join_blocking();
        }
        if shared.lock().closed {
            return Err(JobError::Closed);
        }
        let output = job();
        shared.lock().count(Ran::Completed);
        Ok(output)
    }

    /// What the pool is doing now.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    ///
    /// let stats = Pool::new().stats();
    /// assert_eq!((stats.threads, stats.queued, stats.oldest_wait), (0, 0, None));
    /// ```
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        let state = self.shared().lock();
        PoolStats {
            threads: state.threads,
            idle: state.idle.len() + usize::from(state.lookout),
            waiting: state.waiting,
            peak_threads: state.peak,
            queued: state.queued(),
            oldest_wait: state.oldest().map(|since| since.elapsed()),
            completed: state.completed,
            panicked: state.panicked,
            cancelled: state.cancelled,
            closed: state.closed,
        }
    }

    /// Takes no more jobs; those in the queue are run, and then the threads leave. Returns whether
    /// the pool was open.
    ///
    /// Source: `ThreadPoolExecutor.shutdown(wait=False)`, `a_sync`'s `NO_WAIT`.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    ///
    /// let pool = Pool::new();
    /// assert!(pool.close());
    /// assert!(!pool.close());
    /// ```
    pub fn close(&self) -> bool {
        self.shared().close()
    }

    /// Closes the pool and drops the jobs in its queue, which are refused with
    /// [`JobError::Abandoned`]. Those that have begun run on. Returns how many were dropped.
    ///
    /// Source: `ThreadPoolExecutor.shutdown(cancel_futures=True)`, `a_sync`'s `ABANDON`.
    ///
    /// ```
    /// use corokit_sync_bridge::{JobError, Pool};
    ///
    /// let pool = Pool::builder().max_threads(1).build();
    /// let (release, blocked) = std::sync::mpsc::channel::<()>();
    /// let (begun, begins) = std::sync::mpsc::channel();
    /// let first = pool.run(move || {
    ///     begun.send(()).unwrap();
    ///     blocked.recv()
    /// });
    /// begins.recv().unwrap();
    /// let second = pool.run(|| ());
    /// assert_eq!(pool.abandon(), 1);
    /// assert_eq!(second.join_blocking(), Err(JobError::Abandoned));
    /// drop(release);
    /// assert!(first.join_blocking().is_ok());
    /// ```
    pub fn abandon(&self) -> usize {
        self.shared().abandon()
    }

    /// Closes the pool and waits until the last job has ended and the last thread has left.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled on a thread of the pool.
    ///
    /// Source: `ThreadPoolExecutor.shutdown(wait=True)`, `a_sync`'s `WAIT`.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    /// use futures_lite::future::block_on;
    ///
    /// let pool = Pool::new();
    /// pool.run(|| ()).detach();
    /// block_on(pool.join());
    /// assert_eq!(pool.stats().completed, 1);
    /// ```
    pub fn join(&self) -> Join {
        self.close();
        Join::new(Arc::clone(self.shared()))
    }

    /// Does what [`join`](Pool::join) does, and blocks this thread meanwhile.
    ///
    /// # Panics
    ///
    /// Panics on a thread of the pool.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    ///
    /// let pool = Pool::new();
    /// pool.run(|| ()).detach();
    /// pool.join_blocking();
    /// assert_eq!(pool.stats().threads, 0);
    /// ```
    #[track_caller]
    pub fn join_blocking(&self) {
        block_on(self.join());
    }

    /// Does what [`join_blocking`](Pool::join_blocking) does, but not for longer than until
    /// `deadline`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`], if the pool has not come to its end by then.
    ///
    /// # Panics
    ///
    /// Panics on a thread of the pool.
    ///
    /// ```
    /// use corokit_sync_bridge::{Pool, TimedOut};
    /// use std::time::Instant;
    ///
    /// let pool = Pool::new();
    /// let (release, blocked) = std::sync::mpsc::channel::<()>();
    /// pool.run(move || blocked.recv()).detach();
    /// assert_eq!(pool.join_deadline(Instant::now()), Err(TimedOut));
    /// drop(release);
    /// pool.join_blocking();
    /// ```
    #[track_caller]
    pub fn join_deadline(&self, deadline: Instant) -> Result<(), TimedOut> {
        block_until(deadline, self.join()).ok_or(TimedOut)
    }
}

impl Default for Pool {
    fn default() -> Self {
        Pool::new()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.shared().config.name)
            .field("stats", &self.stats())
            .finish()
    }
}

/// Waits for something that another job of the pool may have to bring: while `wait` runs, this
/// thread does not count against the pool's limit, so that another one may work in its place.
///
/// Waiting for a [`Job`], or for an item of [`unblock_iter`](crate::unblock_iter), does this by
/// itself. Outside of a pool it does nothing.
///
/// # Panics
///
/// A panic of `wait` passes through.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::{Pool, pool_wait};
///
/// let pool = Pool::builder().max_threads(1).build();
/// let (sender, receiver) = std::sync::mpsc::channel();
/// let first = pool.run(move || pool_wait(|| receiver.recv()));
/// pool.run(move || sender.send(1)).detach();
/// assert_eq!(first.join_blocking(), Ok(Ok(1)));
/// ```
pub fn pool_wait<T>(wait: impl FnOnce() -> T) -> T {
    shared::wait_outside(wait)
}
