//! The one clock, and blocking a thread with a deadline.

#[cfg(not(loom))]
pub(crate) use corokit_core::time::{Sleep, block_on, now, sleep_until};
#[cfg(loom)]
pub(crate) use stopped::{Sleep, block_on, now, sleep_until};

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

/// Blocks the thread until the future completes, or until the deadline: then the future is dropped.
///
/// A future that is ready completes, whatever the deadline.
pub(crate) fn block_on_until<T>(deadline: Instant, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut timer = pin!(sleep_until(deadline));
    block_on(poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        timer.as_mut().poll(cx).map(|()| None)
    }))
}

/// A clock that stands still, for models: timers are threads of the model there.
#[cfg(loom)]
mod stopped {
    use std::future::{Future, Pending, pending};
    use std::sync::OnceLock;
    use std::time::Instant;

    pub(crate) type Sleep = Pending<()>;

    pub(crate) fn now() -> Instant {
        static NOW: OnceLock<Instant> = OnceLock::new();
        *NOW.get_or_init(Instant::now)
    }

    pub(crate) fn sleep_until(_deadline: Instant) -> Sleep {
        pending()
    }

    pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
        loom::future::block_on(future)
    }
}
