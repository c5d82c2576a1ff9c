use std::time::Duration;

/// What a [`Pool`](super::Pool) is doing: [`Pool::stats`](super::Pool::stats).
///
/// The figures are of one moment. A job's output may be there a moment before the job counts as
/// completed; after [`join`](super::Pool::join) all do.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::Pool;
///
/// let pool = Pool::new();
/// pool.run_wait(|| ()).unwrap();
/// pool.join_blocking();
/// let stats = pool.stats();
/// assert_eq!((stats.completed, stats.queued), (1, 0));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PoolStats {
    /// How many threads there are, those included that are being started.
    pub threads: usize,
    /// How many of them have nothing to do.
    pub idle: usize,
    /// How many of them have a job that waits, and do not count against the limit.
    pub waiting: usize,
    /// How many threads there have been at once, at most.
    pub peak_threads: usize,
    /// How many jobs are in the queue.
    pub queued: usize,
    /// How long the first of them has been there. Jobs that were cancelled in front of it may make
    /// it look older.
    pub oldest_wait: Option<Duration>,
    /// How many jobs have ended, those included that panicked.
    pub completed: u64,
    /// How many jobs have panicked.
    pub panicked: u64,
    /// How many jobs were cancelled before they began.
    pub cancelled: u64,
    /// Whether the pool is closed.
    pub closed: bool,
}
