//! Those who wait for something, in the order in which they are served.

use std::collections::BTreeMap;
use std::iter;

/// Waiters by number, and those that have not been served, by priority and arrival.
///
/// Most arrive in the order in which they are served: these make a chain through their slots, which
/// grows and shrinks at its ends. Only who belongs in the middle of the chain goes to a tree. The one
/// that comes first is the first of the chain or the first of the tree.
///
/// A number is used again when its waiter has been removed.
#[derive(Debug)]
pub(crate) struct Waiters<P, W> {
    slots: Vec<Slot<P, W>>,
    /// The first of the free slots.
    free: Option<u32>,
    used: usize,
    /// How many have not been served.
    waiting: usize,
    /// The first of the chain, or [`NOBODY`].
    first: u32,
    /// The last of the chain, or [`NOBODY`].
    last: u32,
    /// The waiters that have not been served and are not in the chain.
    tree: BTreeMap<(P, u64), u32>,
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
    place: Place,
    waiter: W,
}

/// Where a waiter is in the order.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Nowhere: it has been served, or is about to get a place.
    Nowhere,
    /// Between these in the chain, or [`NOBODY`] at its ends.
    Chain {
        previous: u32,
        next: u32,
    },
    Tree,
}

/// The number of no waiter.
const NOBODY: u32 = u32::MAX;

/// With fewer slots than these, memory is not given back.
const SPARE: usize = 64;

impl<P, W> Waiters<P, W> {
    pub(crate) const fn new() -> Self {
        Waiters {
            slots: Vec::new(),
            free: None,
            used: 0,
            waiting: 0,
            first: NOBODY,
            last: NOBODY,
            tree: BTreeMap::new(),
            arrivals: 0,
        }
    }

    /// Returns `true` if all have been served.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Returns how many have not been served.
    pub(crate) fn len(&self) -> usize {
        self.waiting
    }

    pub(crate) fn get(&self, number: u32) -> Option<&W> {
        self.entry(number).map(|entry| &entry.waiter)
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut W> {
        self.entry_mut(number).map(|entry| &mut entry.waiter)
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

    /// Returns the waiter that follows in the chain.
    fn next_in_chain(&self, number: u32) -> u32 {
        match self.entry(number).map(|entry| entry.place) {
            Some(Place::Chain { next, .. }) => next,
            _ => NOBODY,
        }
    }

    /// Makes two waiters neighbours in the chain. One of them may be [`NOBODY`].
    fn link(&mut self, before: u32, after: u32) {
        match self.entry_mut(before).map(|entry| &mut entry.place) {
            Some(Place::Chain { next, .. }) => *next = after,
            _ => self.first = after,
        }
        match self.entry_mut(after).map(|entry| &mut entry.place) {
            Some(Place::Chain { previous, .. }) => *previous = before,
            _ => self.last = before,
        }
    }
}

impl<P: Ord + Copy, W> Waiters<P, W> {
    /// Adds a waiter behind those that are as urgent. Returns its number.
    pub(crate) fn enter(&mut self, priority: P, waiter: W) -> u32 {
        self.arrivals += 1;
        let slot = Slot::Used(Entry {
            key: (priority, self.arrivals),
            place: Place::Nowhere,
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
                let number = u32::try_from(self.slots.len()).ok();
                let number = number.filter(|number| *number != NOBODY);
                let number = number.expect("fewer waiters than 2^32 - 1");
                self.slots.push(slot);
                number
            }
        };
        self.used += 1;
        self.put_back(number);
        number
    }

    /// Serves the waiter that comes first: it is out of the order, and keeps its number.
    pub(crate) fn serve_first(&mut self) -> Option<(u32, &mut W)> {
        let number = self.earlier(self.first, self.tree.first_key_value())?;
        self.take_out(number);
        Some((number, self.get_mut(number)?))
    }

    /// Puts a waiter that was served back to where it was in the order.
    pub(crate) fn put_back(&mut self, number: u32) {
        let Some(key) = self.key(number) else {
            return;
        };
        let (before, after) = if self.first == NOBODY {
            (NOBODY, NOBODY)
        } else if self.key(self.last) < Some(key) {
            (self.last, NOBODY)
        } else if Some(key) < self.key(self.first) {
            (NOBODY, self.first)
        } else {
            self.tree.insert(key, number);
            self.place(number, Place::Tree);
            return;
        };
        let place = Place::Chain {
            previous: before,
            next: after,
        };
        self.place(number, place);
        self.link(before, number);
        self.link(number, after);
    }

    fn place(&mut self, number: u32, place: Place) {
        self.waiting += 1;
        if let Some(entry) = self.entry_mut(number) {
            entry.place = place;
        }
    }

    /// Gives a waiter another priority. It keeps its arrival.
    pub(crate) fn requeue(&mut self, number: u32, priority: P) {
        let Some(entry) = self.entry(number) else {
            return;
        };
        if entry.key.0 == priority {
            return;
        }
        let waits = self.take_out(number);
        if let Some(entry) = self.entry_mut(number) {
            entry.key.0 = priority;
        }
        if waits {
            self.put_back(number);
        }
    }

    /// Takes a waiter out.
    #[inline]
    pub(crate) fn remove(&mut self, number: u32) -> Option<W> {
        self.take_out(number);
        let slot = self.slots.get_mut(number as usize)?;
        if let Slot::Free { .. } = slot {
            return None;
        }
        let next = self.free.replace(number);
        let Slot::Used(entry) = std::mem::replace(slot, Slot::Free { next }) else {
            return None;
        };
        self.used -= 1;
        if self.used == 0 && self.slots.len() > SPARE {
            self.slots = Vec::new();
            self.free = None;
        }
        Some(entry.waiter)
    }

    /// Returns the one that comes first of those that have not been served.
    pub(crate) fn first(&self) -> Option<(P, &W)> {
        self.iter().next()
    }

    /// Lists those that have not been served, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (P, &W)> {
        let mut chained = self.first;
        let mut tree = self.tree.iter();
        let mut in_tree = tree.next();
        iter::from_fn(move || {
            let number = self.earlier(chained, in_tree)?;
            if chained == number {
                chained = self.next_in_chain(number);
            } else {
                in_tree = tree.next();
            }
            let entry = self.entry(number)?;
            Some((entry.key.0, &entry.waiter))
        })
    }

    /// Returns which of two waiters comes first, one in the chain and one in the tree.
    fn earlier(&self, chained: u32, in_tree: Option<(&(P, u64), &u32)>) -> Option<u32> {
        match (self.key(chained), in_tree) {
            (Some(key), Some((other, number))) if *other < key => Some(*number),
            (Some(_), _) => Some(chained),
            (None, in_tree) => in_tree.map(|(_, number)| *number),
        }
    }

    fn key(&self, number: u32) -> Option<(P, u64)> {
        self.entry(number).map(|entry| entry.key)
    }

    /// Takes a waiter out of the order. Returns `true` if it was there.
    fn take_out(&mut self, number: u32) -> bool {
        let Some(entry) = self.entry_mut(number) else {
            return false;
        };
        let key = entry.key;
        match std::mem::replace(&mut entry.place, Place::Nowhere) {
            Place::Nowhere => return false,
            Place::Tree => drop(self.tree.remove(&key)),
            Place::Chain { previous, next } => self.link(previous, next),
        }
        self.waiting -= 1;
        true
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::{Place, Waiters};

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
        assert!(waiters.tree.is_empty() && waiters.free.is_none());
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

    /// Only who belongs between others of the chain goes to the tree.
    #[test]
    fn who_arrives_in_order_or_before_all_needs_no_tree() {
        let mut waiters = Waiters::new();
        for priority in [5, 5, 7, 3] {
            waiters.enter(priority, ());
        }
        assert!(waiters.tree.is_empty());
        let middle = waiters.enter(5, ());
        assert_eq!(waiters.tree.len(), 1);
        // The chain ends with the others, and begins again.
        while waiters.len() > 1 {
            let last = waiters.last;
            waiters.remove(last);
        }
        waiters.requeue(middle, 4);
        assert!(waiters.tree.is_empty());
        assert!(matches!(
            waiters.entry(middle).map(|entry| entry.place),
            Some(Place::Chain { .. })
        ));
    }

    /// What is done to waiters. Numbers count among those that are there.
    #[derive(Clone, Copy, Debug)]
    enum Op {
        Enter(u8),
        Serve,
        PutBack(usize),
        Requeue(usize, u8),
        Remove(usize),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            3 => (0..4_u8).prop_map(Op::Enter),
            2 => Just(Op::Serve),
            1 => any::<usize>().prop_map(Op::PutBack),
            2 => (any::<usize>(), 0..4_u8).prop_map(|(index, priority)| Op::Requeue(index, priority)),
            1 => any::<usize>().prop_map(Op::Remove),
        ]
    }

    /// A waiter of the model, which sorts them all.
    #[derive(Clone, Copy)]
    struct Modelled {
        key: (u8, u64),
        number: u32,
        served: bool,
    }

    proptest! {
        #[test]
        fn they_are_served_in_the_order_of_the_model(ops in proptest::collection::vec(op(), 0..60)) {
            let mut waiters = Waiters::new();
            let mut model: Vec<Modelled> = Vec::new();
            let mut arrivals = 0;
            for op in ops {
                let pick = |index: usize| (!model.is_empty()).then(|| index % model.len());
                match op {
                    Op::Enter(priority) => {
                        arrivals += 1;
                        let number = waiters.enter(priority, arrivals);
                        prop_assert!(model.iter().all(|other| other.number != number));
                        model.push(Modelled { key: (priority, arrivals), number, served: false });
                    }
                    Op::Serve => {
                        let waiting = model.iter_mut().filter(|waiter| !waiter.served);
                        let first = waiting.min_by_key(|waiter| waiter.key);
                        let expected = first.map(|waiter| {
                            waiter.served = true;
                            (waiter.number, waiter.key.1)
                        });
                        let served = waiters.serve_first();
                        prop_assert_eq!(served.map(|(number, arrival)| (number, *arrival)), expected);
                    }
                    Op::PutBack(index) => {
                        if let Some(index) = pick(index).filter(|index| model[*index].served) {
                            model[index].served = false;
                            waiters.put_back(model[index].number);
                        }
                    }
                    Op::Requeue(index, priority) => {
                        if let Some(index) = pick(index) {
                            model[index].key.0 = priority;
                            waiters.requeue(model[index].number, priority);
                        }
                    }
                    Op::Remove(index) => {
                        if let Some(index) = pick(index) {
                            let gone = model.swap_remove(index);
                            prop_assert_eq!(waiters.remove(gone.number), Some(gone.key.1));
                        }
                    }
                }
                let waiting = model.iter().filter(|waiter| !waiter.served);
                let mut expected: Vec<_> = waiting.map(|waiter| waiter.key).collect();
                expected.sort_unstable();
                let listed: Vec<_> = waiters.iter().map(|(priority, arrival)| (priority, *arrival)).collect();
                prop_assert_eq!(&listed, &expected);
                prop_assert_eq!(waiters.first().map(|(priority, arrival)| (priority, *arrival)), expected.first().copied());
                prop_assert_eq!(waiters.len(), expected.len());
                prop_assert_eq!(waiters.is_empty(), expected.is_empty());
            }
        }
    }
}
