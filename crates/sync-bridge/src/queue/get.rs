//! Getting items out of a queue.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
#[cfg(not(loom))]
use std::time::Instant;

use super::Queue;
#[cfg(not(loom))]
use super::error::GetDeadlineError;
use super::error::{Closed, TryGetError};
use super::join::Tracked;
use super::order::{Fifo, Order};
use super::state::{Getting, Locked, Shared, Wakes};
#[cfg(not(loom))]
use crate::deadline::block_on_until;
use crate::park::block_on;
use crate::waiters::Key;

/// Getting.
impl<T, D: Order<T>> Queue<T, D> {
    /// Takes the next item, and waits for one if there is none.
    ///
    /// Those who wait get items in the order in which they came, and nobody gets in between.
    /// Getting does not yield if it does not have to wait. An item that is had like this counts as
    /// done: see [`get_tracked`](Self::get_tracked).
    ///
    /// Source: `asyncio.Queue.get`.
    ///
    /// # Errors
    ///
    /// [`Closed`], if the queue is closed and has no more items.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is the same as never having waited. An item that was handed to it
    /// already goes to the next who waits; if nobody does, it is where it would be if it had never
    /// been handed out. Then the queue may have more items than its capacity for a while.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    /// use futures_lite::future::{block_on, zip};
    ///
    /// let queue = Queue::bounded(1);
    /// let (got, put) = block_on(zip(queue.get(), queue.put(5)));
    /// assert_eq!((got, put), (Ok(5), Ok(())));
    /// ```
    #[inline]
    pub fn get(&self) -> Get<'_, T, D> {
        self.begin_get(false)
    }

    #[inline]
    fn begin_get(&self, thread: bool) -> Get<'_, T, D> {
        Get {
            queue: self,
            waiting: Waiting { key: None, thread },
        }
    }

    /// Takes the next item, if there is one.
    ///
    /// Source: `asyncio.Queue.get_nowait`.
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
    /// let queue = Queue::unbounded();
    /// assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    /// queue.try_put(5).unwrap();
    /// queue.close();
    /// assert_eq!(queue.try_get(), Ok(5));
    /// assert_eq!(queue.try_get(), Err(TryGetError::Closed));
    /// ```
    #[inline]
    pub fn try_get(&self) -> Result<T, TryGetError> {
        self.shared.try_get(false)
    }

    /// Takes the next item, and blocks the thread while there is none.
    ///
    /// Threads and tasks wait in one line.
    ///
    /// Source: `queue.Queue.get`.
    ///
    /// # Errors
    ///
    /// [`Closed`], if the queue is closed and has no more items.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    /// use futures_lite::future::block_on;
    /// use std::thread;
    ///
    /// let queue = Queue::bounded(1);
    /// thread::scope(|scope| {
    ///     let thread = scope.spawn(|| queue.get_blocking());
    ///     block_on(queue.put(5)).unwrap();
    ///     assert_eq!(thread.join().unwrap(), Ok(5));
    /// });
    /// ```
    #[inline]
    pub fn get_blocking(&self) -> Result<T, Closed> {
        match self.try_get() {
            Ok(item) => Ok(item),
            Err(TryGetError::Closed) => Err(Closed(())),
            Err(TryGetError::Empty) => block_on(self.begin_get(true)),
        }
    }

    /// Takes the next item, and blocks the thread while there is none, until `deadline` at the
    /// latest. An item that comes at the very moment is returned, or is in the queue.
    ///
    /// Source: `queue.Queue.get` with a timeout.
    ///
    /// # Errors
    ///
    /// [`GetDeadlineError::TimedOut`], or [`GetDeadlineError::Closed`] if there will be none.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::{GetDeadlineError, Queue};
    /// use std::time::{Duration, Instant};
    ///
    /// let queue = Queue::unbounded();
    /// let soon = Instant::now() + Duration::from_millis(1);
    /// assert_eq!(queue.get_deadline(soon), Err(GetDeadlineError::TimedOut));
    /// queue.try_put(5).unwrap();
    /// assert_eq!(queue.get_deadline(soon), Ok(5));
    /// ```
    #[cfg(not(loom))]
    pub fn get_deadline(&self, deadline: Instant) -> Result<T, GetDeadlineError> {
        match self.try_get() {
            Ok(item) => return Ok(item),
            Err(TryGetError::Closed) => return Err(GetDeadlineError::Closed),
            Err(TryGetError::Empty) => {}
        }
        match block_on_until(deadline, self.get()) {
            Ok(Ok(item)) => Ok(item),
            Ok(Err(Closed(()))) => Err(GetDeadlineError::Closed),
            Err(_) => Err(GetDeadlineError::TimedOut),
        }
    }

    /// Takes up to `limit` items, appends them to `items`, and waits if there are none. Returns how
    /// many they are: at least one, unless the limit is zero.
    ///
    /// This costs far less than to take them one by one; least of all if `items` is empty, the
    /// limit is not reached and the order is first in, first out: then the whole ring changes hands.
    ///
    /// Before it waits it yields once, so that several items may come together. It takes its place
    /// among those who wait only after that.
    ///
    /// Source: none in Python; `recv_many` of tokio's channels.
    ///
    /// # Errors
    ///
    /// [`Closed`], if the queue is closed and has no more items.
    ///
    /// # Cancel safety
    ///
    /// As that of [`get`](Self::get): nothing is appended before it completes.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let queue = Queue::unbounded();
    /// (0..5).for_each(|n| queue.try_put(n).unwrap());
    /// let mut items = Vec::new();
    /// futures_lite::future::block_on(async {
    ///     assert_eq!(queue.get_many(&mut items, 3).await, Ok(3));
    ///     assert_eq!(queue.get_many(&mut items, 3).await, Ok(2));
    /// });
    /// assert_eq!(items, [0, 1, 2, 3, 4]);
    /// ```
    #[inline]
    pub fn get_many<'a>(&'a self, items: &'a mut Vec<T>, limit: usize) -> GetMany<'a, T, D> {
        self.begin_get_many(items, limit, false)
    }

    #[inline]
    fn begin_get_many<'a>(
        &'a self,
        items: &'a mut Vec<T>,
        limit: usize,
        thread: bool,
    ) -> GetMany<'a, T, D> {
        GetMany {
            queue: self,
            items,
            limit,
            has_yielded: false,
            waiting: Waiting { key: None, thread },
        }
    }

    /// Takes up to `limit` items, appends them to `items`, and blocks the thread if there are none:
    /// see [`get_many`](Self::get_many).
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
    /// let queue = Queue::unbounded();
    /// (0..5).for_each(|n| queue.try_put(n).unwrap());
    /// queue.close();
    /// let mut items = Vec::new();
    /// assert_eq!(queue.get_many_blocking(&mut items, usize::MAX), Ok(5));
    /// assert_eq!(queue.get_many_blocking(&mut items, usize::MAX), Err(Closed(())));
    /// ```
    pub fn get_many_blocking(&self, items: &mut Vec<T>, limit: usize) -> Result<usize, Closed> {
        block_on(self.begin_get_many(items, limit, true))
    }

    /// Takes up to `limit` items that are there, and appends them to `items`. Returns how many they
    /// are; it may be none.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let queue = Queue::unbounded();
    /// let mut items = Vec::new();
    /// assert_eq!(queue.try_get_many(&mut items, 5), 0);
    /// queue.try_put("a").unwrap();
    /// assert_eq!(queue.try_get_many(&mut items, 5), 1);
    /// ```
    pub fn try_get_many(&self, items: &mut Vec<T>, limit: usize) -> usize {
        self.shared.take_many(None, items, limit).0
    }

    /// Takes the next item as [`get`](Self::get) does, with a guard that says when the work on it
    /// is done: [`join`](Self::join) waits for that.
    ///
    /// Source: `asyncio.Queue.get` with `task_done`.
    ///
    /// # Errors
    ///
    /// [`Closed`], if the queue is closed and has no more items.
    ///
    /// # Cancel safety
    ///
    /// As that of [`get`](Self::get).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    /// use futures_lite::future::block_on;
    ///
    /// let queue = Queue::unbounded();
    /// queue.try_put(5).unwrap();
    /// let job = block_on(queue.get_tracked()).unwrap();
    /// assert_eq!((*job, queue.unfinished()), (5, 1));
    /// drop(job);
    /// assert_eq!(queue.unfinished(), 0);
    /// ```
    #[inline]
    pub fn get_tracked(&self) -> GetTracked<'_, T, D> {
        GetTracked {
            get: self.begin_get(false),
        }
    }

    /// Takes the next item, if there is one, with a guard: see [`get_tracked`](Self::get_tracked).
    ///
    /// # Errors
    ///
    /// [`TryGetError::Empty`], or [`TryGetError::Closed`] if there will be none.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::queue::Queue;
    ///
    /// let queue = Queue::unbounded();
    /// queue.try_put("job").unwrap();
    /// assert_eq!(queue.try_get_tracked().unwrap().into_inner(), "job");
    /// ```
    pub fn try_get_tracked(&self) -> Result<Tracked<T, D>, TryGetError> {
        let item = self.shared.try_get(true)?;
        Ok(Tracked::new(item, self))
    }

    /// Takes the next item, and blocks the thread while there is none, with a guard: see
    /// [`get_tracked`](Self::get_tracked).
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
    /// let queue = Queue::unbounded();
    /// queue.try_put("job").unwrap();
    /// let job = queue.get_tracked_blocking().unwrap();
    /// assert_eq!(*job, "job");
    /// ```
    pub fn get_tracked_blocking(&self) -> Result<Tracked<T, D>, Closed> {
        block_on(GetTracked {
            get: self.begin_get(true),
        })
    }
}

impl<T, D: Order<T>> Shared<T, D> {
    #[inline]
    fn try_get(&self, tracked: bool) -> Result<T, TryGetError> {
        let mut state = self.lock();
        match state.take(tracked) {
            Some((item, false)) => Ok(item),
            Some((item, true)) => {
                wake_those_who_waited(&mut Wakes::default(), state);
                Ok(item)
            }
            None if state.closed => Err(TryGetError::Closed),
            None => Err(TryGetError::Empty),
        }
    }

    /// Takes up to `limit` items, of which the first may have been handed over already. Returns how
    /// many they are, and whether the queue is closed.
    fn take_many(&self, first: Option<T>, items: &mut Vec<T>, limit: usize) -> (usize, bool) {
        let before = items.len();
        let limit = limit - usize::from(first.is_some());
        let mut wakes = Wakes::default();
        if before == 0 {
            // The caller's memory takes the place of the ring. Nothing is compared here.
            let mut taken = VecDeque::from(mem::take(items));
            let mut state = self.lock();
            if state.swap(limit, &mut taken, &mut wakes) {
                let closed = state.closed;
                drop(state);
                if let Some(first) = first {
                    taken.push_front(first);
                }
                *items = Vec::from(taken);
                return (items.len(), closed);
            }
            drop(state);
            *items = Vec::from(taken);
        }
        items.extend(first);
        let mut state = self.lock();
        state.take_many(limit, items, &mut wakes);
        (items.len() - before, state.closed)
    }

    /// Leaves the line of those who get. What it was granted goes on to others.
    #[inline(never)]
    fn leave_get(&self, key: Key) {
        let (mut waker, mut returned) = (None, None);
        let next = self.lock().leave_get(key, &mut waker, &mut returned);
        if let Some(next) = next {
            next.wake();
        }
    }
}

/// Lets those have what they wait for who waited for an item to be taken.
#[cold]
#[inline(never)]
fn wake_those_who_waited<T, D: Order<T>>(wakes: &mut Wakes, mut state: Locked<'_, T, D>) {
    state.taken(wakes);
}

/// A place in the line of those who get, or the will to take one.
struct Waiting {
    key: Option<Key>,
    /// Whether a thread of ours waits.
    thread: bool,
}

impl Waiting {
    /// Takes an item, or waits for one.
    #[inline]
    fn poll<T, D: Order<T>>(
        &mut self,
        shared: &Shared<T, D>,
        tracked: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, Closed>> {
        if self.key.is_none() {
            match shared.try_get(tracked) {
                Ok(item) => return Poll::Ready(Ok(item)),
                Err(TryGetError::Closed) => return Poll::Ready(Err(Closed(()))),
                Err(TryGetError::Empty) => {}
            }
        }
        self.poll_waiting(shared, tracked, cx)
    }

    /// Goes on where there is no item at once.
    #[inline(never)]
    fn poll_waiting<T, D: Order<T>>(
        &mut self,
        shared: &Shared<T, D>,
        tracked: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, Closed>> {
        // Cloned, and what is left here dropped, outside of the lock.
        let mut waker = Some(cx.waker().clone());
        let mut state = shared.lock();
        let (item, was_waited_for) = match self.key {
            Some(key) => {
                let Poll::Ready(granted) = state.getters.poll(key, &mut waker) else {
                    return Poll::Pending;
                };
                self.key = None;
                match granted {
                    Some((item, _)) if tracked => return Poll::Ready(Ok(item)),
                    Some((item, _)) => {
                        state.open -= 1;
                        (item, !state.joiners.is_empty())
                    }
                    // It was told of the end. What another that was handed an item before that has
                    // given back since is for this one still.
                    None => match state.take(tracked) {
                        Some(taken) => taken,
                        None => return Poll::Ready(Err(Closed(()))),
                    },
                }
            }
            // Since it looked last, there may be one.
            None => match state.take(tracked) {
                Some(taken) => taken,
                None if state.closed => return Poll::Ready(Err(Closed(()))),
                None => {
                    let thread = self.thread;
                    let key = state.getters.push_back(Getting { thread }, waker.take());
                    self.key = Some(key);
                    return Poll::Pending;
                }
            },
        };
        if was_waited_for {
            wake_those_who_waited(&mut Wakes::default(), state);
        }
        Poll::Ready(Ok(item))
    }

    #[inline]
    fn leave<T, D: Order<T>>(&mut self, shared: &Shared<T, D>) {
        if let Some(key) = self.key.take() {
            shared.leave_get(key);
        }
    }
}

/// The future of [`Queue::get`].
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Get<'a, T, D: Order<T> = Fifo> {
    queue: &'a Queue<T, D>,
    waiting: Waiting,
}

impl<T, D: Order<T>> Future for Get<'_, T, D> {
    type Output = Result<T, Closed>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.waiting.poll(&this.queue.shared, false, cx)
    }
}

impl<T, D: Order<T>> Drop for Get<'_, T, D> {
    #[inline]
    fn drop(&mut self) {
        self.waiting.leave(&self.queue.shared);
    }
}

impl<T, D: Order<T>> fmt::Debug for Get<'_, T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Get").finish_non_exhaustive()
    }
}

/// The future of [`Queue::get_tracked`].
#[must_use = "futures do nothing unless polled or awaited"]
pub struct GetTracked<'a, T, D: Order<T> = Fifo> {
    get: Get<'a, T, D>,
}

impl<T, D: Order<T>> Future for GetTracked<'_, T, D> {
    type Output = Result<Tracked<T, D>, Closed>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Get { queue, waiting } = &mut self.get;
        let polled = waiting.poll(&queue.shared, true, cx);
        polled.map_ok(|item| Tracked::new(item, queue))
    }
}

impl<T, D: Order<T>> fmt::Debug for GetTracked<'_, T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetTracked").finish_non_exhaustive()
    }
}

/// The future of [`Queue::get_many`].
#[must_use = "futures do nothing unless polled or awaited"]
pub struct GetMany<'a, T, D: Order<T> = Fifo> {
    queue: &'a Queue<T, D>,
    items: &'a mut Vec<T>,
    limit: usize,
    has_yielded: bool,
    waiting: Waiting,
}

impl<T, D: Order<T>> Future for GetMany<'_, T, D> {
    type Output = Result<usize, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let shared = &this.queue.shared;
        if this.limit == 0 {
            return Poll::Ready(Ok(0));
        }
        if this.waiting.key.is_none() {
            match shared.take_many(None, this.items, this.limit) {
                (0, true) => return Poll::Ready(Err(Closed(()))),
                (0, false) => {}
                (taken, _) => return Poll::Ready(Ok(taken)),
            }
            if !mem::replace(&mut this.has_yielded, true) {
                if this.waiting.thread {
                    crate::sync::thread::yield_now();
                }
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        match this.waiting.poll_waiting(shared, false, cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(closed)) => Poll::Ready(Err(closed)),
            Poll::Ready(Ok(item)) => {
                // It was handed the first; what has come since is there for the taking.
                let (taken, _) = shared.take_many(Some(item), this.items, this.limit);
                Poll::Ready(Ok(taken))
            }
        }
    }
}

impl<T, D: Order<T>> Drop for GetMany<'_, T, D> {
    fn drop(&mut self) {
        self.waiting.leave(&self.queue.shared);
    }
}

impl<T, D: Order<T>> fmt::Debug for GetMany<'_, T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetMany").finish_non_exhaustive()
    }
}

/// A place in line that a stream keeps between its polls.
#[cfg(not(loom))]
pub(super) struct Place(Waiting);

#[cfg(not(loom))]
impl Place {
    pub(super) fn new() -> Self {
        Place(Waiting {
            key: None,
            thread: false,
        })
    }

    #[inline]
    pub(super) fn poll<T, D: Order<T>>(
        &mut self,
        queue: &Queue<T, D>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<T>> {
        self.0.poll(&queue.shared, false, cx).map(Result::ok)
    }

    #[inline]
    pub(super) fn leave<T, D: Order<T>>(&mut self, queue: &Queue<T, D>) {
        self.0.leave(&queue.shared);
    }
}
