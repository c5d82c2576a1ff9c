//! A future that counts how often it is polled and dropped.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};

#[derive(Clone, Default)]
pub(crate) struct Counts(Arc<(AtomicUsize, AtomicUsize)>);

impl Counts {
    pub(crate) fn count<F: Future>(&self, future: F) -> Counted<F> {
        Counted {
            future: Box::pin(future),
            counts: self.clone(),
        }
    }

    /// Asserts the number of polls and of drops so far.
    #[track_caller]
    pub(crate) fn check(&self, polls: usize, drops: usize) {
        let seen = (self.0.0.load(SeqCst), self.0.1.load(SeqCst));
        assert_eq!(seen, (polls, drops), "(polls, drops)");
    }
}

pub(crate) struct Counted<F> {
    future: Pin<Box<F>>,
    counts: Counts,
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.counts.0.0.fetch_add(1, SeqCst);
        self.future.as_mut().poll(cx)
    }
}

impl<F> Drop for Counted<F> {
    fn drop(&mut self) {
        self.counts.0.1.fetch_add(1, SeqCst);
    }
}
