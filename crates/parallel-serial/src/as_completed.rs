//! The outputs in the order in which they come.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_lite::Stream;

use crate::children::Numbered;

/// Runs futures together and gives each output as soon as there is one, with the number of its
/// future.
///
/// They run while the stream is asked for the next output. Of several that are woken before that,
/// the one that was woken first has its turn first; in the beginning, that is the order in which
/// they were given. A future is polled only when it was woken.
///
/// Source: `asyncio.as_completed`, `async_utils.bg_tasks`' `map`. Its timeout is
/// [`timeout`](crate::timeout) around [`next`](AsCompleted::next), which loses nothing.
///
/// # Panics
///
/// A panic of a future goes to whoever asks. That one is gone then; the others go on when it asks again.
///
/// # Cancel safety
///
/// Dropping the stream drops the futures that have not completed. (In Python they go on: use
/// tasks, and detach what [`into_pending`](AsCompleted::into_pending) gives.)
///
/// # Examples
///
/// ```
/// use corokit_parallel_serial::as_completed;
/// use futures_lite::future::{block_on, yield_now};
///
/// let lines = ["longer", "short"].map(|line| async move {
///     for _ in 0..line.len() {
///         yield_now().await;
///     }
///     line
/// });
/// block_on(async {
///     let mut lines = as_completed(lines);
///     // The one with fewer letters yields less often.
///     assert_eq!(lines.next().await, Some((1, "short")));
///     assert_eq!(lines.next().await, Some((0, "longer")));
///     assert_eq!(lines.next().await, None);
/// });
/// ```
pub fn as_completed<I>(futures: I) -> AsCompleted<I::Item>
where
    I: IntoIterator<Item: Future>,
{
    AsCompleted {
        children: Numbered::collect(futures),
    }
}

/// The stream of [`as_completed`].
#[must_use = "streams do nothing unless polled"]
pub struct AsCompleted<F> {
    children: Numbered<F>,
}

impl<F: Future> AsCompleted<F> {
    /// Returns the next output and the number of its future, or `None` when all have completed.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing: asking again goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::as_completed;
    /// use futures_lite::future::{block_on, ready};
    ///
    /// let mut numbers = as_completed([ready(4), ready(2)]);
    /// assert_eq!(block_on(numbers.next()), Some((0, 4)));
    /// ```
    pub async fn next(&mut self) -> Option<(usize, F::Output)> {
        std::future::poll_fn(|cx| self.children.poll_next(cx)).await
    }

    /// Adds a future, and returns its number, which is no other's. What has completed takes no room: this
    /// may go on for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::as_completed;
    /// use futures_lite::future::{block_on, ready};
    ///
    /// let mut numbers = as_completed([ready(4)]);
    /// assert_eq!(numbers.push(ready(2)), 1);
    /// assert_eq!(numbers.len(), 2);
    /// ```
    pub fn push(&mut self, future: F) -> usize {
        self.children.insert(future)
    }

    /// Returns how many futures have not completed.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::as_completed;
    /// use futures_lite::future::{block_on, ready};
    ///
    /// let mut numbers = as_completed([ready(4)]);
    /// assert_eq!(numbers.len(), 1);
    /// block_on(numbers.next());
    /// assert_eq!(numbers.len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.children.running()
    }

    /// Says whether all futures have completed.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::as_completed;
    /// use futures_lite::future::{Ready, block_on};
    ///
    /// let mut nothing = as_completed(Vec::<Ready<u32>>::new());
    /// assert!(nothing.is_empty());
    /// assert_eq!(block_on(nothing.next()), None);
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives back what has not completed, with its numbers.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::as_completed;
    /// use futures_lite::future::{block_on, ready};
    ///
    /// let mut numbers = as_completed([ready(4), ready(2)]);
    /// block_on(numbers.next());
    /// let pending = numbers.into_pending();
    /// assert_eq!(pending.len(), 1);
    /// assert_eq!(pending[0].0, 1);
    /// ```
    pub fn into_pending(mut self) -> Vec<(usize, F)>
    where
        F: Unpin,
    {
        self.children.take_all()
    }
}

impl<F: Future> Stream for AsCompleted<F> {
    type Item = (usize, F::Output);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.children.poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl<F: Future> fmt::Debug for AsCompleted<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
