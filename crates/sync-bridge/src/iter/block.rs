use std::fmt;
use std::future::poll_fn;
use std::iter::FusedIterator;
use std::pin::Pin;

use corokit_core::time;
use futures_lite::Stream;

/// Makes an iterator of a stream: each item blocks this thread until it is there, with timers and
/// I/O at work.
///
/// The stream is dropped at its end and with the iterator; a stream that is passed by `&mut` stays.
/// On a thread that runs an event loop it blocks the loop. Where no item needs waiting for,
/// `aiter_sync` says so instead of blocking.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::block_iter;
/// use futures_lite::stream;
///
/// let words = Box::pin(stream::unfold(1, async |number| match number {
///     4 => None,
///     _ => Some((number * number, number + 1)),
/// }));
/// assert_eq!(block_iter(words).collect::<Vec<_>>(), [1, 4, 9]);
/// ```
pub fn block_iter<S: Stream + Unpin>(stream: S) -> BlockIter<S> {
    BlockIter {
        stream: Some(stream),
    }
}

/// The iterator over a stream: [`block_iter`].
#[must_use = "iterators are lazy: the stream is polled when an item is asked for"]
pub struct BlockIter<S> {
    /// Gone at the end.
    stream: Option<S>,
}

impl<S> BlockIter<S> {
    /// The stream, unless it has ended.
    ///
    /// ```
    /// use corokit_sync_bridge::block_iter;
    /// use futures_lite::{StreamExt, future::block_on, stream};
    ///
    /// let mut items = block_iter(stream::iter([1, 2]));
    /// assert_eq!(items.next(), Some(1));
    /// let mut rest = items.into_inner().unwrap();
    /// assert_eq!(block_on(rest.next()), Some(2));
    /// ```
    #[must_use]
    pub fn into_inner(self) -> Option<S> {
        self.stream
    }
}

impl<S: Stream + Unpin> Iterator for BlockIter<S> {
    type Item = S::Item;

    fn next(&mut self) -> Option<S::Item> {
        let stream = self.stream.as_mut()?;
        let item = time::block_on(poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)));
        if item.is_none() {
            self.stream = None;
        }
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.stream {
            Some(stream) => stream.size_hint(),
            None => (0, Some(0)),
        }
    }
}

impl<S: Stream + Unpin> FusedIterator for BlockIter<S> {}

impl<S> fmt::Debug for BlockIter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockIter")
            .field("ended", &self.stream.is_none())
            .finish()
    }
}
