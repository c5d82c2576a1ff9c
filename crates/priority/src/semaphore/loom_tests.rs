//! Permits between threads, in every order.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Poll, Waker};

use loom::future::block_on;
use loom::thread;

use super::line::Front;

/// Makes what is to be tested. What comes to be at its first use does so here: loom does not see that
/// the others wait for that.
fn front(permits: usize) -> Arc<Front<u32>> {
    let front = Arc::new(Front::new(permits));
    assert_eq!(front.permits(), permits);
    let waits = front.wait_at(0, Waker::noop().clone());
    match waits {
        Some(number) => front.leave(number),
        None => front.release(1),
    }
    front
}

fn acquire(front: &Arc<Front<u32>>, priority: u32) -> impl Future<Output = ()> + use<> {
    let front = Arc::clone(front);
    let mut number = None;
    poll_fn(move |cx| {
        if number.is_none() {
            if front.try_acquire() {
                return Poll::Ready(());
            }
            number = front.wait_at(priority, cx.waker().clone());
            return match number {
                None => Poll::Ready(()),
                Some(_) => Poll::Pending,
            };
        }
        match number.is_some_and(|number| front.poll(number, cx.waker())) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
}

#[test]
fn a_permit_goes_from_thread_to_thread() {
    loom::model(|| {
        let front = front(1);
        let threads = [1, 0].map(|priority| {
            let front = Arc::clone(&front);
            thread::spawn(move || {
                block_on(acquire(&front, priority));
                front.release(1);
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(front.permits(), 1);
    });
}

#[test]
fn permits_and_a_waiter_that_goes_away_may_meet() {
    loom::model(|| {
        let front = front(0);
        let leaving = {
            let front = Arc::clone(&front);
            thread::spawn(move || match front.wait_at(0, Waker::noop().clone()) {
                Some(number) => front.leave(number),
                None => front.release(1),
            })
        };
        let giving = {
            let front = Arc::clone(&front);
            thread::spawn(move || front.release(1))
        };
        // Whoever it was granted to, it is to be had.
        block_on(acquire(&front, 1));
        for thread in [leaving, giving] {
            thread.join().unwrap();
        }
        assert_eq!(front.permits(), 0);
    });
}
