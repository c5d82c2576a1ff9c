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
        let available = self.wall.saturating_duration_since(last.wall) * self.processors;
        after.saturating_sub(before) > available * 9 / 10
    }
}

/// The processor time that the process has used.
#[cfg(unix)]
fn used() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).ok()
}

#[cfg(not(unix))]
fn used() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::Meter;
    use std::time::Duration;

    #[test]
    #[cfg(unix)]
    fn a_process_that_computes_is_seen() {
        let mut meter = Meter::start();
        let before = meter.used.unwrap();
        let mut sum = 0_u64;
        while super::used().unwrap() - before < Duration::from_millis(2) {
            sum = std::hint::black_box(sum + 1);
        }
        // Alone on one of one processors it saturates them.
        meter.processors = 1;
        let wall = meter.wall.elapsed();
        let saturated = meter.is_saturated();
        assert!(saturated || wall > Duration::from_millis(2), "{wall:?}");
    }
}
