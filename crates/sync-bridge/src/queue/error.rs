//! Why something was not put, or not had.

use std::error::Error;
use std::fmt;

/// The queue is closed. What was to be put comes back in it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Closed<T = ()>(pub T);

impl<T> Closed<T> {
    /// Returns what was to be put.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let queue = Queue::unbounded();
    /// queue.close();
    /// assert_eq!(queue.put_blocking(5).unwrap_err().into_inner(), 5);
    /// ```
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed(..)")
    }
}

impl<T> fmt::Display for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is closed")
    }
}

impl<T> Error for Closed<T> {}

/// Why [`Queue::try_put`](super::Queue::try_put) did not put the item, which comes back in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TryPutError<T> {
    /// There is no room.
    Full(T),
    /// The queue is closed.
    Closed(T),
}

impl<T> TryPutError<T> {
    /// Returns what was to be put.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let queue = Queue::bounded(1);
    /// queue.try_put(1).unwrap();
    /// assert_eq!(queue.try_put(2).unwrap_err().into_inner(), 2);
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            TryPutError::Full(item) | TryPutError::Closed(item) => item,
        }
    }
}

impl<T> fmt::Debug for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPutError::Full(_) => "Full(..)",
            TryPutError::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryPutError::Full(_) => f.write_str("the queue is full"),
            TryPutError::Closed(_) => Closed(()).fmt(f),
        }
    }
}

impl<T> Error for TryPutError<T> {}

/// Why [`Queue::put_deadline`](super::Queue::put_deadline) did not put the item, which comes back
/// in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PutDeadlineError<T> {
    /// There was no room before the deadline.
    TimedOut(T),
    /// The queue is closed.
    Closed(T),
}

impl<T> PutDeadlineError<T> {
    /// Returns what was to be put.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    /// use std::time::Instant;
    ///
    /// let queue = Queue::bounded(1);
    /// queue.try_put(1).unwrap();
    /// let error = queue.put_deadline(2, Instant::now()).unwrap_err();
    /// assert_eq!(error.into_inner(), 2);
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            PutDeadlineError::TimedOut(item) | PutDeadlineError::Closed(item) => item,
        }
    }
}

impl<T> fmt::Debug for PutDeadlineError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutDeadlineError::TimedOut(_) => "TimedOut(..)",
            PutDeadlineError::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for PutDeadlineError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PutDeadlineError::TimedOut(_) => {
                f.write_str("the queue was full until the deadline passed")
            }
            PutDeadlineError::Closed(_) => Closed(()).fmt(f),
        }
    }
}

impl<T> Error for PutDeadlineError<T> {}

/// Why [`Queue::try_get`](super::Queue::try_get) has no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TryGetError {
    /// There is none.
    Empty,
    /// There is none, and the queue is closed.
    Closed,
}

impl fmt::Display for TryGetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryGetError::Empty => f.write_str("the queue is empty"),
            TryGetError::Closed => Closed(()).fmt(f),
        }
    }
}

impl Error for TryGetError {}

/// Why [`Queue::get_deadline`](super::Queue::get_deadline) has no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GetDeadlineError {
    /// There was none before the deadline.
    TimedOut,
    /// There is none, and the queue is closed.
    Closed,
}

impl fmt::Display for GetDeadlineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GetDeadlineError::TimedOut => {
                f.write_str("the queue was empty until the deadline passed")
            }
            GetDeadlineError::Closed => Closed(()).fmt(f),
        }
    }
}

impl Error for GetDeadlineError {}
