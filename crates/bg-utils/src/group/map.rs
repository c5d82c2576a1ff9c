//! Streams whose items are worked on at the same time.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_buffered::FuturesUnordered;
use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::guarded::Guarded;

/// Works on the items of any stream, so many at a time.
///
/// The futures run where the stream is polled. To have them run elsewhere, let the function spawn
/// them and return the tasks.
pub trait MapConcurrent: Stream + Sized {
    /// Calls a function with each item, and yields what its futures return, in the order of
    /// completion. At most `limit` of them are there at a time; items are taken from the stream
    /// only when there is room.
    ///
    /// Only futures that were woken are polled. A panic of one comes out of the stream, once; the
    /// others are still there.
    ///
    /// Source: `async_utils.bg_tasks.CurrentLoopExecutor.map`. There, all were begun at once.
    ///
    /// # Panics
    ///
    /// Panics if the limit is zero.
    ///
    /// # Cancel safety
    ///
    /// Dropping the stream drops the futures and the items that are left.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::group::MapConcurrent;
    /// use futures_lite::future::{block_on, yield_now};
    /// use futures_lite::{StreamExt, stream};
    ///
    /// let laps = [3, 1, 2];
    /// let run = async |laps| {
    ///     for _ in 0..laps {
    ///         yield_now().await;
    ///     }
    ///     laps
    /// };
    /// let finishers = stream::iter(laps).map_concurrent(3, run).collect::<Vec<_>>();
    /// assert_eq!(block_on(finishers), [1, 2, 3]);
    /// ```
    #[track_caller]
    fn map_concurrent<F, T>(self, limit: usize, function: F) -> Map<Self, F, T>
    where
        F: FnMut(Self::Item) -> T,
        T: Future,
    {
        assert_limit(limit);
        Map {
            source: Source::new(self, function, limit),
        }
    }

    /// Calls a function with each item, and yields what its futures return, in the order of the
    /// items. At most `limit` of them are there at a time, those that have completed and wait for
    /// one before them included; items are taken from the stream only when there is room.
    ///
    /// Only futures that were woken are polled. A panic of one comes out of the stream, once, in its
    /// turn.
    ///
    /// # Panics
    ///
    /// Panics if the limit is zero.
    ///
    /// # Cancel safety
    ///
    /// Dropping the stream drops the futures and the items that are left.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::group::MapConcurrent;
    /// use futures_lite::future::{block_on, yield_now};
    /// use futures_lite::{StreamExt, stream};
    ///
    /// let laps = [3, 1, 2];
    /// let run = async |laps| {
    ///     for _ in 0..laps {
    ///         yield_now().await;
    ///     }
    ///     laps
    /// };
    /// let runners = stream::iter(laps).map_concurrent_ordered(3, run).collect::<Vec<_>>();
    /// assert_eq!(block_on(runners), [3, 1, 2]);
    /// ```
    #[track_caller]
    fn map_concurrent_ordered<F, T>(self, limit: usize, function: F) -> MapOrdered<Self, F, T>
    where
        F: FnMut(Self::Item) -> T,
        T: Future,
    {
        assert_limit(limit);
        MapOrdered {
            source: Source::new(self, function, limit),
            outputs: VecDeque::new(),
            waiting: 0,
            yielded: 0,
        }
    }
}

impl<S: Stream> MapConcurrent for S {}

#[track_caller]
fn assert_limit(limit: usize) {
    assert!(limit > 0, "none at a time would take for ever");
}

type Outcome<T> = Result<T, crate::guarded::Payload>;

pin_project! {
    /// What both ways have in common: where the items come from, and the futures that run.
    struct Source<S, F, T> {
        // Nothing once it has ended.
        #[pin]
        stream: Option<S>,
        function: F,
        running: FuturesUnordered<Guarded<T>>,
        limit: usize,
        // How many items have been taken.
        taken: usize,
    }
}

impl<S, F, T> Source<S, F, T>
where
    S: Stream,
    F: FnMut(S::Item) -> T,
    T: Future,
{
    fn new(stream: S, function: F, limit: usize) -> Self {
        Source {
            stream: Some(stream),
            function,
            running: FuturesUnordered::new(),
            limit,
            taken: 0,
        }
    }

    /// Takes items while there is room beside `others` that have completed, and then polls the
    /// futures. Ends when there are no more items and no futures.
    fn poll_completed(
        self: Pin<&mut Self>,
        others: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(usize, Outcome<T::Output>)>> {
        let mut this = self.project();
        while this.running.len() + others < *this.limit {
            let Some(stream) = this.stream.as_mut().as_pin_mut() else {
                break;
            };
            match stream.poll_next(cx) {
                Poll::Ready(Some(item)) => {
                    let future = (this.function)(item);
                    this.running.push(Guarded::new(*this.taken, future));
                    *this.taken += 1;
                }
                Poll::Ready(None) => this.stream.set(None),
                Poll::Pending => break,
            }
        }
        match Pin::new(&mut *this.running).poll_next(cx) {
            Poll::Ready(None) if this.stream.is_some() => Poll::Pending,
            polled => polled,
        }
    }

    /// Returns how many outputs there will be at least and at most, beside those that have been
    /// computed.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let running = self.running.len();
        let stream = self.stream.as_ref();
        let (least, most) = stream.map_or((0, Some(0)), Stream::size_hint);
        let most = most.and_then(|most| most.checked_add(running));
        (least.saturating_add(running), most)
    }
}

pin_project! {
    /// The stream of [`map_concurrent`](MapConcurrent::map_concurrent).
    #[must_use = "streams do nothing unless polled"]
    pub struct Map<S, F, T> {
        #[pin]
        source: Source<S, F, T>,
    }
}

impl<S, F, T> Stream for Map<S, F, T>
where
    S: Stream,
    F: FnMut(S::Item) -> T,
    T: Future,
{
    type Item = T::Output;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T::Output>> {
        let polled = self.project().source.poll_completed(0, cx);
        polled.map(|completed| completed.map(|(_, outcome)| outcome.unwrap_or_else(rethrow)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.source.size_hint()
    }
}

pin_project! {
    /// The stream of [`map_concurrent_ordered`](MapConcurrent::map_concurrent_ordered).
    #[must_use = "streams do nothing unless polled"]
    pub struct MapOrdered<S, F, T: Future> {
        #[pin]
        source: Source<S, F, T>,
        // The outputs from the next one to be yielded on, as far as they are there.
        outputs: VecDeque<Option<Outcome<T::Output>>>,
        // How many of them are there.
        waiting: usize,
        // The number of the first of them.
        yielded: usize,
    }
}

impl<S, F, T> Stream for MapOrdered<S, F, T>
where
    S: Stream,
    F: FnMut(S::Item) -> T,
    T: Future,
{
    type Item = T::Output;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T::Output>> {
        let mut this = self.project();
        loop {
            if let Some(Some(_)) = this.outputs.front() {
                *this.yielded += 1;
                *this.waiting -= 1;
                let outcome = this.outputs.pop_front().flatten();
                return Poll::Ready(outcome.map(|outcome| outcome.unwrap_or_else(rethrow)));
            }
            match this.source.as_mut().poll_completed(*this.waiting, cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some((number, outcome))) => {
                    let index = number - *this.yielded;
                    if this.outputs.len() <= index {
                        this.outputs.resize_with(index + 1, || None);
                    }
                    this.outputs[index] = Some(outcome);
                    *this.waiting += 1;
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let waiting = self.waiting;
        let (least, most) = self.source.size_hint();
        let most = most.and_then(|most| most.checked_add(waiting));
        (least.saturating_add(waiting), most)
    }
}

/// Goes on with a panic.
fn rethrow<T>(payload: crate::guarded::Payload) -> T {
    resume_unwind(payload)
}

impl<S, F, T> fmt::Debug for Map<S, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").finish_non_exhaustive()
    }
}

impl<S, F, T: Future> fmt::Debug for MapOrdered<S, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapOrdered").finish_non_exhaustive()
    }
}
