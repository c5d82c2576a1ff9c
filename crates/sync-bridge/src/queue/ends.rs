//! The ends of a queue, which close it when the last of a kind is dropped.

use std::fmt;
use std::sync::atomic::Ordering;
#[cfg(not(loom))]
use std::time::Instant;

use super::error::{TryGetError, TryPutError};
use super::order::{Fifo, Order};
use super::{Closed, Get, GetMany, GetTracked, Put, Queue, Tracked};
#[cfg(not(loom))]
use super::{GetDeadlineError, Iter, PutDeadlineError, Stream};

impl<T, D: Order<T>> Queue<T, D> {
    /// Makes an end that puts. When the last of them is dropped, the queue is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let queue = Queue::unbounded();
    /// let putter = queue.putter();
    /// putter.try_put(5).unwrap();
    /// drop(putter);
    /// assert!(queue.is_closed());
    /// assert!(queue.iter().eq([5]));
    /// ```
    pub fn putter(&self) -> Putter<T, D> {
        self.shared.putters.fetch_add(1, Ordering::Relaxed);
        Putter {
            queue: self.clone(),
        }
    }

    /// Makes an end that gets. When the last of them is dropped, the queue is closed: nobody can
    /// put what nobody would get. The items that are left can still be had from the queue, and are
    /// dropped with its last handle.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::{Closed, Queue};
    ///
    /// let queue = Queue::unbounded();
    /// drop(queue.getter());
    /// assert_eq!(queue.put_blocking(5), Err(Closed(5)));
    /// ```
    pub fn getter(&self) -> Getter<T, D> {
        self.shared.getters.fetch_add(1, Ordering::Relaxed);
        Getter {
            queue: self.clone(),
        }
    }

    /// Makes an end of each kind of a queue.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    /// use std::thread;
    ///
    /// let (putter, getter) = Queue::bounded(4).split();
    /// let thread = thread::spawn(move || {
    ///     (0..10).for_each(|n| putter.put_blocking(n).unwrap());
    /// });
    /// assert!(getter.iter().eq(0..10));
    /// thread.join().unwrap();
    /// ```
    pub fn split(self) -> (Putter<T, D>, Getter<T, D>) {
        (self.putter(), self.getter())
    }
}

/// The end of a [`Queue`] that puts. The last that is dropped closes the queue.
pub struct Putter<T, D: Order<T> = Fifo> {
    queue: Queue<T, D>,
}

impl<T, D: Order<T>> Putter<T, D> {
    /// Puts an item, and waits for room: see [`Queue::put`].
    ///
    /// # Errors
    ///
    /// [`Closed`] with the item.
    ///
    /// # Cancel safety
    ///
    /// As that of [`Queue::put`].
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let (putter, getter) = Queue::bounded(1).split();
    /// futures_lite::future::block_on(putter.put(5)).unwrap();
    /// assert_eq!(getter.try_get(), Ok(5));
    /// ```
    #[inline]
    pub fn put(&self, item: T) -> Put<'_, T, D> {
        self.queue.put(item)
    }

    /// Puts an item if there is room: see [`Queue::try_put`].
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
    /// let (putter, getter) = Queue::bounded(1).split();
    /// drop(getter);
    /// assert_eq!(putter.try_put(5), Err(TryPutError::Closed(5)));
    /// ```
    #[inline]
    pub fn try_put(&self, item: T) -> Result<(), TryPutError<T>> {
        self.queue.try_put(item)
    }

    /// Puts an item, and blocks the thread while there is no room: see [`Queue::put_blocking`].
    ///
    /// # Errors
    ///
    /// [`Closed`] with the item.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let (putter, getter) = Queue::bounded(1).split();
    /// putter.put_blocking(5).unwrap();
    /// assert_eq!(getter.get_blocking(), Ok(5));
    /// ```
    pub fn put_blocking(&self, item: T) -> Result<(), Closed<T>> {
        self.queue.put_blocking(item)
    }

    /// Puts an item, and blocks the thread until `deadline` at the latest: see
    /// [`Queue::put_deadline`].
    ///
    /// # Errors
    ///
    /// [`PutDeadlineError::TimedOut`] or [`PutDeadlineError::Closed`], with the item.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::{PutDeadlineError, Queue};
    /// use std::time::Instant;
    ///
    /// let (putter, getter) = Queue::bounded(1).split();
    /// putter.put_deadline(1, Instant::now()).unwrap();
    /// let late = putter.put_deadline(2, Instant::now());
    /// assert_eq!(late, Err(PutDeadlineError::TimedOut(2)));
    /// ```
    #[cfg(not(loom))]
    pub fn put_deadline(&self, item: T, deadline: Instant) -> Result<(), PutDeadlineError<T>> {
        self.queue.put_deadline(item, deadline)
    }

    /// Returns the queue, of which this is one end.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let (putter, _getter) = Queue::<u32>::bounded(4).split();
    /// assert_eq!(putter.queue().capacity(), Some(4));
    /// ```
    pub fn queue(&self) -> &Queue<T, D> {
        &self.queue
    }
}

impl<T, D: Order<T>> Clone for Putter<T, D> {
    fn clone(&self) -> Self {
        self.queue.putter()
    }
}

impl<T, D: Order<T>> Drop for Putter<T, D> {
    fn drop(&mut self) {
        if self.queue.shared.putters.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.queue.close();
        }
    }
}

impl<T, D: Order<T>> fmt::Debug for Putter<T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Putter").field(&self.queue).finish()
    }
}

/// The end of a [`Queue`] that gets. The last that is dropped closes the queue.
///
/// It is an iterator's source for `for` loops, which block the thread.
pub struct Getter<T, D: Order<T> = Fifo> {
    queue: Queue<T, D>,
}

impl<T, D: Order<T>> Getter<T, D> {
    /// Takes the next item, and waits for one: see [`Queue::get`].
    ///
    /// # Errors
    ///
    /// [`Closed`], if the queue is closed and has no more items.
    ///
    /// # Cancel safety
    ///
    /// As that of [`Queue::get`].
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::{Closed, Queue};
    /// use futures_lite::future::block_on;
    ///
    /// let (putter, getter) = Queue::unbounded().split();
    /// putter.try_put(5).unwrap();
    /// drop(putter);
    /// assert_eq!(block_on(getter.get()), Ok(5));
    /// assert_eq!(block_on(getter.get()), Err(Closed(())));
    /// ```
    #[inline]
    pub fn get(&self) -> Get<'_, T, D> {
        self.queue.get()
    }

    /// Takes the next item, if there is one: see [`Queue::try_get`].
    ///
    /// # Errors
    ///
    /// [`TryGetError::Empty`], or [`TryGetError::Closed`] if there will be none.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::{Queue, TryGetError};
    ///
    /// let (putter, getter) = Queue::<u32>::unbounded().split();
    /// assert_eq!(getter.try_get(), Err(TryGetError::Empty));
    /// ```
    #[inline]
    pub fn try_get(&self) -> Result<T, TryGetError> {
        self.queue.try_get()
    }

    /// Takes the next item, and blocks the thread while there is none: see
    /// [`Queue::get_blocking`].
    ///
    /// # Errors
    ///
    /// [`Closed`], if the queue is closed and has no more items.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::{Closed, Queue};
    ///
    /// let (putter, getter) = Queue::<u32>::unbounded().split();
    /// drop(putter);
    /// assert_eq!(getter.get_blocking(), Err(Closed(())));
    /// ```
    pub fn get_blocking(&self) -> Result<T, Closed> {
        self.queue.get_blocking()
    }

    /// Takes the next item, and blocks the thread until `deadline` at the latest: see
    /// [`Queue::get_deadline`].
    ///
    /// # Errors
    ///
    /// [`GetDeadlineError::TimedOut`], or [`GetDeadlineError::Closed`] if there will be none.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::{GetDeadlineError, Queue};
    /// use std::time::Instant;
    ///
    /// let (_putter, getter) = Queue::<u32>::unbounded().split();
    /// assert_eq!(getter.get_deadline(Instant::now()), Err(GetDeadlineError::TimedOut));
    /// ```
    #[cfg(not(loom))]
    pub fn get_deadline(&self, deadline: Instant) -> Result<T, GetDeadlineError> {
        self.queue.get_deadline(deadline)
    }

    /// Takes up to `limit` items: see [`Queue::get_many`].
    ///
    /// # Errors
    ///
    /// [`Closed`], if the queue is closed and has no more items.
    ///
    /// # Cancel safety
    ///
    /// As that of [`Queue::get_many`].
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let (putter, getter) = Queue::unbounded().split();
    /// (0..3).for_each(|n| putter.try_put(n).unwrap());
    /// let mut items = Vec::new();
    /// let taken = futures_lite::future::block_on(getter.get_many(&mut items, 10));
    /// assert_eq!((taken, items), (Ok(3), vec![0, 1, 2]));
    /// ```
    #[inline]
    pub fn get_many<'a>(&'a self, items: &'a mut Vec<T>, limit: usize) -> GetMany<'a, T, D> {
        self.queue.get_many(items, limit)
    }

    /// Takes the next item with a guard that says when it is done: see [`Queue::get_tracked`].
    ///
    /// # Errors
    ///
    /// [`Closed`], if the queue is closed and has no more items.
    ///
    /// # Cancel safety
    ///
    /// As that of [`Queue::get`].
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let (putter, getter) = Queue::unbounded().split();
    /// putter.try_put("job").unwrap();
    /// let job = futures_lite::future::block_on(getter.get_tracked()).unwrap();
    /// assert_eq!(*job, "job");
    /// ```
    #[inline]
    pub fn get_tracked(&self) -> GetTracked<'_, T, D> {
        self.queue.get_tracked()
    }

    /// Takes the next item with a guard that says when it is done, and blocks the thread while
    /// there is none: see [`Queue::get_tracked_blocking`].
    ///
    /// # Errors
    ///
    /// [`Closed`], if the queue is closed and has no more items.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let (putter, getter) = Queue::unbounded().split();
    /// putter.try_put("job").unwrap();
    /// assert_eq!(getter.get_tracked_blocking().unwrap().into_inner(), "job");
    /// ```
    pub fn get_tracked_blocking(&self) -> Result<Tracked<T, D>, Closed> {
        self.queue.get_tracked_blocking()
    }

    /// Returns an iterator of the items, which blocks the thread: see [`Queue::iter`].
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let (putter, getter) = Queue::unbounded().split();
    /// putter.try_put(5).unwrap();
    /// drop(putter);
    /// assert!(getter.iter().eq([5]));
    /// ```
    #[cfg(not(loom))]
    pub fn iter(&self) -> Iter<'_, T, D> {
        self.queue.iter()
    }

    /// Makes the end a stream of the items: see [`Queue::stream`].
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    /// use futures_lite::{StreamExt, future::block_on};
    ///
    /// let (putter, getter) = Queue::unbounded().split();
    /// putter.try_put(5).unwrap();
    /// drop(putter);
    /// assert_eq!(block_on(getter.into_stream().collect::<Vec<_>>()), [5]);
    /// ```
    #[cfg(not(loom))]
    pub fn into_stream(self) -> Stream<T, D> {
        Stream::of_end(self)
    }

    /// Returns the queue, of which this is one end.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let (_putter, getter) = Queue::<u32>::unbounded().split();
    /// assert!(getter.queue().is_empty());
    /// ```
    pub fn queue(&self) -> &Queue<T, D> {
        &self.queue
    }
}

#[cfg(not(loom))]
impl<'a, T, D: Order<T>> IntoIterator for &'a Getter<T, D> {
    type Item = T;
    type IntoIter = Iter<'a, T, D>;

    fn into_iter(self) -> Iter<'a, T, D> {
        self.iter()
    }
}

impl<T, D: Order<T>> Clone for Getter<T, D> {
    fn clone(&self) -> Self {
        self.queue.getter()
    }
}

impl<T, D: Order<T>> Drop for Getter<T, D> {
    fn drop(&mut self) {
        if self.queue.shared.getters.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.queue.close();
        }
    }
}

impl<T, D: Order<T>> fmt::Debug for Getter<T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Getter").field(&self.queue).finish()
    }
}
