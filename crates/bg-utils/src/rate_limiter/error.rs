//! The errors of the rate limiter.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// So many are never admitted at once: waiting for them would be for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooMany {
    /// How many were asked for.
    pub asked: u32,
    /// How many are admitted at once at most.
    pub most: u32,
}

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TooMany { asked, most } = self;
        write!(
            f,
            "{asked} are never admitted at once; ask for {most} at most"
        )
    }
}

impl Error for TooMany {}

/// Why several were not admitted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryAcquireError {
    /// They can be, after this long.
    Wait(Duration),
    /// They never will be.
    TooMany(TooMany),
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryAcquireError::Wait(wait) => write!(f, "not admitted now; try again in {wait:?}"),
            TryAcquireError::TooMany(error) => error.fmt(f),
        }
    }
}

impl Error for TryAcquireError {}
