//! The first-in-first-out queue against a `Vec`.
#![cfg(not(loom))]

#[path = "models/fifo.rs"]
mod model;

use corokit_core::ReadyQueue;
use corokit_scheduler::Fifo;
use model::{SLOTS, Step};
use proptest::prelude::*;

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

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_queue_does_what_a_vec_does(steps in prop::collection::vec(step(), 1..200)) {
        model::run(steps);
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
