//! Futures that are dropped before they complete.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use corokit_sched_loop::EventLoop;
use corokit_sync_bridge::queue::{
    Fifo, GetDeadlineError, Lifo, Order, Priority, PutDeadlineError, Queue, TryGetError,
};
use futures_lite::{Stream, StreamExt, future};

use super::{Count, poll_with, ready, waits};

#[test]
fn an_item_that_was_handed_over_goes_to_the_next_in_line() {
    let queue = Queue::unbounded();
    let count = Arc::new(Count::default());
    let (mut first, mut second) = (queue.get(), queue.get());
    waits(&mut first);
    assert!(poll_with(&mut second, &count).is_pending());
    queue.try_put(1).unwrap();
    assert_eq!(count.get(), 0);
    drop(first);
    assert_eq!(count.get(), 1);
    assert_eq!(ready(&mut second), Ok(1));
}

/// Hands items out to those who then go away, in different orders, with others in the queue.
#[track_caller]
fn check_restored<D: Order<i32>>(order: D, expected: [i32; 5]) {
    for leaving in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let queue = Queue::bounded_by(order, 4);
        let mut getters = [(); 3].map(|()| {
            let mut get = queue.get();
            waits(&mut get);
            Some(get)
        });
        for item in [3, 1, 4, 0, 2] {
            queue.try_put(item).unwrap();
        }
        assert_eq!((queue.len(), queue.unfinished()), (2, 5));
        for index in leaving {
            getters[index] = None;
        }
        // There is more than there is room for, for a while.
        assert_eq!((queue.len(), queue.unfinished()), (5, 5));
        assert!(queue.is_full() && queue.try_put(9).is_err());
        assert!(queue.try_iter().eq(expected));
        assert_eq!(queue.unfinished(), 0);
    }
}

#[test]
fn with_nobody_in_line_it_is_as_if_it_had_never_been_handed_over() {
    check_restored(Fifo, [3, 1, 4, 0, 2]);
    check_restored(Lifo, [2, 0, 4, 1, 3]);
    check_restored(Priority, [0, 1, 2, 3, 4]);
}

#[test]
fn alone_it_is_the_first_again() {
    fn check<D: Order<i32>>(order: D) {
        let queue = Queue::unbounded_by(order);
        let mut get = queue.get();
        waits(&mut get);
        queue.try_put(5).unwrap();
        drop(get);
        assert_eq!(queue.try_get(), Ok(5));
        assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    }
    check(Fifo);
    check(Lifo);
    check(Priority);
}

#[test]
fn among_equals_it_keeps_its_old_rank() {
    use corokit_sync_bridge::queue::Keyed;
    let queue = Queue::unbounded_by(Priority);
    let mut get = queue.get();
    waits(&mut get);
    for value in ["first", "second"] {
        queue.try_put(Keyed { key: 1, value }).unwrap();
    }
    drop(get);
    let values = queue.try_iter().map(|item| item.value);
    assert!(values.eq(["first", "second"]));
}

#[test]
fn items_put_later_come_after_those_that_came_back() {
    let queue = Queue::unbounded();
    let mut get = queue.get();
    waits(&mut get);
    queue.try_put(1).unwrap();
    drop(get);
    queue.try_put(2).unwrap();
    let mut items = Vec::new();
    assert_eq!(queue.try_get_many(&mut items, 9), 2);
    assert_eq!(items, [1, 2]);
}

#[test]
fn a_putter_that_goes_away_leaves_no_item() {
    let queue = Queue::bounded(1);
    queue.try_put(1).unwrap();
    let item = Arc::new(2);
    let queue_of_arcs = Queue::bounded(1);
    queue_of_arcs.try_put(Arc::clone(&item)).unwrap();
    let mut put = queue_of_arcs.put(Arc::clone(&item));
    waits(&mut put);
    drop(put);
    assert_eq!(Arc::strong_count(&item), 2);

    let mut puts = [queue.put(2), queue.put(3), queue.put(4)];
    puts.iter_mut().for_each(waits);
    let [second, mut third, fourth] = puts;
    drop(second);
    drop(fourth);
    assert_eq!(queue.putters_waiting(), 1);
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!(ready(&mut third), Ok(()));
    assert!(queue.try_iter().eq([3]));
}

#[test]
fn an_item_that_was_accepted_stays_though_its_putter_goes_away() {
    let queue = Queue::bounded(1);
    queue.try_put(1).unwrap();
    let mut puts = [queue.put(2), queue.put(3)];
    puts.iter_mut().for_each(waits);
    assert_eq!(queue.try_get(), Ok(1));
    let [accepted, waiting] = puts;
    assert_eq!(accepted.withdraw(), None);
    assert_eq!(waiting.withdraw(), Some(3));
    assert_eq!(queue.put(4).withdraw(), Some(4));
    assert!(queue.try_iter().eq([2]));
}

/// Whatever a getter leaves behind: it never costs anybody else a turn.
#[test]
fn those_who_go_away_leave_nothing_behind() {
    let queue = Queue::<u32>::unbounded();
    for _ in 0..1_000 {
        let mut gets = [queue.get(), queue.get()];
        gets.iter_mut().for_each(waits);
    }
    assert_eq!(queue.getters_waiting(), 0);
    queue.try_put(1).unwrap();
    assert_eq!(queue.try_get(), Ok(1));
}

#[test]
fn a_stream_that_is_dropped_gives_back_what_it_was_handed() {
    let queue = Queue::unbounded();
    let mut stream = queue.stream();
    assert!(future::block_on(future::poll_once(stream.next())).is_none());
    // To give up waiting for an item is not to give up the place.
    assert_eq!(queue.getters_waiting(), 1);
    queue.try_put(1).unwrap();
    assert_eq!(stream.size_hint(), (0, None));
    drop(stream);
    assert_eq!(queue.try_get(), Ok(1));
}

/// The fault of dual_color: when the loop of a waiter was closed the queue was dead for all.
#[test]
fn an_executor_that_is_dropped_does_not_stop_the_queue() {
    let queue = Queue::unbounded();
    let event_loop = EventLoop::new();
    for _ in 0..3 {
        let queue = queue.clone();
        event_loop.spawn(async move { queue.get().await }).detach();
    }
    event_loop.run_until_stalled();
    assert_eq!(queue.getters_waiting(), 3);
    queue.try_put(1).unwrap();
    let other = queue.clone();
    let thread = thread::spawn(move || [other.get_blocking(), other.get_blocking()]);
    drop(event_loop);
    queue.try_put(2).unwrap();
    assert_eq!(thread.join().unwrap(), [Ok(1), Ok(2)]);
    assert_eq!(queue.getters_waiting(), 0);
}

#[test]
fn nor_does_one_that_never_runs_again() {
    let queue = Queue::unbounded();
    let event_loop = EventLoop::new();
    let other = queue.clone();
    let task = event_loop.spawn(async move { other.get().await });
    event_loop.run_until_stalled();
    queue.try_put(1).unwrap();
    for item in 2..10 {
        queue.try_put(item).unwrap();
        assert_eq!(queue.try_get(), Ok(item));
    }
    drop(task);
    event_loop.run_until_stalled();
    assert_eq!(queue.try_get(), Ok(1));
}

#[test]
fn a_deadline_that_comes_with_an_item_returns_it_or_leaves_it() {
    let queue = Queue::unbounded();
    for item in 0..300 {
        let other = queue.clone();
        let thread = thread::spawn(move || other.put_blocking(item));
        let deadline = Instant::now() + Duration::from_micros(30);
        match queue.get_deadline(deadline) {
            Ok(got) => assert_eq!(got, item),
            Err(error) => {
                assert_eq!(error, GetDeadlineError::TimedOut);
                assert_eq!(queue.get_blocking(), Ok(item));
            }
        }
        thread.join().unwrap().unwrap();
        assert_eq!((queue.len(), queue.unfinished()), (0, 0));
    }
}

#[test]
fn a_deadline_that_comes_with_room_puts_the_item_or_gives_it_back() {
    let queue = Queue::bounded(1);
    for item in 0..300 {
        queue.try_put(-1).unwrap();
        let other = queue.clone();
        let thread = thread::spawn(move || other.get_blocking());
        let deadline = Instant::now() + Duration::from_micros(30);
        let put = queue.put_deadline(item, deadline);
        assert_eq!(thread.join().unwrap(), Ok(-1));
        match put {
            Ok(()) => assert_eq!(queue.try_get(), Ok(item)),
            Err(error) => {
                assert_eq!(error, PutDeadlineError::TimedOut(item));
                assert!(queue.is_empty());
            }
        }
    }
}
