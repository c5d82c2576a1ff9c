//! How busy the process keeps the processors.

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

/// How many processors there are for this process.
pub(super) fn processors() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// Looks at the processor time of the process from time to time.
pub(super) struct Meter {
    wall: Instant,
    used: Option<Duration>,
    processors: u32,
}

impl Meter {
    pub(super) fn start() -> Self {
        Meter {
            wall: Instant::now(),
            used: used(),
            processors: u32::try_from(processors()).unwrap_or(u32::MAX),
        }
    }

    /// Whether the process has used up more than nine tenths of what there is since the last look.
    /// Where that cannot be known it has not.
    pub(super) fn is_saturated(&mut self) -> bool {
        let last = std::mem::replace(self, Meter::start());
        let (Some(before), Some(after)) = (last.used, self.used) else {
            return false;
        };
        let wall = self.wall.saturating_duration_since(last.wall);
        is_most(after.saturating_sub(before), wall * self.processors)
    }
}

/// Whether more than nine tenths of what was available were used.
fn is_most(used: Duration, available: Duration) -> bool {
    used > available * 9 / 10
}

/// The processor time that the process has used.
// A model has no feature, and no part of the system.
#[cfg(all(unix, feature = "pool"))]
fn used() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).ok()
}

#[cfg(not(all(unix, feature = "pool")))]
fn used() -> Option<Duration> {
    None
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::is_most;
    use std::time::Duration;

    #[test]
    #[cfg(unix)]
    fn the_time_that_a_process_uses_is_seen() {
        let before = super::used().unwrap();
        let mut sum = 0_u64;
        // Without it this would never end.
        while super::used().unwrap() - before < Duration::from_millis(2) {
            sum = std::hint::black_box(sum + 1);
        }
    }

    #[test]
    fn nine_tenths_are_not_most_yet() {
        let tenths = |count| Duration::from_millis(100) * count;
        assert!(!is_most(tenths(0), tenths(10)));
        assert!(!is_most(tenths(9), tenths(10)));
        assert!(is_most(tenths(9) + Duration::from_nanos(1), tenths(10)));
        assert!(is_most(tenths(20), tenths(20)));
    }
}
