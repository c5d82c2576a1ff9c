//! What is due when: the data of the scheduler.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use super::heap::{Entry, Heap, Places};
use crate::line::{Desk, When};

/// The wall clock may be set at any time: it is looked at again after so long at the latest.
pub(super) const RECHECK: Duration = Duration::from_secs(30);

/// No slot.
const NONE: u32 = u32::MAX;

/// Names an entry of a [`Scheduler`](super::Scheduler).
///
/// Keys are never used again: that of an entry that is gone names nothing. A key of another scheduler
/// may name anything.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    slot: u32,
    stamp: u64,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.stamp)
    }
}

/// When an entry is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Due {
    /// At an instant of the monotonic clock.
    At(Instant),
    /// When the wall clock shows this time.
    AtWall(SystemTime),
}

pub(super) struct Agenda<T> {
    slots: Slots<T>,
    instants: Heap<Instant>,
    walls: Heap<SystemTime>,
    /// How many entries there ever were, and how often one was given an instant.
    stamps: u64,
    orders: u64,
    /// What the wall clock showed, and when it was looked at.
    reading: Option<(Instant, SystemTime)>,
    pub(super) closed: bool,
}

struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: u32,
    taken: usize,
}

struct Slot<T> {
    /// The number of the entry, or 0.
    stamp: u64,
    payload: Option<T>,
    /// Which heap it is in.
    wall: bool,
    /// Where in its heap it is, or the next slot that is free.
    index: u32,
}

impl<T> Places for Slots<T> {
    fn moved(&mut self, slot: u32, index: u32) {
        self.slots[slot as usize].index = index;
    }
}

impl<T> Slots<T> {
    fn insert(&mut self, payload: T, stamp: u64) -> u32 {
        self.taken += 1;
        let entry = Slot {
            stamp,
            payload: Some(payload),
            wall: false,
            index: NONE,
        };
        if self.free == NONE {
            let slot = u32::try_from(self.slots.len()).ok();
            let slot = slot.filter(|&slot| slot != NONE);
            self.slots.push(entry);
            return slot.expect("a scheduler has at most 2^32 - 1 entries");
        }
        let slot = self.free;
        self.free = self.slots[slot as usize].index;
        self.slots[slot as usize] = entry;
        slot
    }

    fn remove(&mut self, slot: u32) -> T {
        let free = self.free;
        let entry = &mut self.slots[slot as usize];
        let payload = entry.payload.take().expect("it is in a heap");
        entry.stamp = 0;
        entry.index = free;
        self.free = slot;
        self.taken -= 1;
        if self.taken == 0 && self.slots.capacity() > 64 {
            // The stamps go on, so no key comes to life again.
            self.slots = Vec::new();
            self.free = NONE;
        }
        payload
    }
}

impl<T> Agenda<T> {
    pub(super) const fn new() -> Self {
        Agenda {
            slots: Slots {
                slots: Vec::new(),
                free: NONE,
                taken: 0,
            },
            instants: Heap::new(),
            walls: Heap::new(),
            stamps: 0,
            orders: 0,
            reading: None,
            closed: false,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.taken
    }

    pub(super) fn has_wall_times(&self) -> bool {
        self.walls.len() > 0
    }

    /// Takes note of what the wall clock shows.
    pub(super) fn read(&mut self, instant: Instant, wall: SystemTime) {
        if self.reading.is_none_or(|(latest, _)| latest <= instant) {
            self.reading = Some((instant, wall));
        }
    }

    /// Adds an entry. Returns its key, and whether it is the first now.
    pub(super) fn insert(&mut self, due: Due, payload: T) -> (Key, bool) {
        self.stamps += 1;
        let stamp = self.stamps;
        let slot = self.slots.insert(payload, stamp);
        let key = Key { slot, stamp };
        (key, self.place(slot, due))
    }

    fn place(&mut self, slot: u32, due: Due) -> bool {
        self.orders += 1;
        let order = self.orders;
        match due {
            Due::At(due) => {
                let entry = Entry { due, order, slot };
                self.slots.slots[slot as usize].wall = false;
                self.instants.insert(entry, &mut self.slots)
            }
            Due::AtWall(due) => {
                let entry = Entry { due, order, slot };
                self.slots.slots[slot as usize].wall = true;
                self.walls.insert(entry, &mut self.slots)
            }
        }
    }

    /// Takes an entry out of its heap.
    fn displace(&mut self, slot: u32) -> Due {
        let Slot { wall, index, .. } = self.slots.slots[slot as usize];
        let index = index as usize;
        match wall {
            false => Due::At(self.instants.remove(index, &mut self.slots).due),
            true => Due::AtWall(self.walls.remove(index, &mut self.slots).due),
        }
    }

    fn find(&self, key: Key) -> Option<u32> {
        let slot = self.slots.slots.get(key.slot as usize)?;
        (slot.stamp == key.stamp).then_some(key.slot)
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.find(key)?;
        self.displace(slot);
        Some(self.slots.remove(slot))
    }

    /// Moves an entry. Returns whether it is the first now, unless there is no such entry.
    pub(super) fn reschedule(&mut self, key: Key, due: Due) -> Option<bool> {
        let slot = self.find(key)?;
        self.displace(slot);
        Some(self.place(slot, due))
    }

    pub(super) fn due(&self, key: Key) -> Option<Due> {
        let slot = &self.slots.slots[self.find(key)? as usize];
        let index = slot.index as usize;
        match slot.wall {
            false => self.instants.get(index).map(|entry| Due::At(entry.due)),
            true => self.walls.get(index).map(|entry| Due::AtWall(entry.due)),
        }
    }

    /// Returns when the wall clock will show a time, as far as one knows.
    fn estimate(&self, due: SystemTime) -> Option<Instant> {
        let (instant, wall) = self.reading?;
        match due.duration_since(wall) {
            Ok(ahead) => instant.checked_add(ahead),
            // What was due before the clock began was due when it began.
            Err(behind) => Some(instant.checked_sub(behind.duration()).unwrap_or(instant)),
        }
    }

    /// Returns the slot of the earliest entry, and when it is due, if the clock can represent that.
    fn earliest(&self) -> Option<(u32, Option<Instant>)> {
        let at = self.instants.first();
        let wall = self.walls.first();
        let wall = wall.map(|entry| (self.estimate(entry.due), entry));
        match (at, wall) {
            (None, None) => None,
            (Some(at), None) => Some((at.slot, Some(at.due))),
            (None, Some((due, wall))) => Some((wall.slot, due)),
            (Some(at), Some((Some(due), wall))) if (due, wall.order) < (at.due, at.order) => {
                Some((wall.slot, Some(due)))
            }
            (Some(at), Some(_)) => Some((at.slot, Some(at.due))),
        }
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.earliest()?.1
    }

    /// Takes the earliest entry.
    pub(super) fn pop(&mut self) -> Option<(Due, T)> {
        let (slot, _) = self.earliest()?;
        let due = self.displace(slot);
        Some((due, self.slots.remove(slot)))
    }
}

impl<T> Desk for Agenda<T> {
    type Ask = ();
    /// `None` when it is closed.
    type Answer = Option<(Key, T)>;

    fn serve(&mut self, (): (), now: Instant) -> Option<Self::Answer> {
        if self.closed {
            return Some(None);
        }
        let (slot, due) = self.earliest()?;
        if due? > now {
            return None;
        }
        let stamp = self.slots.slots[slot as usize].stamp;
        self.displace(slot);
        Some(Some((Key { slot, stamp }, self.slots.remove(slot))))
    }

    fn when(&self, (): (), now: Instant) -> When {
        if self.closed {
            return When::Now;
        }
        let mut due = self.next_due();
        if let Some((instant, _)) = self.reading.filter(|_| self.has_wall_times()) {
            let recheck = instant + RECHECK;
            due = Some(due.map_or(recheck, |due| due.min(recheck)));
        }
        match due {
            Some(due) if due <= now => When::Now,
            Some(due) => When::At(due),
            None => When::Later,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_entries_that_are_gone() {
        let mut agenda = Agenda::new();
        let now = Instant::now();
        let keys: Vec<_> = (0..10_000)
            .map(|index| agenda.insert(Due::At(now), index).0)
            .collect();
        for &key in &keys {
            assert!(agenda.remove(key).is_some());
        }
        assert_eq!(agenda.slots.slots.capacity(), 0);
        assert_eq!(agenda.instants.capacity(), 0);
        // A slot that is used again does not bring an old key to life.
        let (key, _) = agenda.insert(Due::At(now), 1);
        assert_eq!(key.slot, keys[0].slot);
        assert!(agenda.remove(keys[0]).is_none());
        assert_eq!(agenda.len(), 1);
    }
}
