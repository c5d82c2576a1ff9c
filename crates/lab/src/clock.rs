//! The clock that stands still until it jumps.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use corokit_core::time::TimeSource;

/// A clock that moves only by [`jump`](VirtualClock::jump), and then to its next timer.
pub(crate) struct VirtualClock {
    start: Instant,
    state: Mutex<State>,
}

struct State {
    now: Instant,
    /// What is to be woken, by deadline and then by the order of registration.
    timers: BTreeMap<(Instant, u64), Waker>,
    /// How many timers there have been.
    registered: u64,
}

impl VirtualClock {
    pub(crate) fn new() -> Self {
        let start = Instant::now();
        VirtualClock {
            start,
            state: Mutex::new(State {
                now: start,
                timers: BTreeMap::new(),
                registered: 0,
            }),
        }
    }

    /// Returns how much time has passed since the clock was made.
    pub(crate) fn elapsed(&self) -> Duration {
        self.lock().now - self.start
    }

    /// Returns `true` if there is a timer to jump to.
    pub(crate) fn has_timers(&self) -> bool {
        !self.lock().timers.is_empty()
    }

    /// Jumps to the next deadline and wakes every timer that is due then, in the order of their
    /// registration. Returns `false` if there is none.
    pub(crate) fn jump(&self) -> bool {
        let mut state = self.lock();
        let Some((&(deadline, _), _)) = state.timers.first_key_value() else {
            return false;
        };
        state.now = state.now.max(deadline);
        let later = state.timers.split_off(&(deadline, u64::MAX));
        let due = mem::replace(&mut state.timers, later);
        drop(state);
        due.into_values().for_each(Waker::wake);
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic is called while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TimeSource for VirtualClock {
    fn now(&self) -> Instant {
        self.lock().now
    }

    fn register(&self, deadline: Instant, waker: &Waker, previous: Option<u64>) -> u64 {
        let waker = waker.clone();
        let mut state = self.lock();
        // A timer that is polled again keeps its place among those of the same deadline.
        let key = previous.unwrap_or_else(|| {
            state.registered += 1;
            state.registered
        });
        let replaced = state.timers.insert((deadline, key), waker);
        drop(state);
        drop(replaced);
        key
    }

    fn cancel(&self, deadline: Instant, key: u64) {
        let removed = self.lock().timers.remove(&(deadline, key));
        // Dropping a waker may run anything, and so may run into the clock: not under the lock.
        drop(removed);
    }

    fn advance(&self) -> bool {
        // Nothing but another thread could end this, and what those do cannot be repeated.
        assert!(
            self.jump(),
            "an event loop inside of the run is blocked, and there is no timer"
        );
        true
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualClock")
            .field("elapsed", &self.elapsed())
            .finish_non_exhaustive()
    }
}
