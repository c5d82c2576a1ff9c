//! The states of a coroutine that is started by hand.

use core::fmt;

/// Where a [`CoroStart`](crate::CoroStart) stands.
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
/// without stopping there. Source: `asynkit.coro_is_new`, `coro_is_suspended`, `coro_is_finished`; "running"
/// cannot be seen from outside, since whoever polls holds the only reference.
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
    /// The future has finished and its output is kept.
    Done,
    /// The output has been handed out, or the coroutine was closed; the future is gone.
    Taken,
    /// A poll of the future panicked; the future is kept until it is closed or dropped, and never polled
    /// again.
    Panicked,
}

impl fmt::Display for CoroState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::New => "new",
            Self::Suspended => "suspended",
            Self::Done => "done",
            Self::Taken => "taken",
            Self::Panicked => "panicked",
        })
    }
}
