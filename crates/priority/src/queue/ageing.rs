//! How long those may wait who are never urgent.

use std::num::NonZeroU32;

/// What a [`PriorityQueue`](super::PriorityQueue) does for entries that others keep overtaking.
///
/// # The bound
///
/// With [`Ageing::Share`], an entry that comes into the queue when `m` others are there runs after
/// at most `after + every * (m + 1)` turns of others, whatever else comes later. Turns of entries
/// that the program has placed do not count: those are the program's own.
///
/// # Examples
///
/// ```
/// use corokit_core::{Priority, ReadyQueue};
/// use corokit_priority::{Ageing, PriorityQueue};
/// use std::num::NonZeroU32;
///
/// let every = NonZeroU32::new(2).unwrap();
/// let mut queue = PriorityQueue::with_ageing(Ageing::Share { every, after: 3 });
/// queue.set_slots(2);
/// queue.set_priority(1, Priority::HIGH);
/// queue.push(0);
/// let mut waited = 0;
/// loop {
///     // Something urgent is always ready.
///     queue.push(1);
///     match queue.pop() {
///         Some(1) => waited += 1,
///         _ => break,
///     }
/// }
/// assert_eq!(waited, 3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ageing {
    /// Nothing: what is less urgent waits until nothing else is ready.
    Strict,
    /// One turn in `every` goes to the entry that has been in the queue longest, if `after` turns
    /// have passed since it came.
    Share {
        /// How many turns, at least, from one such turn to the next.
        every: NonZeroU32,
        /// How many turns an entry waits before it counts as old.
        after: u32,
    },
}

impl Ageing {
    /// One turn in 32, after 256: what urgent entries lose to it is hardly measurable.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::Ageing;
    ///
    /// assert!(matches!(Ageing::DEFAULT, Ageing::Share { after: 256, .. }));
    /// ```
    pub const DEFAULT: Ageing = Ageing::Share {
        every: NonZeroU32::new(32).unwrap(),
        after: 256,
    };
}

impl Default for Ageing {
    fn default() -> Self {
        Ageing::DEFAULT
    }
}
