//! At most so many in a stretch of time, first come first served.
//!
//! ```
//! use corokit_bg_utils::rate_limiter::RateLimiter;
//! use corokit_core::time;
//! use std::num::NonZeroU32;
//! use std::time::Duration;
//!
//! let per = Duration::from_millis(5);
//! let limiter = RateLimiter::window(NonZeroU32::new(10).unwrap(), per);
//! futures_lite::future::block_on(async {
//!     let start = time::now();
//!     for _ in 0..25 {
//!         limiter.acquire().await;
//!     }
//!     assert!(time::now() - start >= 2 * per);
//! });
//! ```
//!
//! # The model
//!
//! Two rules: a [window](RateLimiter::window) admits at most `n` in *any* stretch of time of that
//! length, which starts anywhere; [paced](RateLimiter::paced) admission keeps them evenly spaced,
//! with bursts if asked for.
//!
//! - **Order**: strictly first in, first out, whatever they ask for and on whichever thread. Nobody
//!   who comes later is admitted before somebody who waits.
//! - **Time**: an admission counts from the instant at which the caller is let through, in its own
//!   poll. Nobody is admitted early, and there is no granularity: one timer, for the first in line,
//!   is set to the exact instant. A waiter is woken once.
//! - **Cost**: a window keeps the instants of its latest admissions, 8 bytes for each, up to `n`.
//!   Pacing keeps one number.
//! - **Cancelling**: a waiter that is dropped has never waited. It consumes nothing, and the next in
//!   line is admitted as if it had not been there.
//!
//! Who has been woken and is not polled holds up those behind it: that is what the exact order and
//! the exact window cost.
//!
//! Source: `async_utils.ratelimiter`, which hangs for ever once its limit was reached, and `governor`,
//! which has no order and lets twice as many into a window.

use std::fmt;
use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::TimedOut;
use crate::clock::{block_on, block_on_until, now};
use crate::line::{Line, Place};

mod error;
mod meter;
mod paced;
mod window;

pub use error::{TooMany, TryAcquireError};
use meter::{Meter, Rule, nanos};
use paced::Paced;
use window::Window;

/// Admits at most so many in a stretch of time: see the [module](self).
///
/// It is shared by reference, or in an `Arc`.
///
/// Source: `async_utils.ratelimiter.RateLimiter`.
pub struct RateLimiter {
    line: Line<Meter>,
    limit: NonZeroU32,
    period: Duration,
}

impl RateLimiter {
    /// Makes a limiter that admits at most `limit` in any half-open stretch of time of the length
    /// `period`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::rate_limiter::RateLimiter;
    /// use std::num::NonZeroU32;
    /// use std::time::Duration;
    ///
    /// let limiter = RateLimiter::window(NonZeroU32::new(3).unwrap(), Duration::from_secs(60));
    /// assert_eq!(limiter.available(), 3);
    /// ```
    pub fn window(limit: NonZeroU32, period: Duration) -> Self {
        let window = Window::new(limit.get(), nanos(period));
        RateLimiter::new(limit, period, Rule::Window(window))
    }

    /// Makes a limiter that admits one each `period / limit`.
    ///
    /// No two are closer than that, so an admission that comes late delays all those that follow. To
    /// keep the rate, give it a [burst](Self::paced_with_burst) of two or more.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::rate_limiter::RateLimiter;
    /// use std::num::NonZeroU32;
    /// use std::time::Duration;
    ///
    /// let minute = Duration::from_secs(60);
    /// let limiter = RateLimiter::paced(NonZeroU32::new(24).unwrap(), 24 * 60 * minute);
    /// assert!(limiter.try_acquire().is_ok());
    /// let wait = limiter.try_acquire().unwrap_err();
    /// assert!(wait > 50 * minute && wait <= 60 * minute);
    /// ```
    pub fn paced(limit: NonZeroU32, period: Duration) -> Self {
        RateLimiter::paced_with_burst(limit, period, NonZeroU32::MIN)
    }

    /// Makes a limiter that admits one each `period / limit`, and up to `burst` at once after a
    /// pause.
    ///
    /// In a stretch of time of length `t`, it admits at most `burst + t * limit / period`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::rate_limiter::RateLimiter;
    /// use std::num::NonZeroU32;
    /// use std::time::Duration;
    ///
    /// let [limit, burst] = [60, 5].map(|n| NonZeroU32::new(n).unwrap());
    /// let limiter = RateLimiter::paced_with_burst(limit, Duration::from_secs(60), burst);
    /// for _ in 0..5 {
    ///     assert!(limiter.try_acquire().is_ok());
    /// }
    /// assert!(limiter.try_acquire().is_err());
    /// ```
    pub fn paced_with_burst(limit: NonZeroU32, period: Duration, burst: NonZeroU32) -> Self {
        let paced = Paced::new(limit.get(), nanos(period), burst.get());
        RateLimiter::new(limit, period, Rule::Paced(paced))
    }

    fn new(limit: NonZeroU32, period: Duration, rule: Rule) -> Self {
        RateLimiter {
            line: Line::new(Meter::new(now(), rule)),
            limit,
            period,
        }
    }

    /// Waits until it is admitted.
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped before it has completed consumes nothing, and delays nobody.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::rate_limiter::RateLimiter;
    /// use std::num::NonZeroU32;
    /// use std::time::Duration;
    ///
    /// let limiter = RateLimiter::window(NonZeroU32::MIN, Duration::from_millis(1));
    /// futures_lite::future::block_on(async {
    ///     limiter.acquire().await;
    ///     limiter.acquire().await;
    /// });
    /// ```
    #[inline]
    pub fn acquire(&self) -> Acquire<'_> {
        Acquire {
            limiter: self,
            place: Place::Asks(1),
        }
    }

    /// Waits until `count` are admitted at once.
    ///
    /// Those who come later wait behind it, though there may be room for them.
    ///
    /// # Errors
    ///
    /// [`TooMany`] if so many are never admitted at once: more than the limit of a window, or the
    /// burst of paced admission.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::rate_limiter::RateLimiter;
    /// use std::num::NonZeroU32;
    /// use std::time::Duration;
    ///
    /// let [two, three, four] = [2, 3, 4].map(|n| NonZeroU32::new(n).unwrap());
    /// let limiter = RateLimiter::window(three, Duration::from_secs(60));
    /// futures_lite::future::block_on(limiter.acquire_many(two).unwrap());
    /// assert_eq!(limiter.available(), 1);
    /// assert_eq!(limiter.acquire_many(four).unwrap_err().most, 3);
    /// ```
    pub fn acquire_many(&self, count: NonZeroU32) -> Result<Acquire<'_>, TooMany> {
        let most = self.most_at_once();
        if count.get() > most {
            return Err(TooMany {
                asked: count.get(),
                most,
            });
        }
        Ok(Acquire {
            limiter: self,
            place: Place::Asks(count.get()),
        })
    }

    /// Is admitted now, or tells how long to wait.
    ///
    /// # Errors
    ///
    /// If it is not admitted now: a wait that suffices if nobody else comes meanwhile, and those who
    /// wait are polled when they are woken. It is exact, unless somebody waits for
    /// [many](Self::acquire_many).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::rate_limiter::RateLimiter;
    /// use std::num::NonZeroU32;
    /// use std::time::Duration;
    ///
    /// let hour = Duration::from_secs(3_600);
    /// let limiter = RateLimiter::window(NonZeroU32::MIN, hour);
    /// assert_eq!(limiter.try_acquire(), Ok(()));
    /// // An answer of HTTP 429 would say so in its header Retry-After.
    /// assert!(limiter.try_acquire().unwrap_err() > hour / 2);
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Result<(), Duration> {
        self.try_serve(1)
    }

    /// Is admitted `count` times now, or tells how long to wait.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError::Wait`] with a wait that suffices, as [`try_acquire`](Self::try_acquire);
    /// [`TryAcquireError::TooMany`] if so many are never admitted at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::rate_limiter::{RateLimiter, TryAcquireError};
    /// use std::num::NonZeroU32;
    /// use std::time::Duration;
    ///
    /// let [two, three] = [2, 3].map(|n| NonZeroU32::new(n).unwrap());
    /// let limiter = RateLimiter::window(three, Duration::from_secs(60));
    /// assert_eq!(limiter.try_acquire_many(two), Ok(()));
    /// let refused = limiter.try_acquire_many(two);
    /// assert!(matches!(refused, Err(TryAcquireError::Wait(_))));
    /// ```
    pub fn try_acquire_many(&self, count: NonZeroU32) -> Result<(), TryAcquireError> {
        let most = self.most_at_once();
        if count.get() > most {
            return Err(TryAcquireError::TooMany(TooMany {
                asked: count.get(),
                most,
            }));
        }
        self.try_serve(count.get()).map_err(TryAcquireError::Wait)
    }

    #[inline]
    fn try_serve(&self, count: u32) -> Result<(), Duration> {
        match self.line.try_serve(count) {
            Ok(()) => Ok(()),
            Err(state) => {
                drop(state);
                Err(self.wait_for(count))
            }
        }
    }

    /// Tells how long `count` would have to wait behind those in line.
    #[cold]
    fn wait_for(&self, count: u32) -> Duration {
        let now = now();
        let state = self.line.lock();
        let asks: Vec<u32> = state.asks().chain([count]).collect();
        let free_at = state.desk.behind(&asks, state.desk.time(now));
        Duration::from_nanos(free_at - state.desk.time(now))
    }

    /// Blocks the thread until it is admitted.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::rate_limiter::RateLimiter;
    /// use std::num::NonZeroU32;
    /// use std::time::Duration;
    ///
    /// let limiter = RateLimiter::window(NonZeroU32::MIN, Duration::from_millis(1));
    /// limiter.acquire_blocking();
    /// limiter.acquire_blocking();
    /// ```
    pub fn acquire_blocking(&self) {
        block_on(self.acquire());
    }

    /// Blocks the thread until it is admitted, or the deadline passes.
    ///
    /// # Errors
    ///
    /// [`TimedOut`] if it was not admitted in time. It has consumed nothing then.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::{TimedOut, rate_limiter::RateLimiter};
    /// use std::num::NonZeroU32;
    /// use std::time::{Duration, Instant};
    ///
    /// let limiter = RateLimiter::window(NonZeroU32::MIN, Duration::from_secs(60));
    /// let deadline = Instant::now() + Duration::from_millis(1);
    /// assert_eq!(limiter.acquire_deadline(deadline), Ok(()));
    /// assert_eq!(limiter.acquire_deadline(deadline), Err(TimedOut));
    /// ```
    pub fn acquire_deadline(&self, deadline: Instant) -> Result<(), TimedOut> {
        block_on_until(deadline, self.acquire()).ok_or(TimedOut)
    }

    /// Admits nobody for this long: what an answer of "too many requests" asks for.
    ///
    /// It never shortens a lock that is in place. Those who wait keep their order, and what has been
    /// admitted before still counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::rate_limiter::RateLimiter;
    /// use std::num::NonZeroU32;
    /// use std::time::Duration;
    ///
    /// let limiter = RateLimiter::window(NonZeroU32::MIN, Duration::from_millis(1));
    /// limiter.lock_for(Duration::from_secs(3_600));
    /// assert_eq!(limiter.available(), 0);
    /// assert!(limiter.try_acquire().unwrap_err() > Duration::from_secs(1_800));
    /// ```
    pub fn lock_for(&self, duration: Duration) {
        let now = now();
        let mut state = self.line.lock();
        let until = state.desk.time(now).saturating_add(nanos(duration));
        // Whoever is first in line finds out when it is polled, and waits on.
        state.desk.lock_until(until);
    }

    /// Admits nobody before this instant. It never shortens a lock that is in place.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::rate_limiter::RateLimiter;
    /// use std::num::NonZeroU32;
    /// use std::time::{Duration, Instant};
    ///
    /// let limiter = RateLimiter::window(NonZeroU32::MIN, Duration::from_millis(1));
    /// let instant = Instant::now() + Duration::from_secs(30);
    /// limiter.lock_until(instant);
    /// limiter.lock_until(instant - Duration::from_secs(10));
    /// assert_eq!(limiter.locked_until(), Some(instant));
    /// ```
    pub fn lock_until(&self, instant: Instant) {
        let mut state = self.line.lock();
        let until = state.desk.time(instant);
        state.desk.lock_until(until);
    }

    /// Returns until when nobody is admitted because of [`lock_for`](Self::lock_for), if that is in
    /// the future.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::rate_limiter::RateLimiter;
    /// use std::num::NonZeroU32;
    /// use std::time::Duration;
    ///
    /// let limiter = RateLimiter::window(NonZeroU32::MIN, Duration::from_millis(1));
    /// assert_eq!(limiter.locked_until(), None);
    /// ```
    pub fn locked_until(&self) -> Option<Instant> {
        let now = now();
        let state = self.line.lock();
        let until = state.desk.locked_until();
        match until > state.desk.time(now) {
            true => state.desk.instant(until),
            false => None,
        }
    }

    /// Returns how many could be admitted now, if nobody waited.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::rate_limiter::RateLimiter;
    /// use std::num::NonZeroU32;
    /// use std::time::Duration;
    ///
    /// let limiter = RateLimiter::window(NonZeroU32::new(2).unwrap(), Duration::from_secs(60));
    /// limiter.try_acquire().unwrap();
    /// assert_eq!(limiter.available(), 1);
    /// ```
    pub fn available(&self) -> u32 {
        let now = now();
        let state = self.line.lock();
        state.desk.available(state.desk.time(now))
    }

    /// Returns how many wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::rate_limiter::RateLimiter;
    /// use std::num::NonZeroU32;
    /// use std::time::Duration;
    ///
    /// let limiter = RateLimiter::window(NonZeroU32::MIN, Duration::from_secs(1));
    /// assert_eq!(limiter.waiting(), 0);
    /// ```
    pub fn waiting(&self) -> usize {
        self.line.lock().waiting()
    }

    /// Returns how many are admitted in a [period](Self::period).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::rate_limiter::RateLimiter;
    /// use std::num::NonZeroU32;
    /// use std::time::Duration;
    ///
    /// let limiter = RateLimiter::window(NonZeroU32::MIN, Duration::from_secs(1));
    /// assert_eq!(limiter.limit().get(), 1);
    /// assert_eq!(limiter.period(), Duration::from_secs(1));
    /// ```
    pub fn limit(&self) -> NonZeroU32 {
        self.limit
    }

    /// Returns the time to which the [limit](Self::limit) applies.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// Returns how many can be admitted at once, ever.
    fn most_at_once(&self) -> u32 {
        match &self.line.lock().desk.rule() {
            Rule::Window(_) => self.limit.get(),
            Rule::Paced(paced) => paced.burst(),
        }
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter")
            .field("limit", &self.limit)
            .field("period", &self.period)
            .finish_non_exhaustive()
    }
}

/// Waits to be admitted by a [`RateLimiter`].
///
/// # Panics
///
/// Polling it after it has completed panics.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Acquire<'l> {
    limiter: &'l RateLimiter,
    place: Place<u32>,
}

impl Future for Acquire<'_> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.limiter.line.poll(&mut this.place, cx)
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        self.limiter.line.leave(&mut self.place);
    }
}

impl fmt::Debug for Acquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").finish_non_exhaustive()
    }
}
