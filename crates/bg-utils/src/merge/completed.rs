//! What futures return, as it comes.

use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_buffered::FuturesUnorderedBounded;
use futures_core::Stream;

use crate::guarded::Guarded;

/// Makes a stream of what futures return, each with the number of its future, in the order of
/// completion.
///
/// The futures run where the stream is polled, each only when it was woken.
///
/// Source: `asyncio.as_completed`, `async_utils.AsCompletedIterator`. There, a wait that was
/// cancelled lost a result.
///
/// # Cancel safety
///
/// Dropping what waits for the next output loses nothing. Dropping the stream drops the futures
/// that are left.
///
/// # Examples
///
/// ```
/// use corokit_bg_utils::merge::as_completed;
/// use futures_lite::StreamExt;
/// use futures_lite::future::{block_on, yield_now};
///
/// let run = async |laps| {
///     for _ in 0..laps {
///         yield_now().await;
///     }
///     laps
/// };
/// let finishers = as_completed([3, 1, 2].map(run)).collect::<Vec<_>>();
/// assert_eq!(block_on(finishers), [(1, 1), (2, 2), (0, 3)]);
/// ```
pub fn as_completed<F: Future>(futures: impl IntoIterator<Item = F>) -> AsCompleted<F> {
    let numbered = futures.into_iter().enumerate();
    AsCompleted {
        futures: numbered
            .map(|(number, future)| Guarded::new(number, future))
            .collect(),
    }
}

/// The stream of [`as_completed`].
#[must_use = "streams do nothing unless polled"]
pub struct AsCompleted<F> {
    futures: FuturesUnorderedBounded<Guarded<F>>,
}

impl<F> AsCompleted<F> {
    /// Returns how many futures are left.
    ///
    /// ```
    /// use corokit_bg_utils::merge::as_completed;
    /// use futures_lite::StreamExt;
    /// use futures_lite::future::block_on;
    /// use std::future::ready;
    ///
    /// let mut outputs = as_completed([ready(1), ready(2)]);
    /// assert!(block_on(outputs.next()).is_some());
    /// assert_eq!(outputs.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.futures.len()
    }

    /// Returns whether no future is left.
    ///
    /// ```
    /// use corokit_bg_utils::merge::as_completed;
    /// use std::future::Ready;
    ///
    /// assert!(as_completed(Vec::<Ready<u8>>::new()).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<F: Future> Stream for AsCompleted<F> {
    type Item = (usize, F::Output);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.futures).poll_next(cx);
        polled.map(|completed| {
            completed.map(|(number, outcome)| match outcome {
                Ok(output) => (number, output),
                Err(payload) => resume_unwind(payload),
            })
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl<F> fmt::Debug for AsCompleted<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("left", &self.len())
            .finish_non_exhaustive()
    }
}
