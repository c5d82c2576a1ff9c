//! The error of calls with a deadline.

use std::error::Error;
use std::fmt;

/// The deadline has passed, and the call has had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut;

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the deadline passed before it was done")
    }
}

impl Error for TimedOut {}
