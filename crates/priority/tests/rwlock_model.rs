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

/// Several inherit from one; when it becomes less urgent, so do they, and all at once: none is served by
/// what another one has lost already.
#[test]
fn a_reader_does_not_overtake_a_writer_while_what_both_inherit_is_taken_back() {
    use Op::{Ask, Poll, Release, SetPriority};
    model::run(vec![
        Ask(1, 2, false, None),
        Ask(0, 0, false, None),
        Ask(4, 0, false, None),
        Ask(2, 1, false, None),
        Ask(3, 0, false, None),
        Release(0),
        Release(2),
        Poll(0),
        Ask(0, 0, false, None),
        Ask(4, 1, false, None),
        SetPriority(3, -1),
        Release(2),
        Ask(2, 0, false, None),
        Ask(3, 0, true, None),
        Ask(2, 1, true, None),
        Ask(0, 1, false, None),
        SetPriority(3, 0),
    ]);
}

/// One becomes more urgent, and can be served at once: nobody holds it up, and nobody is to be served by what
/// it would lend while it waited.
#[test]
fn who_is_served_at_once_lends_nobody_anything() {
    use Op::{Ask, Poll, Release, SetPriority};
    model::run(vec![
        Ask(3, 1, true, None),
        Ask(0, 0, false, None),
        Ask(4, 2, true, None),
        Ask(2, 1, false, None),
        Ask(0, 2, false, None),
        Release(0),
        Ask(1, 0, false, None),
        Ask(1, 2, false, None),
        Release(1),
        Poll(2),
        Poll(0),
        Ask(4, 1, true, None),
        Release(0),
        Release(1),
        Poll(0),
        Ask(3, 2, true, None),
        Ask(2, 2, false, None),
        Ask(1, 1, false, None),
        SetPriority(1, -1),
    ]);
}
