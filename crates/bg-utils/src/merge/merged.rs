//! Many streams as one.

use std::fmt;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_buffered::MergeBounded;
use futures_core::Stream;

use super::StopOnErr;
use crate::guarded::Guarded;

/// Makes one stream of many, which yields the items of each as they come: of an array, a `Vec` or
/// an iterator by [`Merge::from_iter`], and of a tuple of up to eight streams of different types
/// that yield the same.
///
/// See the [module](super) for order, laziness and panics.
///
/// Source: `async_utils.merge_gens.merge_gens`, and `batch_merge_gens` with
/// [`ready_chunks`](super::ReadyChunks::ready_chunks).
///
/// # Cancel safety
///
/// Dropping what waits for the next item loses nothing.
///
/// # Examples
///
/// ```
/// use corokit_bg_utils::merge::merge;
/// use futures_lite::future::block_on;
/// use futures_lite::{StreamExt, stream};
///
/// let (sender, receiver) = async_channel::unbounded();
/// sender.try_send(3).unwrap();
/// drop(sender);
/// let all = merge((stream::iter([1, 2]), receiver)).collect::<Vec<_>>();
/// assert_eq!(block_on(all), [1, 3, 2]);
/// ```
pub fn merge<S: Sources>(sources: S) -> Merge<S::Stream> {
    sources.merge()
}

/// What can be merged: a `Vec` or an array of streams of one type, or a tuple of streams.
pub trait Sources {
    /// A stream that any of the sources is.
    type Stream: Stream;

    /// Makes one stream of them.
    #[doc(hidden)]
    fn merge(self) -> Merge<Self::Stream>;
}

impl<S: Stream> Sources for Vec<S> {
    type Stream = S;

    fn merge(self) -> Merge<S> {
        self.into_iter().collect()
    }
}

impl<S: Stream, const N: usize> Sources for [S; N] {
    type Stream = S;

    fn merge(self) -> Merge<S> {
        self.into_iter().collect()
    }
}

/// Many streams as one: see [`merge`].
#[must_use = "streams do nothing unless polled"]
pub struct Merge<S> {
    sources: MergeBounded<Guarded<S>>,
    /// How many there were in the beginning.
    count: usize,
}

impl<S> Merge<S> {
    pub(super) fn count(&self) -> usize {
        self.count
    }
}

impl<S, T, E> Merge<S>
where
    S: Stream<Item = Result<T, E>>,
{
    /// Ends at the first error: what is ready besides it comes first, at most one more item of each
    /// source, then all sources are dropped, and then comes the error. If there is more than one by
    /// then, they come in the order in which they were met.
    ///
    /// Source: `async_utils.merge_gens`, `exception_behavior="raise"`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::merge::merge;
    /// use futures_lite::future::block_on;
    /// use futures_lite::{StreamExt, stream};
    ///
    /// let good = stream::repeat(Ok(1));
    /// let bad = stream::iter([Ok(2), Err("bad")]);
    /// let all = merge((good, bad)).stop_on_err().collect::<Vec<_>>();
    /// assert_eq!(block_on(all), [Ok(1), Ok(2), Ok(1), Ok(1), Err("bad")]);
    /// ```
    pub fn stop_on_err(self) -> StopOnErr<S, E> {
        StopOnErr::new(self)
    }
}

impl<S: Stream> Stream for Merge<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let polled = Pin::new(&mut self.sources).poll_next(cx);
        polled.map(|item| item.map(|item| item.unwrap_or_else(|payload| resume_unwind(payload))))
    }
}

impl<S: Stream> FromIterator<S> for Merge<S> {
    fn from_iter<I: IntoIterator<Item = S>>(sources: I) -> Self {
        let mut count = 0;
        let numbered = sources.into_iter().map(|source| {
            count += 1;
            Guarded::new(count - 1, source)
        });
        let sources = numbered.collect();
        Merge { sources, count }
    }
}

impl<S> fmt::Debug for Merge<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merge").finish_non_exhaustive()
    }
}
