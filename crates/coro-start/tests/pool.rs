//! Eager calls that use the same box again.

#[path = "support/counted.rs"]
mod counted;

use std::cell::Cell;
use std::future::{Ready, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};

use allocation_counter::measure;
use async_executor::LocalExecutor;
use corokit_coro_start::{Eager, EagerPool, depth, eager};
use counted::Counts;
use futures_lite::future::{block_on, yield_now};

async fn body(number: u32, blocks: bool) -> u32 {
    if blocks {
        yield_now().await;
    }
    number
}

#[test]
fn what_finishes_at_once_allocates_nothing_but_the_first_time() {
    let mut pool = EagerPool::new();
    assert_eq!(block_on(pool.eager(body(1, false), |rest| rest)), 1);
    let calls = measure(|| {
        for number in 0..100 {
            let child = pool.eager(body(number, false), |rest| rest);
            assert_eq!(child.into_ready().ok(), Some(number));
        }
    });
    assert_eq!(calls.count_total, 0);
}

#[test]
fn what_blocks_goes_on_in_its_own_box_beside_the_next_calls() {
    let executor = LocalExecutor::new();
    let mut pool = EagerPool::new();
    let spawned = Cell::new(0);
    let mut children = Vec::new();
    for number in 0..6 {
        children.push(pool.eager(body(number, number % 2 == 0), |rest| {
            spawned.set(spawned.get() + 1);
            executor.spawn(rest)
        }));
    }
    assert_eq!(spawned.get(), 3);
    drop(pool);
    for (number, child) in (0..).zip(children) {
        assert_eq!(block_on(executor.run(child)), number);
    }
}

#[test]
fn each_future_is_dropped_once_and_before_its_value_is_given() {
    let mut pool = EagerPool::new();
    for _ in 0..3 {
        let counts = Counts::default();
        let child = pool.eager(counts.count(body(7, false)), |rest| rest);
        counts.check(1, 1);
        assert!(matches!(child, Eager::Ready(7)));
        let counts = Counts::default();
        drop(pool.eager(counts.count(body(7, true)), |rest| rest));
        counts.check(1, 1);
    }
}

#[test]
fn a_panic_of_a_first_leg_is_the_callers_and_the_pool_goes_on() {
    async fn panics_at(number: u32) -> u32 {
        assert_ne!(number, 1, "the body");
        number
    }
    let mut pool = EagerPool::new();
    for number in 0..3 {
        let call = || pool.eager(panics_at(number), |rest| rest).into_ready().ok();
        let result = catch_unwind(AssertUnwindSafe(call));
        assert_eq!(result.ok(), (number != 1).then_some(Some(number)));
    }
    assert_eq!(depth::current(), 0);
}

#[test]
fn a_future_that_panics_is_dropped_before_the_panic_arrives() {
    async fn panics_if(panics: bool) {
        assert!(!panics, "the body");
        pending().await
    }
    let mut pool = EagerPool::new();
    for in_the_body in [true, false] {
        let counts = Counts::default();
        let future = counts.count(panics_if(in_the_body));
        let call = || pool.eager(future, |_rest| -> Ready<()> { panic!("the spawner") });
        assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
        counts.check(1, 1);
        assert!(format!("{pool:?}").contains("has_box: false"));
    }
}

#[test]
fn at_the_limit_a_future_goes_on_in_its_box_without_having_been_polled() {
    fn nested(levels: usize, innermost: &mut dyn FnMut()) {
        if levels == 0 {
            return innermost();
        }
        let level = eager(async { nested(levels - 1, innermost) }, |rest| rest);
        assert!(level.is_ready());
    }
    let mut pool = EagerPool::new();
    assert!(
        pool.eager(Counts::default().count(body(1, false)), |rest| rest)
            .is_ready()
    );
    let (counts, mut child) = (Counts::default(), None);
    nested(depth::LIMIT, &mut || {
        child = Some(pool.eager(counts.count(body(7, false)), |rest| rest));
    });
    counts.check(0, 0);
    assert!(format!("{pool:?}").contains("has_box: false"));
    let child = child.unwrap();
    assert!(matches!(child, Eager::Task(_)));
    assert_eq!(block_on(child), 7);
    counts.check(1, 1);
}
