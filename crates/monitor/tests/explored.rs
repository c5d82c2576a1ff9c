//! Monitors whose requests come from tasks, in many orders, with askers that are dropped anywhere.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;

use corokit_lab::{Lab, Options, cancel_everywhere, panic_everywhere};
use corokit_monitor::{Handle, Monitor, MonitorExt, Step};
use corokit_sched_loop::spawn;
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
