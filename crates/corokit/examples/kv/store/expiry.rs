//! Keys that live for a time only.
//!
//! A key that has expired is removed when somebody asks for it, and otherwise soon after, by whoever
//! follows the [news](super::News) about deadlines, and then [says so](Store::expire).

use std::num::NonZeroU64;

use super::Store;

/// A moment, in milliseconds since the server started. The first millisecond is number one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Millis(NonZeroU64);

/// The last millisecond that there is. Counted since 1970 it still is a signed number, as it is in the
/// journal: for a server that started in the first hundred years.
const LAST: i64 = i64::MAX - (1 << 42);

impl Millis {
    /// When the server started.
    pub(crate) const START: Millis = Millis(NonZeroU64::MIN);

    /// Returns the moment so many milliseconds later, earlier if negative: not before the start,
    /// and `None` if it is too late to be written down.
    pub(crate) fn after(self, millis: i64) -> Option<Millis> {
        let sum = i64::try_from(self.0.get()).ok()?.checked_add(millis)?;
        if sum > LAST {
            return None;
        }
        let sum = u64::try_from(sum).unwrap_or(0);
        Some(Millis(NonZeroU64::new(sum).unwrap_or(NonZeroU64::MIN)))
    }

    /// Returns how many milliseconds there are from `earlier` to here, zero if it is later.
    pub(crate) fn since(self, earlier: Millis) -> u64 {
        self.0.get().saturating_sub(earlier.0.get())
    }
}

impl Store {
    /// Returns what time it is.
    pub(crate) fn now(&self) -> Millis {
        self.now
    }

    /// Says what time it is. It never goes back.
    pub(crate) fn set_now(&mut self, now: Millis) {
        self.now = self.now.max(now);
    }

    /// Returns when a key expires: `None` if it is not there, `Some(None)` if it never does.
    pub(crate) fn deadline(&mut self, key: &[u8]) -> Option<Option<Millis>> {
        let index = self.find(key)?;
        Some(self.entries[index].deadline)
    }

    /// Lets a key expire after a moment, or never. Returns `false` if it is not there.
    pub(crate) fn set_deadline(&mut self, key: &[u8], deadline: Option<Millis>) -> bool {
        match self.find(key) {
            Some(index) => {
                self.note_deadline(key, deadline);
                self.set_deadline_at(index, deadline);
                true
            }
            None => false,
        }
    }

    /// Removes a key that has expired. Returns `false` if it has not, or is not there.
    pub(crate) fn expire(&mut self, key: &[u8]) -> bool {
        match self.entries.get_index_of(key) {
            Some(index) if self.is_due(index) => {
                self.note(&[b"DEL", key]);
                self.remove_at(index);
                true
            }
            _ => false,
        }
    }

    /// Returns `true` if the entry has expired.
    pub(super) fn is_due(&self, index: usize) -> bool {
        self.entries[index]
            .deadline
            .is_some_and(|deadline| deadline < self.now)
    }

    pub(super) fn set_deadline_at(&mut self, index: usize, deadline: Option<Millis>) {
        let (key, entry) = self
            .entries
            .get_index_mut(index)
            .expect("the index was found just now");
        if entry.deadline == deadline {
            return;
        }
        self.expiring -= usize::from(entry.deadline.is_some());
        self.expiring += usize::from(deadline.is_some());
        entry.deadline = deadline;
        self.news.deadlines.push((key.clone(), deadline));
    }
}
