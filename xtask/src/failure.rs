//! Why a command or a step did not succeed.

use std::fmt;

use crate::report::Tally;

/// What every fallible function of xtask returns.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Why a command or a step did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// This machine lacks something: `what` is missing, and `how` to get it.
    Missing { what: String, how: String },
    /// Tests ran and some of them failed.
    Tests(Tally),
    /// Anything else, told to a person.
    Other(String),
}

impl Failure {
    /// A failure told in one sentence.
    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::Other(message.into())
    }

    /// Something that this machine lacks, and how to get it.
    pub(crate) fn missing(what: impl Into<String>, how: impl Into<String>) -> Self {
        Self::Missing {
            what: what.into(),
            how: how.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { what, how } => write!(f, "{what} is missing; to get it: {how}"),
            Self::Tests(tally) => write!(f, "{} of {} tests failed", tally.failed, tally.total()),
            Self::Other(message) => f.write_str(message),
        }
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Other(format!("{error} (`cargo xtask --help` lists the commands)"))
    }
}

/// Adds to an error what was being done when it came up.
pub(crate) trait Context<T> {
    /// Turns the error into a [`Failure`] that starts with `doing`.
    fn context(self, doing: impl fmt::Display) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, doing: impl fmt::Display) -> Result<T> {
        self.map_err(|error| Failure::Other(format!("{doing}: {error}")))
    }
}
