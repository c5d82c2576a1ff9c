//! A clock that is set by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use corokit_core::time::{Installed, TimeSource, install};

#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    nanos: AtomicU64,
}

impl Clock {
    /// Makes a clock the one of this thread.
    pub(crate) fn install() -> (Arc<Clock>, Installed) {
        let clock = Arc::new(Clock {
            start: Instant::now(),
            nanos: AtomicU64::new(0),
        });
        let installed = install(clock.clone());
        (clock, installed)
    }

    pub(crate) fn advance(&self, duration: Duration) {
        let nanos = duration.as_nanos().try_into().unwrap();
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl TimeSource for Clock {
    fn now(&self) -> Instant {
        self.start + Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }

    fn register(&self, _: Instant, _: &Waker, _: Option<u64>) -> u64 {
        unreachable!("there are no timers")
    }

    fn cancel(&self, _: Instant, _: u64) {}

    fn advance(&self) -> bool {
        false
    }
}
