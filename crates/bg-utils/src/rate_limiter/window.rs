//! A window that slides: at most so many in any stretch of time.

/// The instants of the latest admissions, in nanoseconds since some instant.
pub(super) struct Window {
    limit: usize,
    period: u64,
    /// At most `limit` of them, in order; when there are so many, in a ring.
    stamps: Vec<u64>,
    /// Where the oldest is.
    oldest: usize,
}

impl Window {
    pub(super) fn new(limit: u32, period: u64) -> Self {
        Window {
            limit: limit as usize,
            period,
            stamps: Vec::new(),
            oldest: 0,
        }
    }

    /// Returns when `count` more fit, which is at most the limit; in the past if they do.
    #[inline]
    pub(super) fn free_at(&self, count: u32) -> u64 {
        let missing = (self.stamps.len() + count as usize).saturating_sub(self.limit);
        match missing {
            0 => 0,
            // When the last of those has left that are in the way.
            missing => self.stamp(missing - 1).saturating_add(self.period),
        }
    }

    /// Returns when the one was admitted before which there are so many older ones.
    #[inline]
    fn stamp(&self, older: usize) -> u64 {
        let at = self.oldest + older;
        match at.checked_sub(self.stamps.len()) {
            None => self.stamps[at],
            Some(at) => self.stamps[at],
        }
    }

    /// Admits `count`, which fit now.
    #[inline]
    pub(super) fn admit(&mut self, count: u32, now: u64) {
        for _ in 0..count {
            if self.stamps.len() < self.limit {
                self.stamps.push(now);
                continue;
            }
            // The newest takes the place of the oldest.
            self.stamps[self.oldest] = now;
            self.oldest += 1;
            if self.oldest == self.limit {
                self.oldest = 0;
            }
        }
    }

    /// Returns how many fit now.
    pub(super) fn available(&self, now: u64) -> u32 {
        let is_gone = |&stamp: &u64| stamp.saturating_add(self.period) <= now;
        let (newer, older) = self.stamps.split_at(self.oldest);
        let gone = match older.partition_point(is_gone) {
            all if all == older.len() => all + newer.partition_point(is_gone),
            some => some,
        };
        let live = self.stamps.len() - gone;
        // It is at most the limit, which came as a u32.
        (self.limit - live) as u32
    }

    /// Returns when a waiter can be admitted behind others, all of whom are served as soon as they
    /// can be. The counts are those of the waiters, the last one first.
    ///
    /// The last ones are put together in groups that fit into a window each. After a group has been
    /// admitted, the next one can be a period later; the first group finds room when that many fit.
    /// If everybody asks for one, this is exact; else it may be late, never early.
    pub(super) fn behind(&self, counts: impl Iterator<Item = u32>, now: u64) -> u64 {
        let (mut group, mut periods) = (0, 0u64);
        for count in counts {
            if group + count as usize > self.limit {
                group = 0;
                periods += 1;
            }
            group += count as usize;
        }
        let first = self.free_at(group as u32).max(now);
        first.saturating_add(periods.saturating_mul(self.period))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Beside a list of all admissions there ever were.
        #[test]
        fn what_fits_is_what_the_admissions_within_the_period_leave(
            limit in 1..6u32,
            period in 0..20u64,
            steps in proptest::collection::vec((0..10u64, 1..6u32), 0..60),
        ) {
            let mut window = Window::new(limit, period);
            let mut admissions: Vec<u64> = Vec::new();
            let mut now = 0;
            for (later, count) in steps {
                now += later;
                let left = |at: u64| {
                    let live = admissions.iter().filter(|&&stamp| stamp + period > at);
                    limit - live.count() as u32
                };
                prop_assert_eq!(window.available(now), left(now));
                for count in 1..=limit {
                    let fits = (now..=now + period).find(|&at| left(at) >= count);
                    prop_assert_eq!(window.free_at(count).max(now), fits.unwrap());
                }
                if count <= left(now) {
                    window.admit(count, now);
                    admissions.extend((0..count).map(|_| now));
                }
            }
        }
    }
}
