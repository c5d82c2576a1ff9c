//! The spawner is called once, and only if the future blocked.

#[path = "support/counted.rs"]
mod counted;
#[path = "support/gate.rs"]
mod gate;

use std::cell::Cell;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};

use async_executor::LocalExecutor;
use corokit_coro_start::{Eager, depth, eager};
use counted::Counts;
use futures_lite::future::{block_on, yield_now};
use gate::Gate;

#[test]
fn not_called_when_the_future_finishes_in_its_first_leg() {
    let (calls, counts) = (Cell::new(0), Counts::default());
    let child = eager(counts.count(async { 7 }), |_| calls.set(calls.get() + 1));
    counts.check(1, 1);
    assert_eq!(calls.get(), 0);
    assert!(matches!(child, Eager::Ready(7)));
}

#[test]
fn called_once_when_the_future_blocks() {
    let (executor, counts) = (LocalExecutor::new(), Counts::default());
    let calls = Cell::new(0);
    let child = eager(
        counts.count(async {
            yield_now().await;
            yield_now().await;
            7
        }),
        |rest| {
            // The future has been polled before the spawner sees it.
            counts.check(1, 0);
            calls.set(calls.get() + 1);
            executor.spawn(rest)
        },
    );
    assert_eq!(calls.get(), 1);
    assert_eq!(block_on(executor.run(child)), 7);
    assert_eq!(calls.get(), 1);
    counts.check(3, 1);
}

#[test]
fn a_panic_of_the_spawner_drops_the_future_once() {
    let counts = Counts::default();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let _ = eager(counts.count(pending::<()>()), |_rest| -> () {
            panic!("no room for tasks")
        });
    }))
    .unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"no room for tasks"));
    counts.check(1, 1);
    assert_eq!(depth::current(), 0);
}

#[test]
fn tokio_outside_a_runtime_fails_only_for_a_future_that_blocks() {
    let counts = Counts::default();
    let child = eager(counts.count(async { 7 }), tokio::spawn);
    assert_eq!(child.into_ready().ok(), Some(7));

    let counts = Counts::default();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        drop(eager(counts.count(pending::<()>()), tokio::spawn));
    }));
    assert!(outcome.is_err());
    counts.check(1, 1);
}

#[test]
fn borrowed_futures_and_a_borrowed_executor() {
    let gate = Gate::default();
    let log = Cell::new(0);
    {
        let executor = LocalExecutor::new();
        let child = eager(
            async {
                log.set(1);
                gate.wait().await;
                log.set(2);
                &log
            },
            |rest| executor.spawn(rest),
        );
        assert_eq!(log.get(), 1);
        gate.open();
        assert_eq!(block_on(executor.run(child)).get(), 2);
    }
    assert_eq!(log.into_inner(), 2);
}

#[test]
fn a_spawner_that_runs_the_future_to_its_end() {
    let counts = Counts::default();
    let child = eager(
        counts.count(async {
            yield_now().await;
            7
        }),
        block_on,
    );
    assert!(matches!(child, Eager::Task(7)));
    counts.check(2, 1);
}

#[test]
fn a_spawner_that_calls_eager_again() {
    let (executor, counts) = (LocalExecutor::new(), Counts::default());
    let child = eager(
        counts.count(async {
            yield_now().await;
            7
        }),
        |rest| eager(rest, |rest| executor.spawn(rest)),
    );
    // The second call polls a second time, which finishes it.
    assert!(matches!(child, Eager::Task(Eager::Ready(7))));
    counts.check(2, 1);
    assert_eq!(block_on(child), 7);
}
