//! Why it is shut down.

use std::borrow::Cow;
use std::fmt;

/// Why something is shut down: what [`trigger`](super::Shutdown::trigger) was called with first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The process got a signal, which has this number.
    Signal(i32),
    /// The program itself wants it: who, or what for.
    Request(Cow<'static, str>),
}

impl Reason {
    /// Returns the exit code that says so, by the custom of shells: 128 and the number of the signal,
    /// or 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::shutdown::Reason;
    ///
    /// assert_eq!(Reason::Signal(15).exit_code(), 143);
    /// assert_eq!(Reason::from("done").exit_code(), 0);
    /// ```
    pub fn exit_code(&self) -> i32 {
        match self {
            Reason::Signal(number) => 128 + number,
            Reason::Request(_) => 0,
        }
    }
}

impl From<&'static str> for Reason {
    fn from(request: &'static str) -> Self {
        Reason::Request(Cow::Borrowed(request))
    }
}

impl From<String> for Reason {
    fn from(request: String) -> Self {
        Reason::Request(Cow::Owned(request))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Signal(2) => f.write_str("SIGINT"),
            Reason::Signal(15) => f.write_str("SIGTERM"),
            Reason::Signal(number) => write!(f, "signal {number}"),
            Reason::Request(request) => f.write_str(request),
        }
    }
}
