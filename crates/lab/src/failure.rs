//! What went wrong in a run.

use std::any::Any;
use std::error::Error;
use std::fmt;

use crate::explore::TOKEN;
use crate::token::Token;
use crate::trace::Event;

/// A run that failed: why, and how to see it again.
///
/// # Examples
///
/// ```
/// use corokit_lab::{FailureKind, Options};
/// use std::future::pending;
///
/// let failure = Options::new().try_run(|_| pending::<()>()).unwrap_err();
/// assert!(matches!(failure.kind(), FailureKind::Deadlock { .. }));
/// assert_eq!(failure.token().to_string(), "random-0");
/// assert_eq!(failure.trace().len(), 3);
/// ```
pub struct Failure {
    // In a box, because results that carry it are passed through every run.
    pub(crate) details: Box<Details>,
}

pub(crate) struct Details {
    pub(crate) kind: FailureKind,
    pub(crate) token: Token,
    pub(crate) trace: Vec<Event>,
    /// What the body panicked with.
    pub(crate) payload: Option<Box<dyn Any + Send>>,
    /// The victim that was struck, and before which step.
    pub(crate) struck: Option<String>,
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// The body panicked, or one of its tasks, or an [invariant](crate::Lab::always).
    Panic {
        /// What it said.
        message: String,
    },
    /// Every task was blocked, and no timer was left that could change that.
    Deadlock {
        /// The tasks and what they do.
        tasks: String,
    },
    /// The run took more steps than [allowed](crate::Options::max_steps).
    Livelock {
        /// How many.
        steps: usize,
    },
    /// A task was woken from another thread, so that the run could not be repeated.
    ForeignWake,
}

impl Failure {
    /// Returns why the run failed.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_lab::{FailureKind, Options};
    ///
    /// let failure = Options::new().try_run(|_| async { panic!("no") }).unwrap_err();
    /// let message = "no".to_string();
    /// assert_eq!(*failure.kind(), FailureKind::Panic { message });
    /// ```
    pub fn kind(&self) -> &FailureKind {
        &self.details.kind
    }

    /// Returns what [`replay`](crate::replay) takes to fail in the same way.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_lab::Options;
    ///
    /// let failure = Options::new().seed(10).try_run(|_| async { panic!("no") }).unwrap_err();
    /// assert_eq!(failure.token().to_string(), "random-a");
    /// ```
    pub fn token(&self) -> &Token {
        &self.details.token
    }

    /// Returns what happened in the run, up to the failure.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_lab::Options;
    ///
    /// let failure = Options::new().try_run(|_| async { panic!("no") }).unwrap_err();
    /// let trace: Vec<String> = failure.trace().iter().map(ToString::to_string).collect();
    /// assert_eq!(trace, ["main spawned", "main polled", "main finished"]);
    /// ```
    pub fn trace(&self) -> &[Event] {
        &self.details.trace
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FailureKind::Panic { message } => write!(f, "a task panicked: {message}"),
            FailureKind::Deadlock { tasks } => {
                write!(
                    f,
                    "every task is blocked, there is no timer, and nobody else is waited for \
                     (threads, and timers and sockets of others, do not count):\n{tasks}"
                )
            }
            FailureKind::Livelock { steps } => {
                write!(f, "the run has not ended after {steps} steps")
            }
            FailureKind::ForeignWake => f.write_str(
                "a task was woken from another thread: such a run cannot be repeated; \
                 let a task of the run stand for the thread",
            ),
        }
    }
}

/// How many events a message shows, the last ones.
const SHOWN: usize = 60;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.details.kind)?;
        if let Some(struck) = &self.details.struck {
            writeln!(f, "{struck}")?;
        }
        if !self.details.trace.is_empty() {
            let skipped = self.details.trace.len().saturating_sub(SHOWN);
            match skipped {
                0 => writeln!(f, "what happened:")?,
                _ => writeln!(f, "what happened, after {skipped} other events:")?,
            }
            for event in &self.details.trace[skipped..] {
                writeln!(f, "  {event}")?;
            }
        }
        write!(
            f,
            "to see it again, run this test alone with {TOKEN}={token}, \
             or call corokit_lab::replay(\"{token}\", ..)",
            token = self.token()
        )
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // This is what `unwrap` shows, so it is for people too.
        fmt::Display::fmt(self, f)
    }
}

impl Error for Failure {}
