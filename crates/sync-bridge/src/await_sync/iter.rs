use std::fmt;
use std::future::poll_fn;
use std::iter::FusedIterator;
use std::panic::Location;
use std::pin::{Pin, pin};

use futures_lite::Stream;

use super::SynchronousError;
use super::drive::drive;

/// The iterator over a stream that is driven without an executor:
/// [`aiter_sync`](super::aiter_sync).
#[must_use = "iterators are lazy: the stream is polled when an item is asked for"]
pub struct AiterSync<S> {
    /// Gone at the end, and after an error.
    stream: Option<S>,
    budget: usize,
    called_at: &'static Location<'static>,
}

impl<S: Stream + Unpin> AiterSync<S> {
    pub(super) fn new(stream: S, budget: usize, called_at: &'static Location<'static>) -> Self {
        AiterSync {
            stream: Some(stream),
            budget,
            called_at,
        }
    }

    /// The stream, unless it has ended or blocked.
    ///
    /// ```
    /// use corokit_sync_bridge::aiter_sync;
    /// use futures_lite::{StreamExt, future::block_on, stream};
    ///
    /// let mut items = aiter_sync(stream::iter([1, 2, 3]));
    /// assert_eq!(items.next().unwrap().unwrap(), 1);
    /// let rest = items.into_inner().unwrap();
    /// assert_eq!(block_on(rest.collect::<Vec<_>>()), [2, 3]);
    /// ```
    #[must_use]
    pub fn into_inner(self) -> Option<S> {
        self.stream
    }
}

impl<S: Stream + Unpin> Iterator for AiterSync<S> {
    type Item = Result<S::Item, SynchronousError>;

    fn next(&mut self) -> Option<Self::Item> {
        let stream = self.stream.as_mut()?;
        let next = pin!(poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)));
        match drive(next, self.budget, self.called_at) {
            Ok(Some(item)) => Some(Ok(item)),
            Ok(None) => {
                self.stream = None;
                None
            }
            Err(error) => {
                self.stream = None;
                Some(Err(error))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let Some(stream) = &self.stream else {
            return (0, Some(0));
        };
        // An error may come in the place of any item, and of the end.
        let (lower, upper) = stream.size_hint();
        (lower.min(1), upper.and_then(|upper| upper.checked_add(1)))
    }
}

impl<S: Stream + Unpin> FusedIterator for AiterSync<S> {}

impl<S> fmt::Debug for AiterSync<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AiterSync")
            .field("ended", &self.stream.is_none())
            .field("budget", &self.budget)
            .finish()
    }
}
