//! Dropping at every point drops the future exactly once, and does to the task what its executor says.

#[path = "support/counted.rs"]
mod counted;

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use async_executor::LocalExecutor;
use corokit_coro_start::{CoroStart, CoroState, Eager, eager};
use counted::Counts;
use futures_lite::future::{block_on, yield_now};

const YIELDS: usize = 4;

/// A future that is ready at its fifth poll.
async fn body() -> u32 {
    for _ in 0..YIELDS {
        yield_now().await;
    }
    7
}

/// Polls up to `polls` times; returns whether it finished.
fn poll_some<F: Future>(mut future: Pin<&mut F>, polls: usize) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    (0..polls).any(|_| future.as_mut().poll(&mut cx).is_ready())
}

#[test]
fn a_rest_kept_by_the_caller_is_dropped_at_every_poll() {
    for polls in 0..=YIELDS {
        let counts = Counts::default();
        let mut child = eager(counts.count(body()), |rest| rest);
        assert_eq!(poll_some(Pin::new(&mut child), polls), polls == YIELDS);
        counts.check(1 + polls, usize::from(polls == YIELDS));
        drop(child);
        counts.check(1 + polls, 1);
    }
}

#[test]
fn a_smol_task_is_cancelled_at_every_poll() {
    for ticks in 0..=YIELDS {
        let (executor, counts) = (LocalExecutor::new(), Counts::default());
        let child = eager(counts.count(body()), |rest| executor.spawn(rest));
        for _ in 0..ticks {
            assert!(executor.try_tick());
        }
        drop(child);
        while executor.try_tick() {}
        // Nothing polled it after the drop.
        counts.check(1 + ticks, 1);
        assert!(executor.is_empty());
    }
}

#[test]
fn an_executor_dropped_before_the_handle() {
    let counts = Counts::default();
    let executor = LocalExecutor::new();
    let child = eager(counts.count(body()), |rest| executor.spawn(rest));
    drop(executor);
    counts.check(1, 1);
    drop(child);
    counts.check(1, 1);
}

#[test]
fn a_tokio_task_runs_on_detached() {
    let counts = Counts::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (sender, receiver) = async_channel::bounded(1);
        drop(eager(
            counts.count(async move {
                let value = body().await;
                sender.try_send(value).unwrap();
            }),
            tokio::spawn,
        ));
        counts.check(1, 0);
        assert_eq!(receiver.recv().await, Ok(7));
    });
    drop(runtime);
    counts.check(1 + YIELDS, 1);
}

#[test]
fn a_task_taken_out_and_detached_runs_on() {
    let (executor, counts) = (LocalExecutor::new(), Counts::default());
    match eager(counts.count(body()), |rest| executor.spawn(rest)) {
        Eager::Task(task) => task.detach(),
        Eager::Ready(_) | Eager::Taken => unreachable!("it blocks"),
    }
    while executor.try_tick() {}
    counts.check(1 + YIELDS, 1);
}

#[test]
fn a_value_that_is_never_asked_for_is_dropped_once() {
    let value = std::rc::Rc::new(());
    let inside = value.clone();
    let child = eager(async move { inside }, |rest| rest);
    assert_eq!(std::rc::Rc::strong_count(&value), 2);
    drop(child);
    assert_eq!(std::rc::Rc::strong_count(&value), 1);
}

#[test]
fn an_await_that_is_dropped_at_every_poll_loses_nothing() {
    for polls in 0..YIELDS {
        let counts = Counts::default();
        let mut child = eager(counts.count(body()), |rest| rest);
        {
            let mut waiting = pin!(async { (&mut child).await });
            assert!(!poll_some(waiting.as_mut(), polls));
        }
        counts.check(1 + polls, 0);
        assert_eq!(block_on(&mut child), 7);
        counts.check(1 + YIELDS, 1);
    }
}

#[test]
fn a_coroutine_is_dropped_at_every_poll() {
    for polls in 0..=YIELDS + 1 {
        let counts = Counts::default();
        {
            let mut coro = pin!(CoroStart::new(counts.count(body())));
            assert_eq!(poll_some(coro.as_mut(), polls), polls == YIELDS + 1);
        }
        counts.check(polls, 1);
    }
}

#[test]
fn a_coroutine_is_closed_at_every_step() {
    let mut cx = Context::from_waker(Waker::noop());
    for steps in 0..=YIELDS + 1 {
        let counts = Counts::default();
        let mut coro = pin!(CoroStart::new(counts.count(body())));
        for _ in 0..steps {
            let _ = coro.as_mut().start_cx(&mut cx);
        }
        assert_eq!(coro.is_done(), steps == YIELDS + 1);
        coro.as_mut().close();
        counts.check(steps, 1);
        assert_eq!(coro.state(), CoroState::Taken);
        coro.as_mut().close();
        assert_eq!(coro.as_mut().take(), None);
        counts.check(steps, 1);
    }
}

#[test]
fn an_await_of_a_coroutine_that_is_dropped_at_every_poll_loses_nothing() {
    for polls in 0..=YIELDS {
        let counts = Counts::default();
        let mut coro = pin!(CoroStart::new(counts.count(body())));
        {
            let mut waiting = pin!(async { coro.as_mut().await });
            assert!(!poll_some(waiting.as_mut(), polls));
        }
        counts.check(polls, 0);
        assert_eq!(block_on(coro.as_mut()), 7);
        counts.check(1 + YIELDS, 1);
    }
}

#[test]
fn the_future_of_a_finished_coroutine_goes_before_its_output() {
    let counts = Counts::default();
    let mut coro = pin!(CoroStart::new(counts.count(async { 7 })));
    assert!(coro.as_mut().start());
    counts.check(1, 1);
    assert_eq!(coro.peek(), Some(&7));
    assert_eq!(
        coro.poll(&mut Context::from_waker(Waker::noop())),
        Poll::Ready(7)
    );
    counts.check(1, 1);
}
