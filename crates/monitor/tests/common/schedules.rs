// Monitors and generators whose requests come from tasks, in many orders, with askers and drivers that
// are dropped anywhere: the file is included where `Numbers`, `Yields`, `monitor` and `generator` say
// which kind they are of.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use corokit_lab::{Lab, Options, cancel_everywhere, panic_everywhere};
use corokit_monitor::{GeneratorExt, MonitorExt, OobError, Step};
use corokit_sched_loop::{Task, spawn};
use futures_lite::future::yield_now;
use futures_lite::{FutureExt, StreamExt};

/// Drives a monitor to its end, and returns what was asked.
async fn drive<F: Future>(body: impl FnOnce(Numbers) -> F) -> (Vec<u32>, F::Output) {
    let mut monitor = monitor(body);
    let mut asked = Vec::new();
    let mut step = monitor.start().await;
    loop {
        match step {
            Step::Oob(number) => {
                asked.push(number);
                yield_now().await;
                step = monitor.resume(number * 10).await;
            }
            Step::Done(output) => return (asked, output),
        }
    }
}

#[test]
fn every_asker_gets_its_own_reply_in_every_order() {
    let body = |_| async {
        let (mut asked, ()) = drive(async |handle: Numbers| {
            let askers = [1, 2, 3].map(|number| {
                let handle = handle.clone();
                spawn(async move {
                    for round in 0..3 {
                        let request = number + 10 * round;
                        assert_eq!(handle.oob(request).await, request * 10);
                        yield_now().await;
                    }
                })
            });
            for asker in askers {
                asker.await;
            }
        })
        .await;
        asked.sort_unstable();
        assert_eq!(asked, [1, 2, 3, 11, 12, 13, 21, 22, 23]);
    };
    let options = Options::new().spurious_wakes(true);
    if let Err(failure) = options.try_check(500, body) {
        panic!("{failure}");
    }
}

/// An asker that goes away leaves the others their replies, whether its request was seen or not.
#[test]
fn an_asker_may_be_dropped_anywhere() {
    let body = |lab: Lab| async move {
        let replies = Rc::new(RefCell::new(Vec::new()));
        let (asked, ()) = drive(async |handle: Numbers| {
            let ask = |number| {
                let (handle, replies) = (handle.clone(), Rc::clone(&replies));
                async move {
                    let reply = handle.oob(number).await;
                    replies.borrow_mut().push(reply);
                }
            };
            let victim = spawn(lab.victim("asker", ask(1)));
            let others = [2, 3].map(|number| spawn(ask(number)));
            victim.await;
            for other in others {
                other.await;
            }
        })
        .await;
        assert!(asked.ends_with(&[2, 3]) || asked.len() == 3, "{asked:?}");
        let replies = replies.borrow();
        assert!(
            replies.contains(&20) && replies.contains(&30),
            "{replies:?}"
        );
    };
    assert!(cancel_everywhere(body).schedules() > 3);
    panic_everywhere(body);
}

/// Yields, as three tasks do that it starts.
async fn fed(yielder: Yields) {
    let feeders = [1, 2, 3].map(|task| {
        let yielder = yielder.clone();
        spawn(async move {
            for turn in 0..2 {
                yielder.yield_(task * 10 + turn).await;
                yield_now().await;
            }
        })
    });
    for turn in 0..2 {
        yielder.yield_(turn).await;
    }
    for feeder in feeders {
        feeder.await;
    }
}

#[test]
fn a_generator_gives_every_value_once_in_every_order() {
    let body = |_| async {
        let values: Vec<u32> = generator(fed).collect().await;
        for task in 0..4 {
            let own: Vec<_> = values.iter().filter(|value| **value / 10 == task).collect();
            assert_eq!(own, [&(task * 10), &(task * 10 + 1)], "{values:?}");
        }
        assert_eq!(values.len(), 8);
    };
    let options = Options::new().spurious_wakes(true);
    if let Err(failure) = options.try_check(300, body) {
        panic!("{failure}");
    }
}

/// Whoever iterates may be dropped at any value, and any poll; the tasks that feed hear of it.
#[test]
fn whoever_iterates_may_be_dropped_anywhere() {
    let body = |lab: Lab| async move {
        let told = Rc::new(RefCell::new(Vec::new()));
        let feeds = {
            let told = Rc::clone(&told);
            async move |yielder: Yields| {
                let feeders = [1, 2].map(|number| {
                    let (yielder, told) = (yielder.clone(), Rc::clone(&told));
                    spawn(async move {
                        let result = yielder.try_yield(number).await;
                        told.borrow_mut().push(result.map_err(OobError::into_data));
                    })
                });
                for feeder in feeders.map(Task::fallible) {
                    feeder.await;
                }
            }
        };
        let iterates = async move {
            let mut generator = generator(feeds);
            while let Some(number) = generator.next().await {
                yield_now().await;
                assert!(number == 1 || number == 2);
            }
        };
        spawn(lab.victim("iterates", iterates)).await;
        // Dropping the body cancels the feeders; none of them may hang or be told twice.
        for _ in 0..5 {
            yield_now().await;
        }
        assert!(told.borrow().len() <= 2);
    };
    assert!(cancel_everywhere(body).schedules() > 3);
    panic_everywhere(body);
}

#[test]
fn a_monitor_is_closed_while_tasks_ask() {
    let body = |_| async {
        let told = Rc::new(RefCell::new(Vec::new()));
        let mut monitor = monitor({
            let told = Rc::clone(&told);
            async move |handle: Numbers| {
                let askers = [1, 2].map(|number| {
                    let (handle, told) = (handle.clone(), Rc::clone(&told));
                    spawn(async move {
                        let mut rounds = 0;
                        while handle.try_oob(number).await.is_ok() {
                            rounds += 1;
                            yield_now().await;
                        }
                        told.borrow_mut().push((number, rounds));
                    })
                });
                for asker in askers {
                    asker.await;
                }
                "output"
            }
        });
        let mut step = monitor.start().await;
        for _ in 0..5 {
            let Step::Oob(number) = step else {
                panic!("the askers ask for ever")
            };
            step = monitor.resume(number).await;
        }
        // One request is with the driver, and never gets its reply.
        assert_eq!(monitor.close().await, Ok(Some("output")));
        let mut told = told.take();
        told.sort_unstable();
        let [(1, first), (2, second)] = told[..] else {
            panic!("{told:?}")
        };
        assert_eq!(first + second, 5);
    };
    let options = Options::new().spurious_wakes(true);
    if let Err(failure) = options.try_check(300, body) {
        panic!("{failure}");
    }
}

/// Asks plainly, and says whether there was a reply: the end of the monitor is a panic.
fn asks(handle: &Numbers, number: u32) -> Task<bool> {
    let handle = handle.clone();
    spawn(async move {
        let asked = AssertUnwindSafe(async { handle.oob(number).await });
        asked.catch_unwind().await.is_ok()
    })
}

/// Whoever asks plainly hears of the end, whenever it looks.
#[test]
fn a_monitor_is_closed_while_tasks_ask_plainly() {
    let body = |_| async {
        let given = Rc::new(RefCell::new(None));
        let mut monitor = monitor({
            let given = Rc::clone(&given);
            async move |handle: Numbers| {
                given.replace(Some(handle.clone()));
                while handle.try_oob(0).await.is_ok() {}
                yield_now().await;
                "output"
            }
        });
        assert_eq!(monitor.start().await, Step::Oob(0));
        let handle = given.take().unwrap();
        let askers = [1, 2].map(|number| asks(&handle, number));
        let mut step = monitor.resume(0).await;
        for _ in 0..2 {
            let Step::Oob(number) = step else {
                panic!("the body asks for ever")
            };
            yield_now().await;
            step = monitor.resume(number).await;
        }
        let _ = step;

        // The askers that wait are told here, and may look before the driver does.
        drop(monitor.close());
        yield_now().await;
        let mut closed = monitor.close().await;
        while let Err(ignored) = closed {
            assert!([1, 2].contains(&ignored.into_data()));
            drop(monitor.resume(0));
            closed = monitor.close().await;
        }
        for asker in askers {
            asker.await;
        }
    };
    let options = Options::new().spurious_wakes(true).allow_panics(true);
    if let Err(failure) = options.try_check(500, body) {
        panic!("{failure}");
    }
}

/// A plain request ends the clean-up as long as it is there, and not when it was given up.
#[test]
fn an_asker_that_is_dropped_while_the_monitor_is_closed() {
    let body = |lab: Lab| async move {
        let given = Rc::new(RefCell::new(None));
        let mut monitor = monitor({
            let given = Rc::clone(&given);
            async move |handle: Numbers| {
                given.replace(Some(handle.clone()));
                assert!(handle.try_oob(0).await.is_err());
                yield_now().await;
            }
        });
        assert_eq!(monitor.start().await, Step::Oob(0));
        let handle = given.take().unwrap();
        // Set when the request is made.
        let asks = Rc::new(Cell::new(false));
        let asking = Rc::downgrade(&asks);
        let asker = spawn(lab.victim("asker", async move {
            asks.set(true);
            let asked = AssertUnwindSafe(async { handle.oob(1).await });
            let _ = asked.catch_unwind().await;
            drop(asks);
        }));
        while asking.upgrade().is_some_and(|asks| !asks.get()) {
            yield_now().await;
        }
        yield_now().await;
        drop(monitor.close());
        yield_now().await;
        let stuck = asking.strong_count() > 0;
        let closed = monitor.close().await;
        assert_eq!(closed, Ok((!stuck).then_some(())));
        asker.await;
    };
    assert!(try_cancel_everywhere(body) > 3);
}

/// Drops each victim everywhere; the panics of plain requests are no failures.
fn try_cancel_everywhere<F: Future<Output = ()> + 'static>(body: impl Fn(Lab) -> F) -> usize {
    let options = Options::new().allow_panics(true);
    match options.try_cancel_everywhere(body) {
        Ok(explored) => explored.schedules(),
        Err(failure) => panic!("{failure}"),
    }
}

/// Drops a future that borrows what is shared, anywhere. What it gives is `None` then.
macro_rules! victim {
    ($lab:ident, $shared:ident.$method:ident($($argument:expr)?)) => {{
        let shared = Rc::clone(&$shared);
        let future = async move { shared.borrow_mut().$method($($argument)?).await };
        let victim = $lab.victim(stringify!($method), future);
        // It may be dropped before its first poll, too.
        yield_now().await;
        victim.await
    }};
}

/// The future of each step and of the close is dropped anywhere, and what follows goes on with it. One
/// that was not made goes on in its place.
#[test]
#[expect(
    clippy::await_holding_refcell_ref,
    reason = "a future that is dropped gives back what it has borrowed"
)]
fn every_future_of_a_driver_may_be_dropped_anywhere() {
    let body = |lab: Lab| async move {
        let got = Rc::new(RefCell::new(Vec::new()));
        let monitor = monitor({
            let got = Rc::clone(&got);
            async move |handle: Numbers| {
                for number in 1..=2 {
                    yield_now().await;
                    let reply = handle.oob(number).await;
                    got.borrow_mut().push(reply);
                }
                assert_eq!(handle.try_oob(3).await, Err(OobError::Closed));
                yield_now().await;
                got.borrow_mut().push(0);
            }
        });
        let monitor = Rc::new(RefCell::new(monitor));
        let mut step = victim!(lab, monitor.start());
        if step.is_none() && format!("{monitor:?}").contains("New") {
            drop(monitor.borrow_mut().start());
        }
        for number in 1..=3 {
            let asked = match step {
                Some(step) => step,
                None => monitor.borrow_mut().proceed().await,
            };
            assert_eq!(asked, Step::Oob(number));
            if number < 3 {
                step = victim!(lab, monitor.resume(number * 10));
                if step.is_none() {
                    let _ = monitor.borrow_mut().try_resume(number * 10);
                }
            }
        }
        let closed = match victim!(lab, monitor.close()) {
            Some(closed) => closed,
            None => monitor.borrow_mut().close().await,
        };
        assert_eq!(closed, Ok(Some(())));
        assert_eq!(*got.borrow(), [10, 20, 0]);
    };
    assert!(cancel_everywhere(body).schedules() > 6);
    panic_everywhere(body);
}

#[test]
#[expect(
    clippy::await_holding_refcell_ref,
    reason = "a future that is dropped gives back what it has borrowed"
)]
fn every_future_of_a_generator_may_be_dropped_anywhere() {
    let body = |lab: Lab| async move {
        let cleaned_up = Rc::new(Cell::new(false));
        let numbers = generator({
            let cleaned_up = Rc::clone(&cleaned_up);
            async move |yielder: Yields| {
                yield_now().await;
                yielder.yield_(1).await;
                yield_now().await;
                assert_eq!(yielder.try_yield(2).await, Err(OobError::Closed));
                yield_now().await;
                cleaned_up.set(true);
            }
        });
        let numbers = Rc::new(RefCell::new(numbers));
        // A stream goes on with whatever was begun, or begins it.
        let first = match victim!(lab, numbers.start()) {
            Some(value) => value,
            None => numbers.borrow_mut().next().await,
        };
        assert_eq!(first, Some(1));
        let second = match victim!(lab, numbers.send(())) {
            Some(value) => value,
            None => numbers.borrow_mut().next().await,
        };
        assert_eq!(second, Some(2));
        let closed = match victim!(lab, numbers.close()) {
            Some(closed) => closed,
            None => numbers.borrow_mut().close().await,
        };
        assert_eq!((closed, cleaned_up.get()), (Ok(None), true));
        assert_eq!(numbers.borrow_mut().next().await, None);
    };
    assert!(cancel_everywhere(body).schedules() > 5);
    panic_everywhere(body);
}

/// Requests that leave the body for a task, in every order of the task and the driver.
#[test]
fn a_request_that_leaves_the_body_gets_its_reply_in_every_order() {
    type Leaves = Pin<Box<dyn Future<Output = u32>>>;

    let body = |_| async {
        let (mut asked, replies) = drive(async |handle: Numbers| {
            let leaves = [1, 2].map(|number| {
                let handle = handle.clone();
                Box::pin(async move { handle.oob(number).await }) as Leaves
            });
            let mut replies = 0;
            for mut request in leaves {
                // It is posted by the driver's own poll, and looked for by a task from then on.
                poll_fn(|cx| {
                    assert!(request.as_mut().poll(cx).is_pending());
                    Poll::Ready(())
                })
                .await;
                let task = spawn(request);
                yield_now().await;
                replies += task.await;
            }
            replies
        })
        .await;
        asked.sort_unstable();
        assert_eq!((asked, replies), (vec![1, 2], 30));
    };
    let options = Options::new().spurious_wakes(true);
    if let Err(failure) = options.try_check(300, body) {
        panic!("{failure}");
    }
}
