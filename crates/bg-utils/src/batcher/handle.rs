//! The handle of a batcher, and the futures of pushing and flushing.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use corokit_sync_bridge::waiters::{Cancelled, Key};

use super::builder::Builder;
use super::state::{Shared, State, wake_all};
use crate::Closed;
use crate::clock::{block_on, block_on_until};
use crate::sync::MutexGuard;

/// Collects items into batches: see the [module](super).
///
/// Clones are handles of the same batcher. When the last one is dropped, it is closed.
///
/// Source: `async_utils.waterfall.Waterfall`.
pub struct Batcher<T> {
    shared: Arc<Shared<T>>,
}

impl Batcher<()> {
    /// Begins to make a batcher.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::batcher::{Batch, Batcher};
    /// use std::time::Duration;
    ///
    /// let (batcher, driver) = Batcher::builder()
    ///     .max(10)
    ///     .wait(Duration::from_secs(5))
    ///     .build(async |batch: Batch<&str>| {
    ///         assert_eq!(*batch, ["a", "b"]);
    ///         Ok::<_, ()>(())
    ///     });
    /// batcher.try_push("a").unwrap();
    /// batcher.try_push("b").unwrap();
    /// drop(batcher);
    /// assert_eq!(futures_lite::future::block_on(driver).items, 2);
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl<T> Batcher<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Batcher { shared }
    }

    /// Pushes an item, and waits for room if the queue is full. Those who wait get places in the order
    /// in which they came, and push when they are polled.
    ///
    /// # Errors
    ///
    /// [`Closed`] with the item, if the batcher has been closed, or its driver dropped.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it has completed, the item has not been pushed.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::{Closed, batcher::{Batch, Batcher}};
    ///
    /// let (batcher, driver) = Batcher::builder().build(async |_: Batch<u32>| Ok::<_, ()>(()));
    /// futures_lite::future::block_on(async {
    ///     batcher.push(1).await.unwrap();
    ///     drop(driver);
    ///     assert_eq!(batcher.push(2).await, Err(Closed(2)));
    /// });
    /// ```
    #[inline]
    pub fn push(&self, item: T) -> Push<'_, T> {
        Push {
            batcher: self,
            item: Some(item),
            key: None,
        }
    }

    /// Pushes an item, if there is room and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TryPushError`] with the item.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::batcher::{Batch, Batcher, TryPushError};
    ///
    /// let builder = Batcher::builder().max(1).queue(1);
    /// let (batcher, driver) = builder.build(async |_: Batch<u32>| Ok::<_, ()>(()));
    /// assert_eq!(batcher.try_push(1), Ok(()));
    /// assert_eq!(batcher.try_push(2), Err(TryPushError::Full(2)));
    /// batcher.close();
    /// assert_eq!(batcher.try_push(3), Err(TryPushError::Closed(3)));
    /// # drop(driver);
    /// ```
    #[inline]
    pub fn try_push(&self, item: T) -> Result<(), TryPushError<T>> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(TryPushError::Closed(item));
        }
        if !state.is_open() {
            return Err(TryPushError::Full(item));
        }
        let driver = state.push(item);
        drop(state);
        if let Some(waker) = driver {
            waker.wake();
        }
        Ok(())
    }

    /// Pushes an item, and blocks the thread while the queue is full.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::batcher::{Batch, Batcher};
    ///
    /// let (batcher, driver) = Batcher::builder().build(async |_: Batch<u32>| Ok::<_, ()>(()));
    /// batcher.push_blocking(1).unwrap();
    /// assert_eq!(batcher.len(), 1);
    /// # drop(driver);
    /// ```
    pub fn push_blocking(&self, item: T) -> Result<(), Closed<T>> {
        match self.try_push(item) {
            Ok(()) => Ok(()),
            Err(TryPushError::Closed(item)) => Err(Closed(item)),
            Err(TryPushError::Full(item)) => block_on(self.push(item)),
        }
    }

    /// Pushes an item, and blocks the thread while the queue is full, at most until the deadline.
    ///
    /// # Errors
    ///
    /// [`TryPushError`] with the item; `Full` if there was no room in time.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::batcher::{Batch, Batcher, TryPushError};
    /// use std::time::Instant;
    ///
    /// let builder = Batcher::builder().max(1).queue(1);
    /// let (batcher, driver) = builder.build(async |_: Batch<u32>| Ok::<_, ()>(()));
    /// let deadline = Instant::now();
    /// assert_eq!(batcher.push_deadline(1, deadline), Ok(()));
    /// assert_eq!(batcher.push_deadline(2, deadline), Err(TryPushError::Full(2)));
    /// # drop(driver);
    /// ```
    pub fn push_deadline(&self, item: T, deadline: Instant) -> Result<(), TryPushError<T>> {
        let mut push = self.push(item);
        match block_on_until(deadline, Pin::new(&mut push)) {
            Some(pushed) => pushed.map_err(|Closed(item)| TryPushError::Closed(item)),
            None => {
                let item = push.item.take();
                Err(TryPushError::Full(item.expect("it has not been pushed")))
            }
        }
    }

    /// Has everything that was pushed handled at once, and waits until it is done: until its
    /// handlers have completed, or failed. What counts is what was pushed before the first poll.
    ///
    /// # Errors
    ///
    /// [`Unflushed`] if the driver is dropped before.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the items are handled at once all the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::batcher::{Batch, Batcher};
    /// use futures_lite::future;
    ///
    /// let (batcher, driver) = Batcher::builder().build(async |_: Batch<u32>| Ok::<_, ()>(()));
    /// future::block_on(future::or(
    ///     async {
    ///         batcher.push(1).await.unwrap();
    ///         // It does not take the second that a batch of one usually waits.
    ///         batcher.flush().await.unwrap();
    ///         assert!(batcher.is_empty());
    ///     },
    ///     async { drop(driver.await) },
    /// ));
    /// ```
    pub fn flush(&self) -> Flush<'_, T> {
        Flush {
            batcher: self,
            progress: Progress::New,
        }
    }

    /// Closes the batcher: nothing more is taken, and what was is handled at once; then the driver
    /// ends. Those who wait for room get their items back.
    ///
    /// Returns `false` if it was closed already.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::batcher::{Batch, Batcher};
    ///
    /// let (batcher, driver) = Batcher::builder().build(async |_: Batch<u32>| Ok::<_, ()>(()));
    /// batcher.try_push(1).unwrap();
    /// assert!(batcher.close());
    /// assert!(!batcher.close());
    /// assert_eq!(futures_lite::future::block_on(driver).items, 1);
    /// ```
    pub fn close(&self) -> bool {
        self.shared.close()
    }

    /// Returns whether it has been closed, or its driver dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::batcher::{Batch, Batcher};
    ///
    /// let (batcher, driver) = Batcher::builder().build(async |_: Batch<u32>| Ok::<_, ()>(()));
    /// assert!(!batcher.is_closed());
    /// drop(driver);
    /// assert!(batcher.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.lock().closed
    }

    /// Takes what was not handled when the driver was dropped, in the order in which it was pushed.
    /// What was left in the [`Batch`](super::Batch)es of handlers that were dropped comes first.
    ///
    /// It is empty while the driver is there, when it has completed, and when it was taken before.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::batcher::{Batch, Batcher};
    ///
    /// let (batcher, driver) = Batcher::builder().build(async |_: Batch<u32>| Ok::<_, ()>(()));
    /// batcher.try_push(1).unwrap();
    /// drop(driver);
    /// assert_eq!(batcher.take_unflushed(), [1]);
    /// assert_eq!(batcher.take_unflushed(), []);
    /// ```
    pub fn take_unflushed(&self) -> Vec<T> {
        let mut state = self.shared.lock();
        state.unflushed.as_mut().map(mem::take).unwrap_or_default()
    }

    /// Returns how many items are queued. Those that are being handled are not.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::batcher::{Batch, Batcher};
    ///
    /// let (batcher, driver) = Batcher::builder().build(async |_: Batch<u32>| Ok::<_, ()>(()));
    /// assert!(batcher.is_empty());
    /// batcher.try_push(1).unwrap();
    /// assert_eq!(batcher.len(), 1);
    /// # drop(driver);
    /// ```
    pub fn len(&self) -> usize {
        self.shared.lock().queued
    }

    /// Returns whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many items may be queued.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::batcher::{Batch, Batcher};
    ///
    /// let builder = Batcher::builder().max(100).queue(10);
    /// let (batcher, driver) = builder.build(async |_: Batch<u32>| Ok::<_, ()>(()));
    /// // A whole batch fits in any case.
    /// assert_eq!(batcher.capacity(), 100);
    /// # drop(driver);
    /// ```
    pub fn capacity(&self) -> usize {
        self.shared.lock().capacity
    }
}

impl<T> Clone for Batcher<T> {
    fn clone(&self) -> Self {
        self.shared.lock().handles += 1;
        Batcher {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> Drop for Batcher<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.handles -= 1;
        let last = state.handles == 0;
        drop(state);
        if last {
            self.shared.close();
        }
    }
}

impl<T> fmt::Debug for Batcher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("closed", &self.is_closed())
            .finish()
    }
}

/// Pushes an item into a [`Batcher`].
///
/// # Panics
///
/// Polling it after it has completed panics.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Push<'b, T> {
    batcher: &'b Batcher<T>,
    item: Option<T>,
    /// Its place among those who wait for room.
    key: Option<Key>,
}

// The item is never pinned.
impl<T> Unpin for Push<'_, T> {}

impl<T> Push<'_, T> {
    /// Pushes the item, for which there is a place.
    #[inline]
    fn complete(&mut self, mut state: MutexGuard<'_, State<T>>) {
        let item = self.item.take().expect("polled after completion");
        let driver = state.push(item);
        drop(state);
        if let Some(waker) = driver {
            waker.wake();
        }
    }

    #[cold]
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed<T>>> {
        // The waker is cloned without the lock, so everything is looked at again.
        let mut waker = Some(cx.waker().clone());
        let mut state = self.batcher.shared.lock();
        match self.key {
            Some(key) => match state.pushers.poll(key, &mut waker) {
                Poll::Ready(has_place) => {
                    self.key = None;
                    if has_place {
                        state.unreserve();
                    }
                }
                Poll::Pending => {
                    drop(state);
                    drop(waker);
                    return Poll::Pending;
                }
            },
            None if state.closed || state.is_open() => {}
            None => {
                self.key = Some(state.pushers.push_back((), waker));
                return Poll::Pending;
            }
        }
        if state.closed {
            drop(state);
            let item = self.item.take().expect("polled after completion");
            return Poll::Ready(Err(Closed(item)));
        }
        self.complete(state);
        Poll::Ready(Ok(()))
    }
}

impl<T> Future for Push<'_, T> {
    type Output = Result<(), Closed<T>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        assert!(this.item.is_some(), "polled after completion");
        if this.key.is_none() {
            let state = this.batcher.shared.lock();
            if state.is_open() {
                this.complete(state);
                return Poll::Ready(Ok(()));
            }
        }
        this.wait(cx)
    }
}

impl<T> Drop for Push<'_, T> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut waker = None;
        let mut state = self.batcher.shared.lock();
        let mut next = Vec::new();
        if let Cancelled::Granted(true) = state.pushers.cancel(key, &mut waker) {
            // The place that was kept for it is for somebody else.
            state.unreserve();
            next = state.admit();
        }
        drop(state);
        wake_all(next);
    }
}

impl<T> fmt::Debug for Push<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push").finish_non_exhaustive()
    }
}

/// Waits until what was pushed into a [`Batcher`] is done.
///
/// # Panics
///
/// Polling it after it has completed panics.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Flush<'b, T> {
    batcher: &'b Batcher<T>,
    progress: Progress,
}

#[derive(Clone, Copy)]
enum Progress {
    New,
    /// Up to which item.
    Waits(Key, u64),
    Done,
}

impl<T> Future for Flush<'_, T> {
    type Output = Result<(), Unflushed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut waker = Some(cx.waker().clone());
        let mut state = this.batcher.shared.lock();
        let mut driver = None;
        let (done, target) = match this.progress {
            Progress::Done => panic!("polled after completion"),
            Progress::Waits(key, target) => {
                let done = state.flushers.poll(key, &mut waker).is_ready();
                (done, target)
            }
            Progress::New if state.done == state.pushed || state.unflushed.is_some() => {
                (true, state.pushed)
            }
            Progress::New => {
                driver = state.flush();
                let target = state.pushed;
                let key = state.flushers.push_back(target, waker.take());
                this.progress = Progress::Waits(key, target);
                (false, target)
            }
        };
        // The driver releases everybody when it is dropped.
        let lost = state.done < target;
        drop(state);
        if let Some(waker) = driver {
            waker.wake();
        }
        if !done {
            return Poll::Pending;
        }
        this.progress = Progress::Done;
        Poll::Ready(match lost {
            true => Err(Unflushed),
            false => Ok(()),
        })
    }
}

impl<T> Drop for Flush<'_, T> {
    fn drop(&mut self) {
        if let Progress::Waits(key, _) = self.progress {
            let mut waker = None;
            let mut state = self.batcher.shared.lock();
            match state.flushers.cancel(key, &mut waker) {
                Cancelled::Waiting(_) | Cancelled::Granted(()) => {}
            }
            drop(state);
        }
    }
}

impl<T> fmt::Debug for Flush<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flush").finish_non_exhaustive()
    }
}

/// An item was not pushed, and comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryPushError<T> {
    /// There is no room, or others wait for it.
    Full(T),
    /// The batcher has been closed, or its driver dropped.
    Closed(T),
}

impl<T> TryPushError<T> {
    /// Returns the item.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::batcher::TryPushError;
    ///
    /// assert_eq!(TryPushError::Full(1).into_inner(), 1);
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            TryPushError::Full(item) | TryPushError::Closed(item) => item,
        }
    }
}

impl<T> fmt::Debug for TryPushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPushError::Full(_) => "Full(..)",
            TryPushError::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for TryPushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPushError::Full(_) => "the queue of the batcher is full",
            TryPushError::Closed(_) => "the batcher is closed, and takes nothing more",
        })
    }
}

impl<T> Error for TryPushError<T> {}

/// The driver was dropped before everything was handled:
/// [`take_unflushed`](Batcher::take_unflushed) gives the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unflushed;

impl fmt::Display for Unflushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the driver of the batcher was dropped before everything was handled")
    }
}

impl Error for Unflushed {}
