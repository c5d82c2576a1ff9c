//! When a fleet grows and shrinks.

use std::time::Duration;

/// How many rounds in a row the loops must be idle before there is one less.
const CALM_ROUNDS: usize = 10;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Keep,
    Grow,
    Shrink,
}

/// Decides by how long the loops let new work wait.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) least: usize,
    pub(super) most: usize,
    pub(super) grow_above: Duration,
    pub(super) shrink_below: Duration,
    calm: usize,
}

impl Policy {
    pub(super) fn new(least: usize, most: usize, grow: Duration, shrink: Duration) -> Self {
        Policy {
            least,
            most,
            grow_above: grow,
            shrink_below: shrink,
            calm: 0,
        }
    }

    /// Looks at the delays of so many loops, of which some may not be known yet.
    pub(super) fn decide(&mut self, loops: usize, delays: &[Duration]) -> Change {
        if loops < self.least {
            return Change::Grow;
        }
        let Some(mean) = delays
            .iter()
            .sum::<Duration>()
            .checked_div(delays.len() as u32)
        else {
            return Change::Keep;
        };
        if mean > self.shrink_below {
            self.calm = 0;
            return match mean > self.grow_above && loops < self.most {
                true => Change::Grow,
                false => Change::Keep,
            };
        }
        self.calm += 1;
        if self.calm >= CALM_ROUNDS && loops > self.least {
            self.calm = 0;
            return Change::Shrink;
        }
        Change::Keep
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{CALM_ROUNDS, Change, Policy};
    use std::time::Duration;

    #[test]
    fn it_grows_at_once_and_shrinks_slowly() {
        let ms = Duration::from_millis;
        let mut policy = Policy::new(1, 3, ms(10), ms(1));
        assert_eq!(policy.decide(0, &[]), Change::Grow);
        assert_eq!(policy.decide(1, &[]), Change::Keep);
        assert_eq!(policy.decide(1, &[ms(11)]), Change::Grow);
        assert_eq!(policy.decide(2, &[ms(19), ms(0)]), Change::Keep);
        assert_eq!(policy.decide(3, &[ms(90); 3]), Change::Keep);
        for _ in 1..CALM_ROUNDS {
            assert_eq!(policy.decide(3, &[ms(1); 3]), Change::Keep);
        }
        assert_eq!(policy.decide(3, &[ms(1); 3]), Change::Shrink);
        // One busy round begins the count anew.
        for _ in 1..CALM_ROUNDS {
            assert_eq!(policy.decide(2, &[ms(0); 2]), Change::Keep);
        }
        assert_eq!(policy.decide(2, &[ms(2); 2]), Change::Keep);
        assert_eq!(policy.decide(2, &[ms(0); 2]), Change::Keep);
        // Never below the least.
        for _ in 0..3 * CALM_ROUNDS {
            assert_eq!(policy.decide(1, &[ms(0)]), Change::Keep);
        }
    }
}
