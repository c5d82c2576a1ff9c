//! Random programs with locks against a naive model that calculates everything anew.
#![cfg(not(loom))]

#[path = "models/mutex.rs"]
mod model;

use model::{LOCKS, Op, TASKS};
use proptest::prelude::*;

fn op() -> impl Strategy<Value = Op> {
    let task = 0..TASKS;
    let fixed = prop_oneof![3 => Just(None), 1 => (-3..4i32).prop_map(Some)];
    prop_oneof![
        6 => (task.clone(), 0..LOCKS, fixed).prop_map(|(task, lock, fixed)| Op::Ask(task, lock, fixed)),
        1 => (task.clone(), 0..LOCKS).prop_map(|(task, lock)| Op::Try(task, lock)),
        5 => (0..8usize, prop_oneof![4 => Just(None), 1 => (0..TASKS).prop_map(Some)])
            .prop_map(|(waiter, by)| Op::Poll(waiter, by)),
        2 => (0..8usize).prop_map(Op::Cancel),
        4 => (0..8usize).prop_map(Op::Release),
        3 => (task.clone(), -3..4i32).prop_map(|(task, priority)| Op::SetPriority(task, priority)),
        1 => (0..8usize, task).prop_map(|(guard, task)| Op::Adopt(guard, task)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn locks_do_what_the_model_does(ops in prop::collection::vec(op(), 1..150)) {
        model::run(ops);
    }
}
