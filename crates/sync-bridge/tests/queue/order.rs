//! The order of items.

use std::cmp::{Ordering, Reverse};

use corokit_sync_bridge::queue::{
    Fifo, Keyed, Lifo, LifoQueue, Order, Priority, PriorityQueue, Queue,
};

#[track_caller]
fn check<D: Order<i32>>(order: D, expected: [i32; 5]) {
    for queue in [Queue::unbounded_by(order), Queue::bounded_by(order, 5)] {
        for item in [3, 1, 4, 0, 2] {
            queue.try_put(item).unwrap();
        }
        let first = queue.try_get().unwrap();
        assert_eq!(first, expected[0]);
        // It is put once more, which makes a difference to the first order only.
        queue.try_put(first).unwrap();
        let mut items: Vec<_> = queue.try_iter().collect();
        if format!("{order:?}") == "Fifo" {
            items.rotate_right(1);
        }
        assert_eq!(items, expected);
    }
}

#[test]
fn first_in_first_out() {
    check(Fifo, [3, 1, 4, 0, 2]);
}

#[test]
fn last_in_first_out() {
    check(Lifo, [2, 0, 4, 1, 3]);
}

#[test]
fn the_smallest_first() {
    check(Priority, [0, 1, 2, 3, 4]);
}

#[test]
fn the_largest_first_if_it_is_asked_for() {
    let queue = Queue::unbounded_by(Priority);
    [2, 3, 1]
        .into_iter()
        .for_each(|n| queue.try_put(Reverse(n)).unwrap());
    assert!(queue.try_iter().map(|item| item.0).eq([3, 2, 1]));
}

/// What has no order at all may be put by its key.
#[derive(Debug, PartialEq)]
struct Job(f64);

#[test]
fn equals_come_as_they_were_put_and_only_keys_are_compared() {
    let queue = PriorityQueue::default();
    let keys = [1, 0, 1, 0, 2, 1, 0];
    for (index, key) in keys.into_iter().enumerate() {
        let value = Job(index as f64);
        queue.try_put(Keyed { key, value }).unwrap();
    }
    let order = queue.try_iter().map(|item| item.value.0 as usize);
    assert!(order.eq([1, 3, 6, 0, 2, 5, 4]));
}

#[test]
fn the_smallest_at_that_moment_is_had() {
    let queue = Queue::unbounded_by(Priority);
    queue.try_put(5).unwrap();
    queue.try_put(3).unwrap();
    assert_eq!(queue.try_get(), Ok(3));
    queue.try_put(1).unwrap();
    queue.try_put(4).unwrap();
    assert_eq!(queue.try_get(), Ok(1));
    assert!(queue.try_iter().eq([4, 5]));
}

#[test]
fn keyed_items_are_compared_by_their_keys() {
    let item = |key, value| Keyed { key, value };
    assert_eq!(item(1, "a"), item(1, "b"));
    assert_ne!(item(1, "a"), item(2, "a"));
    assert!(item(1, "b") < item(2, "a"));
    assert!(
        item(2, "a")
            .partial_cmp(&item(1, "b"))
            .is_some_and(Ordering::is_gt)
    );
}

#[test]
fn names_for_the_three() {
    let stack: LifoQueue<_> = Queue::default();
    let heap: PriorityQueue<_> = Queue::default();
    let fifo: Queue<_> = Queue::default();
    [1, 2].into_iter().for_each(|n| stack.try_put(n).unwrap());
    [2, 1].into_iter().for_each(|n| heap.try_put(n).unwrap());
    [1, 2].into_iter().for_each(|n| fifo.try_put(n).unwrap());
    assert!(stack.try_iter().eq([2, 1]));
    assert!(heap.try_iter().eq([1, 2]));
    assert!(fifo.try_iter().eq([1, 2]));
    assert_eq!(fifo.capacity(), None);
}

#[test]
#[should_panic(expected = "room for at least one")]
fn no_room_at_all_is_a_mistake() {
    let _ = Queue::<()>::bounded(0);
}
