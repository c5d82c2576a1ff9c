use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_lite::Stream;

use super::reader::Reader;
use crate::pool::{Pool, wait_for_a_job};

/// Makes a stream of an iterator that blocks: its items are made on a thread of the
/// [global pool](Pool::global), or of [another](UnblockIter::on).
///
/// It is lazy: an item is begun only when the stream is polled for it, and between items the
/// iterator uses no thread. That costs a way to a thread and back for each item, some microseconds;
/// [`ahead`](UnblockIter::ahead) makes items in advance instead.
///
/// A panic of the iterator comes out of the stream after all the items before it, and then the
/// stream has ended. Dropping the stream returns at once: an item that is being made is finished,
/// and then the iterator is dropped on its thread. [`into_inner`](UnblockIter::into_inner) gives
/// the iterator back.
///
/// # Panics
///
/// The stream panics if the pool was closed.
///
/// # Cancel safety
///
/// Dropping a future of the stream's next item loses nothing: the item is there for the next poll.
///
/// Source: `async_utils.sync_to_async_gen`.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::unblock_iter;
/// use futures_lite::{StreamExt, future::block_on};
/// use std::io::BufRead;
///
/// let file = &b"one\ntwo\nthree\n"[..];
/// let lines = unblock_iter(file.lines());
/// let lines: Result<Vec<_>, _> = block_on(lines.try_collect());
/// assert_eq!(lines.unwrap(), ["one", "two", "three"]);
/// ```
pub fn unblock_iter<I>(iterator: I) -> UnblockIter<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    UnblockIter {
        reader: Reader::new(iterator),
        pool: None,
    }
}

/// The stream of an iterator that blocks: [`unblock_iter`].
#[must_use = "streams do nothing unless polled"]
pub struct UnblockIter<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    reader: Reader<I>,
    /// Another pool than the global one.
    pool: Option<Pool>,
}

impl<I> UnblockIter<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    /// Lets up to `items` items be made before they are asked for. It begins with the first poll.
    /// 0, as by default, is lazy.
    ///
    /// A thread is used while there is room for more, and again when half of them are taken.
    ///
    /// ```
    /// use corokit_sync_bridge::unblock_iter;
    /// use futures_lite::{StreamExt, future::block_on};
    ///
    /// let sum = unblock_iter(1..=100).ahead(16).fold(0, |sum, item| sum + item);
    /// assert_eq!(block_on(sum), 5050);
    /// ```
    pub fn ahead(mut self, items: usize) -> Self {
        self.reader.ahead = items;
        self
    }

    /// Makes the items on a pool of one's own.
    ///
    /// ```
    /// use corokit_sync_bridge::{Pool, unblock_iter};
    /// use futures_lite::{StreamExt, future::block_on};
    ///
    /// let pool = Pool::new();
    /// let items: Vec<_> = block_on(unblock_iter(1..=3).on(&pool).collect());
    /// assert_eq!(items, [1, 2, 3]);
    /// ```
    pub fn on(mut self, pool: &Pool) -> Self {
        self.pool = Some(pool.clone());
        self
    }

    /// Ends the stream and gives the iterator back, with the items that were made in advance and
    /// not taken. The future waits for an item that is being made.
    ///
    /// It is `None` if the iterator has panicked.
    ///
    /// # Panics
    ///
    /// The future resumes a panic of the iterator that has not come out of the stream.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream.
    ///
    /// ```
    /// use corokit_sync_bridge::unblock_iter;
    /// use futures_lite::{StreamExt, future::block_on};
    ///
    /// block_on(async {
    ///     let mut numbers = unblock_iter(1..=3);
    ///     assert_eq!(numbers.next().await, Some(1));
    ///     let (rest, made) = numbers.into_inner().await.unwrap();
    ///     assert_eq!((rest, made), (2..=3, vec![]));
    /// });
    /// ```
    pub fn into_inner(self) -> IntoInner<I> {
        IntoInner { stream: Some(self) }
    }
}

/// The pool, or else the global one.
fn or_global(pool: &Option<Pool>) -> &Pool {
    pool.as_ref().unwrap_or_else(|| Pool::global())
}

// The items are moved, never pinned.
impl<I> Unpin for UnblockIter<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
}

impl<I> Stream for UnblockIter<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<I::Item>> {
        let UnblockIter { reader, pool } = &mut *self;
        let polled = reader.poll_next(cx, |making| {
            or_global(pool).run(move || making.run()).detach();
        });
        if polled.is_pending() {
            wait_for_a_job();
        }
        polled
    }
}

impl<I> Drop for UnblockIter<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    fn drop(&mut self) {
        // It may block in its destructor as in `next`: that is the pool's business, too.
        if let Some(iterator) = self.reader.close() {
            or_global(&self.pool).run(move || drop(iterator)).detach();
        }
    }
}

impl<I> fmt::Debug for UnblockIter<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ready, working, ended) = self.reader.figures();
        f.debug_struct("UnblockIter")
            .field("ahead", &self.reader.ahead)
            .field("ready", &ready)
            .field("working", &working)
            .field("ended", &ended)
            .finish()
    }
}

/// The future of [`UnblockIter::into_inner`].
#[must_use = "futures do nothing unless polled or awaited"]
pub struct IntoInner<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    stream: Option<UnblockIter<I>>,
}

impl<I> Future for IntoInner<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    type Output = Option<(I, Vec<I::Item>)>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(stream) = &mut self.stream else {
            panic!("an `IntoInner` was polled after it had completed");
        };
        let polled = stream.reader.poll_rest(cx);
        match polled.is_pending() {
            true => wait_for_a_job(),
            false => self.stream = None,
        }
        polled
    }
}

impl<I> fmt::Debug for IntoInner<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoInner")
            .field("stream", &self.stream)
            .finish()
    }
}
