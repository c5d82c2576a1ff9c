//! The end of a queue.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Instant;

use corokit_sync_bridge::queue::{
    Closed, GetDeadlineError, Lifo, Priority, PutDeadlineError, Queue, TryGetError, TryPutError,
};

use super::{Count, poll_with, ready, waits};

#[test]
fn those_who_get_have_what_is_left_and_then_are_told() {
    let queue = Queue::unbounded();
    (0..3).for_each(|item| queue.try_put(item).unwrap());
    assert!(queue.close());
    assert!(!queue.close());
    assert_eq!(queue.try_get(), Ok(0));
    assert_eq!(ready(&mut queue.get()), Ok(1));
    assert_eq!(queue.get_blocking(), Ok(2));
    assert_eq!(queue.try_get(), Err(TryGetError::Closed));
    assert_eq!(ready(&mut queue.get()), Err(Closed(())));
    assert_eq!(queue.get_blocking(), Err(Closed(())));
    let late = queue.get_deadline(Instant::now());
    assert_eq!(late, Err(GetDeadlineError::Closed));
    assert!(queue.try_get_tracked().is_err() && queue.get_tracked_blocking().is_err());
}

#[test]
fn nothing_can_be_put_any_more_and_items_come_back() {
    let queue = Queue::unbounded();
    queue.close();
    assert_eq!(queue.try_put(1), Err(TryPutError::Closed(1)));
    assert_eq!(ready(&mut queue.put(2)), Err(Closed(2)));
    assert_eq!(queue.put_blocking(3), Err(Closed(3)));
    let late = queue.put_deadline(4, Instant::now());
    assert_eq!(late, Err(PutDeadlineError::Closed(4)));
}

#[test]
fn those_who_wait_to_put_get_their_items_back() {
    let queue = Queue::bounded(1);
    queue.try_put(0).unwrap();
    let count = Arc::new(Count::default());
    let mut puts = [queue.put(1), queue.put(2), queue.put(3)];
    for put in &mut puts {
        assert!(poll_with(put, &count).is_pending());
    }
    queue.close();
    assert_eq!(count.get(), 3);
    let [mut one, mut two, three] = puts;
    assert_eq!(ready(&mut one), Err(Closed(1)));
    assert_eq!(ready(&mut two), Err(Closed(2)));
    assert_eq!(three.withdraw(), Some(3));
    assert_eq!(queue.try_get(), Ok(0));
    assert_eq!(queue.try_get(), Err(TryGetError::Closed));
}

#[test]
fn those_who_wait_to_get_are_told() {
    let queue = Queue::<u32>::unbounded();
    let count = Arc::new(Count::default());
    let mut gets = [queue.get(), queue.get()];
    for get in &mut gets {
        assert!(poll_with(get, &count).is_pending());
    }
    thread::scope(|scope| {
        let thread = scope.spawn(|| queue.get_blocking());
        while queue.getters_waiting() < 3 {
            thread::yield_now();
        }
        queue.close();
        assert_eq!(thread.join().unwrap(), Err(Closed(())));
    });
    assert_eq!(count.get(), 2);
    for get in &mut gets {
        assert_eq!(ready(get), Err(Closed(())));
    }
}

#[test]
fn threads_that_are_parked_are_told_as_well() {
    for room in [false, true] {
        let queue = Queue::bounded(1);
        queue.try_put(0).unwrap();
        thread::scope(|scope| {
            let threads = [1, 2].map(|item| {
                scope.spawn({
                    let queue = queue.clone();
                    move || queue.put_blocking(item)
                })
            });
            while queue.putters_waiting() < 2 {
                thread::yield_now();
            }
            let first = room.then(|| {
                assert_eq!(queue.try_get(), Ok(0));
                assert_eq!(queue.putters_waiting(), 1);
                queue.try_get().unwrap()
            });
            let second = room.then(|| queue.try_get().unwrap());
            queue.close();
            let put = threads.map(|thread| thread.join().unwrap());
            match (first, second) {
                (Some(first), Some(second)) => {
                    assert_eq!(put, [Ok(()), Ok(())]);
                    assert_eq!(first + second, 3);
                }
                _ => assert_eq!(put, [Err(Closed(1)), Err(Closed(2))]),
            }
        });
    }
}

#[test]
fn closing_at_once_gives_the_items_back_in_their_order() {
    let fifo = Queue::unbounded();
    let lifo = Queue::unbounded_by(Lifo);
    let heap = Queue::unbounded_by(Priority);
    for item in [2, 3, 1] {
        fifo.try_put(item).unwrap();
        lifo.try_put(item).unwrap();
        heap.try_put(item).unwrap();
    }
    assert_eq!(fifo.close_now(), [2, 3, 1]);
    assert_eq!(lifo.close_now(), [1, 3, 2]);
    assert_eq!(heap.close_now(), [1, 2, 3]);
    assert_eq!(fifo.try_get(), Err(TryGetError::Closed));
    assert_eq!(fifo.close_now(), []);
}

#[test]
fn closing_at_once_wakes_everybody() {
    let queue = Queue::bounded(1);
    queue.try_put(1).unwrap();
    let mut put = queue.put(2);
    let mut join = queue.join();
    waits(&mut put);
    waits(&mut join);
    assert_eq!(queue.close_now(), [1]);
    assert_eq!(ready(&mut put), Err(Closed(2)));
    ready(&mut join);
    assert_eq!(queue.unfinished(), 0);
}

#[test]
fn what_is_being_worked_on_is_waited_for_even_then() {
    let queue = Queue::unbounded();
    (0..2).for_each(|item| queue.try_put(item).unwrap());
    let job = queue.try_get_tracked().unwrap();
    let mut join = queue.join();
    waits(&mut join);
    assert_eq!(queue.close_now(), [1]);
    waits(&mut join);
    drop(job);
    ready(&mut join);
}

#[test]
fn a_queue_that_was_closed_can_still_be_emptied_at_once() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    queue.close();
    assert_eq!(queue.close_now(), [1]);
}

#[test]
fn an_item_on_its_way_arrives_and_is_not_lost_if_it_does_not() {
    for arrives in [true, false] {
        let queue = Queue::unbounded();
        let mut get = queue.get();
        waits(&mut get);
        queue.try_put(1).unwrap();
        assert_eq!(queue.close_now(), []);
        if arrives {
            assert_eq!(ready(&mut get), Ok(1));
        } else {
            drop(get);
            assert_eq!(queue.try_get(), Ok(1));
        }
        assert_eq!(queue.try_get(), Err(TryGetError::Closed));
    }
}

#[test]
fn errors_say_what_happened() {
    let cases = [
        (Closed(5).to_string(), "the queue is closed"),
        (TryPutError::Full(5).to_string(), "the queue is full"),
        (TryPutError::Closed(5).to_string(), "the queue is closed"),
        (TryGetError::Empty.to_string(), "the queue is empty"),
        (TryGetError::Closed.to_string(), "the queue is closed"),
        (
            PutDeadlineError::TimedOut(5).to_string(),
            "the queue was full until the deadline passed",
        ),
        (
            GetDeadlineError::TimedOut.to_string(),
            "the queue was empty until the deadline passed",
        ),
    ];
    for (said, expected) in cases {
        assert_eq!(said, expected);
    }
    assert_eq!(format!("{:?}", TryPutError::Full(5)), "Full(..)");
}

/// One that was handed an item before the end, and went away, has never waited: then the item was
/// the other's, which had been told of the end already, and had not run since.
#[test]
fn an_item_that_is_given_back_after_the_end_is_for_who_has_not_run_since() {
    let queue = Queue::unbounded();
    let (mut goes, mut stays, mut batch) = (queue.get(), queue.get(), queue.get());
    waits(&mut goes);
    waits(&mut stays);
    waits(&mut batch);
    queue.try_put(1).unwrap();
    queue.close();
    drop(goes);
    assert_eq!(ready(&mut stays), Ok(1));
    assert_eq!(ready(&mut batch), Err(Closed(())));
    assert_eq!((queue.len(), queue.unfinished()), (0, 0));
}

#[test]
fn a_waker_that_panics_does_not_keep_the_end_from_others() {
    let queue = Queue::<u32>::unbounded();
    let count = Arc::new(Count::default());
    let (mut first, mut others) = (queue.get(), [queue.get(), queue.get()]);
    let panics = Waker::from(Arc::new(Panics));
    assert!(
        Pin::new(&mut first)
            .poll(&mut Context::from_waker(&panics))
            .is_pending()
    );
    for other in &mut others {
        assert!(poll_with(other, &count).is_pending());
    }
    catch_unwind(AssertUnwindSafe(|| queue.close())).unwrap_err();
    assert_eq!(count.get(), 2);
    assert!(queue.is_closed());
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        std::panic::resume_unwind(Box::new("a waker panics"));
    }
}
