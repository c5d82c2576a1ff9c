//! What allocates, and what does not.

use std::pin::pin;

use allocation_counter::measure;
use corokit_coro_start::{CoroStart, Inspect, drive, eager, start_boxed};
use futures_lite::future::{block_on, yield_now};

async fn body(blocks: bool) -> u32 {
    if blocks {
        yield_now().await;
    }
    7
}

#[track_caller]
fn check(expected: u64, work: impl Fn()) {
    // The first time, thread-locals may be made.
    work();
    assert_eq!(measure(&work).count_total, expected);
}

#[test]
fn started_in_place_nothing_does() {
    for blocks in [false, true] {
        check(0, || {
            let mut coro = pin!(CoroStart::new(body(blocks)));
            coro.as_mut().start();
            assert_eq!(block_on(coro), 7);
        });
    }
}

#[test]
fn eager_calls_and_boxed_starts_take_one_box() {
    for blocks in [false, true] {
        check(1, || {
            assert_eq!(block_on(eager(body(blocks), |rest| rest)), 7);
        });
        check(1, || {
            assert_eq!(block_on(start_boxed(body(blocks))), 7);
        });
    }
}

#[test]
fn what_is_driven_or_inspected_takes_one_block() {
    check(1, || {
        let _ = drive(body(true), |_| std::ops::ControlFlow::<()>::Continue(()));
    });
    check(1, || {
        block_on(Inspect::new(body(true)));
    });
}
