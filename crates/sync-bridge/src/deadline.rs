//! Blocking a thread on a future, but not for longer than until an instant.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Instant;

use corokit_core::{TimedOut, time};

/// Blocks the thread on a future until it completes, or until `deadline`: then the future is
/// dropped.
///
/// The future is polled at least once, even if the deadline has passed already, and a future that
/// completes at its first poll needs no timer. I/O and timers work meanwhile.
///
/// With futures for which being dropped is the same as never having waited, as all are that wait
/// for something in this crate, this is the blocking form with a deadline of anything there is.
///
/// Source: the `timeout` argument of the blocking calls in Python's `threading` and `queue`.
///
/// # Errors
///
/// [`TimedOut`], if the deadline passed first.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::{TimedOut, block_on_until};
/// use std::future::{pending, ready};
/// use std::time::{Duration, Instant};
///
/// let deadline = Instant::now() + Duration::from_millis(1);
/// assert_eq!(block_on_until(deadline, pending::<()>()), Err(TimedOut));
/// // By now it has passed.
/// assert_eq!(block_on_until(deadline, ready(5)), Ok(5));
/// ```
pub fn block_on_until<T>(
    deadline: Instant,
    future: impl Future<Output = T>,
) -> Result<T, TimedOut> {
    let mut future = pin!(future);
    let mut sleep = None;
    time::block_on(poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        let sleep = sleep.get_or_insert_with(|| time::sleep_until(deadline));
        Pin::new(sleep).poll(cx).map(|()| Err(TimedOut))
    }))
}
