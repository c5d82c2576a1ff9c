//! A window that slides: at most so many in any stretch of time.

use std::collections::VecDeque;

/// The instants of the latest admissions, in nanoseconds since some instant, the oldest first.
pub(super) struct Window {
    limit: usize,
    period: u64,
    /// At most `limit` of them, and never out of order.
    stamps: VecDeque<u64>,
}

impl Window {
    pub(super) fn new(limit: u32, period: u64) -> Self {
        Window {
            limit: limit as usize,
            period,
            stamps: VecDeque::new(),
        }
    }

    /// Returns when `count` more fit, which is at most the limit; in the past if they do.
    #[inline]
    pub(super) fn free_at(&self, count: u32) -> u64 {
        let missing = (self.stamps.len() + count as usize).saturating_sub(self.limit);
        match missing {
            0 => 0,
            // When the last of those has left that are in the way.
            missing => self.stamps[missing - 1].saturating_add(self.period),
        }
    }

    /// Admits `count`, which fit now.
    #[inline]
    pub(super) fn admit(&mut self, count: u32, now: u64) {
        for _ in 0..count {
            if self.stamps.len() == self.limit {
                self.stamps.pop_front();
            }
            self.stamps.push_back(now);
        }
    }

    /// Returns how many fit now.
    pub(super) fn available(&self, now: u64) -> u32 {
        let gone = |&stamp: &u64| stamp.saturating_add(self.period) <= now;
        let live = self.stamps.len() - self.stamps.partition_point(gone);
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
