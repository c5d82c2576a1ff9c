//! The first-in-first-out queue against a `Vec`.
#![cfg(not(loom))]

use corokit_core::ReadyQueue;
use corokit_scheduler::Fifo;
use proptest::prelude::*;

const SLOTS: u32 = 12;

#[derive(Clone, Copy, Debug)]
enum Step {
    Push(u32),
    Pop,
    Remove(u32),
    InsertAt(u32, usize),
    InsertAfter(u32, u32),
    InsertBefore(u32, u32),
    Rotate(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let slot = || 0..SLOTS;
    prop_oneof![
        4 => slot().prop_map(Step::Push),
        1 => Just(Step::Pop),
        2 => slot().prop_map(Step::Remove),
        3 => (slot(), 0..16usize).prop_map(|(slot, index)| Step::InsertAt(slot, index)),
        2 => (slot(), slot()).prop_map(|(slot, anchor)| Step::InsertAfter(slot, anchor)),
        2 => (slot(), slot()).prop_map(|(slot, anchor)| Step::InsertBefore(slot, anchor)),
        1 => (0..40usize).prop_map(Step::Rotate),
    ]
}

/// Does the same to both. A slot that is in the queue is not put there again: the scheduler's
/// promise.
fn apply(queue: &mut Fifo, model: &mut Vec<u32>, step: Step) {
    let find = |model: &Vec<u32>, slot| model.iter().position(|other| *other == slot);
    match step {
        Step::Push(slot) if !queue.contains(slot) => {
            queue.push(slot);
            model.push(slot);
        }
        Step::Pop => {
            let popped = (!model.is_empty()).then(|| model.remove(0));
            assert_eq!(queue.pop(), popped);
        }
        Step::Remove(slot) => {
            let found = find(model, slot).map(|index| model.remove(index));
            assert_eq!(queue.remove(slot), found.is_some());
        }
        Step::InsertAt(slot, index) if !queue.contains(slot) => {
            queue.insert_at(slot, index);
            model.insert(index.min(model.len()), slot);
        }
        Step::InsertAfter(slot, anchor) if !queue.contains(slot) => {
            let found = find(model, anchor);
            assert_eq!(queue.insert_after(slot, anchor), found.is_some());
            if let Some(index) = found {
                model.insert(index + 1, slot);
            }
        }
        Step::InsertBefore(slot, anchor) if !queue.contains(slot) => {
            let found = find(model, anchor);
            assert_eq!(queue.insert_before(slot, anchor), found.is_some());
            if let Some(index) = found {
                model.insert(index, slot);
            }
        }
        Step::Rotate(count) => {
            queue.rotate_left(count);
            let len = model.len().max(1);
            model.rotate_left(count % len);
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_queue_does_what_a_vec_does(steps in prop::collection::vec(step(), 1..200)) {
        let mut queue = Fifo::new();
        let mut model = Vec::new();
        queue.set_slots(SLOTS as usize / 2);
        queue.set_slots(SLOTS as usize);
        for step in steps {
            apply(&mut queue, &mut model, step);
            prop_assert_eq!(queue.iter().collect::<Vec<_>>(), model.clone());
            prop_assert_eq!((queue.len(), queue.is_empty()), (model.len(), model.is_empty()));
            for slot in 0..SLOTS {
                prop_assert_eq!(queue.contains(slot), model.contains(&slot));
            }
        }
    }
}

#[test]
fn a_slot_outside_of_the_table_is_not_in_the_queue() {
    let mut queue = Fifo::new();
    assert!(!queue.contains(0));
    assert!(!queue.remove(7));
    assert_eq!(queue.pop(), None);
    queue.set_slots(3);
    queue.set_slots(1);
    queue.push(2);
    assert!(!queue.insert_after(1, 9));
    assert_eq!(queue.iter().collect::<Vec<_>>(), [2]);
}
