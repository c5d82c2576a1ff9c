//! Many items at once.

use std::sync::Arc;
use std::thread;

use corokit_sync_bridge::queue::{Closed, Fifo, Lifo, Order, Priority, Queue};
use futures_lite::future::block_on;

use super::{Count, poll, poll_with, ready, waits};

#[track_caller]
fn check<D: Order<i32>>(order: D, expected: [i32; 5]) {
    for before in [vec![], vec![9]] {
        let queue = Queue::unbounded_by(order);
        for item in [3, 1, 4, 0, 2] {
            queue.try_put(item).unwrap();
        }
        let mut items = before.clone();
        assert_eq!(ready(&mut queue.get_many(&mut items, 2)), Ok(2));
        assert_eq!(queue.try_get_many(&mut items, 9), 3);
        assert_eq!(queue.try_get_many(&mut items, 9), 0);
        assert_eq!(items, [before, expected.into()].concat());
        assert_eq!(queue.unfinished(), 0);
    }
}

#[test]
fn they_come_in_the_order_of_the_queue() {
    check(Fifo, [3, 1, 4, 0, 2]);
    check(Lifo, [2, 0, 4, 1, 3]);
    check(Priority, [0, 1, 2, 3, 4]);
}

#[test]
fn none_are_asked_for_and_none_are_had() {
    let queue = Queue::unbounded();
    let mut items = Vec::new();
    assert_eq!(ready(&mut queue.get_many(&mut items, 0)), Ok(0));
    queue.try_put(1).unwrap();
    assert_eq!(ready(&mut queue.get_many(&mut items, 0)), Ok(0));
    assert_eq!((queue.len(), items.len()), (1, 0));
}

#[test]
fn those_who_wait_to_put_fill_the_room() {
    let queue = Queue::bounded(2);
    (0..2).for_each(|item| queue.try_put(item).unwrap());
    let count = Arc::new(Count::default());
    let mut puts = [queue.put(2), queue.put(3), queue.put(4)];
    for put in &mut puts {
        assert!(poll_with(put, &count).is_pending());
    }
    let mut items = Vec::new();
    assert_eq!(queue.try_get_many(&mut items, 9), 2);
    assert_eq!(
        (queue.len(), queue.putters_waiting(), count.get()),
        (2, 1, 2)
    );
    assert_eq!(queue.try_get_many(&mut items, 9), 2);
    assert_eq!(queue.try_get_many(&mut items, 9), 1);
    assert_eq!(items, [0, 1, 2, 3, 4]);
    for put in &mut puts {
        assert_eq!(ready(put), Ok(()));
    }
}

#[test]
fn before_it_waits_it_yields_once_and_has_what_came_meanwhile() {
    let queue = Queue::unbounded();
    let count = Arc::new(Count::default());
    let mut items = Vec::new();
    let mut many = queue.get_many(&mut items, 9);
    assert!(poll_with(&mut many, &count).is_pending());
    assert_eq!((count.get(), queue.getters_waiting()), (1, 0));
    (0..3).for_each(|item| queue.try_put(item).unwrap());
    assert_eq!(ready(&mut many), Ok(3));
}

#[test]
fn one_that_waits_is_handed_the_first_and_takes_the_others() {
    for before in [vec![], vec![9]] {
        let queue = Queue::unbounded();
        let mut items = before.clone();
        let mut many = queue.get_many(&mut items, 3);
        waits(&mut many);
        waits(&mut many);
        assert_eq!(queue.getters_waiting(), 1);
        (0..5).for_each(|item| queue.try_put(item).unwrap());
        assert_eq!(ready(&mut many), Ok(3));
        drop(many);
        assert_eq!(items, [before, vec![0, 1, 2]].concat());
        assert!(queue.try_iter().eq([3, 4]));
        assert_eq!(queue.unfinished(), 0);
    }
}

#[test]
fn the_one_that_it_was_handed_is_the_first_of_all_there_are() {
    let queue = Queue::unbounded();
    let mut items = Vec::new();
    let mut many = queue.get_many(&mut items, 9);
    waits(&mut many);
    waits(&mut many);
    (0..5).for_each(|item| queue.try_put(item).unwrap());
    assert_eq!(ready(&mut many), Ok(5));
    drop(many);
    assert_eq!(items, [0, 1, 2, 3, 4]);
}

#[test]
fn one_that_goes_away_has_taken_nothing() {
    let queue = Queue::unbounded();
    let mut items = Vec::new();
    let mut many = queue.get_many(&mut items, 3);
    waits(&mut many);
    waits(&mut many);
    (0..2).for_each(|item| queue.try_put(item).unwrap());
    drop(many);
    assert!(items.is_empty());
    assert!(queue.try_iter().eq([0, 1]));
}

#[test]
fn the_end_is_told() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    let mut items = Vec::new();
    let mut waiting = Vec::new();
    assert_eq!(ready(&mut queue.get_many(&mut items, 9)), Ok(1));
    let mut many = queue.get_many(&mut waiting, 9);
    waits(&mut many);
    waits(&mut many);
    queue.close();
    assert_eq!(ready(&mut many), Err(Closed(())));
    assert_eq!(queue.get_many_blocking(&mut items, 9), Err(Closed(())));
    assert_eq!(items, [1]);
}

#[test]
fn the_callers_memory_is_used_again() {
    let queue = Queue::unbounded();
    let mut items = Vec::with_capacity(100);
    for _ in 0..10 {
        (0..50).for_each(|item| queue.try_put(item).unwrap());
        items.clear();
        assert_eq!(queue.try_get_many(&mut items, 100), 50);
        assert!(items.iter().copied().eq(0..50));
        // It may be the queue's ring by now, or the caller's own.
        assert!(items.capacity() >= 50);
    }
}

#[test]
fn a_thread_takes_what_tasks_put() {
    const ITEMS: usize = 10_000;
    let queue = Queue::bounded(64);
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let (mut all, mut items) = (Vec::new(), Vec::new());
            while let Ok(taken) = queue.get_many_blocking(&mut items, 50) {
                assert!(taken == items.len() && (1..=50).contains(&taken));
                all.append(&mut items);
            }
            all
        });
        block_on(async {
            for item in 0..ITEMS {
                queue.put(item).await.unwrap();
            }
        });
        queue.close();
        assert!(thread.join().unwrap().into_iter().eq(0..ITEMS));
    });
}

#[test]
fn it_can_be_polled_to_and_fro() {
    let queue = Queue::unbounded();
    let mut items = Vec::new();
    let mut many = queue.get_many(&mut items, 1);
    for _ in 0..5 {
        assert!(poll(&mut many).is_pending());
    }
    queue.try_put(1).unwrap();
    assert_eq!(ready(&mut many), Ok(1));
}
