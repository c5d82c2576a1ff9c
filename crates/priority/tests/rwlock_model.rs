//! Random programs with reader-writer locks against a naive model that calculates everything anew.
#![cfg(not(loom))]

#[path = "models/rwlock.rs"]
mod model;

use model::{LOCKS, Op, TASKS};
use proptest::prelude::*;

fn op() -> impl Strategy<Value = Op> {
    let task = 0..TASKS;
    let fixed = prop_oneof![3 => Just(None), 1 => (-3..4i32).prop_map(Some)];
    prop_oneof![
        6 => (task.clone(), 0..LOCKS, any::<bool>(), fixed)
            .prop_map(|(task, lock, write, fixed)| Op::Ask(task, lock, write, fixed)),
        5 => (0..8usize).prop_map(Op::Poll),
        2 => (0..8usize).prop_map(Op::Cancel),
        4 => (0..8usize).prop_map(Op::Release),
        1 => (0..8usize).prop_map(Op::Downgrade),
        3 => (task, -3..4i32).prop_map(|(task, priority)| Op::SetPriority(task, priority)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn locks_do_what_the_model_does(ops in prop::collection::vec(op(), 1..120)) {
        model::run(ops);
    }
}
