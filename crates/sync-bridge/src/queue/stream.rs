//! Queues as streams and as iterators.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::get::Place;
use super::order::{Fifo, Order};
use super::{Getter, Queue};

/// Items one after the other.
impl<T, D: Order<T>> Queue<T, D> {
    /// Returns a stream of the items, which ends when the queue is closed and has no more.
    ///
    /// Several streams of one queue share the items.
    ///
    /// # Cancel safety
    ///
    /// No item is lost if the stream is dropped, or if one gives up waiting for its next item.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    /// use futures_lite::{StreamExt, future::block_on};
    ///
    /// let queue = Queue::unbounded();
    /// (0..3).for_each(|n| queue.try_put(n).unwrap());
    /// queue.close();
    /// assert_eq!(block_on(queue.stream().collect::<Vec<_>>()), [0, 1, 2]);
    /// ```
    pub fn stream(&self) -> Stream<T, D> {
        Stream {
            queue: self.clone(),
            place: Place::new(),
            _end: None,
        }
    }

    /// Returns an iterator of the items, which blocks the thread while there is none, and ends when
    /// the queue is closed and has no more.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let queue = Queue::unbounded();
    /// (0..3).for_each(|n| queue.try_put(n).unwrap());
    /// queue.close();
    /// assert!(queue.iter().eq([0, 1, 2]));
    /// ```
    pub fn iter(&self) -> Iter<'_, T, D> {
        Iter { queue: self }
    }

    /// Returns an iterator of the items that are there, which never blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let queue = Queue::unbounded();
    /// (0..3).for_each(|n| queue.try_put(n).unwrap());
    /// assert!(queue.try_iter().eq([0, 1, 2]));
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T, D> {
        TryIter { queue: self }
    }
}

/// The items of a queue as a stream: see [`Queue::stream`].
#[must_use = "streams do nothing unless polled"]
pub struct Stream<T, D: Order<T> = Fifo> {
    queue: Queue<T, D>,
    place: Place,
    /// The end that it was made of, if it was.
    _end: Option<Getter<T, D>>,
}

impl<T, D: Order<T>> Stream<T, D> {
    pub(super) fn of_end(end: Getter<T, D>) -> Self {
        Stream {
            queue: end.queue().clone(),
            place: Place::new(),
            _end: Some(end),
        }
    }
}

/// Items are never pinned.
impl<T, D: Order<T>> Unpin for Stream<T, D> {}

impl<T, D: Order<T>> futures_lite::Stream for Stream<T, D> {
    type Item = T;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        this.place.poll(&this.queue, cx)
    }
}

impl<T, D: Order<T>> Drop for Stream<T, D> {
    fn drop(&mut self) {
        self.place.leave(&self.queue);
    }
}

impl<T, D: Order<T>> fmt::Debug for Stream<T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stream").field(&self.queue).finish()
    }
}

/// The items of a queue as an iterator that blocks: see [`Queue::iter`].
#[must_use = "iterators do nothing unless consumed"]
pub struct Iter<'a, T, D: Order<T> = Fifo> {
    queue: &'a Queue<T, D>,
}

impl<T, D: Order<T>> Iterator for Iter<'_, T, D> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.queue.get_blocking().ok()
    }
}

impl<T, D: Order<T>> fmt::Debug for Iter<'_, T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Iter").field(self.queue).finish()
    }
}

impl<'a, T, D: Order<T>> IntoIterator for &'a Queue<T, D> {
    type Item = T;
    type IntoIter = Iter<'a, T, D>;

    fn into_iter(self) -> Iter<'a, T, D> {
        self.iter()
    }
}

/// The items that are there as an iterator: see [`Queue::try_iter`].
#[must_use = "iterators do nothing unless consumed"]
pub struct TryIter<'a, T, D: Order<T> = Fifo> {
    queue: &'a Queue<T, D>,
}

impl<T, D: Order<T>> Iterator for TryIter<'_, T, D> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.queue.try_get().ok()
    }
}

impl<T, D: Order<T>> fmt::Debug for TryIter<'_, T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TryIter").field(self.queue).finish()
    }
}
