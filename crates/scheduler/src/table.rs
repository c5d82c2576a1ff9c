//! The task table: one slot for each task and each main future.

use std::mem;
use std::task::Waker;

use async_task::Runnable;

use crate::task::TaskMeta;

/// What a slot is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing: the slot is in the free list.
    Free,
    /// A spawned task.
    Task,
    /// The main future of a runner.
    Main,
}

/// One entry of the task table.
pub(crate) struct Slot {
    /// The task's runnable, while the task is in the ready queue or parked.
    pub(crate) runnable: Option<Runnable<TaskMeta>>,
    /// A waker of the task, from the first time it blocked: the way to reach it when it has to be
    /// cancelled.
    pub(crate) waker: Option<Waker>,
    /// How many entries have used this slot before. At the highest number the slot is used for
    /// the last time, so that no id is ever given twice.
    pub(crate) generation: u32,
    pub(crate) kind: Kind,
    /// Ready to run, but taken out of the ready queue by the program.
    pub(crate) parked: bool,
    /// A main future only: woken while it was being polled.
    pub(crate) woken: bool,
    /// A main future only: its turn came while another runner was at work.
    pub(crate) due: bool,
}

/// Slots, re-used last in, first out.
pub(crate) struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// How many slots hold a task.
    tasks: usize,
    /// How many slots hold a main future.
    mains: usize,
}

impl Table {
    pub(crate) fn new() -> Self {
        Table {
            slots: Vec::new(),
            free: Vec::new(),
            tasks: 0,
            mains: 0,
        }
    }

    /// Takes a free slot into use and returns it with its generation.
    ///
    /// # Panics
    ///
    /// Panics if there are 2<sup>32</sup> - 2 slots in use.
    #[inline]
    pub(crate) fn allocate(&mut self, kind: Kind) -> (u32, u32) {
        let entry = match self.free.pop() {
            Some(index) => {
                let slot = &mut self.slots[index as usize];
                slot.kind = kind;
                (index, slot.generation)
            }
            None => (self.grow(kind), 0),
        };
        *self.count(kind) += 1;
        entry
    }

    /// Adds a slot and takes it into use.
    fn grow(&mut self, kind: Kind) -> u32 {
        let index = u32::try_from(self.slots.len()).ok();
        let index = index.filter(|index| *index < u32::MAX - 1);
        self.slots.push(Slot {
            runnable: None,
            waker: None,
            generation: 0,
            kind,
            parked: false,
            woken: false,
            due: false,
        });
        index.expect("too many tasks")
    }

    /// Returns the counter of the slots of a kind.
    fn count(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::Task => &mut self.tasks,
            Kind::Main => &mut self.mains,
            Kind::Free => unreachable!("free slots are not counted"),
        }
    }

    /// Frees a slot, and returns the waker that was kept in it.
    #[inline]
    pub(crate) fn free(&mut self, index: u32) -> Option<Waker> {
        let slot = &mut self.slots[index as usize];
        debug_assert!(slot.runnable.is_none());
        let kind = mem::replace(&mut slot.kind, Kind::Free);
        slot.parked = false;
        slot.woken = false;
        slot.due = false;
        let waker = slot.waker.take();
        if let Some(generation) = slot.generation.checked_add(1) {
            slot.generation = generation;
            self.free.push(index);
        }
        *self.count(kind) -= 1;
        waker
    }

    /// Returns the slot if it is in use and still that generation.
    pub(crate) fn find(&self, index: u32, generation: u32) -> Option<&Slot> {
        self.slots
            .get(index as usize)
            .filter(|slot| slot.generation == generation && slot.kind != Kind::Free)
    }

    #[inline]
    pub(crate) fn slot(&self, index: u32) -> &Slot {
        &self.slots[index as usize]
    }

    #[inline]
    pub(crate) fn slot_mut(&mut self, index: u32) -> &mut Slot {
        &mut self.slots[index as usize]
    }

    /// Returns `true` if the next slot that is taken into use will be a new one.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.free.is_empty()
    }

    /// Returns how many slots there are, in use or free.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns how many slots hold a task.
    pub(crate) fn tasks(&self) -> usize {
        self.tasks
    }

    /// Returns how many slots hold a task or a main future.
    pub(crate) fn entries(&self) -> usize {
        self.tasks + self.mains
    }

    /// Lists the slots that are in use, to change them.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Slot)> {
        (0..)
            .zip(&mut self.slots)
            .filter(|(_, slot)| slot.kind != Kind::Free)
    }

    /// Lists the slots that are in use.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Slot)> {
        (0..)
            .zip(&self.slots)
            .filter(|(_, slot)| slot.kind != Kind::Free)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_slot_whose_generations_are_used_up_is_not_used_again() {
        let mut table = Table::new();
        let (index, _) = table.allocate(Kind::Task);
        table.slot_mut(index).generation = u32::MAX - 1;
        table.free(index);
        assert_eq!(table.allocate(Kind::Task), (index, u32::MAX));
        table.free(index);
        assert!(table.find(index, u32::MAX).is_none());
        let (other, generation) = table.allocate(Kind::Main);
        assert_ne!(other, index);
        assert_eq!(generation, 0);
        assert_eq!((table.tasks(), table.entries()), (0, 1));
    }
}
