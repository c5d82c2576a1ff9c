//! Who waits, for how long, and in which order.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use corokit_lab::run;
use corokit_sched_loop::spawn;
use corokit_sync_bridge::queue::{
    GetDeadlineError, Priority, PutDeadlineError, Queue, TryGetError, TryPutError,
};
use futures_lite::future::yield_now;

use super::{Count, poll_with, ready, waits};

/// The fault of dual_color: while a getter that was woken had not run yet, an unbounded queue
/// blocked those who put, or said that it was full.
#[test]
fn an_unbounded_queue_always_has_room() {
    let queue = Queue::unbounded();
    let mut getters = [queue.get(), queue.get()];
    getters.iter_mut().for_each(waits);
    for item in 0..100 {
        match item % 3 {
            0 => queue.try_put(item).unwrap(),
            1 => ready(&mut queue.put(item)).unwrap(),
            _ => queue.put_blocking(item).unwrap(),
        }
    }
    assert_eq!(queue.putters_waiting(), 0);
    assert!(!queue.is_full());
    assert_eq!(getters.each_mut().map(|get| ready(get)), [Ok(0), Ok(1)]);
    assert!(queue.try_iter().eq(2..100));
}

#[test]
fn getters_are_served_in_the_order_in_which_they_came() {
    let queue = Queue::bounded(1);
    let mut getters: Vec<_> = (0..4).map(|_| queue.get()).collect();
    for index in [2, 0, 3, 1] {
        waits(&mut getters[index]);
    }
    assert_eq!(queue.getters_waiting(), 4);
    (0..4).for_each(|item| queue.try_put(item).unwrap());
    assert_eq!(queue.getters_waiting(), 0);
    for (item, index) in [2, 0, 3, 1].into_iter().enumerate() {
        assert_eq!(ready(&mut getters[index]), Ok(item));
    }
}

#[test]
fn putters_are_served_in_the_order_in_which_they_came() {
    let queue = Queue::bounded(2);
    (0..2).for_each(|item| queue.try_put(item).unwrap());
    let mut putters: Vec<_> = (0..4).map(|item| queue.put(item)).collect();
    for index in [2, 0, 3, 1] {
        waits(&mut putters[index]);
    }
    for expected in [0, 1, 2, 0, 3, 1] {
        assert!(queue.is_full() || queue.putters_waiting() == 0);
        assert_eq!(queue.try_get(), Ok(expected));
    }
    for put in &mut putters {
        assert_eq!(ready(put), Ok(()));
    }
}

/// The item is handed over, not left lying for whoever comes first.
#[test]
fn a_newcomer_cannot_take_what_was_handed_to_another() {
    let queue = Queue::unbounded();
    let mut first = queue.get();
    waits(&mut first);
    queue.try_put(1).unwrap();
    assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    let now = Instant::now();
    assert_eq!(queue.get_deadline(now), Err(GetDeadlineError::TimedOut));
    let mut second = queue.get();
    waits(&mut second);
    queue.try_put(2).unwrap();
    assert_eq!(ready(&mut second), Ok(2));
    assert_eq!(ready(&mut first), Ok(1));
}

#[test]
fn a_newcomer_cannot_put_before_those_who_wait() {
    let queue = Queue::bounded(1);
    queue.try_put(1).unwrap();
    let mut put = queue.put(2);
    waits(&mut put);
    assert_eq!(queue.try_get(), Ok(1));
    // The room is taken by the one that waited, though it has not run yet.
    assert_eq!(queue.try_put(3), Err(TryPutError::Full(3)));
    assert_eq!(queue.try_get(), Ok(2));
    assert_eq!(ready(&mut put), Ok(()));
}

#[test]
fn each_is_woken_once() {
    let queue = Queue::bounded(1);
    let counts = [(); 3].map(|()| std::sync::Arc::new(Count::default()));
    let mut get = queue.get();
    assert!(poll_with(&mut get, &counts[0]).is_pending());
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    assert_eq!(counts[0].get(), 1);
    let mut puts = [queue.put(3), queue.put(4)];
    for (put, count) in puts.iter_mut().zip(&counts[1..]) {
        assert!(poll_with(put, count).is_pending());
    }
    assert_eq!(ready(&mut get), Ok(1));
    assert_eq!((counts[1].get(), counts[2].get()), (0, 0));
    assert_eq!(queue.try_get(), Ok(2));
    assert_eq!((counts[1].get(), counts[2].get()), (1, 0));
    assert_eq!(queue.try_get(), Ok(3));
    assert_eq!((counts[1].get(), counts[2].get()), (1, 1));
}

#[test]
fn the_waker_of_the_last_poll_is_woken() {
    let queue = Queue::unbounded();
    let counts = [(); 2].map(|()| std::sync::Arc::new(Count::default()));
    let mut get = queue.get();
    for count in &counts {
        assert!(poll_with(&mut get, count).is_pending());
    }
    queue.try_put(1).unwrap();
    assert_eq!((counts[0].get(), counts[1].get()), (0, 1));
}

/// Operations that need not wait go through at once, as those of asyncio do: whoever wants to let
/// others run yields.
#[test]
fn what_need_not_wait_does_not_yield() {
    corokit_sched_loop::run(async {
        let turns = Rc::new(Cell::new(0));
        let count = Rc::clone(&turns);
        let other = spawn(async move {
            loop {
                count.set(count.get() + 1);
                yield_now().await;
            }
        });
        let queue = Queue::bounded(1);
        for item in 0..1_000 {
            queue.put(item).await.unwrap();
            assert_eq!(queue.get().await, Ok(item));
        }
        assert_eq!(turns.get(), 0);
        yield_now().await;
        assert_eq!(turns.get(), 1);
        drop(other);
    });
}

#[test]
fn deadlines_are_kept_to_the_instant_and_items_come_back() {
    const HOUR: Duration = Duration::from_secs(3600);
    run(1, |lab| async move {
        let queue = Queue::bounded(1);
        let start = corokit_core::time::now();
        let got = queue.get_deadline(start + HOUR);
        assert_eq!(got, Err(GetDeadlineError::TimedOut));
        assert_eq!(lab.elapsed(), HOUR);
        assert_eq!(queue.put_deadline(1, start), Ok(()));
        let put = queue.put_deadline(2, start + 2 * HOUR);
        assert_eq!(put, Err(PutDeadlineError::TimedOut(2)));
        assert_eq!(lab.elapsed(), 2 * HOUR);
        assert_eq!(queue.get_deadline(start), Ok(1));
        assert_eq!((queue.putters_waiting(), queue.getters_waiting()), (0, 0));
    });
}

#[test]
fn room_in_a_priority_queue_goes_by_arrival_and_items_by_priority() {
    let queue = Queue::bounded_by(Priority, 1);
    queue.try_put(5).unwrap();
    let mut puts = [queue.put(7), queue.put(1)];
    puts.iter_mut().for_each(waits);
    assert_eq!(queue.try_get(), Ok(5));
    assert_eq!(queue.try_get(), Ok(7));
    assert_eq!(queue.try_get(), Ok(1));
}
