//! Waiting until the work is done.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
#[cfg(not(loom))]
use std::time::Instant;

use super::Queue;
use super::order::{Fifo, Order};
use super::state::{Shared, Wakes};
use crate::park::block_on;
use crate::waiters::{Cancelled, Key};
#[cfg(not(loom))]
use crate::{TimedOut, deadline::block_on_until};

/// Waiting until the work is done.
impl<T, D: Order<T>> Queue<T, D> {
    /// Waits until all items are done: until there is none in the queue, and none is
    /// [tracked](Self::get_tracked) any more. If that is so already, it does not wait.
    ///
    /// It completes once that was so, even if an item has been put since.
    ///
    /// Source: `asyncio.Queue.join`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is the same as never having waited.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    /// use futures_lite::future::{block_on, poll_once};
    ///
    /// let queue = Queue::unbounded();
    /// block_on(async {
    ///     queue.join().await;
    ///     queue.put("job").await.unwrap();
    ///     let job = queue.get_tracked().await.unwrap();
    ///     let mut join = queue.join();
    ///     // The queue is empty, but somebody is at work.
    ///     assert!(poll_once(&mut join).await.is_none());
    ///     drop(job);
    ///     join.await;
    /// });
    /// ```
    pub fn join(&self) -> Join<'_, T, D> {
        Join {
            queue: self,
            key: None,
        }
    }

    /// Blocks the thread until all items are done: see [`join`](Self::join).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    /// use std::thread;
    ///
    /// let queue = Queue::unbounded();
    /// (0..10).for_each(|n| queue.try_put(n).unwrap());
    /// thread::scope(|scope| {
    ///     scope.spawn(|| while queue.try_get_tracked().is_ok() {});
    ///     queue.join_blocking();
    /// });
    /// assert_eq!(queue.unfinished(), 0);
    /// ```
    pub fn join_blocking(&self) {
        block_on(self.join());
    }

    /// Blocks the thread until all items are done, or until `deadline`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`], if the deadline passed first.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::{TimedOut, queue::Queue};
    /// use std::time::Instant;
    ///
    /// let queue = Queue::unbounded();
    /// queue.try_put("job").unwrap();
    /// assert_eq!(queue.join_deadline(Instant::now()), Err(TimedOut));
    /// ```
    #[cfg(not(loom))]
    pub fn join_deadline(&self, deadline: Instant) -> Result<(), TimedOut> {
        block_on_until(deadline, self.join())
    }

    /// Returns how many items are not done: those in the queue, those that are tracked, and those
    /// that have been handed to somebody who has not run since.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let queue = Queue::unbounded();
    /// queue.try_put(1).unwrap();
    /// queue.try_put(2).unwrap();
    /// let job = queue.try_get_tracked().unwrap();
    /// assert_eq!(queue.unfinished(), 2);
    /// assert_eq!(job.into_inner(), 1);
    /// assert_eq!(queue.unfinished(), 1);
    /// ```
    pub fn unfinished(&self) -> usize {
        self.shared.lock().unfinished()
    }
}

/// The future of [`Queue::join`].
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Join<'a, T, D: Order<T> = Fifo> {
    queue: &'a Queue<T, D>,
    key: Option<Key>,
}

impl<T, D: Order<T>> Future for Join<'_, T, D> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Cloned, and what is left here dropped, outside of the lock.
        let mut waker = Some(cx.waker().clone());
        let queue = self.queue;
        let mut state = queue.shared.lock();
        match self.key {
            None if state.unfinished() == 0 => Poll::Ready(()),
            None => {
                self.key = Some(state.joiners.push_back((), waker.take()));
                Poll::Pending
            }
            Some(key) => {
                let polled = state.joiners.poll(key, &mut waker);
                if polled.is_ready() {
                    self.key = None;
                }
                polled
            }
        }
    }
}

impl<T, D: Order<T>> Drop for Join<'_, T, D> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let mut waker = None;
            // All who waited were told, so there is nothing to be passed on.
            let (Cancelled::Waiting(()) | Cancelled::Granted(())) =
                self.queue.shared.lock().joiners.cancel(key, &mut waker);
        }
    }
}

impl<T, D: Order<T>> fmt::Debug for Join<'_, T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").finish_non_exhaustive()
    }
}

/// An item that is being worked on: see [`Queue::get_tracked`]. Dropping it says that it is done,
/// in whatever way: also when the one that works on it panics.
///
/// Source: `asyncio.Queue.task_done`, which cannot be called too often here.
#[must_use = "dropping it says that the item is done"]
pub struct Tracked<T, D: Order<T> = Fifo> {
    // In this order: an item is done when it has been dropped.
    item: T,
    _work: Work<T, D>,
}

impl<T, D: Order<T>> Tracked<T, D> {
    pub(super) fn new(item: T, queue: &Queue<T, D>) -> Self {
        let _work = Work(Arc::clone(&queue.shared));
        Tracked { item, _work }
    }

    /// Says that the item is done, and returns it.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let queue = Queue::unbounded();
    /// queue.try_put("job").unwrap();
    /// let job = queue.try_get_tracked().unwrap();
    /// assert_eq!(job.into_inner(), "job");
    /// queue.join_blocking();
    /// ```
    pub fn into_inner(self) -> T {
        self.item
    }
}

impl<T, D: Order<T>> Deref for Tracked<T, D> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item
    }
}

impl<T, D: Order<T>> DerefMut for Tracked<T, D> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.item
    }
}

impl<T: fmt::Debug, D: Order<T>> fmt::Debug for Tracked<T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tracked").field(&self.item).finish()
    }
}

/// Says that an item is done.
struct Work<T, D: Order<T>>(Arc<Shared<T, D>>);

impl<T, D: Order<T>> Drop for Work<T, D> {
    fn drop(&mut self) {
        let mut wakes = Wakes::default();
        self.0.lock().done(&mut wakes);
    }
}
