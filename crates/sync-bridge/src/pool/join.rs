use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::shared::Shared;

/// The future of [`Pool::join`](super::Pool::join).
///
/// # Cancel safety
///
/// Dropping it stops the waiting; the pool stays closed.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Join {
    shared: Arc<Shared>,
    key: Option<u64>,
}

impl Join {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Join { shared, key: None }
    }
}

impl Future for Join {
    type Output = ();

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        assert!(
            !self.shared.is_own_thread(),
            "a thread of a pool cannot wait for the end of the pool"
        );
        let Join { shared, key } = &mut *self;
        match shared.poll_over(key, cx.waker()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for Join {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.shared.stop_joining(key);
        }
    }
}

impl fmt::Debug for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").finish_non_exhaustive()
    }
}
