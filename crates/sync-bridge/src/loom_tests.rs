//! Flags, oneshot channels and mutexes by key, with threads in every order.

use std::future::Future;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use loom::future::block_on;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::oneshot::{self, Closed};
use crate::{Flag, KeyedMutex};

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
                let _ = Pin::new(&mut wait).poll(&mut Context::from_waker(Waker::noop()));
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

/// With the same hash in each run of a model.
type Keys = KeyedMutex<u8, BuildHasherDefault<DefaultHasher>>;

#[test]
fn a_key_is_had_by_one_at_a_time_in_either_colour() {
    loom::model(|| {
        let keys = Keys::default();
        let count = loom::sync::Arc::new(AtomicUsize::new(0));
        let threads = [true, false].map(|blocks| {
            let (keys, count) = (keys.clone(), loom::sync::Arc::clone(&count));
            thread::spawn(move || {
                let guard = match blocks {
                    true => keys.lock_blocking(1),
                    false => block_on(keys.lock(1)),
                };
                // It would be lost if another did the same meanwhile.
                let before = count.load(Ordering::Relaxed);
                count.store(before + 1, Ordering::Relaxed);
                drop(guard);
            })
        });
        // Another key is not in their way.
        assert!(keys.try_lock(2).is_ok());
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(count.load(Ordering::Relaxed), 2);
        assert!(keys.is_empty());
    });
}

#[test]
fn a_key_and_one_who_goes_away_may_meet() {
    loom::model(|| {
        let keys = Keys::default();
        let held = keys.try_lock(1).unwrap();
        let threads = [false, true].map(|stays| {
            let keys = keys.clone();
            thread::spawn(move || {
                let mut lock = keys.lock(1);
                if stays {
                    return drop(block_on(lock));
                }
                let _ = Pin::new(&mut lock).poll(&mut Context::from_waker(Waker::noop()));
            })
        });
        drop(held);
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(keys.is_empty());
    });
}
