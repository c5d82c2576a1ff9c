//! Handles and the driver, with threads in every order. The timer never rings.

use std::time::Duration;

use loom::future::block_on;
use loom::thread;

use super::{Batch, Batcher, Builder, Report};
use crate::Closed;

fn builder() -> Builder {
    Batcher::builder()
        .max(1)
        .queue(1)
        .wait(Duration::from_secs(1))
}

#[test]
fn everything_that_is_pushed_is_handled_before_the_driver_ends() {
    loom::model(|| {
        let (batcher, driver) = builder().build(async |_: Batch<u32>| Ok::<_, ()>(()));
        let other = batcher.clone();
        let pushing = thread::spawn(move || {
            block_on(batcher.push(1)).unwrap();
            block_on(batcher.push(2)).unwrap();
        });
        let another = thread::spawn(move || drop(other));
        let report: Report<u32, ()> = block_on(driver);
        assert_eq!((report.items, report.batches), (2, 2));
        pushing.join().unwrap();
        another.join().unwrap();
    });
}

#[test]
fn a_flush_covers_what_was_pushed_before() {
    loom::model(|| {
        let (batcher, driver) = Batcher::builder().build(async |_: Batch<u32>| Ok::<_, ()>(()));
        let pushing = thread::spawn(move || {
            block_on(batcher.push(1)).unwrap();
            block_on(batcher.flush()).unwrap();
            assert_eq!(batcher.len(), 0);
        });
        let report = block_on(driver);
        assert_eq!(report.items, 1);
        pushing.join().unwrap();
    });
}

#[test]
fn nobody_hangs_when_the_driver_is_dropped() {
    loom::model(|| {
        let (batcher, driver) = builder().build(async |_: Batch<u32>| Ok::<_, ()>(()));
        let pushing = thread::spawn(move || {
            let mut kept = 0;
            for item in [1, 2] {
                match block_on(batcher.push(item)) {
                    Ok(()) => kept += 1,
                    Err(Closed(back)) => assert_eq!(back, item),
                }
            }
            assert!(block_on(batcher.flush()).is_err() == (kept > 0));
            assert_eq!(batcher.take_unflushed().len(), kept);
        });
        drop(driver);
        pushing.join().unwrap();
    });
}

#[test]
fn those_who_wait_for_room_have_their_turns_though_one_goes_away() {
    loom::model(|| {
        let (batcher, driver) = builder().build(async |_: Batch<u32>| Ok::<_, ()>(()));
        batcher.try_push(0).unwrap();
        let leaving = {
            let batcher = batcher.clone();
            thread::spawn(move || {
                let mut push = Box::pin(batcher.push(1));
                let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
                let _ = std::future::Future::poll(push.as_mut(), &mut cx);
            })
        };
        let staying = thread::spawn(move || block_on(batcher.push(2)).unwrap());
        let report = block_on(driver);
        assert!(report.items >= 2);
        leaving.join().unwrap();
        staying.join().unwrap();
    });
}
