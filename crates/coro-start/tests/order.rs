//! The order of the caller's and the future's steps, on every kind of executor.
//!
//! The caller logs `a` before the call, `b` after it and `c` before it lets go; the future logs `1` first and
//! `2` after it has blocked.

#[path = "support/gate.rs"]
mod gate;
#[path = "support/trace.rs"]
mod trace;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use async_executor::LocalExecutor;
use corokit_coro_start::{CoroStart, FromReady, eager};
use futures_lite::future::{block_on, yield_now};
use gate::Gate;
use trace::Trace;

const BLOCKS: [&str; 6] = ["a", "1", "b", "c", "2", "done"];
const DOES_NOT_BLOCK: [&str; 6] = ["a", "1", "2", "b", "c", "done"];

/// The future under test: blocks on a yield if `block` is set.
async fn body(trace: Trace, block: bool) -> u32 {
    trace.log("1");
    if block {
        yield_now().await;
    }
    trace.log("2");
    7
}

/// The caller under test, generic over the spawner.
async fn caller<J>(
    trace: &Trace,
    block: bool,
    spawn: impl FnOnce(Pin<Box<dyn Future<Output = u32>>>) -> J,
) where
    J: Future + Unpin,
    J::Output: FromReady<u32> + IntoValue,
{
    trace.log("a");
    let child = eager(body(trace.clone(), block), |rest| spawn(rest));
    trace.log("b");
    trace.log("c");
    assert_eq!(child.await.into_value(), 7);
    trace.log("done");
}

/// The value in a handle's output, whatever the runtime.
trait IntoValue {
    fn into_value(self) -> u32;
}

impl IntoValue for u32 {
    fn into_value(self) -> u32 {
        self
    }
}

impl IntoValue for Result<u32, tokio::task::JoinError> {
    fn into_value(self) -> u32 {
        self.unwrap()
    }
}

#[test]
fn on_a_local_executor() {
    for (block, expected) in [(true, BLOCKS), (false, DOES_NOT_BLOCK)] {
        let (executor, trace) = (LocalExecutor::new(), Trace::default());
        block_on(executor.run(caller(&trace, block, |rest| executor.spawn(rest))));
        trace.check(&expected);
    }
}

#[test]
fn on_smols_local_executor() {
    for (block, expected) in [(true, BLOCKS), (false, DOES_NOT_BLOCK)] {
        let (executor, trace) = (smol::LocalExecutor::new(), Trace::default());
        smol::block_on(executor.run(caller(&trace, block, |rest| executor.spawn(rest))));
        trace.check(&expected);
    }
}

#[test]
fn on_a_tokio_local_set() {
    for (block, expected) in [(true, BLOCKS), (false, DOES_NOT_BLOCK)] {
        let trace = Trace::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        tokio::task::LocalSet::new()
            .block_on(&runtime, caller(&trace, block, tokio::task::spawn_local));
        trace.check(&expected);
    }
}

#[test]
fn on_corokits_loop() {
    for (block, expected) in [(true, BLOCKS), (false, DOES_NOT_BLOCK)] {
        let trace = Trace::default();
        corokit_sched_loop::run(caller(&trace, block, |rest| {
            corokit_sched_loop::spawn(rest)
        }));
        trace.check(&expected);
    }
}

/// The three ways to call that the README of asynkit compares.
#[test]
fn awaited_spawned_and_eager() {
    async fn caller<J: Future<Output = u32>>(
        trace: &Trace,
        convert: impl FnOnce(Pin<Box<dyn Future<Output = u32>>>) -> J,
    ) {
        trace.log("a");
        let future = convert(Box::pin(body(trace.clone(), true)));
        trace.log("b");
        // Whatever else runs now.
        yield_now().await;
        trace.log("c");
        future.await;
    }

    let trace = Trace::default();
    corokit_sched_loop::run(caller(&trace, |future| future));
    trace.check(&["a", "b", "c", "1", "2"]);

    let trace = Trace::default();
    corokit_sched_loop::run(caller(&trace, corokit_sched_loop::spawn));
    trace.check(&["a", "b", "1", "c", "2"]);

    let trace = Trace::default();
    corokit_sched_loop::run(caller(&trace, |future| {
        eager(future, |rest| {
            corokit_sched_loop::spawn(async move {
                // The rest blocks for longer than the caller does.
                yield_now().await;
                rest.await
            })
        })
    }));
    trace.check(&["a", "1", "b", "c", "2"]);
}

#[test]
fn without_an_executor_the_rest_runs_where_it_is_awaited() {
    for (block, expected) in [(true, BLOCKS), (false, DOES_NOT_BLOCK)] {
        let trace = Trace::default();
        block_on(caller(&trace, block, |rest| rest));
        trace.check(&expected);
    }
}

#[test]
fn on_an_executor_made_by_hand() {
    for (block, expected) in [
        (true, &BLOCKS[..5]),
        (false, &["a", "1", "2", "b", "c"][..]),
    ] {
        let trace = Trace::default();
        let queue = RefCell::new(VecDeque::new());

        trace.log("a");
        let child = eager(body(trace.clone(), block), |rest| {
            let slot = Rc::new(RefCell::new(None));
            queue.borrow_mut().push_back((rest, slot.clone()));
            slot
        });
        trace.log("b");
        trace.log("c");

        // The executor: polls whatever is in the queue until all of it has finished.
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            let next = queue.borrow_mut().pop_front();
            let Some((mut future, slot)) = next else {
                break;
            };
            match future.as_mut().poll(&mut cx) {
                Poll::Ready(value) => *slot.borrow_mut() = Some(value),
                Poll::Pending => queue.borrow_mut().push_back((future, slot)),
            }
        }

        trace.check(expected);
        let value = match child.into_ready() {
            Ok(value) => Some(value),
            Err(corokit_coro_start::Eager::Task(slot)) => slot.take(),
            Err(_) => None,
        };
        assert_eq!(value, Some(7));
    }
}

#[test]
fn on_smols_global_executor() {
    // Its threads run the rest at any time after the gate opens, so the gate is what puts `2` behind `c`.
    let (trace, gate) = (Trace::default(), Gate::default());
    let child_of = |trace: Trace, gate: Gate| async move {
        trace.log("1");
        gate.wait().await;
        trace.log("2");
        7
    };

    trace.log("a");
    let child = eager(child_of(trace.clone(), gate.clone()), smol::spawn);
    trace.log("b");
    trace.log("c");
    gate.open();
    assert_eq!(smol::block_on(child), 7);
    trace.log("done");
    trace.check(&BLOCKS);
}

#[test]
fn the_rest_queues_behind_what_was_runnable() {
    let (trace, executor) = (Trace::default(), LocalExecutor::new());
    block_on(executor.run(async {
        let earlier = executor.spawn(async { trace.log("earlier") });
        let child = eager(body(trace.clone(), true), |rest| executor.spawn(rest));
        let later = executor.spawn(async { trace.log("later") });
        trace.log("caller");
        earlier.await;
        child.await;
        later.await;
    }));
    trace.check(&["1", "caller", "earlier", "2", "later"]);
}

#[test]
fn control_returns_to_the_caller_directly() {
    // Another runnable task gets no turn between the first leg and the caller's next step.
    let (trace, executor) = (Trace::default(), LocalExecutor::new());
    block_on(executor.run(async {
        let other = executor.spawn(async { trace.log("other") });
        let child = eager(body(trace.clone(), false), |rest| executor.spawn(rest));
        trace.log("caller");
        assert_eq!(child.into_ready().ok(), Some(7));
        other.await;
    }));
    trace.check(&["1", "2", "caller", "other"]);
}

#[test]
fn nested_calls_run_depth_first() {
    let (executor, trace) = (Rc::new(LocalExecutor::new()), Trace::default());
    let outer = {
        let (spawner, trace) = (executor.clone(), trace.clone());
        async move {
            trace.log("outer 1");
            let inner_trace = trace.clone();
            let inner = eager(
                async move {
                    inner_trace.log("inner 1");
                    yield_now().await;
                    inner_trace.log("inner 2");
                },
                |rest| spawner.spawn(rest),
            );
            trace.log("outer 2");
            inner.await;
            trace.log("outer 3");
        }
    };
    let outer = eager(outer, |rest| executor.spawn(rest));
    trace.log("caller");
    block_on(executor.run(outer));
    trace.check(&[
        "outer 1", "inner 1", "outer 2", "caller", "inner 2", "outer 3",
    ]);
}

#[test]
fn a_rest_that_is_awaited_in_a_first_leg_goes_on_there() {
    // There is no task to wait for: the await polls the inner rest within the first leg of the outer future.
    let trace = Trace::default();
    let outer = eager(
        async {
            let inner = eager(body(trace.clone(), true), |rest| rest);
            trace.log("outer");
            inner.await
        },
        |rest| rest,
    );
    trace.log("caller");
    assert_eq!(outer.into_ready().ok(), Some(7));
    trace.check(&["1", "outer", "2", "caller"]);
}

#[test]
fn a_coroutine_started_in_place_has_the_same_order() {
    for (block, expected) in [(true, BLOCKS), (false, DOES_NOT_BLOCK)] {
        let trace = Trace::default();
        block_on(async {
            trace.log("a");
            let mut child = pin!(CoroStart::new(body(trace.clone(), block)));
            assert_eq!(child.as_mut().start(), !block);
            trace.log("b");
            trace.log("c");
            assert_eq!(child.await, 7);
            trace.log("done");
        });
        trace.check(&expected);
    }
}
