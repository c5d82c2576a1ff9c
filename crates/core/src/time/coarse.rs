//! The coarse clock of Linux as instants of the fine one.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, Timespec, clock_gettime};

/// One moment by two clocks: an [`Instant`], and a little later, what the monotonic clock says. The
/// coarse clock counts from the same beginning as the latter.
static MOMENT: OnceLock<(Instant, Timespec)> = OnceLock::new();

/// Returns an instant that has passed, by a tick at most.
#[inline]
pub(super) fn now() -> Instant {
    let (instant, monotonic) = MOMENT.get_or_init(|| {
        // In this order, so that what is computed from them is never ahead.
        let instant = Instant::now();
        (instant, clock_gettime(ClockId::Monotonic))
    });
    let coarse = clock_gettime(ClockId::MonotonicCoarse);
    let mut seconds = coarse.tv_sec - monotonic.tv_sec;
    let mut nanos = coarse.tv_nsec - monotonic.tv_nsec;
    if nanos < 0 {
        seconds -= 1;
        nanos += 1_000_000_000;
    }
    // In the first tick the coarse clock is behind that moment.
    match (u64::try_from(seconds), u32::try_from(nanos)) {
        (Ok(seconds), Ok(nanos)) => *instant + Duration::new(seconds, nanos),
        _ => *instant,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_never_ahead_never_goes_back_and_is_not_far_behind() {
        let mut last = now();
        for _ in 0..100_000 {
            let before = Instant::now();
            let coarse = now();
            assert!(coarse <= Instant::now());
            assert!(coarse >= last);
            assert!(before.saturating_duration_since(coarse) < Duration::from_millis(100));
            last = coarse;
        }
    }
}
