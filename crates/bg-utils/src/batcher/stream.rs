//! Batches of a stream.

use std::fmt;
use std::future::Future;
use std::mem;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::clock::{Sleep, now, sleep_until};

/// Collects the items of a stream into batches of `max`, or of as many as came within `wait` after
/// the first of them.
///
/// The last batch comes when the stream ends, without waiting. No batch is empty.
///
/// Source: `async_utils.waterfall`.
///
/// # Cancel safety
///
/// Dropping the future of `next` loses nothing: what has been collected stays for the next one. When
/// the batches are to be dropped themselves, [`Batches::into_parts`] gives it.
///
/// # Examples
///
/// ```
/// use corokit_bg_utils::batcher::batches;
/// use futures_lite::{StreamExt, future, stream};
/// use std::num::NonZeroUsize;
/// use std::time::Duration;
///
/// let max = NonZeroUsize::new(2).unwrap();
/// let batches = batches(stream::iter(1..=5), max, Duration::from_secs(1));
/// let batches: Vec<_> = future::block_on(batches.collect());
/// assert_eq!(batches, [vec![1, 2], vec![3, 4], vec![5]]);
/// ```
pub fn batches<S: Stream>(stream: S, max: NonZeroUsize, wait: Duration) -> Batches<S> {
    Batches {
        stream,
        max,
        wait,
        collected: Vec::new(),
        timer: None,
        ended: false,
    }
}

pin_project! {
    /// The stream of [`batches`].
    #[must_use = "streams do nothing unless polled"]
    pub struct Batches<S: Stream> {
        #[pin]
        stream: S,
        max: NonZeroUsize,
        wait: Duration,
        collected: Vec<S::Item>,
        // Runs while something has been collected, unless the wait is too long for the clock.
        timer: Option<Sleep>,
        ended: bool,
    }
}

impl<S: Stream> Batches<S> {
    /// Returns the stream, and what has been collected for the next batch.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::batcher::batches;
    /// use futures_lite::{StreamExt, future, stream};
    /// use std::num::NonZeroUsize;
    /// use std::time::Duration;
    ///
    /// let ten = NonZeroUsize::new(10).unwrap();
    /// let stream = stream::iter([1, 2]).chain(stream::pending());
    /// let mut batches = batches(stream, ten, Duration::from_secs(1));
    /// future::block_on(async {
    ///     assert!(future::poll_once(batches.next()).await.is_none());
    /// });
    /// assert_eq!(batches.into_parts().1, [1, 2]);
    /// ```
    pub fn into_parts(self) -> (S, Vec<S::Item>) {
        (self.stream, self.collected)
    }
}

impl<S: Stream> Stream for Batches<S> {
    type Item = Vec<S::Item>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        while !*this.ended {
            match this.stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(item)) => {
                    if this.collected.is_empty() {
                        *this.timer = now().checked_add(*this.wait).map(sleep_until);
                    }
                    this.collected.push(item);
                    if this.collected.len() == this.max.get() {
                        *this.timer = None;
                        return Poll::Ready(Some(mem::take(this.collected)));
                    }
                }
                Poll::Ready(None) => *this.ended = true,
                Poll::Pending => {
                    let Some(timer) = this.timer else {
                        return Poll::Pending;
                    };
                    if Pin::new(timer).poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    *this.timer = None;
                    return Poll::Ready(Some(mem::take(this.collected)));
                }
            }
        }
        *this.timer = None;
        match this.collected.is_empty() {
            true => Poll::Ready(None),
            false => Poll::Ready(Some(mem::take(this.collected))),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let collected = self.collected.len();
        let (lower, upper) = match self.ended {
            true => (0, Some(0)),
            false => self.stream.size_hint(),
        };
        // Each batch has one item at least, and `max` at most.
        let lower = lower.saturating_add(collected).div_ceil(self.max.get());
        (lower, upper.and_then(|upper| upper.checked_add(collected)))
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for Batches<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches")
            .field("stream", &self.stream)
            .field("collected", &self.collected.len())
            .finish_non_exhaustive()
    }
}
