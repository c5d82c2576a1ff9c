//! Random programs with the queue, and with a naive one.

use corokit_sync_bridge::queue::{Keyed, Priority, Queue};
use proptest::prelude::*;

use super::naive::{self, Kind, Op};

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => (0..3u8).prop_map(Op::Put),
        6 => (0..3u8).prop_map(Op::TryPut),
        12 => Just(Op::Get),
        4 => Just(Op::TryGet),
        2 => Just(Op::TryGetTracked),
        3 => (0..4usize).prop_map(Op::TryGetMany),
        3 => Just(Op::Join),
        1 => Just(Op::Close),
        1 => Just(Op::CloseNow),
        24 => (0..12usize).prop_map(Op::Poll),
        16 => (0..12usize).prop_map(Op::Drop),
    ]
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 0..80)
}

proptest! {
    #[test]
    fn first_in_first_out_is_as_the_model(capacity in 1..5usize, ops in ops()) {
        naive::run(Kind::Fifo, capacity, &ops);
    }

    #[test]
    fn last_in_first_out_is_as_the_model(capacity in 1..5usize, ops in ops()) {
        naive::run(Kind::Lifo, capacity, &ops);
    }

    #[test]
    fn the_smallest_first_is_as_the_model(capacity in 1..5usize, ops in ops()) {
        naive::run(Kind::Priority, capacity, &ops);
    }

    /// The heap alone, with many items.
    #[test]
    fn items_come_sorted_and_equals_as_they_were_put(keys in prop::collection::vec(0..20u8, 0..300)) {
        let queue = Queue::unbounded_by(Priority);
        for (value, key) in keys.iter().enumerate() {
            queue.try_put(Keyed { key: *key, value }).unwrap();
        }
        let mut expected: Vec<_> = keys.into_iter().enumerate().map(|(i, key)| (key, i)).collect();
        expected.sort();
        let had = queue.try_iter().map(|item| (item.key, item.value));
        prop_assert!(had.eq(expected));
    }
}
