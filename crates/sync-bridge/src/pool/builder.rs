use std::sync::Arc;
use std::time::Duration;

use super::config::Config;
use super::cpu::processors;
use super::handle::{Handle, Pool};
use super::shared::Shared;

/// How a [`Pool`] is to be: [`Pool::builder`].
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::Pool;
/// use std::time::Duration;
///
/// let pool = Pool::builder()
///     .name("disk")
///     .max_threads(8)
///     .keep_alive(Duration::from_secs(1))
///     .build();
/// let name = pool.run_wait(|| std::thread::current().name().map(str::to_owned));
/// assert_eq!(name.unwrap().unwrap(), "disk-1");
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing unless `build` is called"]
pub struct PoolBuilder {
    config: Config,
}

impl PoolBuilder {
    pub(super) fn new() -> Self {
        PoolBuilder {
            config: Config {
                name: "corokit-pool".to_owned(),
                min_threads: 0,
                max_threads: 500,
                prompt_threads: processors(),
                keep_alive: Duration::from_secs(10),
                grow_after: Duration::from_millis(1),
                stack_size: 2 * 1024 * 1024,
                processors: processors(),
            },
        }
    }

    /// Names the threads: `name-1`, `name-2` and so on. By default `corokit-pool-1`.
    ///
    /// # Panics
    ///
    /// Panics if the name contains a null byte.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    ///
    /// let pool = Pool::builder().name("io").build();
    /// assert!(pool.run_wait(|| std::thread::current().name() == Some("io-1")).unwrap());
    /// ```
    #[track_caller]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.config.name = name.into();
        assert!(
            !self.config.name.contains('\0'),
            "the name of a thread must not contain a null byte"
        );
        self
    }

    /// Keeps so many threads when there is nothing to do. 0 by default. They are started when they
    /// are needed first.
    ///
    /// A minimum above the maximum raises the maximum.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    /// use std::time::Duration;
    ///
    /// let pool = Pool::builder().min_threads(1).keep_alive(Duration::ZERO).build();
    /// pool.run_wait(|| ()).unwrap();
    /// assert_eq!(pool.stats().threads, 1);
    /// ```
    pub fn min_threads(mut self, threads: usize) -> Self {
        self.config.min_threads = threads;
        self
    }

    /// Limits the threads that work at once. 500 by default.
    ///
    /// Threads whose job waits for another job, of this pool or another, or is in
    /// [`pool_wait`](super::pool_wait), do not count, so that jobs that wait for each other cannot
    /// bring a pool to a standstill; neither does the one that watches whether the pool must grow.
    /// A job that has polled another job's future, and found it pending, does not count until it
    /// ends: nobody can tell when it stops waiting. When waiting is over there may be one thread
    /// too many for a moment: it leaves after its job.
    ///
    /// A maximum of 0 counts as 1.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    ///
    /// let pool = Pool::builder().max_threads(1).build();
    /// let inner = pool.clone();
    /// let nested = pool.run_wait(move || inner.run_wait(|| 1));
    /// assert_eq!(nested, Ok(Ok(1)));
    /// ```
    pub fn max_threads(mut self, threads: usize) -> Self {
        self.config.max_threads = threads.max(1);
        self
    }

    /// Up to how many threads are started as soon as a job finds none free. By default as many as
    /// there are processors. Above, [`grow_after`](PoolBuilder::grow_after) decides.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    ///
    /// let pool = Pool::builder().prompt_threads(8).build();
    /// assert_eq!(pool.run_wait(|| 1), Ok(1));
    /// ```
    pub fn prompt_threads(mut self, threads: usize) -> Self {
        self.config.prompt_threads = threads.max(1);
        self
    }

    /// How long an idle thread stays. 10 s by default; `Duration::MAX` for ever.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    /// use std::time::Duration;
    ///
    /// let pool = Pool::builder().keep_alive(Duration::from_millis(1)).build();
    /// pool.run_wait(|| ()).unwrap();
    /// while pool.stats().threads > 0 {
    ///     std::thread::yield_now();
    /// }
    /// ```
    pub fn keep_alive(mut self, duration: Duration) -> Self {
        self.config.keep_alive = duration;
        self
    }

    /// How long the first job may wait until the pool grows, if there are processors left. 1 ms by
    /// default.
    ///
    /// It does not grow if jobs end so quickly that the queue will be done within eight times as
    /// long. While jobs go on waiting, each growth is twice the last one, up to 32 threads at a
    /// time. While the process uses all of its processors the pool waits 64 times as long, and
    /// grows only if no job ends in that time.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    /// use std::time::Duration;
    ///
    /// let pool = Pool::builder().grow_after(Duration::from_millis(10)).build();
    /// assert_eq!(pool.run_wait(|| 1), Ok(1));
    /// ```
    pub fn grow_after(mut self, duration: Duration) -> Self {
        self.config.grow_after = duration.min(Duration::from_secs(3_600));
        self
    }

    /// The stack of each thread, in bytes. 2 MiB by default.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    ///
    /// let pool = Pool::builder().stack_size(256 * 1024).build();
    /// assert_eq!(pool.run_wait(|| 1), Ok(1));
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.config.stack_size = bytes;
        self
    }

    /// Makes the pool. No thread is started before there is a job.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    ///
    /// assert_eq!(Pool::builder().build().stats().threads, 0);
    /// ```
    #[must_use = "a pool that is dropped is closed"]
    pub fn build(mut self) -> Pool {
        let config = &mut self.config;
        config.max_threads = config.max_threads.max(config.min_threads);
        Pool {
            handle: Arc::new(Handle(Arc::new(Shared::new(self.config)))),
        }
    }
}
