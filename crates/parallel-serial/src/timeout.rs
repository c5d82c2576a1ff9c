//! Futures that have a limited time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use corokit_core::TimedOut;
use corokit_core::time::{Sleep, sleep, sleep_until};
use pin_project_lite::pin_project;

use crate::handle::TaskHandle;

/// Gives a future so much time, counted from this call. If it has not completed by then, it is
/// dropped.
///
/// The future is polled first: whatever is ready is in time, also with no time at all. A duration
/// too long for the clock never ends.
///
/// Source: `asyncio.wait_for`, `asyncio.timeout`. There the outcome of a cancelled future may
/// still replace the timeout: [`timeout_task`].
///
/// # Errors
///
/// [`TimedOut`] if the time was up. It is never mistaken for an error of the future, whose output it
/// is outside of.
///
/// # Cancel safety
///
/// Dropping it drops the future. A future that is to outlive its timeout can be lent:
/// `timeout(duration, &mut future)`.
///
/// # Examples
///
/// ```
/// use corokit_parallel_serial::timeout;
/// use futures_lite::future::{block_on, pending};
/// use std::time::Duration;
///
/// block_on(async {
///     assert!(timeout(Duration::from_millis(1), pending::<()>()).await.is_err());
///     assert_eq!(timeout(Duration::ZERO, async { 1 }).await, Ok(1));
/// });
/// ```
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    Timeout {
        future: Some(future),
        limit: sleep(duration),
    }
}

/// As [`timeout`], until `deadline`.
///
/// Source: `asyncio.timeout_at`.
///
/// # Errors
///
/// [`TimedOut`] if the time was up.
///
/// # Cancel safety
///
/// As [`timeout`].
///
/// # Examples
///
/// ```
/// use corokit_parallel_serial::deadline;
/// use futures_lite::future::{block_on, pending};
/// use std::time::Instant;
///
/// assert!(block_on(deadline(Instant::now(), pending::<()>())).is_err());
/// ```
pub fn deadline<F: Future>(deadline: Instant, future: F) -> Timeout<F> {
    Timeout {
        future: Some(future),
        limit: sleep_until(deadline),
    }
}

/// As [`timeout`], for a task: when the time is up it is cancelled, and this waits until its future
/// is gone. If it has completed meanwhile, that is what counts.
///
/// Source: `asyncio.wait_for`.
///
/// # Errors
///
/// [`TimedOut`] if the task was cancelled.
///
/// # Cancel safety
///
/// Dropping it drops the handle, which with most executors cancels the task.
///
/// # Examples
///
/// ```
/// use corokit_parallel_serial::timeout_task;
/// use futures_lite::future::{block_on, pending};
/// use std::time::Duration;
///
/// let executor = async_executor::LocalExecutor::new();
/// let slow = executor.spawn(pending::<()>());
/// let quick = executor.spawn(async { 1 });
/// block_on(executor.run(async {
///     assert!(timeout_task(Duration::from_millis(1), slow).await.is_err());
///     assert_eq!(timeout_task(Duration::from_secs(60), quick).await, Ok(1));
/// }));
/// assert!(executor.is_empty());
/// ```
pub fn timeout_task<H: TaskHandle>(
    duration: Duration,
    mut task: H,
) -> impl Future<Output = Result<H::Output, TimedOut>> {
    let limit = sleep(duration);
    async move {
        let waiting = Timeout {
            future: Some(&mut task),
            limit,
        };
        match waiting.await {
            Ok(output) => Ok(output),
            Err(timed_out) => task.cancel().await.ok_or(timed_out),
        }
    }
}

pin_project! {
    /// The future of [`timeout`] and [`deadline`].
    ///
    /// # Panics
    ///
    /// Polling it after it has completed panics.
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: Option<F>,
        limit: Sleep,
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, TimedOut>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let future = this.future.as_mut().as_pin_mut();
        let result = match future.expect("polled after completion").poll(cx) {
            Poll::Ready(output) => Ok(output),
            Poll::Pending if Pin::new(this.limit).poll(cx).is_ready() => Err(TimedOut),
            Poll::Pending => return Poll::Pending,
        };
        // It is gone before anybody hears of it.
        this.future.set(None);
        Poll::Ready(result)
    }
}

impl<F> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
