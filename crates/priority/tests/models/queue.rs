//! Operations on the priority queue beside a naive model: two lists.

use std::num::NonZeroU32;

use corokit_core::{Priority, ReadyQueue};
use corokit_priority::{Ageing, PriorityQueue};

pub(crate) const SLOTS: u32 = 10;

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Push(u32),
    Pop,
    Remove(u32),
    InsertAt(u32, usize),
    InsertAfter(u32, u32),
    InsertBefore(u32, u32),
    Rotate(usize),
    SetPriority(u32, i32),
}

/// The placed entries, and the regular ones in the order of their arrival, each with the number of
/// pops before it came.
struct Naive {
    placed: Vec<u32>,
    regular: Vec<(u32, u64)>,
    priorities: [Priority; SLOTS as usize],
    ageing: Option<(u64, u64)>,
    pops: u64,
    next_share: u64,
}

impl Naive {
    fn first(&self) -> Option<usize> {
        let priority = |index: &usize| self.priorities[self.regular[*index].0 as usize];
        // Of several, the first one: the order is that of the arrivals.
        (0..self.regular.len()).min_by_key(priority)
    }

    /// Returns the index of the regular entry that runs next, and whether its age is why.
    fn next(&self) -> Option<(usize, bool)> {
        let first = self.first()?;
        let old = self.ageing.is_some_and(|(_, after)| {
            self.pops >= self.next_share && self.pops - self.regular[0].1 >= after
        });
        Some(if old && first != 0 {
            (0, true)
        } else {
            (first, false)
        })
    }

    fn pop(&mut self) -> Option<u32> {
        if !self.placed.is_empty() {
            return Some(self.placed.remove(0));
        }
        let (index, aged) = self.next()?;
        if let (true, Some((every, _))) = (aged, self.ageing) {
            self.next_share = self.pops + every;
        }
        self.pops += 1;
        Some(self.regular.remove(index).0)
    }

    fn order(&self) -> Vec<u32> {
        let mut rest: Vec<u32> = self.regular.iter().map(|(slot, _)| *slot).collect();
        rest.sort_by_key(|slot| self.priorities[*slot as usize]);
        if let Some((index, _)) = self.next() {
            let next = self.regular[index].0;
            rest.retain(|slot| *slot != next);
            rest.insert(0, next);
        }
        self.placed.iter().copied().chain(rest).collect()
    }

    fn contains(&self, slot: u32) -> bool {
        self.order().contains(&slot)
    }

    fn push(&mut self, slot: u32) {
        self.regular.push((slot, self.pops));
    }

    fn remove(&mut self, slot: u32) -> bool {
        let found = self.contains(slot);
        self.placed.retain(|other| *other != slot);
        self.regular.retain(|(other, _)| *other != slot);
        found
    }

    /// Places the first entries.
    fn place(&mut self, count: usize) {
        let order = self.order();
        let count = count.clamp(self.placed.len(), order.len());
        // A place is a turn.
        let turns = (count - self.placed.len()) as u64;
        let aged = self.next().is_some_and(|(_, aged)| aged);
        if let (1.., true, Some((every, _))) = (turns, aged, self.ageing) {
            self.next_share = self.pops + every;
        }
        self.pops += turns;
        self.placed = order[..count].to_vec();
        let placed = &self.placed;
        self.regular.retain(|(slot, _)| !placed.contains(slot));
    }

    fn insert_at(&mut self, slot: u32, index: usize) {
        if index == usize::MAX {
            return self.push(slot);
        }
        self.place(index);
        let index = index.min(self.placed.len());
        self.placed.insert(index, slot);
    }

    fn insert_beside(&mut self, slot: u32, anchor: u32, after: usize) -> bool {
        let Some(index) = self.order().iter().position(|other| *other == anchor) else {
            return false;
        };
        self.place(index + 1);
        self.placed.insert(index + after, slot);
        true
    }
}

/// Does the same with the queue and with the model, and compares after each step. `ageing` is how often
/// one that has waited for how long goes first.
pub(crate) fn run(ops: impl IntoIterator<Item = Op>, ageing: Option<(u32, u32)>) {
    let mut queue = PriorityQueue::with_ageing(match ageing {
        Some((every, after)) => {
            let every = NonZeroU32::new(every).unwrap();
            Ageing::Share { every, after }
        }
        None => Ageing::Strict,
    });
    queue.set_slots(SLOTS as usize);
    let mut naive = Naive {
        placed: Vec::new(),
        regular: Vec::new(),
        priorities: [Priority::NORMAL; SLOTS as usize],
        ageing: ageing.map(|(every, after)| (u64::from(every), u64::from(after))),
        pops: 0,
        next_share: 0,
    };
    for op in ops {
        match op {
            Op::Push(slot) if !naive.contains(slot) => {
                queue.push(slot);
                naive.push(slot);
            }
            Op::InsertAt(slot, index) if !naive.contains(slot) => {
                queue.insert_at(slot, index);
                naive.insert_at(slot, index);
            }
            Op::InsertAfter(slot, anchor) if !naive.contains(slot) => {
                let inserted = queue.insert_after(slot, anchor);
                assert_eq!(inserted, naive.insert_beside(slot, anchor, 1));
            }
            Op::InsertBefore(slot, anchor) if !naive.contains(slot) => {
                let inserted = queue.insert_before(slot, anchor);
                assert_eq!(inserted, naive.insert_beside(slot, anchor, 0));
            }
            Op::Push(_) | Op::InsertAt(..) | Op::InsertAfter(..) | Op::InsertBefore(..) => {}
            Op::Pop => assert_eq!(queue.pop(), naive.pop()),
            Op::Remove(slot) => assert_eq!(queue.remove(slot), naive.remove(slot)),
            Op::Rotate(count) => {
                queue.rotate_left(count);
                let len = naive.order().len().max(1);
                if count % len > 0 {
                    naive.place(len);
                    naive.placed.rotate_left(count % len);
                }
            }
            Op::SetPriority(slot, priority) => {
                let priority = Priority::new(priority);
                assert!(queue.set_priority(slot, priority));
                naive.priorities[slot as usize] = priority;
            }
        }
        let order = naive.order();
        assert_eq!(queue.iter().collect::<Vec<_>>(), order.clone());
        assert_eq!(queue.len(), order.len());
        for slot in 0..SLOTS {
            assert_eq!(queue.contains(slot), order.contains(&slot));
            assert_eq!(queue.priority(slot), Some(naive.priorities[slot as usize]));
        }
    }
}
