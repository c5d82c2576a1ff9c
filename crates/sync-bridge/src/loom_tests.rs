//! Flags and oneshot channels, with threads in every order.

use std::sync::Arc;

use loom::future::block_on;
use loom::thread;

use crate::Flag;
use crate::oneshot::{self, Closed};

#[test]
fn a_flag_that_is_set_and_cleared_at_once_wakes_who_waits() {
    loom::model(|| {
        let flag = Arc::new(Flag::new(false));
        let setter = Arc::clone(&flag);
        let wait = flag.wait();
        let thread = thread::spawn(move || {
            setter.set();
            setter.clear();
        });
        block_on(wait);
        thread.join().unwrap();
        assert!(!flag.is_set());
    });
}

#[test]
fn one_who_goes_away_does_not_keep_a_flag_from_others() {
    loom::model(|| {
        let flag = Arc::new(Flag::new(false));
        let threads = [false, true].map(|stays| {
            let flag = Arc::clone(&flag);
            thread::spawn(move || {
                let mut wait = flag.wait();
                if stays {
                    return block_on(wait);
                }
                let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
                let _ = std::future::Future::poll(std::pin::Pin::new(&mut wait), &mut cx);
            })
        });
        flag.set();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(flag.waiting(), 0);
    });
}

#[test]
fn a_value_reaches_the_other_side() {
    loom::model(|| {
        let (sender, receiver) = oneshot::channel();
        let thread = thread::spawn(move || sender.send(5));
        assert_eq!(block_on(receiver), Ok(5));
        assert_eq!(thread.join().unwrap(), Ok(()));
    });
}

#[test]
fn a_side_that_goes_is_noticed() {
    loom::model(|| {
        let (sender, receiver) = oneshot::channel::<()>();
        let thread = thread::spawn(move || drop(sender));
        assert_eq!(block_on(receiver), Err(Closed));
        thread.join().unwrap();

        let (mut sender, receiver) = oneshot::channel::<()>();
        let thread = thread::spawn(move || drop(receiver));
        block_on(sender.closed());
        thread.join().unwrap();
    });
}
