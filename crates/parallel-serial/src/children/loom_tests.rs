//! The list of the woken, with threads in every order.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use loom::future::block_on;
use loom::thread;

use super::wake_list::Shared;

/// Waits until so many wake-ups have come through, and returns their numbers.
fn collect(shared: &Shared, count: usize) -> Vec<u32> {
    let mut seen = Vec::new();
    block_on(poll_fn(|cx| {
        let mut batch = Vec::new();
        shared.take_woken(&mut batch, cx.waker());
        seen.append(&mut batch);
        match seen.len() >= count {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }));
    seen
}

#[test]
fn no_wake_up_is_lost() {
    loom::model(|| {
        let shared = Arc::new(Shared::new(2));
        let threads = [0, 1].map(|index| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.wake(index))
        });
        let mut seen = collect(&shared, 2);
        seen.sort_unstable();
        assert_eq!(seen, [0, 1]);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// A wake-up after the driver has taken the number counts again; one before is the same.
#[test]
fn a_child_that_is_woken_twice_has_one_or_two_turns() {
    loom::model(|| {
        let shared = Arc::new(Shared::new(1));
        let waking = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.wake(0);
                shared.wake(0);
            })
        };
        let mut turns = collect(&shared, 1).len();
        waking.join().unwrap();
        let mut rest = Vec::new();
        shared.take_woken(&mut rest, std::task::Waker::noop());
        turns += rest.len();
        assert!((1..=2).contains(&turns), "{turns}");
    });
}

/// The children may go while somebody wakes one of them.
#[test]
fn a_wake_up_and_the_end_may_meet() {
    loom::model(|| {
        let shared = Arc::new(Shared::new(1));
        let waking = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.wake(0))
        };
        let mut batch = Vec::new();
        shared.take_woken(&mut batch, std::task::Waker::noop());
        drop(shared.close());
        waking.join().unwrap();
        let mut rest = Vec::new();
        shared.take_woken(&mut rest, std::task::Waker::noop());
        assert!(rest.is_empty());
    });
}
