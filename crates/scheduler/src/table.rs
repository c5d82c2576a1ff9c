//! The task table: one slot for each task and each main future.

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
    /// How many entries have used this slot before.
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
        match kind {
            Kind::Task => self.tasks += 1,
            Kind::Main => self.mains += 1,
            Kind::Free => unreachable!("a slot is taken into use"),
        }
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            slot.kind = kind;
            return (index, slot.generation);
        }
        let index = u32::try_from(self.slots.len())
            .ok()
            .filter(|index| *index < u32::MAX - 1)
            .expect("too many tasks");
        self.slots.push(Slot {
            runnable: None,
            waker: None,
            generation: 0,
            kind,
            parked: false,
            woken: false,
            due: false,
        });
        (index, 0)
    }

    /// Frees a slot, and returns the waker that was kept in it.
    #[inline]
    pub(crate) fn free(&mut self, index: u32) -> Option<Waker> {
        let slot = &mut self.slots[index as usize];
        debug_assert!(slot.runnable.is_none());
        match slot.kind {
            Kind::Task => self.tasks -= 1,
            Kind::Main => self.mains -= 1,
            Kind::Free => unreachable!("a slot is freed once"),
        }
        slot.kind = Kind::Free;
        slot.generation = slot.generation.wrapping_add(1);
        slot.parked = false;
        slot.woken = false;
        slot.due = false;
        let waker = slot.waker.take();
        self.free.push(index);
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
