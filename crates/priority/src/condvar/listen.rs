//! Waiting for a notification, and for nothing else.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::line::Line;

/// Waits for a notification of a [`PriorityCondvar`](crate::PriorityCondvar), in line since it was
/// made.
///
/// # Panics
///
/// Polling it after it has completed panics.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Listen {
    line: Arc<Line>,
    number: Option<u32>,
}

impl Listen {
    pub(super) fn new(line: Arc<Line>) -> Self {
        let number = line.enter(Waker::noop().clone());
        Listen {
            line,
            number: Some(number),
        }
    }
}

impl Future for Listen {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let number = self.number.expect("polled after completion");
        if self.line.poll(number, cx.waker()) {
            self.number = None;
            self.line.consume(number);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Drop for Listen {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.line.leave(number);
        }
    }
}

impl fmt::Debug for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let notified = self
            .number
            .is_none_or(|number| self.line.is_notified(number));
        f.debug_struct("Listen")
            .field("notified", &notified)
            .finish()
    }
}
