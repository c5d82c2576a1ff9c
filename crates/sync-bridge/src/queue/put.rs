//! Putting items into a queue.

use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
#[cfg(not(loom))]
use std::time::Instant;

use super::Queue;
#[cfg(not(loom))]
use super::error::PutDeadlineError;
use super::error::{Closed, TryPutError};
use super::order::{Fifo, Order};
use super::state::{ACCEPTED, Answer, Putting, Refused, Shared, Wakes};
use super::ticket::Ticket;
#[cfg(not(loom))]
use crate::deadline::block_on_until;
use crate::waiters::{Cancelled, Key};

/// Putting.
impl<T, D: Order<T>> Queue<T, D> {
    /// Puts an item, and waits for room if the queue is bounded and full.
    ///
    /// Those who wait for room put their items in the order in which they came. If somebody waits
    /// for an item, it is handed to the one that has waited longest. Putting does not yield if it
    /// does not have to wait.
    ///
    /// Source: `asyncio.Queue.put`.
    ///
    /// # Errors
    ///
    /// [`Closed`] with the item, if the queue is closed, or is closed while it waits.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future while it waits is the same as never having waited: the item is dropped
    /// with it. Once there was room for the item it is in the queue, whether the future has been
    /// polled since or not; [`Put::withdraw`] tells.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    /// use futures_lite::future::{block_on, zip};
    ///
    /// let queue = Queue::bounded(1);
    /// block_on(async {
    ///     queue.put(1).await.unwrap();
    ///     let (put, got) = zip(queue.put(2), queue.get()).await;
    ///     assert_eq!((put, got), (Ok(()), Ok(1)));
    /// });
    /// assert_eq!(queue.len(), 1);
    /// ```
    #[inline]
    pub fn put(&self, item: T) -> Put<'_, T, D> {
        Put {
            queue: self,
            stage: Stage::Begins(item),
        }
    }

    /// Puts an item if there is room.
    ///
    /// An unbounded queue always has room.
    ///
    /// Source: `asyncio.Queue.put_nowait`.
    ///
    /// # Errors
    ///
    /// [`TryPutError::Full`] or [`TryPutError::Closed`], with the item.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::{Queue, TryPutError};
    ///
    /// let queue = Queue::bounded(1);
    /// assert_eq!(queue.try_put(1), Ok(()));
    /// assert_eq!(queue.try_put(2), Err(TryPutError::Full(2)));
    /// queue.close();
    /// assert_eq!(queue.try_put(3), Err(TryPutError::Closed(3)));
    /// ```
    #[inline]
    pub fn try_put(&self, item: T) -> Result<(), TryPutError<T>> {
        let mut item = Some(item);
        let put = self.shared.lock().put(&mut item);
        match (put, item) {
            (Err(Refused::Full), Some(item)) => Err(TryPutError::Full(item)),
            (Err(Refused::Closed), Some(item)) => Err(TryPutError::Closed(item)),
            (put, _) => {
                if let Ok(Some(waker)) = put {
                    waker.wake();
                }
                Ok(())
            }
        }
    }

    /// Puts an item, and blocks the thread while there is no room.
    ///
    /// Threads and tasks wait in one line.
    ///
    /// Source: `queue.Queue.put`.
    ///
    /// # Errors
    ///
    /// [`Closed`] with the item, if the queue is closed, or is closed while it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    /// use std::thread;
    ///
    /// let queue = Queue::bounded(1);
    /// thread::scope(|scope| {
    ///     scope.spawn(|| (0..10).for_each(|n| queue.put_blocking(n).unwrap()));
    ///     let items: Vec<_> = queue.iter().take(10).collect();
    ///     assert!(items.into_iter().eq(0..10));
    /// });
    /// ```
    pub fn put_blocking(&self, item: T) -> Result<(), Closed<T>> {
        match self.try_put(item) {
            Ok(()) => Ok(()),
            Err(TryPutError::Closed(item)) => Err(Closed(item)),
            Err(TryPutError::Full(item)) => Ticket::with(|ticket| self.put_parked(item, ticket)),
        }
    }

    fn put_parked(&self, item: T, ticket: &Arc<Ticket>) -> Result<(), Closed<T>> {
        let own = Some(Arc::clone(ticket));
        let mut wakes = Wakes::default();
        let mut item = Some(item);
        let mut state = self.shared.lock();
        let key = match state.put(&mut item) {
            Ok(waker) => {
                wakes.add(waker);
                return Ok(());
            }
            Err(Refused::Closed) => {
                drop(state);
                return item.map_or(Ok(()), |item| Err(Closed(item)));
            }
            Err(Refused::Full) => {
                let ticket = own;
                state.putters.push_back(Putting { item, ticket }, None)
            }
        };
        drop(state);
        if ticket.wait() == ACCEPTED {
            return Ok(());
        }
        let granted = self.shared.lock().putters.poll(key, &mut None);
        match granted {
            Poll::Ready(answer) => answer.into_result(),
            Poll::Pending => unreachable!("it was told"),
        }
    }

    /// Puts an item, and blocks the thread while there is no room, until `deadline` at the latest.
    ///
    /// Source: `queue.Queue.put` with a timeout.
    ///
    /// # Errors
    ///
    /// [`PutDeadlineError::TimedOut`] or [`PutDeadlineError::Closed`], with the item.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::{PutDeadlineError, Queue};
    /// use std::time::{Duration, Instant};
    ///
    /// let queue = Queue::bounded(1);
    /// let soon = Instant::now() + Duration::from_millis(1);
    /// assert_eq!(queue.put_deadline(1, soon), Ok(()));
    /// assert_eq!(queue.put_deadline(2, soon), Err(PutDeadlineError::TimedOut(2)));
    /// ```
    #[cfg(not(loom))]
    pub fn put_deadline(&self, item: T, deadline: Instant) -> Result<(), PutDeadlineError<T>> {
        let mut put = match self.try_put(item) {
            Ok(()) => return Ok(()),
            Err(TryPutError::Closed(item)) => return Err(PutDeadlineError::Closed(item)),
            Err(TryPutError::Full(item)) => self.put(item),
        };
        match block_on_until(deadline, &mut put) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Closed(item))) => Err(PutDeadlineError::Closed(item)),
            // There may have been room for it at the last moment.
            Err(_) => match put.withdraw() {
                None => Ok(()),
                Some(item) if self.is_closed() => Err(PutDeadlineError::Closed(item)),
                Some(item) => Err(PutDeadlineError::TimedOut(item)),
            },
        }
    }
}

/// The future of [`Queue::put`].
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Put<'a, T, D: Order<T> = Fifo> {
    queue: &'a Queue<T, D>,
    stage: Stage<T>,
}

enum Stage<T> {
    Begins(T),
    Waits(Key),
    Over,
}

/// The item is never pinned.
impl<T, D: Order<T>> Unpin for Put<'_, T, D> {}

impl<T, D: Order<T>> Put<'_, T, D> {
    /// Takes the item back, unless it is in the queue by now, or beyond.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    /// use futures_lite::future::{block_on, poll_once};
    ///
    /// let queue = Queue::bounded(1);
    /// queue.try_put(1).unwrap();
    /// let mut put = queue.put(2);
    /// assert!(block_on(poll_once(&mut put)).is_none());
    /// assert_eq!(put.withdraw(), Some(2));
    /// ```
    pub fn withdraw(mut self) -> Option<T> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Begins(item) => Some(item),
            Stage::Waits(key) => self.queue.shared.leave_put(key),
            Stage::Over => None,
        }
    }

    /// Goes on where there is no room at once.
    #[inline(never)]
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed<T>>> {
        // Cloned, and what is left here dropped, outside of the lock.
        let mut waker = Some(cx.waker().clone());
        let mut wakes = Wakes::default();
        let mut item = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Begins(item) => Some(item),
            Stage::Waits(key) => {
                self.stage = Stage::Waits(key);
                let polled = self.queue.shared.lock().putters.poll(key, &mut waker);
                if polled.is_ready() {
                    self.stage = Stage::Over;
                }
                return polled.map(Answer::into_result);
            }
            Stage::Over => panic!("`Put` polled after it had completed"),
        };
        let mut state = self.queue.shared.lock();
        // Since it looked last, there may be room.
        match state.put(&mut item) {
            Ok(waker) => {
                wakes.add(waker);
                Poll::Ready(Ok(()))
            }
            Err(Refused::Closed) => {
                drop(state);
                Poll::Ready(item.map_or(Ok(()), |item| Err(Closed(item))))
            }
            Err(Refused::Full) => {
                let putting = Putting { item, ticket: None };
                self.stage = Stage::Waits(state.putters.push_back(putting, waker.take()));
                Poll::Pending
            }
        }
    }
}

impl<T, D: Order<T>> Future for Put<'_, T, D> {
    type Output = Result<(), Closed<T>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        match std::mem::replace(&mut this.stage, Stage::Over) {
            Stage::Begins(item) => match this.queue.try_put(item) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(TryPutError::Closed(item)) => return Poll::Ready(Err(Closed(item))),
                Err(TryPutError::Full(item)) => this.stage = Stage::Begins(item),
            },
            stage => this.stage = stage,
        }
        this.poll_waiting(cx)
    }
}

impl<T, D: Order<T>> Drop for Put<'_, T, D> {
    #[inline]
    fn drop(&mut self) {
        if let Stage::Waits(key) = self.stage {
            drop(self.queue.shared.leave_put(key));
        }
    }
}

impl<T, D: Order<T>> Shared<T, D> {
    /// Leaves the line of those who put, and returns the item if it is not in the queue.
    #[inline(never)]
    fn leave_put(&self, key: Key) -> Option<T> {
        let mut waker = None;
        let left = self.lock().putters.cancel(key, &mut waker);
        match left {
            Cancelled::Waiting(putting) => putting.item,
            Cancelled::Granted(Answer::Accepted) => None,
            // What finding its place panicked with is dropped with the place.
            Cancelled::Granted(Answer::Closed(item) | Answer::Panicked(item, _)) => Some(item),
        }
    }
}

impl<T> Answer<T> {
    /// What putting gives then. To be called without the lock.
    fn into_result(self) -> Result<(), Closed<T>> {
        match self {
            Answer::Accepted => Ok(()),
            Answer::Closed(item) => Err(Closed(item)),
            Answer::Panicked(item, payload) => {
                drop(item);
                resume_unwind(payload)
            }
        }
    }
}

impl<T, D: Order<T>> fmt::Debug for Put<'_, T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Put").finish_non_exhaustive()
    }
}
