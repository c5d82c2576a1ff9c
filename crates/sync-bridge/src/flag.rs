//! A flag that threads and tasks wait for.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
#[cfg(not(loom))]
use std::time::Instant;

use crate::park::block_on;
use crate::sync::{AtomicU64, Mutex, const_unless_loom, lock};
use crate::waiters::{Cancelled, Key, WaitList};
use crate::wakes::Wakes;
#[cfg(not(loom))]
use crate::{TimedOut, deadline::block_on_until};

/// A flag that can be set and cleared, and waited for: by threads and by tasks.
///
/// It is a level, and those who wait while it is set do not wait at all. It is an edge, too:
/// setting it ends the waiting of all who wait, even if it is cleared before any of them runs.
///
/// ```
/// use corokit_sync_bridge::Flag;
/// use futures_lite::future::{block_on, poll_once};
///
/// let open = Flag::new(false);
/// block_on(async {
///     let mut guest = open.wait();
///     assert!(poll_once(&mut guest).await.is_none());
///     open.set();
///     open.clear();
///     // The door was open for a moment, and the guest was waiting for that.
///     assert!(poll_once(&mut guest).await.is_some());
///     assert!(poll_once(open.wait()).await.is_none());
/// });
/// ```
///
/// Source: `asyncio.Event`, `threading.Event`.
pub struct Flag {
    /// How often it has been set or cleared: set while the number is odd. It is changed under the
    /// lock, and read without.
    changes: AtomicU64,
    waiters: Mutex<WaitList<(), ()>>,
}

/// Whether a flag that has been changed so often is set.
fn is_set(changes: u64) -> bool {
    changes % 2 == 1
}

impl Flag {
    const_unless_loom! {
        /// Makes a flag, set or not.
        ///
        /// # Examples
        ///
        /// ```
        /// use corokit_sync_bridge::Flag;
        ///
        /// static READY: Flag = Flag::new(false);
        /// assert!(!READY.is_set());
        /// ```
        pub const fn new(set: bool) -> Self {
            Flag {
                changes: AtomicU64::new(set as u64),
                waiters: Mutex::new(WaitList::new()),
            }
        }
    }

    /// Returns `true` if the flag is set.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::Flag;
    ///
    /// assert!(Flag::new(true).is_set());
    /// ```
    #[inline]
    pub fn is_set(&self) -> bool {
        is_set(self.changes.load(Ordering::Acquire))
    }

    /// Sets the flag, and wakes all who wait for it, those first who came first. Returns `false` if
    /// it was set already.
    ///
    /// What was done before is visible to those who find it set.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::Flag;
    ///
    /// let flag = Flag::new(false);
    /// assert!(flag.set());
    /// assert!(!flag.set());
    /// flag.wait_blocking();
    /// ```
    pub fn set(&self) -> bool {
        let mut wakes = Wakes::default();
        {
            let mut waiters = lock(&self.waiters);
            let changes = self.changes.load(Ordering::Relaxed);
            if is_set(changes) {
                return false;
            }
            self.changes.store(changes + 1, Ordering::Release);
            while let Ok(((), waker)) = waiters.grant_front(()) {
                wakes.add(waker);
            }
        }
        true
    }

    /// Clears the flag. Returns `false` if it was not set.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::Flag;
    ///
    /// let flag = Flag::new(true);
    /// assert!(flag.clear());
    /// assert!(!flag.clear());
    /// assert!(!flag.is_set());
    /// ```
    pub fn clear(&self) -> bool {
        let _waiters = lock(&self.waiters);
        let changes = self.changes.load(Ordering::Relaxed);
        if !is_set(changes) {
            return false;
        }
        self.changes.store(changes + 1, Ordering::Release);
        true
    }

    /// Waits until the flag is set, or has been set since this was called.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is the same as never having waited.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::Flag;
    /// use futures_lite::future::block_on;
    ///
    /// let flag = Flag::new(false);
    /// let wait = flag.wait();
    /// flag.set();
    /// flag.clear();
    /// block_on(wait);
    /// ```
    pub fn wait(&self) -> Wait<'_> {
        Wait {
            flag: self,
            began: self.changes.load(Ordering::Acquire),
            key: None,
        }
    }

    /// Blocks the thread until the flag is set.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::Flag;
    /// use std::thread;
    ///
    /// let flag = Flag::new(false);
    /// thread::scope(|scope| {
    ///     scope.spawn(|| flag.wait_blocking());
    ///     flag.set();
    /// });
    /// ```
    pub fn wait_blocking(&self) {
        block_on(self.wait());
    }

    /// Blocks the thread until the flag is set, or until `deadline`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`], if the deadline passed first.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::{Flag, TimedOut};
    /// use std::time::Instant;
    ///
    /// let flag = Flag::new(false);
    /// assert_eq!(flag.wait_deadline(Instant::now()), Err(TimedOut));
    /// flag.set();
    /// assert_eq!(flag.wait_deadline(Instant::now()), Ok(()));
    /// ```
    #[cfg(not(loom))]
    pub fn wait_deadline(&self, deadline: Instant) -> Result<(), TimedOut> {
        block_on_until(deadline, self.wait())
    }

    /// Returns how many wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::Flag;
    /// use futures_lite::future::{block_on, poll_once};
    ///
    /// let flag = Flag::new(false);
    /// let mut wait = flag.wait();
    /// assert_eq!(flag.waiting(), 0);
    /// block_on(poll_once(&mut wait));
    /// assert_eq!(flag.waiting(), 1);
    /// ```
    pub fn waiting(&self) -> usize {
        lock(&self.waiters).len()
    }
}

impl Default for Flag {
    /// Makes a flag that is not set.
    fn default() -> Self {
        Flag::new(false)
    }
}

impl fmt::Debug for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flag")
            .field("set", &self.is_set())
            .field("waiting", &self.waiting())
            .finish()
    }
}

/// The future of [`Flag::wait`].
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Wait<'a> {
    flag: &'a Flag,
    /// How often the flag had been changed when the waiting began.
    began: u64,
    key: Option<Key>,
}

impl Wait<'_> {
    /// Whether the flag has been set since the waiting began.
    fn is_over(&self) -> bool {
        let changes = self.flag.changes.load(Ordering::Acquire);
        is_set(self.began) || changes != self.began
    }
}

impl Future for Wait<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.key.is_none() && self.is_over() {
            return Poll::Ready(());
        }
        // Cloned, and what is left here dropped, outside of the lock.
        let mut waker = Some(cx.waker().clone());
        let mut waiters = lock(&self.flag.waiters);
        match self.key {
            None if self.is_over() => Poll::Ready(()),
            None => {
                let key = waiters.push_back((), waker.take());
                drop(waiters);
                self.key = Some(key);
                Poll::Pending
            }
            Some(key) => {
                let polled = waiters.poll(key, &mut waker);
                drop(waiters);
                if polled.is_ready() {
                    self.key = None;
                }
                polled
            }
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let mut waker = None;
            // All who waited were told, so there is nothing to be passed on.
            let (Cancelled::Waiting(()) | Cancelled::Granted(())) =
                lock(&self.flag.waiters).cancel(key, &mut waker);
        }
    }
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("flag", self.flag)
            .finish_non_exhaustive()
    }
}
