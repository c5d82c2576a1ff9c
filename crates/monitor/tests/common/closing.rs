// Closing with plain requests outstanding, for both kinds of monitors: the file is included where
// `Numbers`, `Boxed` and `boxed` say which.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Poll, Waker};

use corokit_monitor::{MonitorExt, OobError, Step};
use futures_lite::future::{block_on, or, poll_once, yield_now};

use super::log::Log;
use super::wakes::{poll, waker};

/// A monitor and a handle outside of its body.
fn with_handle<F: Future>(make: impl FnOnce(Numbers) -> F) -> (Boxed<F>, Numbers) {
    let mut given = None;
    let monitor = boxed(|handle| {
        given = Some(handle.clone());
        make(handle)
    });
    (monitor, given.unwrap())
}

/// A body that asks, and cleans up for two polls when it is told to end.
async fn cleans_up(handle: Numbers, log: Log) -> &'static str {
    assert_eq!(handle.try_oob(1).await, Err(OobError::Closed));
    yield_now().await;
    log.push("cleaned up");
    "output"
}

#[test]
fn one_elsewhere_that_looks_between_the_close_and_the_end_is_woken_by_the_end() {
    let (mut monitor, elsewhere) = with_handle(|handle| cleans_up(handle, Log::default()));
    let (wakes, waker) = waker();
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    let mut plain = elsewhere.oob(2);
    assert!(poll(&mut plain, &waker).is_pending());

    let closing = monitor.close();
    assert_eq!(wakes.take(), 1);
    // It is still to be told, so it waits on.
    assert!(poll(&mut plain, &waker).is_pending());
    assert!(poll(&mut plain, &waker).is_pending());
    assert_eq!(block_on(closing), Ok(None));
    assert_eq!(wakes.take(), 1);
    let told = catch_unwind(AssertUnwindSafe(|| poll(&mut plain, &waker)));
    assert!(told.is_err());
}

#[test]
fn one_that_has_left_the_body_ends_it_when_it_is_polled_and_is_woken_by_that() {
    let (slot, polls) = (Cell::<Option<Pin<Box<dyn Future<Output = u32>>>>>::new(None), Cell::new(0));
    let (mut monitor, handle) = with_handle(|_| {
        poll_fn(|cx| {
            polls.set(polls.get() + 1);
            if let Some(mut plain) = slot.take() {
                assert!(poll(&mut plain, cx.waker()).is_pending());
                slot.set(Some(plain));
            }
            Poll::<()>::Pending
        })
    });
    slot.set(Some(Box::pin(async move { handle.oob(1).await })));
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    // It moves out before the body is polled again.
    let mut plain = slot.take().unwrap();
    let (driver, driver_waker) = waker();
    let mut closing = monitor.close();
    assert!(poll(&mut closing, &driver_waker).is_pending());

    let (wakes, waker) = waker();
    assert!(poll(&mut plain, &waker).is_pending());
    assert_eq!((driver.take(), wakes.take()), (1, 0));
    assert_eq!(poll(&mut closing, &driver_waker), Poll::Ready(Ok(None)));
    assert_eq!((polls.get(), wakes.take()), (2, 1));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut plain, &waker))).is_err());
}

#[test]
fn one_that_outlives_a_close_which_the_body_has_ignored_says_why_it_has_no_reply() {
    let (mut monitor, _) = with_handle(async |handle: Numbers| {
        let mut outlives = handle.oob(1);
        assert!(poll_once(&mut outlives).await.is_none());
        assert_eq!(handle.try_oob(2).await, Err(OobError::NotActive(2)));
        let reply = handle.oob(3).await;
        outlives.await + reply
    });
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    assert_eq!(block_on(monitor.close()).unwrap_err().into_data(), 3);
    let panic = catch_unwind(AssertUnwindSafe(|| monitor.resume(30).now())).unwrap_err();
    let message = panic.downcast::<String>().unwrap();
    assert!(message.contains("the monitor was closed"), "{message}");
}

#[test]
fn a_plain_request_that_is_given_up_in_the_same_poll_holds_nothing_up() {
    let (log, stop) = (Log::default(), Cell::new(false));
    let (mut monitor, _) = with_handle(|handle: Numbers| {
        let (log, stop) = (log.clone(), &stop);
        async move {
            let stopped = poll_fn(|_| match stop.get() {
                true => Poll::Ready(0),
                false => Poll::Pending,
            });
            or(handle.oob(1), stopped).await;
            yield_now().await;
            log.push("cleaned up");
            "output"
        }
    });
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    stop.set(true);
    assert_eq!(block_on(monitor.close()), Ok(Some("output")));
    assert_eq!(log.take(), ["cleaned up"]);
}

#[test]
fn a_plain_request_elsewhere_that_is_dropped_before_the_driver_looks_holds_nothing_up() {
    let log = Log::default();
    let (mut monitor, elsewhere) = with_handle(|handle| cleans_up(handle, log.clone()));
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    let mut plain = elsewhere.oob(2);
    assert!(poll(&mut plain, Waker::noop()).is_pending());
    let closing = monitor.close();
    drop(plain);
    assert_eq!(block_on(closing), Ok(Some("output")));
    assert_eq!(log.take(), ["cleaned up"]);
}
