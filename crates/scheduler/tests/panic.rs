//! Panics stay where they belong.
#![cfg(not(loom))]

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use corokit_core::TaskState;
use corokit_scheduler::LocalExecutor;
use futures_lite::future::{FutureExt, block_on, yield_now};

#[test]
fn a_panic_of_a_task_is_resumed_where_it_is_awaited() {
    let executor = LocalExecutor::new();
    let task = executor.spawn(async { panic!("mine") });
    let other = executor.spawn(async { 2 });
    let id = task.metadata().id();
    assert!(executor.try_tick());
    assert!(executor.try_tick());
    assert_eq!(executor.task_state(id), Some(TaskState::Finished));
    let payload = block_on(AssertUnwindSafe(task).catch_unwind()).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"mine"));
    assert_eq!(block_on(other), 2);
}

#[test]
fn a_panic_of_a_detached_task_harms_nobody() {
    let executor = LocalExecutor::new();
    executor.spawn(async { panic!("unheard") }).detach();
    let task = executor.spawn(async { 2 });
    assert_eq!(block_on(executor.run(task)), 2);
    assert!(executor.is_empty());
}

#[test]
fn a_panic_of_the_main_future_goes_to_the_caller_and_the_executor_goes_on() {
    let executor = LocalExecutor::new();
    let task = executor.spawn(async {
        yield_now().await;
        executor_number()
    });
    let run = AssertUnwindSafe(executor.run(async {
        yield_now().await;
        panic!("main")
    }));
    let caught = catch_unwind(|| block_on(run));
    let caught: Result<(), _> = caught;
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"main"));
    assert_eq!(executor.current_task(), None);
    assert_eq!(block_on(executor.run(task)), 7);
}

fn executor_number() -> u32 {
    7
}

#[test]
fn a_panic_in_a_nested_run_leaves_the_stack_in_order() {
    let executor = LocalExecutor::new();
    block_on(executor.run(async {
        let outer = executor.current_task();
        let nested = || block_on(executor.run(async { panic!("inner") }));
        let caught: Result<(), _> = catch_unwind(AssertUnwindSafe(nested));
        assert!(caught.is_err());
        assert_eq!(executor.current_task(), outer);
        assert_eq!(executor.sleep_insert(0).await, Ok(()));
    }));
    assert_eq!(executor.blocked_len(), 0);
}

#[test]
fn a_future_that_panics_at_its_second_poll_is_dropped_once() {
    let executor = LocalExecutor::new();
    let mut polls = 0;
    let task = executor.spawn(poll_fn(move |cx| -> Poll<()> {
        polls += 1;
        assert!(polls < 2, "second poll");
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    assert!(executor.try_tick());
    assert!(executor.try_tick());
    assert!(executor.is_empty());
    assert!(block_on(AssertUnwindSafe(task).catch_unwind()).is_err());
    executor.spawn(pending::<()>()).detach();
}
