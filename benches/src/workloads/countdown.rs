//! The main future waits until the tasks have done their part.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Counts down from the main future's figure to 0 and then wakes it.
#[derive(Default)]
pub(super) struct Countdown {
    left: Cell<u64>,
    waker: Cell<Option<Waker>>,
}

impl Countdown {
    pub(super) fn new(count: u64) -> Rc<Self> {
        let countdown = Self::default();
        countdown.left.set(count);
        Rc::new(countdown)
    }

    pub(super) fn reset(&self, count: u64) {
        self.left.set(count);
    }

    #[inline]
    pub(super) fn step(&self) {
        let left = self.left.get() - 1;
        self.left.set(left);
        if left == 0 {
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
    }

    pub(super) async fn wait(&self) {
        poll_fn(|cx| {
            if self.left.get() == 0 {
                return Poll::Ready(());
            }
            self.waker.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}
