//! Requests from outside the body: other tasks, and other branches of the driver's own task.

#[path = "common/log.rs"]
mod log;
#[path = "common/wakes.rs"]
mod wakes;

use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use corokit_monitor::{Handle, Monitor, MonitorExt, OobError, Step};
use futures_lite::future::{block_on, poll_once, yield_now, zip};
use log::Log;
use wakes::{poll, waker};

type Numbers = Handle<u32, u32>;
type Boxed<F> = Pin<Box<Monitor<u32, u32, F>>>;
type Task = Pin<Box<dyn Future<Output = ()>>>;

/// A monitor whose body waits for ever, and its handle.
fn idle() -> (Boxed<impl Future<Output = ()> + use<>>, Numbers) {
    let mut given = None;
    let monitor = Monitor::boxed(|handle: Numbers| {
        given = Some(handle);
        pending::<()>()
    });
    (monitor, given.unwrap())
}

/// Runs a scenario, which is given a way to spawn, on every executor.
fn on_every_executor<F: Future<Output = ()>>(scenario: impl Fn(Rc<dyn Fn(Task)>) -> F) {
    let executor = Rc::new(async_executor::LocalExecutor::new());
    let spawner = executor.clone();
    block_on(executor.run(scenario(Rc::new(move |task| spawner.spawn(task).detach()))));

    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let tasks = tokio::task::LocalSet::new();
    let scenario = scenario(Rc::new(|task| drop(tokio::task::spawn_local(task))));
    runtime.block_on(tasks.run_until(scenario));
}

#[test]
fn a_task_asks_while_the_body_waits_for_it() {
    on_every_executor(async |spawn| {
        let body = async |handle: Numbers| {
            let (sender, receiver) = async_channel::bounded(1);
            spawn(Box::pin(async move {
                let mut sum = 0;
                for number in 1..=3 {
                    sum += handle.oob(number).await;
                    yield_now().await;
                }
                sender.send(sum).await.unwrap();
            }));
            receiver.recv().await.unwrap()
        };
        let mut monitor = pin!(Monitor::new(body));
        let log = Log::default();
        let mut step = monitor.start().await;
        let sum = loop {
            match step {
                Step::Oob(number) => {
                    log.push(number);
                    yield_now().await;
                    step = monitor.resume(number * 10).await;
                }
                Step::Done(sum) => break sum,
            }
        };
        assert_eq!(log.take(), ["1", "2", "3"]);
        assert_eq!(sum, 60);
    });
}

#[test]
fn tasks_and_the_body_ask_at_once_and_each_gets_its_own_replies() {
    on_every_executor(async |spawn| {
        let log = Log::default();
        let body = async |handle: Numbers| {
            let (sender, receiver) = async_channel::bounded(1);
            for task in 1..=2 {
                let (handle, sender, log) = (handle.clone(), sender.clone(), log.clone());
                spawn(Box::pin(async move {
                    for turn in 0..3 {
                        let reply = handle.oob(task * 100 + turn).await;
                        log.push(format_args!("task {task}: {reply}"));
                    }
                    sender.send(()).await.unwrap();
                }));
            }
            for turn in 0..3 {
                let reply = handle.oob(turn).await;
                log.push(format_args!("body: {reply}"));
            }
            receiver.recv().await.unwrap();
            receiver.recv().await.unwrap();
        };
        let mut monitor = pin!(Monitor::new(body));
        let mut step = monitor.start().await;
        while let Step::Oob(number) = step {
            step = monitor.resume(number * 10).await;
        }
        let mut events = log.take();
        for (asker, offset) in [("body", 0), ("task 1", 1000), ("task 2", 2000)] {
            let own: Vec<_> = events.take_those_of(asker);
            let expected = [0, 10, 20].map(|reply| format!("{asker}: {}", offset + reply));
            assert_eq!(own, expected);
        }
        assert!(events.is_empty());
    });
}

trait TakeThoseOf {
    fn take_those_of(&mut self, asker: &str) -> Vec<String>;
}

impl TakeThoseOf for Vec<String> {
    fn take_those_of(&mut self, asker: &str) -> Vec<String> {
        let (own, rest) = self
            .drain(..)
            .partition(|event: &String| event.starts_with(asker));
        *self = rest;
        own
    }
}

#[test]
fn tasks_that_wait_are_told_when_the_monitor_goes() {
    on_every_executor(async |spawn| {
        let (monitor, handle) = idle();
        let mut monitor = monitor;
        let (sender, receiver) = async_channel::unbounded();
        for number in 0..3 {
            let (handle, sender) = (handle.clone(), sender.clone());
            spawn(Box::pin(async move {
                let result = handle.try_oob(number).await;
                sender.send((number, result)).await.unwrap();
            }));
        }
        assert_eq!(monitor.start().await, Step::Oob(0));
        drop(monitor.resume(5));
        assert_eq!(monitor.proceed().await, Step::Oob(1));
        drop(monitor);
        let mut results = Vec::new();
        for _ in 0..3 {
            results.push(receiver.recv().await.unwrap());
        }
        results.sort_by_key(|(number, _)| *number);
        assert_eq!(
            results,
            [
                (0, Ok(5)),
                (1, Err(OobError::Closed)),
                (2, Err(OobError::NotActive(2)))
            ]
        );
        assert_eq!(handle.try_oob(3).await, Err(OobError::NotActive(3)));
    });
}

#[test]
fn a_request_wakes_the_driver_that_waits_in_a_step() {
    let (mut monitor, handle) = idle();
    let (driver_wakes, driver) = waker();
    let (asker_wakes, asker) = waker();

    let mut step = monitor.start();
    assert!(poll(&mut step, &driver).is_pending());
    let mut request = handle.try_oob(1);
    assert!(poll(&mut request, &asker).is_pending());
    assert_eq!(driver_wakes.take(), 1);
    // The driver is told once.
    let mut second = handle.try_oob(2);
    assert!(poll(&mut second, &asker).is_pending());
    assert_eq!(driver_wakes.take(), 0);

    assert_eq!(poll(&mut step, &driver), Poll::Ready(Step::Oob(1)));
    drop(step);
    assert_eq!(asker_wakes.take(), 0);
    let mut step = monitor.resume(10);
    // The reply is there at once, before the step is polled.
    assert_eq!(asker_wakes.take(), 1);
    assert_eq!(poll(&mut request, &asker), Poll::Ready(Ok(10)));
    assert_eq!(poll(&mut step, &driver), Poll::Ready(Step::Oob(2)));
    drop(step);

    // It waits in a later step as in the first.
    let mut step = monitor.resume(20);
    assert!(poll(&mut step, &driver).is_pending());
    assert_eq!(driver_wakes.take(), 0);
    let mut third = handle.try_oob(3);
    assert!(poll(&mut third, &asker).is_pending());
    assert_eq!(driver_wakes.take(), 1);
}

#[test]
fn a_request_between_two_steps_wakes_nobody_and_is_served_by_the_next() {
    let (mut monitor, handle) = idle();
    let (driver_wakes, driver) = waker();
    let (_, asker) = waker();

    // Before the start.
    let mut first = handle.try_oob(1);
    assert!(poll(&mut first, &asker).is_pending());
    assert_eq!(
        poll(&mut monitor.start(), &driver),
        Poll::Ready(Step::Oob(1))
    );
    // While the driver has a request.
    let mut second = handle.try_oob(2);
    assert!(poll(&mut second, &asker).is_pending());
    assert_eq!(
        poll(&mut monitor.resume(10), &driver),
        Poll::Ready(Step::Oob(2))
    );
    // While a step is in progress that nobody waits in.
    drop(monitor.resume(20));
    let mut third = handle.try_oob(3);
    assert!(poll(&mut third, &asker).is_pending());
    assert_eq!(
        poll(&mut monitor.proceed(), &driver),
        Poll::Ready(Step::Oob(3))
    );
    assert_eq!(driver_wakes.take(), 0);
}

#[test]
fn a_driver_that_gave_up_its_step_is_neither_woken_nor_kept() {
    let (mut monitor, handle) = idle();
    let (driver_wakes, driver) = waker();
    let (_, asker) = waker();

    assert!(poll(&mut monitor.start(), &driver).is_pending());
    drop(driver);
    assert_eq!(Arc::strong_count(&driver_wakes), 1);
    let mut request = handle.try_oob(1);
    assert!(poll(&mut request, &asker).is_pending());
    assert_eq!(driver_wakes.take(), 0);
    assert_eq!(monitor.proceed().now(), Some(Step::Oob(1)));
}

#[test]
fn only_the_waker_of_the_last_poll_is_woken() {
    let (mut monitor, handle) = idle();
    let (early_driver_wakes, early_driver) = waker();
    let (driver_wakes, driver) = waker();
    let (early_asker_wakes, early_asker) = waker();
    let (asker_wakes, asker) = waker();

    let mut step = monitor.start();
    assert!(poll(&mut step, &early_driver).is_pending());
    assert!(poll(&mut step, &driver).is_pending());
    let mut request = handle.try_oob(1);
    assert!(poll(&mut request, &early_asker).is_pending());
    assert!(poll(&mut request, &asker).is_pending());
    assert_eq!((early_driver_wakes.take(), driver_wakes.take()), (0, 1));
    assert_eq!(poll(&mut step, &driver), Poll::Ready(Step::Oob(1)));
    drop(step);
    drop(monitor.resume(10));
    assert_eq!((early_asker_wakes.take(), asker_wakes.take()), (0, 1));
    assert_eq!(poll(&mut request, &asker), Poll::Ready(Ok(10)));

    drop((early_driver, driver, early_asker, asker, monitor));
    for wakes in [
        early_driver_wakes,
        driver_wakes,
        early_asker_wakes,
        asker_wakes,
    ] {
        assert_eq!(Arc::strong_count(&wakes), 1);
    }
}

#[test]
fn a_branch_beside_the_driver_in_one_task_is_woken_by_its_reply() {
    // Both branches are polled with the same waker. The asker is polled first, so that without
    // a wake the task would sleep when the reply is there.
    let (monitor, handle) = idle();
    let mut monitor = monitor;
    let (wakes, waker) = waker();
    let mut task = Box::pin(zip(async { handle.oob(1).await }, async {
        assert_eq!(monitor.start().await, Step::Oob(1));
        let mut step = monitor.resume(10);
        assert!(poll_once(&mut step).await.is_none());
    }));
    assert!(poll(&mut task, &waker).is_pending());
    assert_eq!(wakes.take(), 1);
    assert_eq!(poll(&mut task, &waker), Poll::Ready((10, ())));
}

#[test]
fn a_branch_that_asks_between_two_steps_is_woken_by_its_reply() {
    // The driver's poll was given the very waker that the asker is polled with later.
    let mut given = None;
    let monitor = Monitor::boxed(|handle: Numbers| {
        given = Some(handle.clone());
        async move {
            handle.oob(0).await;
            pending::<()>().await;
        }
    });
    let mut monitor = monitor;
    let handle = given.unwrap();
    let (wakes, waker) = waker();
    assert_eq!(
        poll(&mut monitor.start(), &waker),
        Poll::Ready(Step::Oob(0))
    );
    let mut request = handle.try_oob(1);
    assert!(poll(&mut request, &waker).is_pending());
    assert_eq!(
        poll(&mut monitor.resume(0), &waker),
        Poll::Ready(Step::Oob(1))
    );
    assert_eq!(wakes.take(), 0);
    drop(monitor.resume(10));
    assert_eq!(wakes.take(), 1);
    assert_eq!(poll(&mut request, &waker), Poll::Ready(Ok(10)));
}

#[test]
fn a_branch_beside_the_driver_asks_again_and_again() {
    block_on(async {
        let (mut monitor, handle) = idle();
        let asker = async {
            let mut sum = 0;
            for number in 1..=100 {
                sum += handle.oob(number).await;
            }
            drop(handle);
            sum
        };
        let driver = async {
            let mut step = monitor.start().await;
            for _ in 1..100 {
                let Step::Oob(number) = step else {
                    panic!("the body never ends");
                };
                step = monitor.resume(number * 2).await;
            }
            assert_eq!(step, Step::Oob(100));
            drop(monitor.resume(200));
        };
        assert_eq!(zip(driver, asker).await.1, 10_100);
    });
}

#[test]
fn started_inside_the_body_and_gone_on_with_in_a_task() {
    // As an eager start does: the first poll is made inside the body with a waker that does
    // nothing, the others in a task.
    on_every_executor(async |spawn| {
        for own_waker in [false, true] {
            let body = async |handle: Numbers| {
                let (sender, receiver) = async_channel::bounded(1);
                let mut eager: Task = Box::pin(async move {
                    let reply = handle.oob(1).await + handle.oob(2).await;
                    sender.send(reply).await.unwrap();
                });
                if own_waker {
                    assert_eq!(poll_once(&mut eager).await, None);
                } else {
                    assert!(poll(&mut eager, Waker::noop()).is_pending());
                }
                spawn(eager);
                receiver.recv().await.unwrap()
            };
            let mut monitor = pin!(Monitor::new(body));
            assert_eq!(monitor.start().await, Step::Oob(1));
            yield_now().await;
            assert_eq!(monitor.resume(10).await, Step::Oob(2));
            assert_eq!(monitor.resume(20).await, Step::Done(30));
        }
    });
}

#[test]
fn a_foreign_request_comes_in_while_the_body_is_polled() {
    // The body runs another task by itself, inside its own poll.
    let mut given = None;
    let monitor = Monitor::boxed(|handle: Numbers| {
        given = Some(handle.clone());
        let mut request = Box::pin(async move { handle.oob(1).await });
        let (_, foreign) = waker();
        poll_fn(move |_| poll(&mut request, &foreign))
    });
    let mut monitor = monitor;
    let (wakes, driver) = waker();
    assert_eq!(
        poll(&mut monitor.start(), &driver),
        Poll::Ready(Step::Oob(1))
    );
    assert_eq!(
        poll(&mut monitor.resume(10), &driver),
        Poll::Ready(Step::Done(10))
    );
    assert_eq!(wakes.take(), 0);
}
