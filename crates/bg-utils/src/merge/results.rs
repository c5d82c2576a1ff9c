//! What becomes of errors in a stream of results.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use pin_project_lite::pin_project;

use super::Merge;

/// Says what becomes of the errors in a stream of results. To end at the first one there is
/// [`Merge::stop_on_err`].
pub trait Results<T, E>: Stream<Item = Result<T, E>> + Sized {
    /// Yields all values as they come, and at the end, if there was any error, all of them in one.
    ///
    /// Not for streams that have no end: nobody would hear of their errors.
    ///
    /// Source: `async_utils.merge_gens`, `exception_behavior="delay"`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::merge::{Results, merge};
    /// use futures_lite::future::block_on;
    /// use futures_lite::{StreamExt, stream};
    ///
    /// let sources = [[Ok(1), Err("one")], [Err("two"), Ok(2)]].map(stream::iter);
    /// let all = merge(sources).errs_last().collect::<Vec<_>>();
    /// assert_eq!(block_on(all), [Ok(1), Ok(2), Err(vec!["two", "one"])]);
    /// ```
    fn errs_last(self) -> ErrsLast<Self, E> {
        ErrsLast {
            stream: Some(self),
            errors: Vec::new(),
        }
    }

    /// Yields the values, and drops the errors, which are counted.
    ///
    /// Source: `async_utils.merge_gens`, `exception_behavior="suppress"`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::merge::Results;
    /// use futures_lite::future::block_on;
    /// use futures_lite::{StreamExt, stream};
    ///
    /// let mut values = stream::iter([Ok(1), Err("no"), Ok(2)]).ok_only();
    /// assert_eq!(block_on(values.next()), Some(1));
    /// assert_eq!(block_on(values.next()), Some(2));
    /// assert_eq!(values.dropped(), 1);
    /// ```
    fn ok_only(self) -> OkOnly<Self> {
        OkOnly {
            stream: self,
            dropped: 0,
        }
    }
}

impl<S: Stream<Item = Result<T, E>>, T, E> Results<T, E> for S {}

/// The stream of [`Merge::stop_on_err`].
#[must_use = "streams do nothing unless polled"]
pub struct StopOnErr<S, E> {
    /// Nothing once there was an error, and what was ready besides it has been yielded.
    merge: Option<Merge<S>>,
    errors: VecDeque<E>,
    /// How many more items may be ready, once there was an error.
    left: usize,
}

impl<S, E> StopOnErr<S, E> {
    pub(super) fn new(merge: Merge<S>) -> Self {
        StopOnErr {
            merge: Some(merge),
            errors: VecDeque::new(),
            left: 0,
        }
    }
}

/// Nothing in it is pinned in place: the sources of the merge are on the heap.
impl<S, E> Unpin for StopOnErr<S, E> {}

impl<S, T, E> Stream for StopOnErr<S, E>
where
    S: Stream<Item = Result<T, E>>,
{
    type Item = Result<T, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while let Some(merge) = &mut this.merge {
            let is_over = !this.errors.is_empty();
            if is_over && this.left == 0 {
                break;
            }
            match Pin::new(&mut *merge).poll_next(cx) {
                Poll::Pending if is_over => break,
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => break,
                Poll::Ready(Some(Ok(item))) => {
                    this.left = this.left.saturating_sub(1);
                    return Poll::Ready(Some(Ok(item)));
                }
                Poll::Ready(Some(Err(error))) => {
                    this.left = match is_over {
                        false => merge.count().saturating_sub(1),
                        true => this.left - 1,
                    };
                    this.errors.push_back(error);
                }
            }
        }
        // The sources go before anybody hears of the error.
        drop(this.merge.take());
        Poll::Ready(this.errors.pop_front().map(Err))
    }
}

pin_project! {
    /// The stream of [`errs_last`](Results::errs_last).
    #[must_use = "streams do nothing unless polled"]
    pub struct ErrsLast<S, E> {
        // Nothing once it has ended.
        #[pin]
        stream: Option<S>,
        errors: Vec<E>,
    }
}

impl<S, T, E> Stream for ErrsLast<S, E>
where
    S: Stream<Item = Result<T, E>>,
{
    type Item = Result<T, Vec<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        while let Some(stream) = this.stream.as_mut().as_pin_mut() {
            match ready!(stream.poll_next(cx)) {
                Some(Ok(item)) => return Poll::Ready(Some(Ok(item))),
                Some(Err(error)) => this.errors.push(error),
                None => this.stream.set(None),
            }
        }
        let errors = mem::take(this.errors);
        Poll::Ready((!errors.is_empty()).then_some(Err(errors)))
    }
}

pin_project! {
    /// The stream of [`ok_only`](Results::ok_only).
    #[must_use = "streams do nothing unless polled"]
    pub struct OkOnly<S> {
        #[pin]
        stream: S,
        dropped: usize,
    }
}

impl<S> OkOnly<S> {
    /// Returns how many errors were dropped.
    ///
    /// ```
    /// use corokit_bg_utils::merge::Results;
    /// use futures_lite::future::block_on;
    /// use futures_lite::{StreamExt, stream};
    ///
    /// let mut values = stream::iter([Err::<u8, _>("no"), Err("never")]).ok_only();
    /// assert_eq!(block_on(values.next()), None);
    /// assert_eq!(values.dropped(), 2);
    /// ```
    pub fn dropped(&self) -> usize {
        self.dropped
    }
}

impl<S, T, E> Stream for OkOnly<S>
where
    S: Stream<Item = Result<T, E>>,
{
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut this = self.project();
        loop {
            match ready!(this.stream.as_mut().poll_next(cx)) {
                Some(Ok(item)) => return Poll::Ready(Some(item)),
                Some(Err(_)) => *this.dropped += 1,
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<S, E> fmt::Debug for StopOnErr<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopOnErr").finish_non_exhaustive()
    }
}

impl<S, E> fmt::Debug for ErrsLast<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrsLast").finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for OkOnly<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OkOnly")
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}
