//! Those who wait for something, in the order in which they are served.

use std::collections::BTreeMap;

/// Waiters by number, and those that have not been served, by priority and arrival.
///
/// A number is used again when its waiter has been removed.
#[derive(Debug)]
pub(crate) struct Waiters<P, W> {
    slots: Vec<Slot<P, W>>,
    /// The first of the free slots.
    free: Option<u32>,
    used: usize,
    /// The waiters that have not been served.
    order: BTreeMap<(P, u64), u32>,
    arrivals: u64,
}

#[derive(Debug)]
enum Slot<P, W> {
    Free { next: Option<u32> },
    Used(Entry<P, W>),
}

#[derive(Debug)]
struct Entry<P, W> {
    /// Its key in the order.
    key: (P, u64),
    /// Whether it has been served, and so is not in the order.
    served: bool,
    waiter: W,
}

/// With fewer slots than these, memory is not given back.
const SPARE: usize = 64;

impl<P, W> Waiters<P, W> {
    pub(crate) const fn new() -> Self {
        Waiters {
            slots: Vec::new(),
            free: None,
            used: 0,
            order: BTreeMap::new(),
            arrivals: 0,
        }
    }
}

impl<P: Ord + Copy, W> Waiters<P, W> {
    /// Returns `true` if all have been served.
    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Returns how many have not been served.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Adds a waiter behind those that are as urgent. Returns its number.
    pub(crate) fn enter(&mut self, priority: P, waiter: W) -> u32 {
        self.arrivals += 1;
        let key = (priority, self.arrivals);
        let slot = Slot::Used(Entry {
            key,
            served: false,
            waiter,
        });
        let number = match self.free {
            Some(number) => {
                let former = std::mem::replace(&mut self.slots[number as usize], slot);
                if let Slot::Free { next } = former {
                    self.free = next;
                }
                number
            }
            None => {
                let number = u32::try_from(self.slots.len()).expect("fewer waiters than 2^32");
                self.slots.push(slot);
                number
            }
        };
        self.used += 1;
        self.order.insert(key, number);
        number
    }

    pub(crate) fn get(&self, number: u32) -> Option<&W> {
        self.entry(number).map(|entry| &entry.waiter)
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut W> {
        self.entry_mut(number).map(|entry| &mut entry.waiter)
    }

    /// Serves the waiter that comes first: it is out of the order, and keeps its number.
    pub(crate) fn serve_first(&mut self) -> Option<(u32, &mut W)> {
        let (_, number) = self.order.pop_first()?;
        let entry = self.entry_mut(number)?;
        entry.served = true;
        Some((number, &mut entry.waiter))
    }

    /// Puts a waiter that was served back to where it was in the order.
    pub(crate) fn put_back(&mut self, number: u32) {
        if let Some(entry) = self.entry_mut(number) {
            entry.served = false;
            let key = entry.key;
            self.order.insert(key, number);
        }
    }

    /// Gives a waiter another priority. It keeps its arrival.
    pub(crate) fn requeue(&mut self, number: u32, priority: P) {
        let Some(entry) = self.entry_mut(number) else {
            return;
        };
        let former = entry.key;
        if former.0 == priority {
            return;
        }
        entry.key.0 = priority;
        if !entry.served {
            let key = entry.key;
            self.order.remove(&former);
            self.order.insert(key, number);
        }
    }

    /// Takes a waiter out.
    pub(crate) fn remove(&mut self, number: u32) -> Option<W> {
        let slot = self.slots.get_mut(number as usize)?;
        if let Slot::Free { .. } = slot {
            return None;
        }
        let next = self.free.replace(number);
        let Slot::Used(entry) = std::mem::replace(slot, Slot::Free { next }) else {
            return None;
        };
        if !entry.served {
            self.order.remove(&entry.key);
        }
        self.used -= 1;
        if self.used == 0 && self.slots.len() > SPARE {
            self.slots = Vec::new();
            self.free = None;
        }
        Some(entry.waiter)
    }

    /// Lists those that have not been served, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (P, &W)> {
        let entries = self.order.iter();
        entries.filter_map(|((priority, _), number)| Some((*priority, self.get(*number)?)))
    }

    fn entry_mut(&mut self, number: u32) -> Option<&mut Entry<P, W>> {
        match self.slots.get_mut(number as usize) {
            Some(Slot::Used(entry)) => Some(entry),
            _ => None,
        }
    }

    fn entry(&self, number: u32) -> Option<&Entry<P, W>> {
        match self.slots.get(number as usize) {
            Some(Slot::Used(entry)) => Some(entry),
            _ => None,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Waiters;

    /// Programs that hold many waiters at a time do not keep the memory for them.
    #[test]
    fn memory_is_given_back_when_all_are_gone() {
        let mut waiters = Waiters::new();
        let numbers: Vec<u32> = (0..10_000).map(|index| waiters.enter(index, ())).collect();
        assert!(waiters.slots.capacity() >= 10_000);
        for number in numbers {
            assert_eq!(waiters.remove(number), Some(()));
        }
        assert_eq!(waiters.slots.capacity(), 0);
        assert!(waiters.order.is_empty() && waiters.free.is_none());
    }

    #[test]
    fn a_number_that_is_gone_is_nobody() {
        let mut waiters = Waiters::new();
        let number = waiters.enter(1, "a");
        assert_eq!(waiters.remove(number), Some("a"));
        assert_eq!(waiters.remove(number), None);
        waiters.requeue(number, 0);
        waiters.put_back(number);
        assert!(waiters.is_empty());
        assert_eq!(waiters.enter(1, "b"), number);
        assert_eq!(waiters.get(number), Some(&"b"));
    }
}
