//! Queues of two colours: either side may be threads, tasks, or both.
//!
//! ```
//! use corokit_sync_bridge::queue::Queue;
//! use futures_lite::future::block_on;
//! use std::thread;
//!
//! let (jobs, results) = (Queue::bounded(8), Queue::unbounded());
//! thread::scope(|scope| {
//!     // A thread that works, between two sides that do not block.
//!     scope.spawn(|| {
//!         for n in &jobs {
//!             results.put_blocking(n * n).unwrap();
//!         }
//!         results.close();
//!     });
//!     block_on(async {
//!         for n in 1..=3_u32 {
//!             jobs.put(n).await.unwrap();
//!         }
//!         jobs.close();
//!         assert_eq!(results.get().await, Ok(1));
//!         assert_eq!(results.get().await, Ok(4));
//!         assert_eq!(results.get().await, Ok(9));
//!         assert!(results.get().await.is_err());
//!     });
//! });
//! ```
//!
//! # The model
//!
//! - **Order of items**: [`Fifo`], [`Lifo`] or [`Priority`]. By priority, the smallest goes first,
//!   and those that are equal in the order in which they were put.
//! - **Order of those who wait**: first come, first served, threads and tasks in one line. An item
//!   is handed to the one that has waited longest, and nobody can take it in between. A newcomer
//!   finds the queue empty though that one has not run yet.
//! - **Room**: a bounded queue takes the items of those who wait to put as soon as there is room,
//!   before they run. An unbounded one always has room.
//! - **Going away**: to drop a future that waits is the same as never having waited. What it was
//!   handed already goes to the next in line, or back to its place among the items.
//! - **The end**: [`close`](Queue::close) lets those who get have what is left;
//!   [`close_now`](Queue::close_now) gives that back to its caller. [`Putter`]s and [`Getter`]s
//!   close the queue when the last of a kind is dropped.
//! - **Locks**: no waker is called, and no item dropped, while the queue is locked. Operations that
//!   do not have to wait do not yield to other tasks.

mod ends;
mod error;
mod get;
mod heap;
mod join;
#[cfg(all(test, loom))]
mod loom_tests;
mod order;
mod put;
mod state;
#[cfg(not(loom))]
mod stream;
mod ticket;

use std::fmt;
use std::sync::Arc;

pub use ends::{Getter, Putter};
pub use error::{Closed, GetDeadlineError, PutDeadlineError, TryGetError, TryPutError};
pub use get::{Get, GetMany, GetTracked};
pub use join::{Join, Tracked};
pub use order::{Fifo, Keyed, Lifo, Order, Priority};
pub use put::Put;
use state::{Shared, Wakes};
#[cfg(not(loom))]
pub use stream::{Iter, Stream, TryIter};

/// A queue between threads and tasks, in any combination: see the [module](self).
///
/// Clones are handles of the same queue, and each can put and get; [`split`](Self::split) makes an
/// end for each.
///
/// Source: `asyncio.Queue`, `queue.Queue`, `async_utils.dual_color.Queue`.
pub struct Queue<T, D: Order<T> = Fifo> {
    shared: Arc<Shared<T, D>>,
}

/// A [`Queue`] of which the item that was put last is had first.
pub type LifoQueue<T> = Queue<T, Lifo>;

/// A [`Queue`] of which the smallest item is had first.
pub type PriorityQueue<T> = Queue<T, Priority>;

impl<T> Queue<T> {
    /// Makes a queue that has room for so many items: first in, first out.
    ///
    /// # Panics
    ///
    /// If the capacity is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let queue = Queue::bounded(1);
    /// queue.try_put(1).unwrap();
    /// assert!(queue.try_put(2).is_err());
    /// ```
    #[track_caller]
    pub fn bounded(capacity: usize) -> Self {
        Queue::bounded_by(Fifo, capacity)
    }

    /// Makes a queue that always has room: first in, first out.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let queue = Queue::unbounded();
    /// (0..1_000).for_each(|n| queue.try_put(n).unwrap());
    /// assert_eq!(queue.len(), 1_000);
    /// ```
    pub fn unbounded() -> Self {
        Queue::unbounded_by(Fifo)
    }
}

impl<T, D: Order<T>> Queue<T, D> {
    /// Makes a queue that has room for so many items, which come in this order.
    ///
    /// # Panics
    ///
    /// If the capacity is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::{Lifo, Queue};
    ///
    /// let queue = Queue::bounded_by(Lifo, 2);
    /// queue.try_put("a").unwrap();
    /// queue.try_put("b").unwrap();
    /// assert!(queue.try_iter().eq(["b", "a"]));
    /// ```
    #[track_caller]
    pub fn bounded_by(order: D, capacity: usize) -> Self {
        assert!(capacity > 0, "a queue has room for at least one item");
        let _ = order;
        Queue {
            shared: Arc::new(Shared::new(capacity)),
        }
    }

    /// Makes a queue that always has room, with items that come in this order.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::{Priority, Queue};
    ///
    /// let queue = Queue::unbounded_by(Priority);
    /// [2, 3, 1].into_iter().for_each(|n| queue.try_put(n).unwrap());
    /// assert!(queue.try_iter().eq([1, 2, 3]));
    /// ```
    pub fn unbounded_by(order: D) -> Self {
        Queue::bounded_by(order, usize::MAX)
    }

    /// Closes the queue: nothing can be put any more, and those who get have what is left. Returns
    /// `false` if it was closed.
    ///
    /// Those who wait to put get their items back, as an error; those who wait to get are told.
    ///
    /// Source: `asyncio.Queue.shutdown`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::{Queue, TryGetError, TryPutError};
    ///
    /// let queue = Queue::unbounded();
    /// queue.try_put(1).unwrap();
    /// assert!(queue.close());
    /// assert!(!queue.close());
    /// assert_eq!(queue.try_put(2), Err(TryPutError::Closed(2)));
    /// assert_eq!(queue.try_get(), Ok(1));
    /// assert_eq!(queue.try_get(), Err(TryGetError::Closed));
    /// ```
    pub fn close(&self) -> bool {
        let mut wakes = Wakes::default();
        self.shared.lock().close(&mut wakes)
    }

    /// Closes the queue, if it is not closed, and returns what was left in it, in the order in
    /// which it was to be had.
    ///
    /// Those items count as done, so that [`join`](Self::join) waits only for those that are
    /// [tracked](Self::get_tracked).
    ///
    /// Source: `asyncio.Queue.shutdown(immediate=True)`, which loses the items.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let queue = Queue::unbounded();
    /// (0..3).for_each(|n| queue.try_put(n).unwrap());
    /// assert_eq!(queue.close_now(), [0, 1, 2]);
    /// assert!(queue.is_closed() && queue.is_empty());
    /// queue.join_blocking();
    /// ```
    pub fn close_now(&self) -> Vec<T> {
        self.close();
        let mut items = Vec::new();
        self.try_get_many(&mut items, usize::MAX);
        items
    }

    /// Returns `true` if the queue is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let queue = Queue::<u32>::unbounded();
    /// assert!(!queue.is_closed());
    /// queue.close();
    /// assert!(queue.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.lock().closed
    }

    /// Returns how many items are in the queue. Those that have been handed to somebody are not,
    /// nor are those of somebody who waits for room.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let queue = Queue::unbounded();
    /// queue.try_put(5).unwrap();
    /// assert_eq!(queue.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.shared.lock().items.len()
    }

    /// Returns `true` if there is no item in the queue.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(corokit_sync_bridge::queue::Queue::<u32>::unbounded().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns `true` if there is no room.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let queue = Queue::bounded(1);
    /// assert!(!queue.is_full());
    /// queue.try_put(5).unwrap();
    /// assert!(queue.is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        let state = self.shared.lock();
        state.items.len() >= state.capacity
    }

    /// Returns for how many items there is room, or `None` if there always is.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// assert_eq!(Queue::<u32>::bounded(5).capacity(), Some(5));
    /// assert_eq!(Queue::<u32>::unbounded().capacity(), None);
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        let capacity = self.shared.lock().capacity;
        (capacity < usize::MAX).then_some(capacity)
    }

    /// Returns how many wait for an item.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    /// use futures_lite::future::{block_on, poll_once};
    ///
    /// let queue = Queue::<u32>::unbounded();
    /// let mut get = queue.get();
    /// assert!(block_on(poll_once(&mut get)).is_none());
    /// assert_eq!(queue.getters_waiting(), 1);
    /// ```
    pub fn getters_waiting(&self) -> usize {
        self.shared.lock().getters.len()
    }

    /// Returns how many wait for room.
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
    /// assert_eq!(queue.putters_waiting(), 1);
    /// ```
    pub fn putters_waiting(&self) -> usize {
        self.shared.lock().putters.len()
    }
}

impl<T, D: Order<T>> Clone for Queue<T, D> {
    fn clone(&self) -> Self {
        Queue {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T, D: Order<T> + Default> Default for Queue<T, D> {
    /// Makes a queue that always has room.
    fn default() -> Self {
        Queue::unbounded_by(D::default())
    }
}

impl<T, D: Order<T>> fmt::Debug for Queue<T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        let (len, closed) = (state.items.len(), state.closed);
        drop(state);
        f.debug_struct("Queue")
            .field("len", &len)
            .field("capacity", &self.capacity())
            .field("closed", &closed)
            .finish()
    }
}
