//! Even spacing: the generic cell rate algorithm.

/// When the next admission is due, had all before come evenly spaced.
///
/// Times are counted in such parts of a nanosecond that the spacing is a whole number of them, so
/// that rounding adds up to nothing, however many are admitted.
pub(super) struct Paced {
    /// How many parts make a nanosecond: the number of admissions in a period.
    parts: u32,
    /// The time between two admissions, in parts: the period in nanoseconds.
    spacing: u128,
    burst: u32,
    due: u128,
}

impl Paced {
    pub(super) fn new(count: u32, period: u64, burst: u32) -> Self {
        Paced {
            parts: count,
            spacing: u128::from(period),
            burst,
            due: 0,
        }
    }

    pub(super) fn burst(&self) -> u32 {
        self.burst
    }

    fn parts(&self, nanos: u64) -> u128 {
        u128::from(nanos) * u128::from(self.parts)
    }

    /// Tells whether `count` more, which is at most the burst, conform now.
    #[inline]
    pub(super) fn fit(&self, count: u32, now: u64) -> bool {
        self.due <= self.parts(now) + self.spacing * u128::from(self.burst - count)
    }

    /// Returns when `count` more conform, in nanoseconds, rounded up; in the past if they do. The
    /// count may be more than the burst: then it is that of several who come one after the other.
    pub(super) fn free_at(&self, count: u64, now: u64) -> u64 {
        // It may be that nobody has come for a while.
        let due = match count > u64::from(self.burst) {
            true => self.due.max(self.parts(now)),
            false => self.due,
        };
        let due = due + self.spacing * u128::from(count);
        let early = self.spacing * u128::from(self.burst);
        let nanos = due.saturating_sub(early).div_ceil(u128::from(self.parts));
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    /// Admits `count`, which conform now.
    #[inline]
    pub(super) fn admit(&mut self, count: u32, now: u64) {
        self.due = self.due.max(self.parts(now)) + self.spacing * u128::from(count);
    }

    /// Returns how many conform now.
    pub(super) fn available(&self, now: u64) -> u32 {
        if self.spacing == 0 {
            return self.burst;
        }
        let ahead = self.due.saturating_sub(self.parts(now));
        let taken = ahead.div_ceil(self.spacing);
        self.burst
            .saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX))
    }
}
