use std::error::Error;
use std::{fmt, io};

/// Why a pool never ran a job.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum JobError {
    /// The pool was closed before the job came.
    Closed,
    /// The pool was abandoned while the job was in its queue.
    Abandoned,
    /// The pool has no thread, or none whose job does not itself wait for another, and the system
    /// would not give it one.
    NoThread(io::ErrorKind),
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobError::Closed => f.write_str("the pool was closed before the job came"),
            JobError::Abandoned => f.write_str("the pool was abandoned before the job began"),
            JobError::NoThread(kind) => write!(f, "no thread could be started: {kind}"),
        }
    }
}

impl Error for JobError {}

/// A pool did not take a job: [`Pool::try_run`](super::Pool::try_run). The job is inside.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TryRunError<F> {
    /// All threads that there may be have something to do.
    WouldQueue(F),
    /// The pool is closed.
    Closed(F),
}

impl<F> TryRunError<F> {
    /// The job that was not taken.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    ///
    /// let pool = Pool::new();
    /// pool.close();
    /// let job = pool.try_run(|| 1).unwrap_err().into_inner();
    /// assert_eq!(job(), 1);
    /// ```
    pub fn into_inner(self) -> F {
        match self {
            TryRunError::WouldQueue(job) | TryRunError::Closed(job) => job,
        }
    }
}

impl<F> fmt::Debug for TryRunError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryRunError::WouldQueue(_) => "WouldQueue(..)",
            TryRunError::Closed(_) => "Closed(..)",
        })
    }
}

impl<F> fmt::Display for TryRunError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryRunError::WouldQueue(_) => {
                "no thread of the pool is free, and no more may be started"
            }
            TryRunError::Closed(_) => "the pool is closed",
        })
    }
}

impl<F> Error for TryRunError<F> {}
