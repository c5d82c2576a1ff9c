//! The end: the driver is gone, the body panics, the monitor is dropped in the middle.

#[path = "common/keep.rs"]
mod keep;
#[path = "common/log.rs"]
mod log;
#[path = "common/wakes.rs"]
mod wakes;

use std::cell::RefCell;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use corokit_monitor::{Handle, Monitor, MonitorExt, OobError, Port, StackHandle, Step, TryOob};
use futures_lite::future::{block_on, or, yield_now};
use keep::keep;
use log::Log;
use wakes::{poll, waker};

type Numbers = Handle<u32, u32>;
type Boxed<F> = Pin<Box<Monitor<u32, u32, F>>>;

/// Calls a function when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// The message of a panic.
fn panic_of(action: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(action)).expect_err("it panics");
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => payload.downcast::<&str>().unwrap().to_string(),
    }
}

/// Keeps a clone of the handle outside the body.
fn monitor_and_handle<F: Future>(body: impl FnOnce(Numbers) -> F) -> (Boxed<F>, Numbers) {
    let mut given = None;
    let monitor = Monitor::boxed(|handle: Numbers| {
        given = Some(handle.clone());
        body(handle)
    });
    (monitor, given.unwrap())
}

#[test]
fn without_a_monitor_the_data_comes_back() {
    let (monitor, handle) = monitor_and_handle(async |_| ());
    drop(monitor);
    assert!(handle.is_closed());
    let error = block_on(handle.try_oob(7)).unwrap_err();
    assert_eq!(error, OobError::NotActive(7));
    assert_eq!(error.into_data(), Some(7));
    assert!(error.to_string().contains("never saw this request"));
}

#[test]
fn without_a_monitor_a_plain_request_panics_and_says_where_it_was_made() {
    let (monitor, handle) = monitor_and_handle(async |_| ());
    drop(monitor);
    let message = panic_of(|| {
        block_on(handle.oob(7));
    });
    assert!(message.contains(file!()), "{message}");
    assert!(message.contains("before the driver saw it"), "{message}");
}

#[test]
fn a_finished_monitor_takes_no_request() {
    let (mut monitor, handle) = monitor_and_handle(async |_| "end");
    assert!(!handle.is_closed());
    assert_eq!(monitor.start().now(), Some(Step::Done("end")));
    assert!(handle.is_closed());
    assert_eq!(block_on(handle.try_oob(7)), Err(OobError::NotActive(7)));
}

#[test]
fn those_who_wait_when_the_body_ends_are_told() {
    let (mut monitor, handle) = monitor_and_handle(async |handle: Numbers| {
        handle.oob(0).await;
    });
    let (wakes, waker) = waker();
    assert_eq!(monitor.start().now(), Some(Step::Oob(0)));
    let mut requests: Vec<_> = (1..4).map(|number| handle.try_oob(number)).collect();
    for request in &mut requests {
        assert!(poll(request, &waker).is_pending());
    }
    // The body comes first in each step, so that its end wins over the requests.
    assert_eq!(monitor.resume(0).now(), Some(Step::Done(())));
    assert_eq!(wakes.take(), 3);
    for (number, mut request) in (1..).zip(requests) {
        let expected = Poll::Ready(Err(OobError::NotActive(number)));
        assert_eq!(poll(&mut request, &waker), expected);
    }
}

#[test]
fn the_monitor_goes_at_each_stage_of_a_request() {
    // A request that is alone, was polled inside the body, and then outlives the body.
    let kept = Rc::new(RefCell::new(None::<TryOob<'static, u32, u32>>));
    for stage in ["posted", "asked", "answered"] {
        let handle: &'static Numbers;
        let mut monitor = {
            let slot = kept.clone();
            let (monitor, given) = monitor_and_handle(|_| {
                std::future::poll_fn(move |cx| {
                    if let Some(request) = slot.borrow_mut().as_mut() {
                        assert!(Pin::new(request).poll(cx).is_pending());
                    }
                    match stage {
                        "posted" => Poll::Ready(()),
                        _ => Poll::Pending,
                    }
                })
            });
            handle = keep(given);
            monitor
        };
        *kept.borrow_mut() = Some(handle.try_oob(1));
        let step = monitor.start().now();
        let expected = match stage {
            "posted" => {
                assert_eq!(step, Some(Step::Done(())));
                Err(OobError::NotActive(1))
            }
            "asked" => {
                assert_eq!(step, Some(Step::Oob(1)));
                Err(OobError::Closed)
            }
            _ => {
                assert_eq!(step, Some(Step::Oob(1)));
                drop(monitor.resume(10));
                Ok(10)
            }
        };
        drop(monitor);
        let mut request = kept.take().unwrap();
        assert_eq!(poll(&mut request, Waker::noop()), Poll::Ready(expected));
    }
}

#[test]
fn a_plain_request_that_waits_when_the_monitor_goes_panics() {
    let (mut monitor, handle) = monitor_and_handle(|_| pending::<()>());
    let (wakes, waker) = waker();
    let mut seen = handle.oob(1);
    let mut unseen = handle.oob(2);
    assert!(poll(&mut seen, &waker).is_pending());
    assert!(poll(&mut unseen, &waker).is_pending());
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    drop(monitor);
    assert_eq!(wakes.take(), 2);
    let message = panic_of(|| assert!(poll(&mut seen, &waker).is_pending()));
    assert!(
        message.contains("after the driver had seen it"),
        "{message}"
    );
    let message = panic_of(|| assert!(poll(&mut unseen, &waker).is_pending()));
    assert!(message.contains("before the driver saw it"), "{message}");
}

#[test]
fn dropped_while_suspended_the_body_goes_first_and_then_the_others_are_told() {
    let log = Log::default();
    let (wakes, waker) = waker();
    let wakes_seen = wakes.clone();
    let events = log.clone();
    let (mut monitor, handle) = monitor_and_handle(move |handle| async move {
        let own = handle.clone();
        let _outer = OnDrop(|| events.push(format_args!("outer, woken {}", wakes_seen.take())));
        let _inner = OnDrop(|| {
            // A request that is made now could never be answered.
            let error = block_on(own.try_oob(3)).unwrap_err();
            events.push(format_args!("inner, {error:?}"));
        });
        handle.oob(1).await;
    });
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    let mut request = handle.try_oob(2);
    assert!(poll(&mut request, &waker).is_pending());
    drop(monitor);
    assert_eq!(log.take(), ["inner, NotActive(..)", "outer, woken 0"]);
    assert_eq!(wakes.take(), 1);
    assert_eq!(
        poll(&mut request, &waker),
        Poll::Ready(Err(OobError::NotActive(2)))
    );
}

#[test]
fn dropped_before_it_was_started_or_after_its_end() {
    let log = Log::default();
    let make = || {
        let guard = OnDrop({
            let log = log.clone();
            move || log.push("body")
        });
        Monitor::boxed(async move |handle: Numbers| {
            let _guard = guard;
            handle.oob(1).await;
        })
    };
    drop(make());
    assert_eq!(log.take(), ["body"]);

    let mut monitor = make();
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    assert_eq!(monitor.resume(0).now(), Some(Step::Done(())));
    assert_eq!(log.take(), ["body"]);
    drop(monitor);
    assert!(log.take().is_empty());
}

/// A body that keeps something until it is dropped, even when it has ended.
struct Keeps<T> {
    _kept: T,
}

impl<T> Future for Keeps<T> {
    type Output = &'static str;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<&'static str> {
        Poll::Ready("end")
    }
}

#[test]
fn the_body_is_dropped_when_it_has_ended() {
    let log = Log::default();
    let events = log.clone();
    let mut monitor = Monitor::boxed(|_: Numbers| Keeps {
        _kept: OnDrop(move || events.push("body")),
    });
    assert_eq!(monitor.start().now(), Some(Step::Done("end")));
    assert_eq!(log.take(), ["body"]);
}

#[test]
fn a_panic_of_the_body_goes_to_the_driver_and_ends_the_monitor() {
    let (mut monitor, handle) = monitor_and_handle(async |handle: Numbers| {
        let reply = handle.oob(0).await;
        panic!("the body cannot bear {reply}");
    });
    let (wakes, waker) = waker();
    assert_eq!(monitor.start().now(), Some(Step::Oob(0)));
    let mut request = handle.try_oob(1);
    assert!(poll(&mut request, &waker).is_pending());

    let message = panic_of(|| {
        let _: Option<Step<u32, ()>> = monitor.resume(13).now();
    });
    assert_eq!(message, "the body cannot bear 13");
    assert_eq!(wakes.take(), 1);
    assert_eq!(
        poll(&mut request, &waker),
        Poll::Ready(Err(OobError::NotActive(1)))
    );
    assert_eq!(monitor.try_resume(1).err(), Some(1));
    let message = panic_of(|| drop(monitor.proceed()));
    assert!(message.contains("its body has panicked"), "{message}");
    let message = panic_of(|| drop(monitor.resume(1)));
    assert!(message.contains("its body has panicked"), "{message}");
}

#[test]
fn a_panic_passes_through_an_inner_monitor_and_may_be_caught_in_between() {
    let mut outer = Monitor::boxed(async |outer: Numbers| {
        let mut inner = Monitor::boxed(async |inner: Numbers| {
            if inner.oob(1).await == 0 {
                panic!("inner");
            }
        });
        assert_eq!(inner.start().await, Step::Oob(1));
        let reply = outer.oob(2).await;
        let caught = catch_unwind(AssertUnwindSafe(|| inner.resume(reply).now()));
        drop(inner);
        // The outer monitor is as it was.
        (caught.is_err(), outer.oob(3).await)
    });
    assert_eq!(outer.start().now(), Some(Step::Oob(2)));
    assert_eq!(outer.resume(0).now(), Some(Step::Oob(3)));
    assert_eq!(outer.resume(4).now(), Some(Step::Done((true, 4))));
}

#[test]
fn a_request_made_by_a_destructor_of_the_ended_body_is_refused() {
    let log = Log::default();
    let events = log.clone();
    let mut monitor = Monitor::boxed(|handle: Numbers| Keeps {
        _kept: OnDrop(move || {
            let error = block_on(handle.try_oob(1)).unwrap_err();
            events.push(format_args!("{error:?}"));
        }),
    });
    assert_eq!(monitor.start().now(), Some(Step::Done("end")));
    assert_eq!(log.take(), ["NotActive(..)"]);
}

#[test]
fn a_panic_of_a_destructor_does_not_leave_anybody_waiting() {
    let panics = |_| {
        let mut armed = true;
        Keeps {
            _kept: OnDrop(move || {
                if std::mem::take(&mut armed) {
                    panic!("destructor");
                }
            }),
        }
    };
    let (mut ended, handle_of_ended) = monitor_and_handle(panics);
    let (dropped, handle_of_dropped) = monitor_and_handle(panics);
    let (wakes, waker) = waker();
    let mut requests = [handle_of_ended.try_oob(1), handle_of_dropped.try_oob(1)];
    for request in &mut requests {
        assert!(poll(request, &waker).is_pending());
    }
    let message = panic_of(|| assert!(ended.start().now().is_none()));
    assert_eq!((message.as_str(), wakes.take()), ("destructor", 1));
    let message = panic_of(|| drop(dropped));
    assert_eq!((message.as_str(), wakes.take()), ("destructor", 1));
    for request in &mut requests {
        assert_eq!(
            poll(request, &waker),
            Poll::Ready(Err(OobError::NotActive(1)))
        );
    }
    let message = panic_of(|| drop(ended.proceed()));
    assert!(
        message.contains("its body has come to its end"),
        "{message}"
    );
}

#[test]
fn a_panic_while_the_body_is_made_closes_the_port() {
    let mut given: Option<Numbers> = None;
    let message = panic_of(|| {
        let _monitor = Monitor::new(|handle: Numbers| -> std::future::Ready<()> {
            given = Some(handle);
            panic!("no body");
        });
    });
    assert_eq!(message, "no body");
    assert_eq!(
        block_on(given.unwrap().try_oob(1)),
        Err(OobError::NotActive(1))
    );
}

#[test]
fn a_port_on_the_stack_closes_too() {
    let mut port = Port::<u32, u32>::new();
    let mut given: Option<StackHandle<'_, u32, u32>> = None;
    {
        let mut monitor = pin!(Monitor::on(&mut port, |handle| {
            given = Some(handle.clone());
            async move { handle.oob(1).await }
        }));
        assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    }
    let handle = given.unwrap();
    assert!(handle.is_closed());
    assert_eq!(block_on(handle.try_oob(2)), Err(OobError::NotActive(2)));
}

#[test]
fn nothing_is_kept_alive_after_the_end() {
    let counted = Rc::new(());
    let in_body = counted.clone();
    let mut monitor = Monitor::boxed(async |handle: Handle<Rc<()>, Rc<()>>| {
        let _in_body = in_body;
        yield_now().await;
        // Of these two, the second one loses.
        or(async { drop(handle.oob(counted.clone()).await) }, async {
            drop(handle.oob(counted.clone()).await)
        })
        .await;
        handle.oob(counted.clone()).await
    });
    let (driver_wakes, driver) = waker();
    assert!(poll(&mut monitor.start(), &driver).is_pending());
    let data = monitor.proceed().now().unwrap().into_oob().unwrap();
    let data = monitor.resume(data).now().unwrap().into_oob().unwrap();
    let step = monitor.resume(data).now();
    assert!(matches!(step, Some(Step::Done(_))));
    drop(step);
    drop(monitor);
    assert_eq!(Rc::strong_count(&counted), 1);
    drop(driver);
    assert_eq!(std::sync::Arc::strong_count(&driver_wakes), 1);
}
