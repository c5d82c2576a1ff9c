//! Work that could go on for ever, and lets others have their turn.

use std::future::poll_fn;
use std::task::Poll;

/// How many pieces of work are done in a poll at most.
const AT_ONCE: usize = 64;

/// Counts pieces of work.
pub(crate) struct Turns(usize);

impl Turns {
    pub(crate) fn new() -> Self {
        Turns(0)
    }

    /// Notes one that is done. After so many, others run once.
    pub(crate) async fn next(&mut self) {
        self.0 += 1;
        poll_fn(|cx| {
            if self.0 < AT_ONCE {
                return Poll::Ready(());
            }
            self.0 = 0;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}
