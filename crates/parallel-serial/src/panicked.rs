//! A panic as a value.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::sync::PoisonError;

/// A child panicked, instead of having an output.
///
/// # Examples
///
/// ```
/// use corokit_parallel_serial::gather_settled;
/// use futures_lite::future::block_on;
///
/// let results = block_on(gather_settled([0_u32, 1].map(|n| async move { 10 / n })));
/// assert_eq!(*results[1].as_ref().unwrap(), 10);
/// let panicked = results.into_iter().next().unwrap().unwrap_err();
/// assert_eq!(panicked.message(), "attempt to divide by zero");
/// ```
pub struct Panicked {
    message: Cow<'static, str>,
    /// A payload need not be `Sync`, errors should be.
    payload: Mutex<Box<dyn Any + Send>>,
}

impl Panicked {
    /// Wraps what was panicked with, as `catch_unwind` gives it.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Panicked;
    ///
    /// let payload = std::panic::catch_unwind(|| panic!("oh")).unwrap_err();
    /// assert_eq!(Panicked::new(payload).to_string(), "panicked: oh");
    /// ```
    pub fn new(payload: Box<dyn Any + Send>) -> Self {
        let message = if let Some(message) = payload.downcast_ref::<&'static str>() {
            Cow::Borrowed(*message)
        } else if let Some(message) = payload.downcast_ref::<String>() {
            Cow::Owned(message.clone())
        } else {
            Cow::Borrowed("something other than text")
        };
        Panicked {
            message,
            payload: Mutex::new(payload),
        }
    }

    /// Returns the text that was panicked with.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Panicked;
    ///
    /// assert_eq!(Panicked::new(Box::new("no")).message(), "no");
    /// ```
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns what was panicked with.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Panicked;
    ///
    /// let payload = Panicked::new(Box::new(42)).into_payload();
    /// assert_eq!(*payload.downcast::<i32>().unwrap(), 42);
    /// ```
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.payload
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on panicking, as if nobody had caught it.
    ///
    /// # Panics
    ///
    /// That is what it does.
    ///
    /// # Examples
    ///
    /// ```should_panic
    /// use corokit_parallel_serial::Panicked;
    ///
    /// Panicked::new(Box::new("no")).resume();
    /// ```
    pub fn resume(self) -> ! {
        resume_unwind(self.into_payload())
    }
}

impl fmt::Debug for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panicked").field(&self.message).finish()
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked: {}", self.message)
    }
}

impl Error for Panicked {}

pin_project! {
    /// A future whose panics are values: see [`gather_settled`](crate::gather_settled).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct Settle<F> {
        #[pin]
        future: F,
    }
}

impl<F> Settle<F> {
    pub(crate) fn new(future: F) -> Self {
        Settle { future }
    }
}

impl<F: Future> Future for Settle<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.project().future;
        // The future is not polled again after it has panicked, and only dropped.
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(payload) => Poll::Ready(Err(Panicked::new(payload))),
        }
    }
}
