//! The trait that makes a value of the first leg look like the output of a task handle.

/// An output type of task handles that can be made from a value that was there without a task.
///
/// A smol task yields `T`, a tokio `JoinHandle` yields `Result<T, JoinError>`, a fallible task `Option<T>`.
/// [`Eager`](crate::Eager) has the output of the handle it would have; when the future finished in its first
/// leg, the value is turned into that output here: unchanged, as `Ok`, or as `Some`.
///
/// A handle with an output type of its own can implement this for that type.
///
/// ```
/// use corokit_coro_start::FromReady;
///
/// assert_eq!(<u32 as FromReady<u32>>::from_ready(7), 7);
/// assert_eq!(<Result<u32, String> as FromReady<u32>>::from_ready(7), Ok(7));
/// assert_eq!(<Option<u32> as FromReady<u32>>::from_ready(7), Some(7));
/// ```
pub trait FromReady<T> {
    /// Turns the value of a finished future into what its task handle would have yielded.
    ///
    /// ```
    /// use corokit_coro_start::FromReady;
    ///
    /// let joined: Result<&str, std::io::Error> = FromReady::from_ready("value");
    /// assert_eq!(joined.unwrap(), "value");
    /// ```
    fn from_ready(value: T) -> Self;
}

impl<T> FromReady<T> for T {
    fn from_ready(value: T) -> Self {
        value
    }
}

impl<T, E> FromReady<T> for Result<T, E> {
    fn from_ready(value: T) -> Self {
        Ok(value)
    }
}

impl<T> FromReady<T> for Option<T> {
    fn from_ready(value: T) -> Self {
        Some(value)
    }
}
