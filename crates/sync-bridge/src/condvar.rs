//! Waiting for a condition that a mutex of async-lock guards.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Instant;

use async_lock::{MutexGuard, MutexGuardArc};

use crate::TimedOut;
use crate::deadline::block_on_until;
use crate::park::block_on;
use crate::sync::{Mutex, lock};
use crate::waiters::{Cancelled, Key, WaitList};
use crate::wakes::Wakes;

/// Waits for a condition that is guarded by a mutex of async-lock, in threads and in tasks.
///
/// Those who wait are notified in the order in which they came. A notification does not get lost:
/// if the one that was notified goes away before it has the mutex again, the next is notified. On
/// the other hand somebody may be notified though the condition does not hold any more, so look
/// again, or let [`wait_while`](Self::wait_while) do so.
///
/// ```
/// use async_lock::Mutex;
/// use corokit_sync_bridge::Condvar;
/// use std::thread;
///
/// let (stock, delivered) = (Mutex::new(0), Condvar::new());
/// thread::scope(|scope| {
///     scope.spawn(|| {
///         *stock.lock_blocking() += 3;
///         delivered.notify_one();
///     });
///     futures_lite::future::block_on(async {
///         let mut stock = stock.lock().await;
///         stock = delivered.wait_while(stock, |stock| *stock == 0).await;
///         *stock -= 1;
///         assert_eq!(*stock, 2);
///     });
/// });
/// ```
///
/// Notifying does not ask for the mutex to be locked, as `asyncio.Condition` does.
///
/// Source: `asyncio.Condition`, `threading.Condition`.
#[derive(Default)]
pub struct Condvar {
    waiters: Mutex<WaitList<(), Notice>>,
}

/// What somebody who waits is told.
#[derive(Clone, Copy)]
enum Notice {
    /// It is one of some that were chosen: if it cannot go, another one has to.
    Chosen,
    /// All were told, so nobody has to be told instead.
    All,
}

impl Condvar {
    /// Makes a condition variable for which nobody waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::Condvar;
    ///
    /// static CHANGED: Condvar = Condvar::new();
    /// assert_eq!(CHANGED.waiting(), 0);
    /// ```
    pub const fn new() -> Self {
        Condvar {
            waiters: Mutex::new(WaitList::new()),
        }
    }

    /// Releases the mutex, waits until it is notified, and locks the mutex again.
    ///
    /// It has its place in the line before the mutex is released, at the first poll.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is the same as never having waited, save that the mutex has been
    /// released: it is not locked again for that. A notification goes to the next in line.
    ///
    /// # Examples
    ///
    /// ```
    /// use async_lock::Mutex;
    /// use corokit_sync_bridge::Condvar;
    /// use futures_lite::future::{block_on, zip};
    ///
    /// let (ready, changed) = (Mutex::new(false), Condvar::new());
    /// let waits = async {
    ///     let mut guard = ready.lock().await;
    ///     while !*guard {
    ///         guard = changed.wait(guard).await;
    ///     }
    /// };
    /// let notifies = async {
    ///     *ready.lock().await = true;
    ///     changed.notify_one();
    /// };
    /// block_on(zip(waits, notifies));
    /// ```
    pub async fn wait<'m, T: ?Sized>(&self, guard: MutexGuard<'m, T>) -> MutexGuard<'m, T> {
        let mutex = MutexGuard::source(&guard);
        let mut waiter = Waiter::new(self);
        waiter.notified(guard).await;
        let guard = mutex.lock().await;
        waiter.notice = None;
        guard
    }

    /// Does the same as [`wait`](Self::wait), for the guard that owns a reference to its mutex.
    ///
    /// # Examples
    ///
    /// ```
    /// use async_lock::Mutex;
    /// use corokit_sync_bridge::Condvar;
    /// use futures_lite::future::{block_on, zip};
    /// use std::sync::Arc;
    ///
    /// let (ready, changed) = (Arc::new(Mutex::new(false)), Condvar::new());
    /// let waits = async {
    ///     let mut guard = ready.lock_arc().await;
    ///     while !*guard {
    ///         guard = changed.wait_arc(guard).await;
    ///     }
    /// };
    /// let notifies = async {
    ///     *ready.lock().await = true;
    ///     changed.notify_one();
    /// };
    /// block_on(zip(waits, notifies));
    /// ```
    pub async fn wait_arc<T: ?Sized + Send>(&self, guard: MutexGuardArc<T>) -> MutexGuardArc<T> {
        let mutex = MutexGuardArc::source(&guard).clone();
        let mut waiter = Waiter::new(self);
        waiter.notified(guard).await;
        let guard = mutex.lock_arc().await;
        waiter.notice = None;
        guard
    }

    /// Waits as long as `condition` returns `true`, which is called with the mutex locked: at once,
    /// and then each time it is notified.
    ///
    /// # Cancel safety
    ///
    /// As that of [`wait`](Self::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use async_lock::Mutex;
    /// use corokit_sync_bridge::Condvar;
    /// use futures_lite::future::block_on;
    ///
    /// let (items, changed) = (Mutex::new(vec![5]), Condvar::new());
    /// block_on(async {
    ///     let guard = items.lock().await;
    ///     let mut guard = changed.wait_while(guard, |items| items.is_empty()).await;
    ///     assert_eq!(guard.pop(), Some(5));
    /// });
    /// ```
    pub async fn wait_while<'m, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'m, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'m, T> {
        while condition(&mut guard) {
            guard = self.wait(guard).await;
        }
        guard
    }

    /// Blocks the thread until it is notified, with the mutex released meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// use async_lock::Mutex;
    /// use corokit_sync_bridge::Condvar;
    /// use std::thread;
    ///
    /// let (ready, changed) = (Mutex::new(false), Condvar::new());
    /// thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         *ready.lock_blocking() = true;
    ///         changed.notify_all();
    ///     });
    ///     let mut guard = ready.lock_blocking();
    ///     while !*guard {
    ///         guard = changed.wait_blocking(guard);
    ///     }
    /// });
    /// ```
    pub fn wait_blocking<'m, T: ?Sized>(&self, guard: MutexGuard<'m, T>) -> MutexGuard<'m, T> {
        block_on(self.wait(guard))
    }

    /// Blocks the thread until it is notified and has the mutex again, or until `deadline`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`], if the deadline passed first. The mutex is not locked then.
    ///
    /// # Examples
    ///
    /// ```
    /// use async_lock::Mutex;
    /// use corokit_sync_bridge::{Condvar, TimedOut};
    /// use std::time::Instant;
    ///
    /// let (mutex, changed) = (Mutex::new(()), Condvar::new());
    /// let guard = mutex.lock_blocking();
    /// assert_eq!(changed.wait_deadline(guard, Instant::now()).unwrap_err(), TimedOut);
    /// assert!(mutex.try_lock().is_some());
    /// ```
    pub fn wait_deadline<'m, T: ?Sized>(
        &self,
        guard: MutexGuard<'m, T>,
        deadline: Instant,
    ) -> Result<MutexGuard<'m, T>, TimedOut> {
        block_on_until(deadline, self.wait(guard))
    }

    /// Blocks the thread as long as `condition` returns `true`: see
    /// [`wait_while`](Self::wait_while).
    ///
    /// # Examples
    ///
    /// ```
    /// use async_lock::Mutex;
    /// use corokit_sync_bridge::Condvar;
    ///
    /// let (mutex, changed) = (Mutex::new(5), Condvar::new());
    /// let guard = changed.wait_while_blocking(mutex.lock_blocking(), |value| *value == 0);
    /// assert_eq!(*guard, 5);
    /// ```
    pub fn wait_while_blocking<'m, T: ?Sized>(
        &self,
        guard: MutexGuard<'m, T>,
        condition: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'m, T> {
        block_on(self.wait_while(guard, condition))
    }

    /// Blocks the thread as long as `condition` returns `true`, or until `deadline`: see
    /// [`wait_while`](Self::wait_while).
    ///
    /// # Errors
    ///
    /// [`TimedOut`], if the deadline passed first. The mutex is not locked then.
    ///
    /// # Examples
    ///
    /// ```
    /// use async_lock::Mutex;
    /// use corokit_sync_bridge::{Condvar, TimedOut};
    /// use std::time::Instant;
    ///
    /// let (mutex, changed) = (Mutex::new(0), Condvar::new());
    /// let guard = mutex.lock_blocking();
    /// let waited = changed.wait_while_deadline(guard, |value| *value == 0, Instant::now());
    /// assert_eq!(waited.unwrap_err(), TimedOut);
    /// ```
    pub fn wait_while_deadline<'m, T: ?Sized>(
        &self,
        guard: MutexGuard<'m, T>,
        condition: impl FnMut(&mut T) -> bool,
        deadline: Instant,
    ) -> Result<MutexGuard<'m, T>, TimedOut> {
        block_on_until(deadline, self.wait_while(guard, condition))
    }

    /// Notifies the one that has waited longest. If nobody waits, nothing happens.
    ///
    /// # Examples
    ///
    /// ```
    /// use async_lock::Mutex;
    /// use corokit_sync_bridge::Condvar;
    /// use futures_lite::future::{block_on, poll_once};
    ///
    /// let (first, second, changed) = (Mutex::new(()), Mutex::new(()), Condvar::new());
    /// block_on(async {
    ///     let mut waits = [&first, &second].map(|mutex| {
    ///         Box::pin(changed.wait(mutex.try_lock().unwrap()))
    ///     });
    ///     for wait in &mut waits {
    ///         assert!(poll_once(wait).await.is_none());
    ///     }
    ///     changed.notify_one();
    ///     assert!(poll_once(&mut waits[1]).await.is_none());
    ///     assert!(poll_once(&mut waits[0]).await.is_some());
    /// });
    /// ```
    pub fn notify_one(&self) {
        let granted = lock(&self.waiters).grant_front(Notice::Chosen);
        if let Ok(((), Some(waker))) = granted {
            waker.wake();
        }
    }

    /// Notifies those `count` who have waited longest, or all if they are fewer.
    ///
    /// # Examples
    ///
    /// ```
    /// use async_lock::Mutex;
    /// use corokit_sync_bridge::Condvar;
    /// use futures_lite::future::{block_on, poll_once};
    ///
    /// let (mutex, changed) = (Mutex::new(()), Condvar::new());
    /// let mut wait = Box::pin(changed.wait(mutex.try_lock().unwrap()));
    /// assert!(block_on(poll_once(&mut wait)).is_none());
    /// changed.notify_many(3);
    /// assert!(block_on(poll_once(&mut wait)).is_some());
    /// ```
    pub fn notify_many(&self, count: usize) {
        self.notify(count, Notice::Chosen);
    }

    /// Notifies all who wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::Condvar;
    ///
    /// // Nobody waits, so nothing happens.
    /// Condvar::new().notify_all();
    /// ```
    pub fn notify_all(&self) {
        self.notify(usize::MAX, Notice::All);
    }

    fn notify(&self, count: usize, notice: Notice) {
        // Woken when the lock is released, as what is made first is dropped last.
        let mut wakes = Wakes::default();
        let mut waiters = lock(&self.waiters);
        for _ in 0..count {
            match waiters.grant_front(notice) {
                Ok(((), waker)) => wakes.add(waker),
                Err(_) => break,
            }
        }
    }

    /// Returns how many wait to be notified.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::Condvar;
    ///
    /// assert_eq!(Condvar::new().waiting(), 0);
    /// ```
    pub fn waiting(&self) -> usize {
        lock(&self.waiters).len()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar")
            .field("waiting", &self.waiting())
            .finish()
    }
}

/// One that waits, until it has the mutex again. When it is dropped before, it passes on what it
/// was told.
struct Waiter<'a> {
    condvar: &'a Condvar,
    /// Its place in the line.
    key: Option<Key>,
    /// What it was told, and has not acted upon yet.
    notice: Option<Notice>,
}

impl<'a> Waiter<'a> {
    fn new(condvar: &'a Condvar) -> Self {
        Waiter {
            condvar,
            key: None,
            notice: None,
        }
    }

    /// Takes a place in the line, releases the mutex, and waits to be notified.
    async fn notified<G>(&mut self, guard: G) {
        let mut guard = Some(guard);
        poll_fn(|cx| {
            let polled = self.poll(cx);
            // Releasing a mutex wakes others, so our own lock is released by now.
            drop(guard.take());
            polled
        })
        .await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Cloned, and what is left here dropped, outside of the lock.
        let mut waker = Some(cx.waker().clone());
        let mut waiters = lock(&self.condvar.waiters);
        let Some(key) = self.key else {
            self.key = Some(waiters.push_back((), waker.take()));
            return Poll::Pending;
        };
        match waiters.poll(key, &mut waker) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(notice) => {
                self.key = None;
                self.notice = Some(notice);
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut notice = self.notice;
        if let Some(key) = self.key {
            let mut waker = None;
            let cancelled = lock(&self.condvar.waiters).cancel(key, &mut waker);
            if let Cancelled::Granted(granted) = cancelled {
                notice = Some(granted);
            }
        }
        if let Some(Notice::Chosen) = notice {
            self.condvar.notify_one();
        }
    }
}
