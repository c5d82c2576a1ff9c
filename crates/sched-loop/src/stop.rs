//! The end of a loop that runs for ever.

use std::cell::Cell;
use std::task::{Context, Poll, Waker};

/// Lets `run_forever` return.
#[derive(Default)]
pub(crate) struct Stop {
    requested: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Stop {
    pub(crate) fn request(&self) {
        self.requested.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Waits for a request, and takes it.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.requested.take() {
            return Poll::Ready(());
        }
        self.waker.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}
