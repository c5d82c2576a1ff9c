//! Each public future, dropped at every poll; and polled more often than it was woken.
#![cfg(not(loom))]

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::task::{Context, Waker};

use corokit_core::Position;
use corokit_scheduler::LocalExecutor;
use futures_lite::future::{block_on, poll_once, yield_now};

/// Polls the future `polls` times, or until it is done, and drops it.
fn drop_after<F: Future>(future: F, polls: usize) -> bool {
    let mut future = Box::pin(future);
    let cx = &mut Context::from_waker(Waker::noop());
    (0..polls).any(|_| future.as_mut().poll(cx).is_ready())
}

#[test]
fn run_dropped_at_every_poll_loses_no_task() {
    for polls in 0..6 {
        let log = RefCell::new(Vec::new());
        let executor = LocalExecutor::new();
        let tasks: Vec<_> = (0..3)
            .map(|n| {
                let log = &log;
                executor.spawn(async move {
                    yield_now().await;
                    log.borrow_mut().push(n);
                })
            })
            .collect();
        drop_after(
            executor.run(async {
                for _ in 0..3 {
                    yield_now().await;
                }
                std::future::pending::<()>().await;
            }),
            polls,
        );
        block_on(executor.run(async {
            for task in tasks {
                task.await;
            }
        }));
        assert_eq!(*log.borrow(), [0, 1, 2], "dropped after {polls} polls");
        assert_eq!(executor.tasks().len(), 0);
    }
}

#[test]
fn tick_dropped_at_every_poll_runs_at_most_one_task() {
    for polls in 0..3 {
        let executor = LocalExecutor::new();
        assert!(!drop_after(executor.tick(), polls));
        let tasks = [(); 2].map(|()| executor.spawn(async {}));
        assert_eq!(drop_after(executor.tick(), polls), polls > 0);
        assert_eq!(executor.ready_len(), 2 - polls.min(1));
        drop(tasks);
    }
}

#[test]
fn a_tick_that_was_woken_and_dropped_leaves_the_task_to_the_next() {
    let executor = LocalExecutor::new();
    let (sender, receiver) = async_channel::bounded::<()>(1);
    let task = executor.spawn(async move { receiver.recv().await.is_ok() });
    executor.try_tick();
    block_on(async {
        let mut one = Box::pin(executor.tick());
        let mut two = Box::pin(executor.tick());
        assert!(poll_once(one.as_mut()).await.is_none());
        assert!(poll_once(two.as_mut()).await.is_none());
        sender.send(()).await.unwrap();
        drop(one);
        two.await;
        assert!(task.await);
    });
}

#[test]
fn giving_way_dropped_at_every_poll_leaves_the_task_where_it_was_put() {
    for polls in 0..2 {
        for switch in [false, true] {
            let log = RefCell::new(Vec::new());
            let executor = LocalExecutor::new();
            let tasks: Vec<_> = ["a", "b", "c"]
                .map(|name| {
                    let log = &log;
                    executor.spawn(async move { log.borrow_mut().push(name) })
                })
                .into();
            let target = tasks[1].metadata().id();
            block_on(executor.run(async {
                let gives_way = async {
                    if switch {
                        executor.task_switch(target, 1).await.unwrap();
                    } else {
                        executor.sleep_insert(1).await.unwrap();
                    }
                };
                let mut gives_way = Box::pin(gives_way);
                for _ in 0..polls {
                    assert!(poll_once(gives_way.as_mut()).await.is_none());
                }
                drop(gives_way);
                yield_now().await;
                log.borrow_mut().push("main");
            }));
            while executor.try_tick() {}
            let expected = match (polls, switch) {
                (0, _) => ["a", "b", "c", "main"],
                (_, false) => ["a", "main", "b", "c"],
                (_, true) => ["b", "main", "a", "c"],
            };
            assert_eq!(*log.borrow(), expected);
        }
    }
}

#[test]
#[should_panic(expected = "polled after completion")]
fn giving_way_polled_after_its_end_panics() {
    let executor = LocalExecutor::new();
    block_on(executor.run(async {
        let mut gives_way = Box::pin(executor.sleep_insert(Position::Back));
        gives_way.as_mut().await.unwrap();
        let _ = gives_way.as_mut().await;
    }));
}

/// A poll without a wake-up changes nothing in the order and loses no place.
#[test]
fn a_runner_polled_without_reason_does_nothing() {
    let executor = LocalExecutor::new();
    let polls = Rc::new(Cell::new(0));
    let main_polls = Rc::clone(&polls);
    let mut run = Box::pin(executor.run(std::future::poll_fn(move |_| {
        main_polls.set(main_polls.get() + 1);
        std::task::Poll::<()>::Pending
    })));
    let cx = &mut Context::from_waker(Waker::noop());
    for _ in 0..3 {
        assert!(run.as_mut().poll(cx).is_pending());
    }
    assert_eq!(polls.get(), 1);
}
