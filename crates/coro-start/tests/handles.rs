//! What the result yields with the handles of different runtimes, and what it tells without being awaited.

use std::cell::Cell;

use async_executor::{LocalExecutor, Task};
use corokit_coro_start::{Eager, FromReady, eager};
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
