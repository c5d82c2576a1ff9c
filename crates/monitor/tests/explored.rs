//! Monitors whose requests come from tasks, in many orders, with askers that are dropped anywhere.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;

use corokit_lab::{Lab, Options, cancel_everywhere, panic_everywhere};
use corokit_monitor::{Generator, Handle, Monitor, MonitorExt, OobError, Step, Yielder};
use corokit_sched_loop::spawn;
use futures_lite::StreamExt;
use futures_lite::future::yield_now;

type Numbers = Handle<u32, u32>;

/// Drives a monitor to its end, and returns what was asked.
async fn drive<F: Future>(body: impl FnOnce(Numbers) -> F) -> (Vec<u32>, F::Output) {
    let mut monitor = pin!(Monitor::new(body));
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
async fn fed(yielder: Yielder<u32>) {
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
        let values: Vec<u32> = Generator::boxed(fed).collect().await;
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
            async move |yielder: Yielder<u32>| {
                let feeders = [1, 2].map(|number| {
                    let (yielder, told) = (yielder.clone(), Rc::clone(&told));
                    spawn(async move {
                        let result = yielder.try_yield(number).await;
                        told.borrow_mut().push(result.map_err(OobError::into_data));
                    })
                });
                for feeder in feeders.map(corokit_sched_loop::Task::fallible) {
                    feeder.await;
                }
            }
        };
        let iterates = async move {
            let mut generator = Generator::boxed(feeds);
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
        let mut monitor = Monitor::boxed({
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
