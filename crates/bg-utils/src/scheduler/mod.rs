//! What is due, when it is due: a queue whose items come out at their times.
//!
//! ```
//! use corokit_bg_utils::scheduler::Scheduler;
//! use futures_lite::future;
//! use std::time::{Duration, Instant};
//!
//! let scheduler = Scheduler::new();
//! let start = Instant::now();
//! let tea = scheduler.at(start + Duration::from_millis(3), "tea is ready").unwrap();
//! scheduler.at(start + Duration::from_millis(1), "water boils").unwrap();
//! let phone = scheduler.after(Duration::from_secs(60), "call home").unwrap();
//! assert_eq!(scheduler.cancel(phone), Some("call home"));
//! future::block_on(async {
//!     assert_eq!(scheduler.next().await.unwrap().1, "water boils");
//!     assert_eq!(scheduler.next().await, Some((tea, "tea is ready")));
//! });
//! ```
//!
//! # The model
//!
//! - **Time**: never early, by the clock that was asked for, and with no granularity: one timer, set
//!   to the exact instant. Items that are overdue come out without waiting.
//! - **Order**: by time, and in the order of insertion among equals.
//! - **Consumers**: any number, on any thread, first come first served; each item goes to one of them.
//!   A [`next`](Scheduler::next) that is dropped loses nothing: the item leaves the queue in the poll
//!   that returns it. A consumer that has been woken and is not polled holds up those behind it; a
//!   [`stream`](Scheduler::stream) that has been polled is one until it is dropped.
//! - **Keys** name entries, to be [cancelled](Scheduler::cancel) or [moved](Scheduler::reschedule). A
//!   key is never used again, and nothing is kept of an entry that is gone.
//! - **End**: [`close`](Scheduler::close) ends all consumers at once; what is left can be
//!   [drained](Scheduler::drain).
//! - **Wall clock**: [`at_wall`](Scheduler::at_wall) is for times of day. Somebody may set that clock,
//!   so it is looked at again at least every 30 seconds while such an entry is waited for.
//!
//! To run jobs at their times, also by patterns of cron, see the module `runner`.
//!
//! Source: `async_utils.scheduler`, which is early, in random order among equals, and hangs when it
//! is closed.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use corokit_sync_bridge::waiters::WaitList;
use futures_core::Stream;

use crate::Closed;
use crate::clock::{block_on, block_on_until, now};
use crate::line::{Line, Place};
use crate::sync::{Mutex, lock};

mod agenda;
mod heap;

use agenda::Agenda;
pub use agenda::{Due, Key};

/// Gives items out when they are due: see the [module](self).
///
/// Clones are handles of the same scheduler.
///
/// Source: `async_utils.scheduler.Scheduler`.
pub struct Scheduler<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    line: Line<Agenda<T>>,
    /// Those who wait for it to be empty.
    idlers: Mutex<WaitList<(), ()>>,
    /// The wall clock, if it is not that of the system.
    wall_clock: Option<WallClock>,
}

type WallClock = Box<dyn Fn() -> SystemTime + Send + Sync>;

impl<T> Scheduler<T> {
    /// Makes one that is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::scheduler::Scheduler;
    ///
    /// assert!(Scheduler::<u32>::new().is_empty());
    /// ```
    pub fn new() -> Self {
        Scheduler::with(None)
    }

    /// Makes one with another wall clock than that of the system: one of a test, or one that is
    /// kept right by other means.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::scheduler::Scheduler;
    /// use std::time::{Duration, SystemTime};
    ///
    /// // It is always ten in the morning of the first of January 1970.
    /// let ten = SystemTime::UNIX_EPOCH + Duration::from_secs(10 * 60 * 60);
    /// let scheduler = Scheduler::with_wall_clock(move || ten);
    /// scheduler.at_wall(ten, "ten").unwrap();
    /// scheduler.at_wall(ten + Duration::from_secs(1), "later").unwrap();
    /// assert_eq!(scheduler.try_next().unwrap().1, "ten");
    /// assert!(scheduler.try_next().is_err());
    /// ```
    pub fn with_wall_clock(clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Scheduler::with(Some(Box::new(clock)))
    }

    fn with(wall_clock: Option<WallClock>) -> Self {
        Scheduler {
            shared: Arc::new(Shared {
                line: Line::new(Agenda::new()),
                idlers: Mutex::new(WaitList::new()),
                wall_clock,
            }),
        }
    }

    /// Has an item come out at an instant. One in the past is due at once.
    ///
    /// # Errors
    ///
    /// [`Closed`] with the item, if the scheduler has been closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::scheduler::Scheduler;
    /// use std::time::Instant;
    ///
    /// let scheduler = Scheduler::new();
    /// let now = scheduler.at(Instant::now(), "now").unwrap();
    /// assert_eq!(scheduler.try_next(), Ok((now, "now")));
    /// ```
    pub fn at(&self, instant: Instant, item: T) -> Result<Key, Closed<T>> {
        self.insert(Due::At(instant), item)
    }

    /// Has an item come out after this time. It never does if that is too long for the clock.
    ///
    /// # Errors
    ///
    /// As [`at`](Self::at).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::scheduler::Scheduler;
    /// use std::time::Duration;
    ///
    /// let scheduler = Scheduler::new();
    /// scheduler.after(Duration::from_secs(60), "in a minute").unwrap();
    /// assert!(scheduler.try_next().is_err());
    /// ```
    pub fn after(&self, duration: Duration, item: T) -> Result<Key, Closed<T>> {
        let mut duration = duration;
        let now = now();
        // The longest time that the clock can represent is as good as for ever.
        let instant = loop {
            match now.checked_add(duration) {
                Some(instant) => break instant,
                None => duration /= 2,
            }
        };
        self.at(instant, item)
    }

    /// Has an item come out when the wall clock shows a time.
    ///
    /// If that clock is set forward, it comes at once when that is noticed, after 30 seconds at most;
    /// if it is set back, later.
    ///
    /// # Errors
    ///
    /// As [`at`](Self::at).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::scheduler::Scheduler;
    /// use std::time::{Duration, SystemTime};
    ///
    /// let scheduler = Scheduler::new();
    /// scheduler.at_wall(SystemTime::now() + Duration::from_millis(1), ()).unwrap();
    /// futures_lite::future::block_on(scheduler.next());
    /// ```
    pub fn at_wall(&self, time: SystemTime, item: T) -> Result<Key, Closed<T>> {
        self.read_wall_clock();
        self.insert(Due::AtWall(time), item)
    }

    fn insert(&self, due: Due, item: T) -> Result<Key, Closed<T>> {
        let mut state = self.shared.line.lock();
        if state.desk.closed {
            return Err(Closed(item));
        }
        let (key, is_first) = state.desk.insert(due, item);
        if is_first {
            // Whoever sleeps for a later one is to wake for this one.
            self.shared.line.settle(state, None);
        }
        Ok(key)
    }

    /// Takes an entry back, and returns its item, unless it has come out or was cancelled before.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::scheduler::Scheduler;
    /// use std::time::Duration;
    ///
    /// let scheduler = Scheduler::new();
    /// let key = scheduler.after(Duration::from_secs(60), "alarm").unwrap();
    /// assert_eq!(scheduler.cancel(key), Some("alarm"));
    /// assert_eq!(scheduler.cancel(key), None);
    /// ```
    pub fn cancel(&self, key: Key) -> Option<T> {
        let mut state = self.shared.line.lock();
        let item = state.desk.remove(key)?;
        let is_empty = state.desk.len() == 0;
        // The timer may be set for it. It rings once for nothing then, which costs less than to set
        // it each time.
        drop(state);
        if is_empty {
            self.release_idlers();
        }
        Some(item)
    }

    /// Has an entry come out at another instant. Among those that are due then, it is the last.
    ///
    /// Returns `false` if it has come out or was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::scheduler::Scheduler;
    /// use std::time::{Duration, Instant};
    ///
    /// let scheduler = Scheduler::new();
    /// let key = scheduler.after(Duration::from_secs(60), "alarm").unwrap();
    /// assert!(scheduler.reschedule(key, Instant::now()));
    /// assert_eq!(scheduler.try_next(), Ok((key, "alarm")));
    /// assert!(!scheduler.reschedule(key, Instant::now()));
    /// ```
    pub fn reschedule(&self, key: Key, instant: Instant) -> bool {
        self.move_to(key, Due::At(instant))
    }

    /// Has an entry come out when the wall clock shows another time.
    ///
    /// Returns `false` if it has come out or was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::scheduler::{Due, Scheduler};
    /// use std::time::{Duration, SystemTime};
    ///
    /// let scheduler = Scheduler::new();
    /// let key = scheduler.after(Duration::from_secs(60), "alarm").unwrap();
    /// let time = SystemTime::now() + Duration::from_secs(3_600);
    /// assert!(scheduler.reschedule_wall(key, time));
    /// assert_eq!(scheduler.due(key), Some(Due::AtWall(time)));
    /// ```
    pub fn reschedule_wall(&self, key: Key, time: SystemTime) -> bool {
        self.read_wall_clock();
        self.move_to(key, Due::AtWall(time))
    }

    fn move_to(&self, key: Key, due: Due) -> bool {
        let mut state = self.shared.line.lock();
        let Some(is_first) = state.desk.reschedule(key, due) else {
            return false;
        };
        if is_first {
            self.shared.line.settle(state, None);
        }
        true
    }

    /// Returns when an entry is due, unless it has come out or was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::scheduler::{Due, Scheduler};
    /// use std::time::Instant;
    ///
    /// let scheduler = Scheduler::new();
    /// let instant = Instant::now();
    /// let key = scheduler.at(instant, ()).unwrap();
    /// assert_eq!(scheduler.due(key), Some(Due::At(instant)));
    /// ```
    pub fn due(&self, key: Key) -> Option<Due> {
        self.shared.line.lock().desk.due(key)
    }

    /// Waits for the next item that is due. `None` when the scheduler is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the item leaves in the poll that returns it.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::scheduler::Scheduler;
    /// use std::time::Duration;
    ///
    /// let scheduler = Scheduler::new();
    /// scheduler.after(Duration::from_millis(1), 1).unwrap();
    /// futures_lite::future::block_on(async {
    ///     assert_eq!(scheduler.next().await.unwrap().1, 1);
    ///     scheduler.close();
    ///     assert_eq!(scheduler.next().await, None);
    /// });
    /// ```
    pub fn next(&self) -> Next<'_, T> {
        Next {
            scheduler: self,
            place: Place::Asks(()),
        }
    }

    /// Takes an item that is due now.
    ///
    /// # Errors
    ///
    /// [`TryNextError::Empty`] if there is none, or others wait for it; [`TryNextError::Closed`] if
    /// the scheduler has been closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::scheduler::{Scheduler, TryNextError};
    ///
    /// let scheduler = Scheduler::<u32>::new();
    /// assert_eq!(scheduler.try_next(), Err(TryNextError::Empty));
    /// scheduler.close();
    /// assert_eq!(scheduler.try_next(), Err(TryNextError::Closed));
    /// ```
    pub fn try_next(&self) -> Result<(Key, T), TryNextError> {
        self.reread_wall_clock();
        let served = self.shared.line.try_serve(()).ok();
        let next = served.ok_or(TryNextError::Empty)?;
        self.served(&next);
        next.ok_or(TryNextError::Closed)
    }

    /// Blocks the thread until an item is due. `None` when the scheduler is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::scheduler::Scheduler;
    /// use std::time::Duration;
    ///
    /// let scheduler = Scheduler::new();
    /// scheduler.after(Duration::from_millis(1), 1).unwrap();
    /// assert_eq!(scheduler.next_blocking().unwrap().1, 1);
    /// ```
    pub fn next_blocking(&self) -> Option<(Key, T)> {
        block_on(self.next())
    }

    /// Blocks the thread until an item is due, at most until the deadline.
    ///
    /// # Errors
    ///
    /// [`TryNextError::Empty`] if none was due in time; [`TryNextError::Closed`] if the scheduler has
    /// been closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::scheduler::{Scheduler, TryNextError};
    /// use std::time::Instant;
    ///
    /// let scheduler = Scheduler::<u32>::new();
    /// let next = scheduler.next_deadline(Instant::now());
    /// assert_eq!(next, Err(TryNextError::Empty));
    /// ```
    pub fn next_deadline(&self, deadline: Instant) -> Result<(Key, T), TryNextError> {
        let next = block_on_until(deadline, self.next()).ok_or(TryNextError::Empty)?;
        next.ok_or(TryNextError::Closed)
    }

    /// Returns the items that are due as a stream, which ends when the scheduler is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::scheduler::Scheduler;
    /// use futures_lite::{StreamExt, future};
    /// use std::time::{Duration, Instant};
    ///
    /// let scheduler = Scheduler::new();
    /// let start = Instant::now();
    /// for millis in [2, 1] {
    ///     scheduler.at(start + Duration::from_millis(millis), millis).unwrap();
    /// }
    /// let items = scheduler.stream().map(|(_, item)| item).take(2);
    /// assert_eq!(future::block_on(items.collect::<Vec<_>>()), [1, 2]);
    /// ```
    pub fn stream(&self) -> Items<T> {
        Items {
            scheduler: self.clone(),
            place: Place::Asks(()),
        }
    }

    /// Closes the scheduler: consumers end at once, and nothing more comes out, though it be due
    /// already; nothing more is taken.
    ///
    /// Returns `false` if it was closed already.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::{Closed, scheduler::Scheduler};
    /// use std::time::Instant;
    ///
    /// let scheduler = Scheduler::new();
    /// assert!(scheduler.close());
    /// assert!(!scheduler.close());
    /// assert_eq!(scheduler.at(Instant::now(), 1), Err(Closed(1)));
    /// ```
    pub fn close(&self) -> bool {
        let change = |agenda: &mut Agenda<T>| !mem::replace(&mut agenda.closed, true);
        let closed = self.shared.line.change(change);
        self.release_idlers();
        closed
    }

    /// Returns whether it has been closed.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!corokit_bg_utils::scheduler::Scheduler::<u32>::new().is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.line.lock().desk.closed
    }

    /// Takes all items out, in the order in which they would come.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::scheduler::{Due, Scheduler};
    /// use std::time::{Duration, Instant};
    ///
    /// let scheduler = Scheduler::new();
    /// let now = Instant::now();
    /// scheduler.at(now + Duration::from_secs(2), "b").unwrap();
    /// scheduler.at(now + Duration::from_secs(1), "a").unwrap();
    /// scheduler.close();
    /// let rest: Vec<_> = scheduler.drain().into_iter().map(|(_, item)| item).collect();
    /// assert_eq!(rest, ["a", "b"]);
    /// ```
    pub fn drain(&self) -> Vec<(Due, T)> {
        self.reread_wall_clock();
        let mut state = self.shared.line.lock();
        let mut items = Vec::with_capacity(state.desk.len());
        while let Some(item) = state.desk.pop() {
            items.push(item);
        }
        drop(state);
        self.release_idlers();
        items
    }

    /// Waits until the scheduler is empty, or closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::scheduler::Scheduler;
    ///
    /// futures_lite::future::block_on(Scheduler::<u32>::new().idle());
    /// ```
    pub fn idle(&self) -> Idle<'_, T> {
        Idle {
            scheduler: self,
            key: None,
        }
    }

    /// Returns how many items there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::scheduler::Scheduler;
    /// use std::time::Duration;
    ///
    /// let scheduler = Scheduler::new();
    /// scheduler.after(Duration::from_secs(1), ()).unwrap();
    /// assert_eq!(scheduler.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.shared.line.lock().desk.len()
    }

    /// Returns whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns when the earliest item is due. For one of the wall clock, that is an estimate.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::scheduler::Scheduler;
    /// use std::time::Instant;
    ///
    /// let scheduler = Scheduler::new();
    /// assert_eq!(scheduler.next_due(), None);
    /// let now = Instant::now();
    /// scheduler.at(now, ()).unwrap();
    /// assert_eq!(scheduler.next_due(), Some(now));
    /// ```
    pub fn next_due(&self) -> Option<Instant> {
        self.reread_wall_clock();
        self.shared.line.lock().desk.next_due()
    }

    /// Looks at the wall clock. That is code of others, so it is done without the lock.
    fn read_wall_clock(&self) {
        let wall = self.wall_now();
        let now = now();
        self.shared.line.lock().desk.read(now, wall);
    }

    /// Returns what the wall clock shows.
    pub(crate) fn wall_now(&self) -> SystemTime {
        match &self.shared.wall_clock {
            None => SystemTime::now(),
            Some(clock) => clock(),
        }
    }

    /// Looks at the wall clock if it matters.
    fn reread_wall_clock(&self) {
        if self.shared.line.lock().desk.has_wall_times() {
            self.read_wall_clock();
        }
    }

    fn poll_next(&self, place: &mut Place<()>, cx: &mut Context<'_>) -> Poll<Option<(Key, T)>> {
        self.reread_wall_clock();
        let polled = self.shared.line.poll(place, cx);
        if let Poll::Ready(next) = &polled {
            self.served(next);
        }
        polled
    }

    /// Lets those go who wait for it to be empty, if it is.
    fn served(&self, next: &Option<(Key, T)>) {
        if next.is_some() && self.is_empty() {
            self.release_idlers();
        }
    }

    fn release_idlers(&self) {
        let mut wakers: Vec<Waker> = Vec::new();
        let mut idlers = lock(&self.shared.idlers);
        while let Ok((_, waker)) = idlers.grant_front(()) {
            wakers.extend(waker);
        }
        drop(idlers);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl<T> Default for Scheduler<T> {
    fn default() -> Self {
        Scheduler::new()
    }
}

impl<T> Clone for Scheduler<T> {
    fn clone(&self) -> Self {
        Scheduler {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> fmt::Debug for Scheduler<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler")
            .field("len", &self.len())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// Waits for the next item of a [`Scheduler`].
///
/// # Panics
///
/// Polling it after it has completed panics.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Next<'s, T> {
    scheduler: &'s Scheduler<T>,
    place: Place<()>,
}

impl<T> Future for Next<'_, T> {
    type Output = Option<(Key, T)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.scheduler.poll_next(&mut this.place, cx)
    }
}

impl<T> Drop for Next<'_, T> {
    fn drop(&mut self) {
        self.scheduler.shared.line.leave(&mut self.place);
    }
}

impl<T> fmt::Debug for Next<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").finish_non_exhaustive()
    }
}

/// The stream of a [`Scheduler`]'s items.
#[must_use = "streams do nothing unless polled"]
pub struct Items<T> {
    scheduler: Scheduler<T>,
    place: Place<()>,
}

impl<T> Stream for Items<T> {
    type Item = (Key, T);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<(Key, T)>> {
        let this = &mut *self;
        let polled = this.scheduler.poll_next(&mut this.place, cx);
        if polled.is_ready() {
            this.place = Place::Asks(());
        }
        polled
    }
}

impl<T> Drop for Items<T> {
    fn drop(&mut self) {
        self.scheduler.shared.line.leave(&mut self.place);
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").finish_non_exhaustive()
    }
}

/// Waits until a [`Scheduler`] is empty or closed.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Idle<'s, T> {
    scheduler: &'s Scheduler<T>,
    key: Option<corokit_sync_bridge::waiters::Key>,
}

impl<T> Future for Idle<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let shared = &this.scheduler.shared;
        let mut waker = Some(cx.waker().clone());
        let mut idlers = lock(&shared.idlers);
        match this.key {
            None => {
                // Whoever takes the last item looks at those who wait afterwards.
                let state = shared.line.lock();
                if state.desk.len() == 0 || state.desk.closed {
                    return Poll::Ready(());
                }
                drop(state);
                this.key = Some(idlers.push_back((), waker.take()));
            }
            Some(key) => {
                if idlers.poll(key, &mut waker).is_ready() {
                    this.key = None;
                    return Poll::Ready(());
                }
            }
        }
        drop(idlers);
        Poll::Pending
    }
}

impl<T> Drop for Idle<'_, T> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let mut waker = None;
            let mut idlers = lock(&self.scheduler.shared.idlers);
            // Nothing is to be passed on.
            let _ = idlers.cancel(key, &mut waker);
            drop(idlers);
        }
    }
}

impl<T> fmt::Debug for Idle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idle").finish_non_exhaustive()
    }
}

/// There was nothing to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryNextError {
    /// Nothing is due, or others wait for it.
    Empty,
    /// The scheduler has been closed.
    Closed,
}

impl fmt::Display for TryNextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryNextError::Empty => "nothing is due",
            TryNextError::Closed => "the scheduler is closed, and nothing more comes out",
        })
    }
}

impl Error for TryNextError {}
