//! More schedules than a test asks for: a night may be long.

use std::env;
use std::time::{Duration, Instant};

/// The environment variable with the number of schedules that a test tries at least.
pub(crate) const SCHEDULES: &str = "COROKIT_LAB_SCHEDULES";

/// The environment variable with how many seconds a test may spend on those it did not ask for.
pub(crate) const SECONDS: &str = "COROKIT_LAB_SECONDS";

/// What the environment wants beyond what a test asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct More {
    /// How many schedules are enough.
    schedules: usize,
    /// When it is too late for another one. `None`: never.
    deadline: Option<Instant>,
}

impl More {
    /// Reads the environment. The time starts now.
    pub(crate) fn of_environment() -> Self {
        let number = |name: &str| {
            let text = env::var(name).ok()?;
            match text.parse() {
                Ok(number) => Some(number),
                Err(error) => panic!("{name}={text}: {error}"),
            }
        };
        More::new(number(SCHEDULES), number(SECONDS), Instant::now())
    }

    /// Time alone means as many as fit into it.
    fn new(schedules: Option<u64>, seconds: Option<u64>, now: Instant) -> Self {
        let unasked = if seconds.is_some() { u64::MAX } else { 0 };
        More {
            schedules: usize::try_from(schedules.unwrap_or(unasked)).unwrap_or(usize::MAX),
            deadline: seconds.and_then(|seconds| now.checked_add(Duration::from_secs(seconds))),
        }
    }

    /// Returns `true` if another schedule is to be tried after so many.
    pub(crate) fn wants(self, tried: usize) -> bool {
        self.wants_at(tried, Instant::now)
    }

    fn wants_at(self, tried: usize, now: impl FnOnce() -> Instant) -> bool {
        // The clock is looked at only where it matters.
        tried < self.schedules && self.deadline.is_none_or(|deadline| now() < deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_wish_there_is_no_more() {
        assert!(!More::new(None, None, Instant::now()).wants(0));
    }

    #[test]
    fn a_number_alone_is_reached_however_long_it_takes() {
        let now = Instant::now();
        let more = More::new(Some(3), None, now);
        let much_later = || now + Duration::from_secs(1 << 20);
        assert!(more.wants_at(2, much_later));
        assert!(!more.wants_at(3, || now));
    }

    #[test]
    fn time_ends_it_and_time_alone_is_filled() {
        let now = Instant::now();
        let at = |millis| move || now + Duration::from_millis(millis);
        let more = More::new(Some(3), Some(2), now);
        assert!(more.wants_at(2, at(1999)));
        assert!(!more.wants_at(2, at(2000)));
        assert!(!more.wants_at(3, at(0)));
        let more = More::new(None, Some(2), now);
        assert!(more.wants_at(1_000_000_000, at(1999)));
        assert!(!more.wants_at(0, at(2000)));
    }
}
