//! Several requests at once, and requests that are given up.

#[path = "common/log.rs"]
mod log;
#[path = "common/wakes.rs"]
mod wakes;

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use corokit_monitor::{Handle, Monitor, MonitorExt, Step};
use futures_lite::future::{or, poll_once, ready, zip};
use log::Log;
use wakes::{poll, waker};

type Numbers = Handle<u32, u32>;

/// Replies to each request with ten times its number, until the body ends, and returns what was
/// asked in which order.
fn drive_all<F: Future>(make: impl FnOnce(Numbers) -> F) -> (Vec<u32>, F::Output) {
    let mut monitor = pin!(Monitor::new(make));
    let mut asked = Vec::new();
    let mut step = monitor.start().now();
    loop {
        match step.expect("the body waits for nothing but its driver") {
            Step::Oob(number) => {
                asked.push(number);
                step = monitor.resume(number * 10).now();
            }
            Step::Done(output) => return (asked, output),
        }
    }
}

/// Joins any number of futures, and polls a branch only when that branch was woken.
struct Woken<'a> {
    branches: Vec<Option<Branch<'a>>>,
}

type Branch<'a> = (Pin<Box<dyn Future<Output = ()> + 'a>>, Arc<BranchWaker>);

struct BranchWaker {
    woken: AtomicBool,
    parent: Waker,
}

impl Wake for BranchWaker {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.parent.wake_by_ref();
    }
}

impl<'a> Woken<'a> {
    fn new() -> Self {
        Woken {
            branches: Vec::new(),
        }
    }

    fn add(&mut self, branch: impl Future<Output = ()> + 'a) {
        let waker = BranchWaker {
            woken: AtomicBool::new(true),
            parent: Waker::noop().clone(),
        };
        self.branches
            .push(Some((Box::pin(branch), Arc::new(waker))));
    }
}

impl Future for Woken<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        for slot in &mut self.branches {
            let Some((branch, waker)) = slot else {
                continue;
            };
            if !waker.woken.load(Ordering::SeqCst) {
                continue;
            }
            *waker = Arc::new(BranchWaker {
                woken: AtomicBool::new(false),
                parent: cx.waker().clone(),
            });
            let own = Waker::from(waker.clone());
            if branch
                .as_mut()
                .poll(&mut Context::from_waker(&own))
                .is_ready()
            {
                *slot = None;
            }
        }
        match self.branches.iter().all(Option::is_none) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

#[test]
fn two_at_once_are_served_in_turn_and_each_gets_its_own_reply() {
    let (asked, replies) = drive_all(async |h| zip(h.oob(1), h.oob(2)).await);
    assert_eq!(asked, [1, 2]);
    assert_eq!(replies, (10, 20));
}

#[test]
fn branches_that_ask_again_go_to_the_back() {
    async fn branch(handle: &Numbers, first: u32) -> [u32; 3] {
        [
            handle.oob(first).await,
            handle.oob(first + 1).await,
            handle.oob(first + 2).await,
        ]
    }
    let (asked, replies) =
        drive_all(async |h| zip(branch(&h, 100), zip(branch(&h, 200), branch(&h, 300))).await);
    assert_eq!(asked, [100, 200, 300, 101, 201, 301, 102, 202, 302]);
    assert_eq!(replies.0, [1000, 1010, 1020]);
    assert_eq!(replies.1, ([2000, 2010, 2020], [3000, 3010, 3020]));
}

#[test]
fn branches_that_are_polled_only_when_woken_are_woken_by_their_replies() {
    let log = Log::default();
    let (asked, ()) = drive_all(async |h| {
        let mut set = Woken::new();
        for number in [1, 2, 3] {
            let (h, log) = (h.clone(), log.clone());
            set.add(async move {
                let first = h.oob(number).await;
                let second = h.oob(number + 10).await;
                log.push(format_args!("{number}: {first} {second}"));
            });
        }
        set.await;
    });
    assert_eq!(asked, [1, 2, 3, 11, 12, 13]);
    assert_eq!(log.take(), ["1: 10 110", "2: 20 120", "3: 30 130"]);
}

#[test]
fn a_branch_that_is_alone_and_polled_only_when_woken_is_woken_too() {
    let (asked, ()) = drive_all(async |h| {
        let mut set = Woken::new();
        set.add(async {
            assert_eq!(h.oob(1).await, 10);
            assert_eq!(h.oob(2).await, 20);
        });
        set.await;
    });
    assert_eq!(asked, [1, 2]);
}

#[test]
fn a_request_moves_from_one_way_of_polling_to_the_other_and_back() {
    let (wakes, foreign) = waker();
    let mut monitor = Monitor::boxed(async |h: Numbers| {
        let mut asking = h.oob(1);
        assert_eq!(poll_once(&mut asking).await, None);
        // Now as if from another task, and back again.
        assert!(poll(&mut asking, &foreign).is_pending());
        assert!(poll(&mut asking, &foreign).is_pending());
        assert_eq!(poll_once(&mut asking).await, None);
        asking.await
    });
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    // The waker of the last poll is the driver's, so the other one is not woken, and not kept.
    assert_eq!(monitor.resume(10).now(), Some(Step::Done(10)));
    assert_eq!(wakes.take(), 0);
    assert_eq!(Arc::strong_count(&wakes), 2);
}

#[test]
fn a_request_that_nobody_has_seen_is_withdrawn_by_dropping_it() {
    let (asked, reply) = drive_all(async |h| {
        let mut first = h.oob(1);
        let mut second = h.oob(2);
        assert_eq!(poll_once(&mut first).await, None);
        assert_eq!(poll_once(&mut second).await, None);
        drop(first);
        let third = h.oob(3);
        (second.await, third.await)
    });
    assert_eq!(asked, [2, 3]);
    assert_eq!(reply, (20, 30));
}

#[test]
fn the_only_request_is_withdrawn_before_it_is_seen() {
    let (asked, ()) = drive_all(async |h| {
        assert_eq!(poll_once(h.oob(1)).await, None);
    });
    assert_eq!(asked, []);

    let (asked, reply) = drive_all(async |h| {
        assert_eq!(poll_once(h.oob(1)).await, None);
        h.oob(2).await
    });
    assert_eq!(asked, [2]);
    assert_eq!(reply, 20);
}

#[test]
fn the_reply_to_a_dropped_request_is_given_to_no_other() {
    let stop = Rc::new(Cell::new(false));
    let stopped = stop.clone();
    let body = async |h: Numbers| {
        let until_stopped = poll_fn(|_| match stopped.get() {
            true => Poll::Ready(0),
            false => Poll::Pending,
        });
        // The stop is looked at first, so that the reply which is there already has no chance.
        let first = or(until_stopped, h.oob(1)).await;
        let second = h.oob(2).await;
        (first, second)
    };
    let mut monitor = Monitor::boxed(body);
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    stop.set(true);
    assert_eq!(monitor.resume(10).now(), Some(Step::Oob(2)));
    assert_eq!(monitor.resume(20).now(), Some(Step::Done((0, 20))));
}

#[test]
fn a_reply_that_is_there_wins_if_its_request_is_polled_first() {
    let mut monitor = Monitor::boxed(async |h: Numbers| {
        let mut turns = 0;
        let second_turn = poll_fn(|_| {
            turns += 1;
            match turns {
                1 => Poll::Pending,
                _ => Poll::Ready(0),
            }
        });
        or(h.oob(1), second_turn).await
    });
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    assert_eq!(monitor.resume(10).now(), Some(Step::Done(10)));
}

#[test]
fn a_request_dropped_while_the_driver_has_it_leaves_the_others_in_order() {
    let handle = Rc::new(Cell::new(None));
    let given = handle.clone();
    let mut monitor = Monitor::boxed(move |h: Numbers| {
        given.set(Some(h));
        pending::<()>()
    });
    let handle = handle.take().unwrap();
    let (wakes, waker) = waker();

    let mut requests: Vec<_> = (0..4).map(|number| handle.try_oob(number)).collect();
    for request in &mut requests {
        assert!(poll(request, &waker).is_pending());
    }
    assert_eq!(monitor.start().now(), Some(Step::Oob(0)));
    drop(requests.remove(0));
    // This reply has no taker. The next request is not taken for its asker.
    assert_eq!(monitor.resume(1000).now(), Some(Step::Oob(1)));
    assert_eq!(wakes.take(), 0);
    assert_eq!(monitor.resume(1001).now(), Some(Step::Oob(2)));
    assert_eq!(wakes.take(), 1);
    assert_eq!(poll(&mut requests[0], &waker), Poll::Ready(Ok(1001)));
    // The last one goes before the driver sees it.
    drop(requests.remove(2));
    assert_eq!(monitor.resume(1002).now(), None);
    assert_eq!(poll(&mut requests[1], &waker), Poll::Ready(Ok(1002)));
}

#[test]
fn replies_may_be_picked_up_late_and_in_any_order() {
    let handle = Rc::new(Cell::new(None));
    let given = handle.clone();
    let mut monitor = Monitor::boxed(move |h: Numbers| {
        given.set(Some(h));
        pending::<()>()
    });
    let handle = handle.take().unwrap();
    let (wakes, waker) = waker();

    let mut requests: Vec<_> = (0..5).map(|number| handle.try_oob(number)).collect();
    for request in &mut requests {
        assert!(poll(request, &waker).is_pending());
    }
    assert_eq!(monitor.start().now(), Some(Step::Oob(0)));
    for number in 0..4 {
        let next = Some(Step::Oob(number + 1));
        assert_eq!(monitor.resume(number * 10).now(), next);
        assert_eq!(wakes.take(), 1);
    }
    assert_eq!(monitor.resume(40).now(), None);
    for index in [3, 0, 4, 2, 1] {
        let reply = index as u32 * 10;
        assert_eq!(poll(&mut requests[index], &waker), Poll::Ready(Ok(reply)));
    }
    assert_eq!(wakes.take(), 1);
    assert_eq!(
        format!("{handle:?}"),
        "Handle { port: Port { closed: false, outstanding: 0, .. }, .. }"
    );
}

/// Writes its name to the log when it is dropped.
struct OnDrop(Log, &'static str);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.push(format_args!("drop {}", self.1));
    }
}

#[test]
fn data_and_replies_that_nobody_takes_are_dropped() {
    let log = Log::default();
    let item = |name| OnDrop(log.clone(), name);
    let mut monitor = Monitor::boxed(async |h: Handle<OnDrop, OnDrop>| {
        // Not seen by the driver.
        drop(poll_once(h.oob(item("unseen"))).await);
        // Seen, and dropped when the reply is there.
        let mut asking = h.oob(item("seen"));
        assert!(poll_once(&mut asking).await.is_none());
        let mut turn = 0;
        poll_fn(|_| {
            turn += 1;
            match turn {
                1 => Poll::Pending,
                _ => Poll::Ready(()),
            }
        })
        .await;
        drop(asking);
        log.push("end of the body");
    });
    let step = monitor.start().now().unwrap();
    assert_eq!(log.take(), ["drop unseen"]);
    drop(step.into_oob());
    assert_eq!(log.take(), ["drop seen"]);
    assert_eq!(
        monitor
            .resume(item("reply"))
            .now()
            .map(|step| step.into_done()),
        Some(Some(()))
    );
    assert_eq!(log.take(), ["drop reply", "end of the body"]);
}

#[test]
fn a_request_that_is_never_polled_is_never_made() {
    let (asked, reply) = drive_all(async |h| {
        let _never = h.oob(1);
        or(ready(5), h.oob(2)).await
    });
    assert_eq!(asked, []);
    assert_eq!(reply, 5);
}

#[test]
fn a_thousand_requests_at_once() {
    let (asked, ()) = drive_all(async |h| {
        let mut requests: Vec<_> = (0..1000).map(|number| Some(h.oob(number))).collect();
        poll_fn(|cx| {
            for (number, slot) in (0..).zip(&mut requests) {
                if let Some(request) = slot {
                    if let Poll::Ready(reply) = Pin::new(request).poll(cx) {
                        assert_eq!(reply, number * 10);
                        *slot = None;
                    }
                }
            }
            match requests.iter().all(Option::is_none) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    });
    assert_eq!(asked, (0..1000).collect::<Vec<_>>());
}
