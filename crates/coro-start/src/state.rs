//! The states of a coroutine.

use core::fmt;

/// Where a [`CoroStart`](crate::CoroStart) stands, or a future that is wrapped by [`Inspect`](crate::Inspect).
///
/// ```text
///         first poll                poll              take, await
///   New ---------------> Suspended ------> Done ------------------> Taken
///    |                       |
///    `--- a poll panics -----'---> Panicked
///
///   close: from any state to Taken
/// ```
///
/// A first poll that finishes leads from `New` to `Done` at once. A poll by `await` passes through `Done`
/// without stopping there, and so does the future of an [`Inspect`](crate::Inspect), whose output goes to
/// whoever polls. `Running` lies on each arrow that polls. Of a [`CoroStart`](crate::CoroStart) it cannot be
/// seen, since whoever polls holds the only reference; a [`Probe`](crate::Probe) sees it.
///
/// Source: `asynkit.coro_is_new`, `coro_is_suspended`, `coro_is_finished`.
///
/// ```
/// use corokit_coro_start::{CoroStart, CoroState};
/// use std::pin::pin;
///
/// let mut coro = pin!(CoroStart::new(async { 1 }));
/// assert_eq!(coro.state(), CoroState::New);
/// coro.as_mut().start();
/// assert_eq!(coro.state(), CoroState::Done);
/// coro.as_mut().take();
/// assert_eq!(coro.state(), CoroState::Taken);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CoroState {
    /// The future has not been polled; nothing of it has run.
    New,
    /// The future has been polled and waits for something.
    Suspended,
    /// The future is being polled now.
    Running,
    /// The future has finished and its output is kept.
    Done,
    /// The output has been handed out, or the coroutine was closed; the future is gone.
    Taken,
    /// A poll of the future panicked; the future is kept until it is closed or dropped, and never polled
    /// again.
    Panicked,
}

impl CoroState {
    /// Returns whether nothing of the future has run.
    ///
    /// Source: `asynkit.coro_is_new`.
    ///
    /// ```
    /// use corokit_coro_start::{CoroStart, CoroState};
    ///
    /// assert!(CoroStart::new(async {}).state().is_new());
    /// assert!(!CoroState::Done.is_new());
    /// ```
    #[must_use]
    pub const fn is_new(self) -> bool {
        matches!(self, Self::New)
    }

    /// Returns whether the future waits for something.
    ///
    /// Source: `asynkit.coro_is_suspended`.
    ///
    /// ```
    /// use corokit_coro_start::{CoroState, start_boxed};
    ///
    /// assert!(start_boxed(std::future::pending::<()>()).state().is_suspended());
    /// assert!(!CoroState::Running.is_suspended());
    /// ```
    #[must_use]
    pub const fn is_suspended(self) -> bool {
        matches!(self, Self::Suspended)
    }

    /// Returns whether the future is being polled now.
    ///
    /// ```
    /// use corokit_coro_start::CoroState;
    ///
    /// assert!(CoroState::Running.is_running());
    /// assert!(!CoroState::Suspended.is_running());
    /// ```
    #[must_use]
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Running)
    }

    /// Returns whether the future will not run again: it has finished or panicked, or is gone.
    ///
    /// Source: `asynkit.coro_is_finished`.
    ///
    /// ```
    /// use corokit_coro_start::{CoroState, start_boxed};
    ///
    /// assert!(start_boxed(async {}).state().is_finished());
    /// assert!(CoroState::Taken.is_finished() && CoroState::Panicked.is_finished());
    /// ```
    #[must_use]
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Done | Self::Taken | Self::Panicked)
    }
}

impl fmt::Display for CoroState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::New => "new",
            Self::Suspended => "suspended",
            Self::Running => "running",
            Self::Done => "done",
            Self::Taken => "taken",
            Self::Panicked => "panicked",
        })
    }
}
