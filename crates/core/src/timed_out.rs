//! The error of everything that has a limit in time.

use core::error::Error;
use core::fmt;

/// The time was up before it happened. A wait that ends so has had no effect.
///
/// All crates of corokit give this one, so that a program can pass it on wherever it comes from.
///
/// Source: `TimeoutError` of Python.
///
/// # Examples
///
/// ```
/// use corokit_core::TimedOut;
///
/// fn in_time(on_time: bool) -> Result<(), TimedOut> {
///     on_time.then_some(()).ok_or(TimedOut)
/// }
/// assert_eq!(in_time(false), Err(TimedOut));
/// assert_eq!(TimedOut.to_string(), "timed out");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimedOut;

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("timed out")
    }
}

impl Error for TimedOut {}
