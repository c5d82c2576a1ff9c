//! The ready queue of a run: first in, first out, unless another entry is chosen.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem;
use std::rc::Rc;

use corokit_core::ReadyQueue;

/// The entries of the queue, which the run looks at from outside.
#[derive(Default)]
pub(crate) struct Entries {
    order: VecDeque<Entry>,
    /// Whether each slot is in the queue.
    queued: Vec<bool>,
    /// How many entries are placed.
    placed: usize,
    /// The index of the entry that runs next.
    chosen: usize,
    /// The slots that were pushed, if somebody wants to know.
    pushed: Option<Vec<u32>>,
}

#[derive(Clone, Copy)]
struct Entry {
    slot: u32,
    /// The program asked for this place, so nothing may overtake the entry.
    placed: bool,
}

impl Entries {
    /// Returns how many of the first entries may run next.
    ///
    /// Those are all up to the first placed one, or that one alone if it is at the front. So
    /// exactly the entries that were before a placed one run before it, in whatever order.
    pub(crate) fn candidates(&self) -> usize {
        if self.placed == 0 {
            return self.order.len();
        }
        let placed = self.order.iter().position(|entry| entry.placed);
        placed.map_or(self.order.len(), |placed| placed.max(1))
    }

    /// Lets the entry at an index run next, and returns its slot.
    pub(crate) fn choose(&mut self, index: usize) -> u32 {
        self.chosen = index;
        self.order[index].slot
    }

    /// Starts to note which slots are pushed.
    pub(crate) fn note_pushes(&mut self) {
        self.pushed = Some(Vec::new());
    }

    /// Returns the slots that were pushed since the last call.
    pub(crate) fn take_pushes(&mut self) -> Vec<u32> {
        self.pushed.as_mut().map(mem::take).unwrap_or_default()
    }

    fn find(&self, slot: u32) -> Option<usize> {
        self.order.iter().position(|entry| entry.slot == slot)
    }

    fn insert(&mut self, slot: u32, index: usize, placed: bool) {
        self.queued[slot as usize] = true;
        self.placed += usize::from(placed);
        self.order.insert(index, Entry { slot, placed });
    }

    fn remove(&mut self, index: usize) -> Option<u32> {
        let Entry { slot, placed } = match index {
            0 => self.order.pop_front()?,
            _ => self.order.remove(index)?,
        };
        self.queued[slot as usize] = false;
        self.placed -= usize::from(placed);
        Some(slot)
    }

    /// Makes the first entries keep their order.
    fn place_first(&mut self, count: usize) {
        for entry in self.order.iter_mut().take(count) {
            self.placed += usize::from(!entry.placed);
            entry.placed = true;
        }
    }

    fn insert_beside(&mut self, slot: u32, anchor: u32, after: usize) -> bool {
        let Some(found) = self.find(anchor) else {
            return false;
        };
        // Nothing may come between the two.
        self.place_first(found + 1);
        self.insert(slot, found + after, true);
        true
    }
}

/// The queue that the scheduler gets.
pub(crate) struct LabQueue(pub(crate) Rc<RefCell<Entries>>);

impl ReadyQueue for LabQueue {
    fn set_slots(&mut self, slots: usize) {
        self.0.borrow_mut().queued.resize(slots, false);
    }

    fn len(&self) -> usize {
        self.0.borrow().order.len()
    }

    fn contains(&self, slot: u32) -> bool {
        let entries = self.0.borrow();
        entries
            .queued
            .get(slot as usize)
            .is_some_and(|queued| *queued)
    }

    fn push(&mut self, slot: u32) {
        let mut entries = self.0.borrow_mut();
        let placed = false;
        entries.order.push_back(Entry { slot, placed });
        entries.queued[slot as usize] = true;
        if let Some(pushed) = &mut entries.pushed {
            pushed.push(slot);
        }
    }

    fn pop(&mut self) -> Option<u32> {
        let mut entries = self.0.borrow_mut();
        let chosen = mem::take(&mut entries.chosen);
        entries.remove(chosen)
    }

    fn remove(&mut self, slot: u32) -> bool {
        if !self.contains(slot) {
            return false;
        }
        let mut entries = self.0.borrow_mut();
        let index = entries.find(slot);
        index.and_then(|index| entries.remove(index)).is_some()
    }

    fn insert_at(&mut self, slot: u32, index: usize) {
        let mut entries = self.0.borrow_mut();
        let index = index.min(entries.order.len());
        entries.insert(slot, index, true);
    }

    fn insert_after(&mut self, slot: u32, anchor: u32) -> bool {
        self.0.borrow_mut().insert_beside(slot, anchor, 1)
    }

    fn insert_before(&mut self, slot: u32, anchor: u32) -> bool {
        self.0.borrow_mut().insert_beside(slot, anchor, 0)
    }

    fn rotate_left(&mut self, count: usize) {
        let mut entries = self.0.borrow_mut();
        let len = entries.order.len();
        if len > 0 {
            entries.order.rotate_left(count % len);
            entries.place_first(len);
        }
    }

    fn iter(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        let slots: Vec<u32> = self
            .0
            .borrow()
            .order
            .iter()
            .map(|entry| entry.slot)
            .collect();
        Box::new(slots.into_iter())
    }
}
