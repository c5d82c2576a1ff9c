//! How deep eager calls are nested on this thread, and the limit that keeps the stack from overflowing.
//!
//! The first leg of an [`eager`](crate::eager) future runs on the stack of its caller. If that leg calls
//! `eager` in turn, the frames pile up, as those of a recursive function would. Each thread therefore counts
//! the first legs it is in the middle of. At [`LIMIT`] an eager call no longer polls its future: it hands it
//! to the spawner as it is, and the future starts where the executor starts it. The program then goes on as
//! if that one call had been a plain spawn.
//!
//! The guard helps when the spawner queues. A spawner that runs the future at once, or returns the boxed
//! future for the caller to await, recurses as plain nested awaits do.
//!
//! Without the feature `std` nothing is counted, no call is held back, and [`current`] returns 0.

#[cfg(feature = "std")]
use core::cell::Cell;

/// The number of nested first legs at which an eager call hands its future over without polling it.
///
/// A level costs the frames of one `eager` call and one poll of the caller's future, some hundred bytes in a
/// release build and a few KiB in a debug build, plus whatever the future itself puts on the stack.
pub const LIMIT: usize = 64;

#[cfg(feature = "std")]
std::thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Returns the number of eager first legs that this thread is in the middle of.
///
/// It is 0 outside of any, at most [`LIMIT`], and always 0 without the feature `std`.
///
/// ```
/// use corokit_coro_start::{depth, eager};
///
/// assert_eq!(depth::current(), 0);
/// let inside = eager(async { depth::current() }, |rest| rest);
/// # #[cfg(feature = "std")]
/// assert_eq!(inside.peek(), Some(&1));
/// assert_eq!(depth::current(), 0);
/// ```
#[must_use]
pub fn current() -> usize {
    #[cfg(feature = "std")]
    return DEPTH.with(Cell::get);
    #[cfg(not(feature = "std"))]
    return 0;
}

/// One level of nesting, left when it is dropped, also by a panic.
pub(crate) struct Level(());

impl Level {
    /// Enters one level, unless the limit is reached.
    #[cfg(feature = "std")]
    pub(crate) fn enter() -> Option<Self> {
        DEPTH.with(|depth| {
            let now = depth.get();
            if now < LIMIT {
                depth.set(now + 1);
                Some(Self(()))
            } else {
                None
            }
        })
    }

    /// Enters one level; without a thread-local to count in, there is no limit.
    #[cfg(not(feature = "std"))]
    pub(crate) fn enter() -> Option<Self> {
        Some(Self(()))
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        #[cfg(feature = "std")]
        DEPTH.with(|depth| depth.set(depth.get() - 1));
    }
}
