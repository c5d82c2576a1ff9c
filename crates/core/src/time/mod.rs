//! The one clock and its timers.
//!
//! Everything in corokit that waits for time asks here, so that there is one place where time
//! comes from. It is the monotonic [`Instant`]; the timers are async-io's, and no timer runs
//! before its instant.
//!
//! With the feature `virtual-time`, which only tests should switch on, a thread may be given
//! another source of time: [`install`].

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_io::Timer;

#[cfg(target_os = "linux")]
mod coarse;
mod hook;
#[cfg(feature = "virtual-time")]
mod source;

pub use hook::{BlockHook, about_to_block, set_block_hook};
#[cfg(feature = "virtual-time")]
pub use source::{Installed, TimeSource, install};
#[cfg(feature = "virtual-time")]
use source::{VirtualTimer, installed};

/// Returns the current instant of the monotonic clock.
///
/// # Examples
///
/// ```
/// let earlier = corokit_core::time::now();
/// assert!(corokit_core::time::now() >= earlier);
/// ```
pub fn now() -> Instant {
    #[cfg(feature = "virtual-time")]
    if let Some(source) = installed() {
        return source.now();
    }
    Instant::now()
}

/// Returns an instant that is not later than [`now`], and costs less to ask for.
///
/// On Linux it is the coarse clock of the system, which is behind by a tick at most: 1 to 10
/// milliseconds. Elsewhere, and with another source of time, it is [`now`]. It is for questions such
/// as whether the life of a cached value is over, where late is fine and early is not.
///
/// The first call in a process measures how far the two clocks are apart, and keeps that in a static.
///
/// # Examples
///
/// ```
/// use corokit_core::time;
///
/// let coarse = time::coarse_now();
/// assert!(coarse <= time::now());
/// ```
#[inline]
pub fn coarse_now() -> Instant {
    #[cfg(feature = "virtual-time")]
    if let Some(source) = installed() {
        return source.now();
    }
    #[cfg(target_os = "linux")]
    return coarse::now();
    #[cfg(not(target_os = "linux"))]
    Instant::now()
}

/// Waits for `duration`.
///
/// A duration too long for the clock to represent never ends.
///
/// Source: `asyncio.sleep`.
///
/// # Cancel safety
///
/// Dropping the future disarms the timer; nothing else happens.
///
/// # Examples
///
/// ```
/// use corokit_core::time;
/// use std::time::Duration;
///
/// let start = time::now();
/// futures_lite::future::block_on(time::sleep(Duration::from_millis(1)));
/// assert!(time::now() - start >= Duration::from_millis(1));
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    match now().checked_add(duration) {
        Some(deadline) => sleep_until(deadline),
        None => Sleep {
            timer: Kind::Real(Timer::never()),
        },
    }
}

/// Waits until `deadline`. A deadline in the past is over at once, at the first poll.
///
/// # Cancel safety
///
/// Dropping the future disarms the timer; nothing else happens.
///
/// # Examples
///
/// ```
/// use corokit_core::time;
///
/// let deadline = time::now();
/// futures_lite::future::block_on(time::sleep_until(deadline));
/// assert!(time::now() >= deadline);
/// ```
pub fn sleep_until(deadline: Instant) -> Sleep {
    #[cfg(feature = "virtual-time")]
    if let Some(source) = installed() {
        let timer = Kind::Virtual(VirtualTimer::new(source, deadline));
        return Sleep { timer };
    }
    Sleep {
        timer: Kind::Real(Timer::at(deadline)),
    }
}

/// Blocks the thread on a future, with I/O and timers at work.
///
/// # Examples
///
/// ```
/// use corokit_core::time;
/// use std::time::Duration;
///
/// let answer = time::block_on(async {
///     time::sleep(Duration::from_millis(1)).await;
///     42
/// });
/// assert_eq!(answer, 42);
/// ```
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    #[cfg(feature = "virtual-time")]
    if let Some(source) = installed() {
        return source::block_on(&*source, future);
    }
    async_io::block_on(future)
}

/// The future of [`sleep`] and [`sleep_until`].
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Sleep {
    timer: Kind,
}

/// Whose timer it is.
enum Kind {
    Real(Timer),
    #[cfg(feature = "virtual-time")]
    Virtual(VirtualTimer),
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.timer {
            Kind::Real(timer) => Pin::new(timer).poll(cx).map(drop),
            #[cfg(feature = "virtual-time")]
            Kind::Virtual(timer) => timer.poll(cx),
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").finish_non_exhaustive()
    }
}
