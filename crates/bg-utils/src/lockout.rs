//! Nobody goes on before an instant: what to do when a server says "come back in a minute".
//!
//! ```
//! use corokit_bg_utils::lockout::Lockout;
//! use corokit_core::time;
//! use std::time::Duration;
//!
//! static SERVER: Lockout = Lockout::new();
//!
//! futures_lite::future::block_on(async {
//!     let start = time::now();
//!     SERVER.wait().await;
//!     // The answer was 429, with Retry-After.
//!     SERVER.lock_for(Duration::from_millis(5));
//!     SERVER.wait().await;
//!     assert!(time::now() - start >= Duration::from_millis(5));
//! });
//! ```
//!
//! # The model
//!
//! There is one instant, before which it is locked; only the latest one that anybody has asked for
//! counts. Those who wait are released in the order in which they came, on whichever thread they
//! are, each when the one before it has gone on; and each looks again, so a lock that is set while
//! they leave holds those who have not left. One timer serves all of them.
//!
//! It never interrupts those who have gone on. With a [rate limiter](crate::rate_limiter), wait for
//! that first and for the lockout then, or use the limiter's own `lock_for`.
//!
//! Source: `async_utils.lockout`: both its `Lockout` and its `FIFOLockout`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::TimedOut;
use crate::clock::{block_on, block_on_until, now};
use crate::line::{Desk, Line, Place, When};

/// Keeps everybody waiting until an instant: see the [module](self).
///
/// Source: `async_utils.lockout.Lockout`, `async_utils.lockout.FIFOLockout`.
pub struct Lockout {
    /// Whether it may be locked: while it is not, nothing else is looked at.
    closed: AtomicBool,
    line: Line<Until>,
}

/// The instant before which nobody goes on.
struct Until {
    instant: Option<Instant>,
    /// How long it was to be, if the clock cannot represent it: for ever.
    forever: bool,
}

impl Until {
    fn opens(&self) -> When {
        match self.instant {
            _ if self.forever => When::Later,
            Some(instant) => When::At(instant),
            None => When::Now,
        }
    }
}

impl Desk for Until {
    type Ask = ();
    type Answer = ();

    fn serve(&mut self, (): (), now: Instant) -> Option<()> {
        (self.when((), now) == When::Now).then_some(())
    }

    fn when(&self, (): (), now: Instant) -> When {
        match self.opens() {
            When::At(instant) if instant <= now => When::Now,
            when => when,
        }
    }
}

impl Lockout {
    /// Makes one that is not locked.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::lockout::Lockout;
    ///
    /// static LOCKOUT: Lockout = Lockout::new();
    /// assert!(!LOCKOUT.is_locked());
    /// ```
    pub const fn new() -> Self {
        Lockout {
            closed: AtomicBool::new(false),
            line: Line::new(Until {
                instant: None,
                forever: false,
            }),
        }
    }

    /// Locks for this long, from now. A lock that lasts longer stays as it is.
    ///
    /// One that is too long for the clock lasts until [`clear`](Self::clear).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::lockout::Lockout;
    /// use std::time::Duration;
    ///
    /// let lockout = Lockout::new();
    /// lockout.lock_for(Duration::from_secs(10));
    /// assert!(lockout.is_locked());
    /// ```
    pub fn lock_for(&self, duration: Duration) {
        match now().checked_add(duration) {
            Some(instant) => self.lock_until(instant),
            None => self.lock(|until| until.forever = true),
        }
    }

    /// Locks until this instant. A lock that lasts longer stays as it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::lockout::Lockout;
    /// use std::time::{Duration, Instant};
    ///
    /// let lockout = Lockout::new();
    /// let instant = Instant::now() + Duration::from_secs(10);
    /// lockout.lock_until(instant);
    /// lockout.lock_until(instant - Duration::from_secs(5));
    /// assert_eq!(lockout.locked_until(), Some(instant));
    /// ```
    pub fn lock_until(&self, instant: Instant) {
        self.lock(|until| until.instant = until.instant.max(Some(instant)));
    }

    fn lock(&self, lock: impl FnOnce(&mut Until)) {
        let mut state = self.line.lock();
        lock(&mut state.desk);
        // Under the lock, so that it never says open while the line is closed.
        self.closed.store(true, Ordering::Release);
    }

    /// Lets everybody go on.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::lockout::Lockout;
    /// use std::time::Duration;
    ///
    /// let lockout = Lockout::new();
    /// lockout.lock_for(Duration::MAX);
    /// lockout.clear();
    /// assert!(!lockout.is_locked());
    /// ```
    pub fn clear(&self) {
        self.line.change(|until| {
            *until = Until {
                instant: None,
                forever: false,
            };
        });
    }

    /// Returns whether it is locked now.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!corokit_bg_utils::lockout::Lockout::new().is_locked());
    /// ```
    pub fn is_locked(&self) -> bool {
        if !self.closed.load(Ordering::Acquire) {
            return false;
        }
        let now = now();
        self.line.lock().desk.when((), now) != When::Now
    }

    /// Returns the instant until which it is locked, if that is in the future. It is `None`, too, for
    /// a lock for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(corokit_bg_utils::lockout::Lockout::new().locked_until(), None);
    /// ```
    pub fn locked_until(&self) -> Option<Instant> {
        let now = now();
        match self.line.lock().desk.when((), now) {
            When::At(instant) => Some(instant),
            _ => None,
        }
    }

    /// Waits until it is not locked, and those who came before have gone on.
    ///
    /// A lock that is set meanwhile is waited for as well.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing for anybody else.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::lockout::Lockout;
    /// use std::time::Duration;
    ///
    /// let lockout = Lockout::new();
    /// lockout.lock_for(Duration::from_millis(1));
    /// futures_lite::future::block_on(lockout.wait());
    /// assert!(!lockout.is_locked());
    /// ```
    #[inline]
    pub fn wait(&self) -> Wait<'_> {
        Wait {
            lockout: self,
            place: Place::Asks(()),
        }
    }

    /// Blocks the thread as [`wait`](Self::wait) waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::lockout::Lockout;
    /// use std::time::Duration;
    ///
    /// let lockout = Lockout::new();
    /// lockout.lock_for(Duration::from_millis(1));
    /// lockout.wait_blocking();
    /// ```
    pub fn wait_blocking(&self) {
        block_on(self.wait());
    }

    /// Blocks the thread as [`wait`](Self::wait) waits, at most until the deadline.
    ///
    /// # Errors
    ///
    /// [`TimedOut`] if it was still locked then.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::{TimedOut, lockout::Lockout};
    /// use std::time::{Duration, Instant};
    ///
    /// let lockout = Lockout::new();
    /// lockout.lock_for(Duration::from_secs(10));
    /// assert_eq!(lockout.wait_deadline(Instant::now()), Err(TimedOut));
    /// ```
    pub fn wait_deadline(&self, deadline: Instant) -> Result<(), TimedOut> {
        block_on_until(deadline, self.wait()).ok_or(TimedOut)
    }

    /// Returns how many wait.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(corokit_bg_utils::lockout::Lockout::new().waiting(), 0);
    /// ```
    pub fn waiting(&self) -> usize {
        self.line.lock().waiting()
    }

    /// Opens the fast way, if nobody waits and the lock is over.
    fn reopen(&self) {
        let now = now();
        let state = self.line.lock();
        if state.waiting() == 0 && state.desk.when((), now) == When::Now {
            self.closed.store(false, Ordering::Release);
        }
    }
}

impl Default for Lockout {
    fn default() -> Self {
        Lockout::new()
    }
}

impl fmt::Debug for Lockout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lockout")
            .field("locked_until", &self.locked_until())
            .finish_non_exhaustive()
    }
}

/// Waits for a [`Lockout`] to be over.
///
/// # Panics
///
/// Polling it after it has completed panics.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Wait<'l> {
    lockout: &'l Lockout,
    place: Place<()>,
}

impl Future for Wait<'_> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if let Place::Asks(()) = this.place {
            if !this.lockout.closed.load(Ordering::Acquire) {
                this.place = Place::Gone;
                return Poll::Ready(());
            }
        }
        let polled = this.lockout.line.poll(&mut this.place, cx);
        if polled.is_ready() {
            this.lockout.reopen();
        }
        polled
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.lockout.line.leave(&mut self.place);
    }
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").finish_non_exhaustive()
    }
}
