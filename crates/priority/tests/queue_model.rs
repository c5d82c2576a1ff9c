//! Random operations against a naive model: two lists.

#[path = "models/queue.rs"]
mod model;

use model::{Op, SLOTS};
use proptest::prelude::*;

fn op() -> impl Strategy<Value = Op> {
    let slot = 0..SLOTS;
    prop_oneof![
        8 => slot.clone().prop_map(Op::Push),
        6 => Just(Op::Pop),
        2 => slot.clone().prop_map(Op::Remove),
        2 => (slot.clone(), prop_oneof![8 => 0..13usize, 1 => Just(usize::MAX)])
            .prop_map(|(slot, index)| Op::InsertAt(slot, index)),
        1 => (slot.clone(), slot.clone()).prop_map(|(slot, other)| Op::InsertAfter(slot, other)),
        1 => (slot.clone(), slot.clone()).prop_map(|(slot, other)| Op::InsertBefore(slot, other)),
        1 => (0..15usize).prop_map(Op::Rotate),
        4 => (slot, -2..3i32).prop_map(|(slot, priority)| Op::SetPriority(slot, priority)),
    ]
}

proptest! {
    #[test]
    fn the_queue_does_what_the_model_does(
        ops in prop::collection::vec(op(), 0..200),
        ageing in prop::option::of((1..5u32, 0..10u32)),
    ) {
        model::run(ops, ageing);
    }
}
