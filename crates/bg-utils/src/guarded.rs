//! Futures and streams among others: one that panics is out, and does not take the others along.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

#[cfg(feature = "merge")]
use futures_core::Stream;
use pin_project_lite::pin_project;

/// What a panic has left behind.
pub(crate) type Payload = Box<dyn Any + Send>;

pin_project! {
    /// A future or stream with a number, which is dropped as soon as it has ended or panicked.
    pub(crate) struct Guarded<F> {
        // Nothing once it has ended.
        #[pin]
        inner: Option<F>,
        number: usize,
    }
}

impl<F> Guarded<F> {
    pub(crate) fn new(number: usize, inner: F) -> Self {
        Guarded {
            inner: Some(inner),
            number,
        }
    }
}

/// Returns the number, and the output or the payload of the panic.
impl<F: Future> Future for Guarded<F> {
    type Output = (usize, Result<F::Output, Payload>);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(future) = this.inner.as_mut().as_pin_mut() else {
            panic!("polled after completion");
        };
        let output = match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(payload) => Err(payload),
        };
        // A destructor that panics counts as well: those around are not to see it in the middle.
        let output = match catch_unwind(AssertUnwindSafe(|| this.inner.set(None))) {
            Err(payload) if output.is_ok() => Err(payload),
            _ => output,
        };
        Poll::Ready((*this.number, output))
    }
}

/// Yields the items, or at the end the payload of a panic.
#[cfg(feature = "merge")]
impl<S: Stream> Stream for Guarded<S> {
    type Item = Result<S::Item, Payload>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let Some(stream) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        match catch_unwind(AssertUnwindSafe(|| stream.poll_next(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Some(item))) => Poll::Ready(Some(Ok(item))),
            Ok(Poll::Ready(None)) => {
                let dropped = catch_unwind(AssertUnwindSafe(|| this.inner.set(None)));
                Poll::Ready(dropped.err().map(Err))
            }
            Err(payload) => {
                let _ = catch_unwind(AssertUnwindSafe(|| this.inner.set(None)));
                Poll::Ready(Some(Err(payload)))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.inner {
            Some(stream) => stream.size_hint(),
            None => (0, Some(0)),
        }
    }
}
