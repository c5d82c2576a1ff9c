//! How jobs and runs fail.

use std::error::Error;
use std::fmt;

/// A run has failed: see [`Plan::try_run`](crate::Plan::try_run).
#[derive(Debug)]
#[non_exhaustive]
pub struct Failed<T, E> {
    /// Which job failed first in time.
    pub index: usize,
    /// Its error.
    pub error: E,
    /// What had finished: the values of the jobs that have one.
    pub done: Vec<Option<T>>,
    /// The errors of jobs that were running on other threads and failed as well, with their numbers.
    pub also: Vec<(usize, E)>,
}

impl<T, E: fmt::Display> fmt::Display for Failed<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job {} failed: {}", self.index, self.error)
    }
}

impl<T: fmt::Debug, E: Error + 'static> Error for Failed<T, E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
