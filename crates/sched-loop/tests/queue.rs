//! Loops whose ready queue has another order.

use std::cell::RefCell;
use std::rc::Rc;

use corokit_core::{Position, ReadyQueue};
use corokit_sched_loop::{EventLoop, LoopQueue, TaskExt, sleep_insert, spawn, task_switch};
use corokit_scheduler::Fifo;
use futures_lite::future::yield_now;
use proptest::prelude::*;

/// Runs the entry with the lowest slot first, except for what has been placed.
#[derive(Default)]
struct LowestFirst(Vec<u32>);

impl ReadyQueue for LowestFirst {
    fn set_slots(&mut self, _: usize) {}

    fn len(&self) -> usize {
        self.0.len()
    }

    fn contains(&self, slot: u32) -> bool {
        self.0.contains(&slot)
    }

    fn push(&mut self, slot: u32) {
        let index = self.0.partition_point(|other| *other < slot);
        self.0.insert(index, slot);
    }

    fn pop(&mut self) -> Option<u32> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    fn remove(&mut self, slot: u32) -> bool {
        let found = self.contains(slot);
        self.0.retain(|other| *other != slot);
        found
    }

    fn insert_at(&mut self, slot: u32, index: usize) {
        self.0.insert(index.min(self.0.len()), slot);
    }

    fn insert_after(&mut self, slot: u32, anchor: u32) -> bool {
        let found = self.0.iter().position(|other| *other == anchor);
        found.map(|index| self.0.insert(index + 1, slot)).is_some()
    }

    fn insert_before(&mut self, slot: u32, anchor: u32) -> bool {
        let found = self.0.iter().position(|other| *other == anchor);
        found.map(|index| self.0.insert(index, slot)).is_some()
    }

    fn rotate_left(&mut self, count: usize) {
        let len = self.0.len().max(1);
        self.0.rotate_left(count % len);
    }

    fn iter(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        Box::new(self.0.iter().copied())
    }
}

/// The free functions act on such a loop as on any other.
#[test]
fn tasks_run_in_the_order_of_the_queue_and_may_be_placed_in_it() {
    let event_loop = EventLoop::with_queue(LowestFirst::default());
    let log = Rc::new(RefCell::new(Vec::new()));
    let note = |name| {
        let log = Rc::clone(&log);
        async move {
            log.borrow_mut().push(name);
            yield_now().await;
            log.borrow_mut().push(name);
        }
    };
    let tasks = ["first", "second", "third"].map(|name| event_loop.spawn(note(name)));
    let third = tasks[2].id();
    event_loop
        .executor()
        .ready_reinsert(third, Position::Front)
        .unwrap();
    assert_eq!(event_loop.run_until_stalled(), 6);
    assert_eq!(
        *log.borrow(),
        ["third", "first", "first", "second", "second", "third"]
    );
    event_loop.run(async {
        let late = spawn(async {});
        task_switch(late.id(), 1).await.unwrap();
        assert!(late.is_finished());
        sleep_insert(Position::Back).await.unwrap();
    });
}

#[derive(Clone, Debug)]
enum Op {
    Push(u32),
    Pop,
    Remove(u32),
    InsertAt(u32, usize),
    InsertAfter(u32, u32),
    InsertBefore(u32, u32),
    Rotate(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let slot = 0..6u32;
    prop_oneof![
        slot.clone().prop_map(Op::Push),
        Just(Op::Pop),
        slot.clone().prop_map(Op::Remove),
        (slot.clone(), 0..9usize).prop_map(|(slot, index)| Op::InsertAt(slot, index)),
        (slot.clone(), slot.clone()).prop_map(|(slot, anchor)| Op::InsertAfter(slot, anchor)),
        (slot.clone(), slot).prop_map(|(slot, anchor)| Op::InsertBefore(slot, anchor)),
        (0..9usize).prop_map(Op::Rotate),
    ]
}

/// Does what is asked, and returns what came back.
fn apply(queue: &mut impl ReadyQueue, op: &Op) -> Option<u32> {
    let free = |queue: &dyn ReadyQueue, slot| !queue.contains(slot);
    match *op {
        Op::Push(slot) if free(queue, slot) => queue.push(slot),
        Op::Pop => return queue.pop(),
        Op::Remove(slot) => return Some(u32::from(queue.remove(slot))),
        Op::InsertAt(slot, index) if free(queue, slot) => queue.insert_at(slot, index),
        Op::InsertAfter(slot, anchor) if free(queue, slot) => {
            return Some(u32::from(queue.insert_after(slot, anchor)));
        }
        Op::InsertBefore(slot, anchor) if free(queue, slot) => {
            return Some(u32::from(queue.insert_before(slot, anchor)));
        }
        Op::Rotate(count) => queue.rotate_left(count),
        _ => {}
    }
    None
}

proptest! {
    /// A loop's queue is the one that it was given.
    #[test]
    fn the_queue_of_a_loop_passes_everything_on(ops in prop::collection::vec(op(), 0..60)) {
        let mut wrapped = LoopQueue::default();
        let mut plain = Fifo::new();
        wrapped.set_slots(6);
        plain.set_slots(6);
        for op in &ops {
            prop_assert_eq!(apply(&mut wrapped, op), apply(&mut plain, op));
            prop_assert_eq!(wrapped.len(), plain.len());
            prop_assert_eq!(wrapped.is_empty(), plain.is_empty());
            prop_assert!(wrapped.iter().eq(plain.iter()));
        }
    }
}
