//! What ends with a scope, whichever way the scope is left.

#[path = "support/counted.rs"]
mod counted;

use std::cell::Cell;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};

use async_executor::LocalExecutor;
use corokit_coro_start::{Eager, TaskHandle, cancelling, eager, eager_scope};
use counted::Counts;
use futures_lite::future::{block_on, poll_once, yield_now};

fn on_tokio<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

fn run_out(executor: &LocalExecutor<'_>) {
    while executor.try_tick() {}
}

#[test]
fn a_scope_that_awaits_its_child_has_its_value() {
    for block in [false, true] {
        let (executor, counts) = (LocalExecutor::new(), Counts::default());
        let child = counts.count(async {
            if block {
                yield_now().await;
            }
            7
        });
        let scope = eager_scope(
            child,
            |rest| executor.spawn(rest),
            async |child| child.await + 1,
        );
        // The first leg has run before the scope is awaited.
        counts.check(1, usize::from(!block));
        assert_eq!(block_on(executor.run(scope)), 8);
        counts.check(1 + usize::from(block), 1);
    }
}

#[test]
fn a_scope_left_early_cancels_a_child_that_blocks() {
    let (executor, counts) = (LocalExecutor::new(), Counts::default());
    let child = counts.count(pending::<u32>());
    let scope = eager_scope(
        child,
        |rest| executor.spawn(rest),
        async |child| child.is_finished(),
    );
    assert!(!block_on(executor.run(scope)));
    run_out(&executor);
    counts.check(1, 1);
    assert!(executor.is_empty());
}

#[test]
fn a_scope_left_early_on_tokio_aborts_the_child() {
    on_tokio(async {
        let counts = Counts::default();
        let spawn = |rest| cancelling(tokio::spawn(rest), |task| task.abort());
        let scope = eager_scope(counts.count(pending::<u32>()), spawn, async |_| 1);
        assert_eq!(scope.await, 1);
        tokio::task::yield_now().await;
        counts.check(1, 1);
    });
}

#[test]
fn a_scope_left_early_on_corokits_loop_cancels_the_child() {
    let counts = Counts::default();
    let counted = counts.clone();
    corokit_sched_loop::run(async move {
        let child = counted.count(pending::<u32>());
        eager_scope(child, corokit_sched_loop::spawn, async |_| ()).await;
        yield_now().await;
        counted.check(1, 1);
    });
    counts.check(1, 1);
}

#[test]
fn a_child_that_has_finished_is_not_affected() {
    let count = Cell::new(0);
    let finished = &count;
    let executor = LocalExecutor::new();
    for block in [false, true] {
        let child = async move {
            if block {
                yield_now().await;
            }
            finished.set(finished.get() + 1);
        };
        let scope = eager_scope(
            child,
            |rest| executor.spawn(rest),
            async |child| {
                yield_now().await;
                yield_now().await;
                assert!(child.is_finished());
            },
        );
        block_on(executor.run(scope));
    }
    assert_eq!(finished.get(), 2);
}

#[test]
fn a_panic_of_the_body_ends_the_child_too() {
    let (executor, counts) = (LocalExecutor::new(), Counts::default());
    let child = counts.count(pending::<u32>());
    let scope = eager_scope(
        child,
        |rest| executor.spawn(rest),
        async |_| panic!("the body"),
    );
    let panic = catch_unwind(AssertUnwindSafe(|| block_on(executor.run(scope)))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the body"));
    run_out(&executor);
    counts.check(1, 1);
}

#[test]
fn a_scope_is_dropped_at_every_poll() {
    for polls in 0..4 {
        let (child_counts, body_counts) = (Counts::default(), Counts::default());
        {
            let child = child_counts.count(pending::<u32>());
            let mut scope = pin!(eager_scope(
                child,
                |rest| rest,
                async |_| {
                    let body = async {
                        yield_now().await;
                        yield_now().await;
                    };
                    body_counts.count(body).await;
                    pending::<()>().await;
                }
            ));
            for _ in 0..polls {
                assert!(block_on(poll_once(scope.as_mut())).is_none());
            }
            child_counts.check(1, 0);
        }
        child_counts.check(1, 1);
        body_counts.check(polls.min(3), usize::from(polls > 0));
    }
}

#[test]
fn a_handle_is_cancelled_once_and_only_if_its_output_was_not_handed_out() {
    let cancelled = Cell::new(0);
    let cancel = |task| {
        cancelled.set(cancelled.get() + 1);
        drop::<smol::Task<u32>>(task);
    };
    drop(cancelling(smol::spawn(pending()), cancel));
    assert_eq!(cancelled.get(), 1);

    let mut ends = cancelling(smol::spawn(async { 7 }), cancel);
    assert_eq!(block_on(&mut ends), 7);
    assert!(ends.is_terminated());
    assert!(TaskHandle::is_finished(&ends));
    drop(ends);
    assert_eq!(cancelled.get(), 1);

    let released = cancelling(smol::spawn(async { 8 }), cancel).release();
    assert_eq!(cancelled.get(), 1);
    assert_eq!(block_on(released), 8);

    let result = catch_unwind(AssertUnwindSafe(|| {
        let _held = cancelling(smol::spawn(pending()), cancel);
        panic!("an error in the scope");
    }));
    assert!(result.is_err());
    assert_eq!(cancelled.get(), 2);
}

#[test]
fn a_handle_inside_can_be_looked_at_and_used() {
    let executor = LocalExecutor::new();
    let mut held = cancelling(executor.spawn(async { 7 }), drop);
    assert!(!held.is_finished());
    run_out(&executor);
    assert!(held.is_finished());
    assert_eq!(block_on(Pin::new(&mut *held)), 7);
    assert!(format!("{held:?}").starts_with("Cancelling"));
}

#[test]
fn what_is_held_may_be_the_result_of_an_eager_call() {
    let (executor, counts) = (LocalExecutor::new(), Counts::default());
    let child = eager(counts.count(pending::<u32>()), |rest| executor.spawn(rest));
    {
        let held = cancelling(child, drop);
        assert!(matches!(*held, Eager::Task(_)));
    }
    run_out(&executor);
    counts.check(1, 1);
}
