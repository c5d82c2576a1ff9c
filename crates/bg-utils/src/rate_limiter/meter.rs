//! What decides who is admitted when.

use std::time::{Duration, Instant};

use super::paced::Paced;
use super::window::Window;
use crate::line::{Desk, When};

/// Counts admissions. Times are nanoseconds since `epoch`.
pub(super) struct Meter {
    epoch: Instant,
    rule: Rule,
    /// The latest instant that it has been shown. Two threads may read the clock in one order and
    /// come here in the other.
    latest: u64,
    /// Before this, nobody is admitted.
    locked_until: u64,
}

pub(super) enum Rule {
    Window(Window),
    Paced(Paced),
}

/// Returns a duration in nanoseconds; one of centuries is cut short.
pub(super) fn nanos(duration: Duration) -> u64 {
    match duration.as_secs() {
        // The seconds of the first five centuries fit.
        seconds if seconds < u64::MAX / 1_000_000_000 => {
            seconds * 1_000_000_000 + u64::from(duration.subsec_nanos())
        }
        _ => u64::MAX,
    }
}

impl Meter {
    pub(super) fn new(epoch: Instant, rule: Rule) -> Self {
        Meter {
            epoch,
            rule,
            latest: 0,
            locked_until: 0,
        }
    }

    pub(super) fn time(&self, instant: Instant) -> u64 {
        nanos(instant.saturating_duration_since(self.epoch))
    }

    /// Returns the instant of a time, unless the clock cannot represent it.
    pub(super) fn instant(&self, time: u64) -> Option<Instant> {
        self.epoch.checked_add(Duration::from_nanos(time))
    }

    pub(super) fn rule(&self) -> &Rule {
        &self.rule
    }

    pub(super) fn locked_until(&self) -> u64 {
        self.locked_until
    }

    pub(super) fn lock_until(&mut self, time: u64) {
        self.locked_until = self.locked_until.max(time);
    }

    /// Returns when so many can be admitted, if nobody waits; in the past if they can be.
    fn free_at(&self, count: u32, now: u64) -> u64 {
        let free_at = match &self.rule {
            Rule::Window(window) => window.free_at(count),
            Rule::Paced(paced) => paced.free_at(u64::from(count), now),
        };
        free_at.max(self.locked_until)
    }

    pub(super) fn available(&self, now: u64) -> u32 {
        match &self.rule {
            _ if now < self.locked_until => 0,
            Rule::Window(window) => window.available(now),
            Rule::Paced(paced) => paced.available(now),
        }
    }

    /// Returns when the last of these can be admitted, behind all the others.
    pub(super) fn behind(&self, asks: &[u32], now: u64) -> u64 {
        let now = now.max(self.latest).max(self.locked_until);
        match &self.rule {
            Rule::Window(window) => window.behind(asks.iter().rev().copied(), now),
            Rule::Paced(paced) => {
                let total = asks.iter().map(|&count| u64::from(count)).sum();
                paced.free_at(total, now).max(now)
            }
        }
    }
}

impl Desk for Meter {
    type Ask = u32;
    type Answer = ();

    #[inline]
    fn serve(&mut self, count: u32, now: Instant) -> Option<()> {
        let now = self.time(now).max(self.latest);
        if now < self.locked_until {
            return None;
        }
        match &mut self.rule {
            Rule::Window(window) if window.free_at(count) <= now => window.admit(count, now),
            Rule::Paced(paced) if paced.fit(count, now) => paced.admit(count, now),
            _ => return None,
        }
        self.latest = now;
        Some(())
    }

    fn when(&self, count: u32, now: Instant) -> When {
        let now = self.time(now).max(self.latest);
        let free_at = self.free_at(count, now);
        match self.instant(free_at) {
            _ if free_at <= now => When::Now,
            Some(instant) => When::At(instant),
            None => When::Later,
        }
    }
}
