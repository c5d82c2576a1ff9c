//! The hand-over between threads, in every order.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::thread;

use super::{Closed, Queue};

/// Polls a future once, and drops it.
fn poll_once<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// The item that a `get` has in its first poll.
fn had_at_once<T: Send>(queue: &Queue<T>) -> Option<T> {
    match poll_once(queue.get()) {
        Poll::Ready(item) => item.ok(),
        Poll::Pending => None,
    }
}

#[test]
fn items_reach_the_one_who_waits_in_order() {
    loom::model(|| {
        let queue = Queue::unbounded();
        let putter = queue.putter();
        let thread = thread::spawn(move || {
            putter.try_put(1).unwrap();
            putter.try_put(2).unwrap();
        });
        for expected in [Ok(1), Ok(2), Err(Closed(()))] {
            assert_eq!(block_on(queue.get()), expected);
        }
        thread.join().unwrap();
    });
}

#[test]
fn who_waits_for_room_gets_it_in_order() {
    loom::model(|| {
        let queue = Queue::bounded(1);
        let putter = queue.putter();
        let thread = thread::spawn(move || {
            for item in 1..=3 {
                block_on(putter.put(item)).unwrap();
            }
        });
        for expected in 1..=3 {
            assert_eq!(block_on(queue.get()), Ok(expected));
        }
        thread.join().unwrap();
    });
}

#[test]
fn threads_that_block_hand_over_in_order() {
    loom::model(|| {
        let queue = Queue::bounded(1);
        let putter = queue.putter();
        let thread = thread::spawn(move || {
            for item in 1..=3 {
                putter.put_blocking(item).unwrap();
            }
        });
        for expected in 1..=3 {
            assert_eq!(queue.get_blocking(), Ok(expected));
        }
        thread.join().unwrap();
        assert_eq!(queue.get_blocking(), Err(Closed(())));
    });
}

#[test]
fn a_thread_that_waits_for_room_has_its_item_back_at_the_end() {
    loom::model(|| {
        let queue = Queue::bounded(1);
        queue.try_put(1).unwrap();
        let threads = [2, 3].map(|item| {
            let queue = queue.clone();
            thread::spawn(move || queue.put_blocking(item))
        });
        assert_eq!(queue.get_blocking(), Ok(1));
        queue.close();
        let back = threads.map(|thread| thread.join().unwrap());
        let back: Vec<_> = back.into_iter().filter_map(Result::err).collect();
        let mut all: Vec<_> = back.into_iter().map(|Closed(item)| item).collect();
        while let Ok(item) = queue.try_get() {
            all.push(item);
        }
        all.sort();
        assert_eq!(all, [2, 3]);
    });
}

#[test]
fn what_is_given_back_at_the_end_is_had_or_left() {
    loom::model(|| {
        let queue = Queue::unbounded();
        let other = queue.clone();
        let leaves = thread::spawn(move || had_at_once(&other));
        let other = queue.clone();
        let stays = thread::spawn(move || other.get_blocking().ok());
        queue.try_put(1).unwrap();
        queue.close();
        let had = leaves.join().unwrap().or(stays.join().unwrap());
        assert_eq!(had.or(queue.try_get().ok()), Some(1));
        assert_eq!((queue.len(), queue.unfinished()), (0, 0));
    });
}

#[test]
fn each_item_goes_to_one_of_two() {
    loom::model(|| {
        let queue = Queue::unbounded();
        let threads = [(); 2].map(|()| {
            let queue = queue.clone();
            thread::spawn(move || block_on(queue.get()).unwrap())
        });
        queue.try_put(1).unwrap();
        queue.try_put(2).unwrap();
        let mut items = threads.map(|thread| thread.join().unwrap());
        items.sort();
        assert_eq!(items, [1, 2]);
    });
}

#[test]
fn an_item_and_one_who_goes_away_may_meet() {
    loom::model(|| {
        let queue = Queue::unbounded();
        let other = queue.clone();
        let thread = thread::spawn(move || had_at_once(&other));
        queue.try_put(1).unwrap();
        let had = thread.join().unwrap();
        // Either that one has it, or it is in the queue.
        assert_eq!(had.or_else(|| queue.try_get().ok()), Some(1));
        assert_eq!((queue.len(), queue.unfinished()), (0, 0));
    });
}

#[test]
fn what_one_who_goes_away_was_handed_reaches_the_next_in_line() {
    loom::model(|| {
        let queue = Queue::unbounded();
        let other = queue.clone();
        let leaves = thread::spawn(move || had_at_once(&other));
        let other = queue.clone();
        let stays = thread::spawn(move || block_on(other.get()).unwrap());
        queue.try_put(1).unwrap();
        if leaves.join().unwrap().is_some() {
            queue.try_put(1).unwrap();
        }
        assert_eq!(stays.join().unwrap(), 1);
    });
}

#[test]
fn room_and_one_who_goes_away_may_meet() {
    loom::model(|| {
        let queue = Queue::bounded(1);
        queue.try_put(1).unwrap();
        let other = queue.clone();
        let thread = thread::spawn(move || {
            let mut put = other.put(2);
            let polled = std::pin::Pin::new(&mut put).poll(&mut Context::from_waker(Waker::noop()));
            polled.is_ready() || put.withdraw().is_none()
        });
        assert_eq!(block_on(queue.get()), Ok(1));
        let was_put = thread.join().unwrap();
        assert_eq!(queue.try_get().is_ok(), was_put);
    });
}

#[test]
fn closing_reaches_all_who_wait() {
    loom::model(|| {
        let queue = Queue::bounded(1);
        let other = queue.clone();
        let getter = thread::spawn(move || block_on(other.get()));
        let other = queue.clone();
        let putter = thread::spawn(move || block_on(other.put(1)));
        queue.close();
        let (got, put) = (getter.join().unwrap(), putter.join().unwrap());
        match put {
            Err(Closed(item)) => assert_eq!((item, got), (1, Err(Closed(())))),
            // It may have been too late for the one that waited.
            Ok(()) => assert!(got == Ok(1) || queue.try_get() == Ok(1)),
        }
    });
}

#[test]
fn joining_waits_for_the_work() {
    loom::model(|| {
        let queue = Queue::unbounded();
        queue.try_put(1).unwrap();
        let other = queue.clone();
        let thread = thread::spawn(move || {
            let job = block_on(other.get_tracked()).unwrap();
            assert!(other.unfinished() > 0);
            drop(job);
        });
        block_on(queue.join());
        assert_eq!(queue.unfinished(), 0);
        thread.join().unwrap();
    });
}

#[test]
fn a_batch_takes_what_there_is() {
    loom::model(|| {
        let queue = Queue::bounded(1);
        let putter = queue.putter();
        let thread = thread::spawn(move || {
            for item in 1..=2 {
                block_on(putter.put(item)).unwrap();
            }
        });
        let mut items = Vec::new();
        while block_on(queue.get_many(&mut items, 2)).is_ok() {}
        assert_eq!(items, [1, 2]);
        thread.join().unwrap();
    });
}
