//! What the result yields with the handles of different runtimes, and what it tells without being awaited.

use std::cell::Cell;
use std::pin::Pin;

use async_executor::{LocalExecutor, Task};
use corokit_coro_start::{Eager, FromReady, TaskHandle, eager, eager_fn, eager_on};
use futures_lite::future::{block_on, yield_now};

fn on_tokio<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn a_tokio_handle_yields_a_result_either_way() {
    on_tokio(async {
        let ready: Result<u32, tokio::task::JoinError> = eager(async { 7 }, tokio::spawn).await;
        assert_eq!(ready.unwrap(), 7);

        let late = eager(
            async {
                yield_now().await;
                7
            },
            tokio::spawn,
        );
        assert_eq!(late.await.unwrap(), 7);

        let endless = eager(std::future::pending::<u32>(), |rest| {
            let task = tokio::spawn(rest);
            task.abort();
            task
        });
        assert!(endless.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_fallible_handle_yields_an_option_either_way() {
    let executor = LocalExecutor::new();
    block_on(executor.run(async {
        let ready = eager(async { 7 }, |rest| executor.spawn(rest).fallible());
        assert_eq!(ready.await, Some(7));
        let late = eager(
            async {
                yield_now().await;
                7
            },
            |rest| executor.spawn(rest).fallible(),
        );
        assert_eq!(late.await, Some(7));
    }));
}

#[test]
fn a_future_whose_value_is_itself_a_result() {
    // `T` is `Result<u32, ()>`; smol yields it as it is, tokio wraps it once more.
    let child = eager(async { Ok::<u32, ()>(7) }, smol::spawn);
    assert_eq!(smol::block_on(child), Ok(7));
    let child = on_tokio(async { eager(async { Ok::<u32, ()>(7) }, tokio::spawn).await });
    assert_eq!(child.unwrap(), Ok(7));
}

#[test]
fn the_result_is_seen_without_awaiting_it() {
    let polled = Cell::new(false);
    let child = eager(
        async {
            polled.set(true);
            7
        },
        |rest| rest,
    );
    assert!(polled.get());
    assert!(child.is_ready());
    assert_eq!(child.peek(), Some(&7));
    assert_eq!(child.into_ready().ok(), Some(7));
}

#[test]
fn whether_it_has_finished_is_the_tasks_to_say() {
    let executor = LocalExecutor::new();
    let mut child = eager(
        async {
            yield_now().await;
            7
        },
        |rest| executor.spawn(rest),
    );
    let finished = Task::is_finished;
    assert!(!child.is_ready());
    assert_eq!(child.peek(), None);
    assert!(!child.is_finished_or(finished));
    assert!(executor.try_tick());
    assert!(child.is_finished_or(finished));
    assert!(!child.is_ready(), "the value is with the task");
    child = child.into_ready().unwrap_err();
    assert_eq!(block_on(&mut child), 7);
    assert!(child.is_terminated());
    assert!(child.is_finished_or(|_| unreachable!("there is no task to ask")));
    assert_eq!(child.peek(), None);
    assert!(child.into_ready().is_err());
}

#[test]
fn a_handle_with_an_output_of_its_own() {
    #[derive(Debug, PartialEq)]
    enum Outcome {
        InPlace(u32),
        FromTask(u32),
    }
    impl FromReady<u32> for Outcome {
        fn from_ready(value: u32) -> Self {
            Self::InPlace(value)
        }
    }

    let spawn = |future| Box::pin(async { Outcome::FromTask(future_value(future).await) });
    async fn future_value(future: impl Future<Output = u32>) -> u32 {
        future.await
    }
    for (block, expected) in [(false, Outcome::InPlace(7)), (true, Outcome::FromTask(7))] {
        let child: Eager<u32, _> = eager(
            async move {
                if block {
                    yield_now().await;
                }
                7
            },
            spawn,
        );
        assert_eq!(block_on(child), expected);
    }
}

/// A tokio handle that knows whether its task has ended.
struct Joined<T>(tokio::task::JoinHandle<T>);

impl<T> TaskHandle for Joined<T> {
    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

#[test]
fn handles_that_know_it_say_whether_they_have_finished() {
    let executor = LocalExecutor::new();
    let mut child = eager(yield_now(), |rest| executor.spawn(rest));
    assert!(!child.is_finished());
    while executor.try_tick() {}
    assert!(child.is_finished());
    block_on(&mut child);
    assert!(child.is_finished());

    let fallible = eager(yield_now(), |rest| executor.spawn(rest).fallible());
    assert!(!fallible.is_finished());
    // A result that is the handle of another.
    let nested = eager(yield_now(), |rest| eager(rest, |rest| executor.spawn(rest)));
    assert!(nested.is_finished());

    on_tokio(async {
        let child = eager(yield_now(), |rest| Joined(tokio::spawn(rest)));
        assert!(!child.is_finished());
        tokio::task::yield_now().await;
        assert!(child.is_finished());
    });

    let child = corokit_sched_loop::EventLoop::new();
    let child = eager(yield_now(), |rest| child.spawn(rest));
    assert!(!child.is_finished());
}

#[test]
fn the_output_is_taken_without_waiting_when_it_is_there() {
    let mut hit = eager(async { 7 }, |rest| rest);
    assert_eq!(hit.try_take(), Some(7));
    assert_eq!(hit.try_take(), None);
    assert!(hit.is_terminated());

    let executor = LocalExecutor::new();
    let mut miss = eager(
        async {
            yield_now().await;
            yield_now().await;
            7
        },
        |rest| executor.spawn(rest),
    );
    assert_eq!(miss.try_take(), None);
    // A look does not keep anyone from waiting afterwards.
    assert_eq!(block_on(executor.run(&mut miss)), 7);
    assert_eq!(miss.try_take(), None);

    on_tokio(async {
        let mut child = eager(yield_now(), tokio::spawn);
        assert!(child.try_take().is_none());
        tokio::task::yield_now().await;
        child.try_take().unwrap().unwrap();
    });
}

#[test]
fn a_function_whose_calls_start_at_once() {
    let calls = Cell::new(0);
    let executor = LocalExecutor::new();
    let double = eager_fn(
        async |(number, waits): (u32, bool)| {
            calls.set(calls.get() + 1);
            if waits {
                yield_now().await;
            }
            number * 2
        },
        |rest| executor.spawn(rest),
    );
    let (hit, miss) = (double((1, false)), double((2, true)));
    assert_eq!(calls.get(), 2);
    assert!(hit.is_ready() && !miss.is_ready());
    assert_eq!(block_on(executor.run(async { hit.await + miss.await })), 6);
}

#[test]
fn a_spawner_that_is_a_value() {
    let executor = LocalExecutor::new();
    let spawner = |rest: Pin<Box<_>>| executor.spawn(rest);
    let miss = eager_on(&spawner, async {
        yield_now().await;
        7
    });
    assert!(!miss.is_ready());
    assert_eq!(block_on(executor.run(miss)), 7);

    let event_loop = corokit_sched_loop::EventLoop::new();
    let miss = eager_on(&event_loop.handle(), yield_now());
    assert!(!miss.is_finished());
    event_loop.run(miss);
}
