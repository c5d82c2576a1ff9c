//! What is ready, as one.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use pin_project_lite::pin_project;

/// Takes all that is ready in a stream at once.
pub trait ReadyChunks: Stream + Sized {
    /// Yields all items that are ready at a time, at least one and at most `max`, in their order.
    ///
    /// It waits for the first item of a chunk alone: a chunk is never held back to be filled.
    ///
    /// Source: `async_utils.merge_gens.batch_merge_gens`.
    ///
    /// # Panics
    ///
    /// Panics if `max` is zero.
    ///
    /// # Cancel safety
    ///
    /// Dropping what waits for the next chunk loses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::merge::ReadyChunks;
    /// use futures_lite::StreamExt;
    /// use futures_lite::future::block_on;
    ///
    /// let (sender, receiver) = async_channel::unbounded();
    /// for n in 0..5 {
    ///     sender.try_send(n).unwrap();
    /// }
    /// let mut chunks = Box::pin(receiver.ready_chunks(3));
    /// assert_eq!(block_on(chunks.next()).unwrap(), [0, 1, 2]);
    /// assert_eq!(block_on(chunks.next()).unwrap(), [3, 4]);
    /// ```
    #[track_caller]
    fn ready_chunks(self, max: usize) -> Chunks<Self> {
        assert!(max > 0, "a chunk has at least one item");
        Chunks {
            stream: Some(self),
            chunk: Vec::new(),
            max,
        }
    }
}

impl<S: Stream> ReadyChunks for S {}

pin_project! {
    /// The stream of [`ready_chunks`](ReadyChunks::ready_chunks).
    #[must_use = "streams do nothing unless polled"]
    pub struct Chunks<S: Stream> {
        // Nothing once it has ended.
        #[pin]
        stream: Option<S>,
        // Empty between two polls, unless the stream has panicked.
        chunk: Vec<S::Item>,
        max: usize,
    }
}

impl<S: Stream> Stream for Chunks<S> {
    type Item = Vec<S::Item>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        while this.chunk.len() < *this.max {
            let Some(stream) = this.stream.as_mut().as_pin_mut() else {
                break;
            };
            match stream.poll_next(cx) {
                Poll::Ready(Some(item)) => this.chunk.push(item),
                Poll::Ready(None) => this.stream.set(None),
                Poll::Pending if this.chunk.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        let chunk = mem::take(this.chunk);
        Poll::Ready((!chunk.is_empty()).then_some(chunk))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let stream = self.stream.as_ref();
        let (least, most) = stream.map_or((0, Some(0)), Stream::size_hint);
        let held = self.chunk.len();
        let least = least.saturating_add(held).div_ceil(self.max);
        (least, most.and_then(|most| most.checked_add(held)))
    }
}

impl<S: Stream> fmt::Debug for Chunks<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").finish_non_exhaustive()
    }
}
