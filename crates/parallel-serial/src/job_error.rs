//! Why a job has no result.

use std::error::Error;
use std::fmt;

use crate::panicked::Panicked;

/// A job has no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum JobError {
    /// It panicked.
    Panicked(Panicked),
    /// The executor or the pool of threads dropped it without running it to its end.
    Lost,
}

impl JobError {
    /// Goes on panicking.
    #[cfg(feature = "plan")]
    pub(crate) fn resume(self) -> ! {
        match self {
            JobError::Panicked(panicked) => panicked.resume(),
            JobError::Lost => panic!("{self}"),
        }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobError::Panicked(panicked) => write!(f, "the job {panicked}"),
            JobError::Lost => {
                f.write_str("the job was dropped by its executor or pool before its end")
            }
        }
    }
}

impl Error for JobError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            JobError::Panicked(panicked) => Some(panicked),
            JobError::Lost => None,
        }
    }
}
