//! A body that is asked to end.

#[path = "common/keep.rs"]
mod keep;
#[path = "common/log.rs"]
mod log;
#[path = "common/wakes.rs"]
mod wakes;

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use corokit_monitor::{Handle, IgnoredClose, Monitor, MonitorExt, OobError, Step};
use futures_lite::future::{block_on, yield_now, zip};
use keep::keep;
use log::Log;
use wakes::{poll, waker};

type Numbers = Handle<u32, u32>;
type Boxed<F> = Pin<Box<Monitor<u32, u32, F>>>;

/// Logs when it is dropped.
struct Dropped(Log, &'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.push(self.1);
    }
}

/// Polls its future with a waker of its own, as those do that hold many, and only when woken.
struct Apart<F> {
    future: Pin<Box<F>>,
    woken: Arc<Own>,
}

struct Own {
    outer: std::sync::Mutex<Option<Waker>>,
    woken: std::sync::atomic::AtomicBool,
}

impl Wake for Own {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, std::sync::atomic::Ordering::SeqCst);
        let outer = self.outer.lock().unwrap().take();
        if let Some(outer) = outer {
            outer.wake();
        }
    }
}

fn apart<F: Future>(future: F) -> Apart<F> {
    Apart {
        future: Box::pin(future),
        woken: Arc::new(Own {
            outer: std::sync::Mutex::default(),
            woken: true.into(),
        }),
    }
}

impl<F: Future> Future for Apart<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        *self.woken.outer.lock().unwrap() = Some(cx.waker().clone());
        if !self
            .woken
            .woken
            .swap(false, std::sync::atomic::Ordering::SeqCst)
        {
            return Poll::Pending;
        }
        let waker = Waker::from(self.woken.clone());
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

#[test]
fn one_that_was_not_started_is_dropped_without_having_run() {
    let log = Log::default();
    let mut monitor = Monitor::boxed(|_: Numbers| {
        let dropped = Dropped(log.clone(), "dropped");
        let log = log.clone();
        async move {
            log.push("ran");
            drop(dropped);
        }
    });
    let closing = monitor.close();
    assert_eq!(log.take(), ["dropped"]);
    assert_eq!(block_on(closing), Ok(None));
    assert_eq!(block_on(monitor.close()), Ok(None));
}

#[test]
fn one_that_has_ended_or_panicked_has_nothing_to_close() {
    let mut ended = Monitor::boxed(async |_: Numbers| 7);
    assert_eq!(ended.start().now(), Some(Step::Done(7)));
    assert_eq!(block_on(ended.close()), Ok(None));

    let mut panicked = Monitor::boxed(async |_: Numbers| panic!("the body"));
    assert!(catch_unwind(AssertUnwindSafe(|| panicked.start().now())).is_err());
    assert_eq!(block_on(panicked.close()), Ok(None::<()>));
}

#[test]
fn a_body_that_hears_of_it_cleans_up_and_ends() {
    let log = Log::default();
    let mut monitor = Monitor::boxed(async |handle: Numbers| {
        assert_eq!(handle.try_oob(1).await, Err(OobError::Closed));
        log.push("told");
        yield_now().await;
        yield_now().await;
        // From now on there is no driver to ask.
        assert_eq!(handle.try_oob(2).await, Err(OobError::NotActive(2)));
        log.push("cleaned up");
        "output"
    });
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    assert!(log.take().is_empty());
    assert_eq!(block_on(monitor.close()), Ok(Some("output")));
    assert_eq!(log.take(), ["told", "cleaned up"]);
    assert_eq!(block_on(monitor.close()), Ok(None));
}

#[test]
fn a_request_that_nobody_saw_gives_its_data_back() {
    let mut monitor =
        Monitor::boxed(async |handle: Numbers| zip(handle.try_oob(1), handle.try_oob(2)).await);
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    let output = (Err(OobError::Closed), Err(OobError::NotActive(2)));
    assert_eq!(block_on(monitor.close()), Ok(Some(output)));
}

#[test]
fn a_reply_that_is_there_is_not_taken_back() {
    let mut monitor = Monitor::boxed(async |handle: Numbers| handle.try_oob(1).await);
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    drop(monitor.resume(10));
    assert_eq!(block_on(monitor.close()), Ok(Some(Ok(10))));
}

#[test]
fn a_body_that_cannot_hear_of_it_is_dropped_where_it_stands() {
    let log = Log::default();
    let mut monitor = Monitor::boxed(async |handle: Numbers| {
        let _outer = Dropped(log.clone(), "outer");
        let _inner = Dropped(log.clone(), "inner");
        handle.oob(1).await;
        log.push("went on");
    });
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    assert_eq!(block_on(monitor.close()), Ok(None));
    assert_eq!(log.take(), ["inner", "outer"]);
}

#[test]
fn a_plain_request_beside_one_that_hears_of_it() {
    let log = Log::default();
    let mut monitor = Monitor::boxed(async |handle: Numbers| {
        let hears = async {
            let told = handle.try_oob(1).await;
            log.push(format_args!("{told:?}"));
            yield_now().await;
            log.push("cleaned up");
        };
        zip(hears, handle.oob(2)).await;
    });
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    // One branch is told and begins to clean up; the other can never go on, so neither can the body.
    assert_eq!(block_on(monitor.close()), Ok(None));
    assert!(log.take().len() <= 1);
}

#[test]
fn a_body_that_asks_again_is_alive_and_can_be_closed_again() {
    let mut monitor = Monitor::boxed(async |handle: Numbers| {
        let mut sum = 0;
        for number in 1..=3 {
            if handle.try_oob(number).await.is_err() {
                sum += handle.oob(number + 100).await;
            }
        }
        sum
    });
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    assert_eq!(block_on(monitor.close()), Err(ignored(101)));
    // It takes requests again.
    assert_eq!(monitor.resume(1000).now(), Some(Step::Oob(2)));
    assert_eq!(monitor.resume(0).now(), Some(Step::Oob(3)));
    let ignored = block_on(monitor.close()).unwrap_err();
    assert_eq!(ignored.into_data(), 103);
    // A body that waits for the reply by a plain request cannot hear of a second close.
    assert_eq!(block_on(monitor.close()), Ok(None));
}

#[test]
fn branches_with_wakers_of_their_own_are_woken_to_hear_of_it() {
    let mut monitor = Monitor::boxed(async |handle: Numbers| {
        zip(apart(handle.try_oob(1)), apart(handle.try_oob(2))).await
    });
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    let output = (Err(OobError::Closed), Err(OobError::NotActive(2)));
    assert_eq!(block_on(monitor.close()), Ok(Some(output)));

    let mut plain = Monitor::boxed(async |handle: Numbers| apart(handle.oob(1)).await);
    assert_eq!(plain.start().now(), Some(Step::Oob(1)));
    assert_eq!(block_on(plain.close()), Ok(None));
}

#[test]
fn askers_elsewhere_are_told_when_closing_begins() {
    let mut given = None;
    let mut monitor = Monitor::boxed(|handle: Numbers| {
        given = Some(handle.clone());
        async move {
            assert_eq!(handle.try_oob(1).await, Err(OobError::Closed));
            yield_now().await;
        }
    });
    let elsewhere = given.unwrap();
    let (wakes, waker) = waker();
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    let mut waits = elsewhere.try_oob(2);
    assert_eq!(poll(&mut waits, &waker), Poll::Pending);

    let mut closing = monitor.close();
    assert_eq!(wakes.take(), 1);
    assert_eq!(
        poll(&mut waits, &waker),
        Poll::Ready(Err(OobError::NotActive(2)))
    );
    let refused = poll(&mut elsewhere.try_oob(3), &waker);
    assert_eq!(refused, Poll::Ready(Err(OobError::NotActive(3))));
    assert_eq!(poll(&mut closing, &waker), Poll::Pending);
    assert_eq!(poll(&mut closing, &waker), Poll::Ready(Ok(Some(()))));
}

#[test]
fn a_plain_request_from_elsewhere_while_closing_comes_to_the_driver() {
    let mut given = None;
    let mut monitor = Monitor::boxed(|handle: Numbers| {
        given = Some(handle.clone());
        async move {
            let _ = handle.try_oob(1).await;
            pending::<()>().await;
        }
    });
    let elsewhere = given.unwrap();
    let (wakes, waker) = waker();
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    let mut closing = monitor.close();
    assert!(poll(&mut closing, &waker).is_pending());
    let mut plain = elsewhere.oob(2);
    assert!(poll(&mut plain, &waker).is_pending());
    assert_eq!(wakes.take(), 1);
    assert_eq!(poll(&mut closing, &waker), Poll::Ready(Err(ignored(2))));
    drop(closing);
    assert!(monitor.resume(20).now().is_none());
    assert_eq!(poll(&mut plain, &waker), Poll::Ready(20));
}

fn ignored(data: u32) -> IgnoredClose<u32> {
    let mut monitor = Monitor::boxed(async move |handle: Numbers| {
        let _ = handle.try_oob(0).await;
        handle.oob(data).await;
    });
    assert_eq!(monitor.start().now(), Some(Step::Oob(0)));
    block_on(monitor.close()).unwrap_err()
}

/// The data need not be printable.
#[test]
fn an_ignored_close_says_what_happened_and_what_can_be_done() {
    struct Opaque;
    let mut monitor = Monitor::boxed(|handle: Handle<Opaque, u32>| async move {
        let _ = handle.try_oob(Opaque).await;
        handle.oob(Opaque).await
    });
    assert!(matches!(monitor.start().now(), Some(Step::Oob(Opaque))));
    let ignored = block_on(monitor.close()).unwrap_err();
    assert_eq!(format!("{ignored:?}"), "IgnoredClose(..)");
    let words = ignored.to_string();
    assert!(
        words.contains("made a new request") && words.contains("close again"),
        "{words}"
    );
}

#[test]
fn a_body_that_waits_for_something_else_goes_on_with_that() {
    let (sender, receiver) = async_channel::bounded::<u32>(1);
    let mut monitor = Monitor::boxed(async |handle: Numbers| {
        let received = receiver.recv().await.unwrap();
        assert_eq!(handle.try_oob(1).await, Err(OobError::NotActive(1)));
        received
    });
    assert_eq!(monitor.start().now(), None);
    let (wakes, waker) = waker();
    let mut closing = monitor.close();
    assert!(poll(&mut closing, &waker).is_pending());
    sender.try_send(7).unwrap();
    assert_eq!(wakes.take(), 1);
    assert_eq!(poll(&mut closing, &waker), Poll::Ready(Ok(Some(7))));
}

#[test]
fn the_future_is_dropped_at_every_poll_and_closing_goes_on() {
    for polls in 0..4 {
        let log = Log::default();
        let mut monitor = Monitor::boxed(async |handle: Numbers| {
            assert_eq!(handle.try_oob(1).await, Err(OobError::Closed));
            for step in 0..3 {
                log.push(step);
                yield_now().await;
            }
        });
        assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
        let (_, waker) = waker();
        let mut closing = monitor.close();
        for _ in 0..polls {
            let _ = poll(&mut closing, &waker);
        }
        drop(closing);
        let rest = block_on(monitor.close()).unwrap();
        assert_eq!(rest.is_some(), polls < 4);
        assert_eq!(log.take(), ["0", "1", "2"]);
    }
}

#[test]
fn dropped_while_closing_the_body_goes_where_it_stands() {
    let log = Log::default();
    let mut monitor = Monitor::boxed(async |handle: Numbers| {
        let _dropped = Dropped(log.clone(), "dropped");
        let _ = handle.try_oob(1).await;
        pending::<()>().await;
    });
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    let (_, waker) = waker();
    assert!(poll(&mut monitor.close(), &waker).is_pending());
    drop(monitor);
    assert_eq!(log.take(), ["dropped"]);
}

#[test]
fn a_panic_of_the_clean_up_passes_through_and_ends_the_monitor() {
    let mut given = None;
    let mut monitor = Monitor::boxed(|handle: Numbers| {
        given = Some(handle.clone());
        async move {
            let _ = handle.try_oob(1).await;
            panic!("the clean-up");
        }
    });
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    let panic = catch_unwind(AssertUnwindSafe(|| block_on(monitor.close()))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the clean-up"));
    assert!(given.unwrap().is_closed());
    assert_eq!(block_on(monitor.close()), Ok(None::<()>));
}

#[test]
fn steps_are_refused_while_it_is_being_closed() {
    fn message(action: impl FnOnce()) -> String {
        let panic = catch_unwind(AssertUnwindSafe(action)).unwrap_err();
        *panic.downcast::<String>().unwrap()
    }
    let mut monitor = Monitor::boxed(async |handle: Numbers| {
        let _ = handle.try_oob(1).await;
        yield_now().await;
    });
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    drop(monitor.close());
    let because = "it is being closed; call `close` to go on with that";
    assert!(message(|| drop(monitor.resume(1))).ends_with(because));
    assert!(message(|| drop(monitor.proceed())).ends_with(because));
    assert_eq!(monitor.try_resume(7).err(), Some(7));
    assert_eq!(block_on(monitor.close()), Ok(Some(())));
}

#[test]
fn an_inner_monitor_is_closed_by_the_clean_up_of_the_outer() {
    let log = Log::default();
    let mut outer = Monitor::boxed(async |handle: Numbers| {
        let mut inner: Boxed<_> = Monitor::boxed(async |inner: Numbers| {
            let told = inner.try_oob(1).await;
            log.push(format_args!("inner {told:?}"));
            5
        });
        let Step::Oob(asked) = inner.start().await else {
            unreachable!()
        };
        let told = handle.try_oob(asked + 10).await;
        log.push(format_args!("outer {told:?}"));
        inner.close().await.unwrap()
    });
    assert_eq!(outer.start().now(), Some(Step::Oob(11)));
    assert_eq!(block_on(outer.close()), Ok(Some(Some(5))));
    assert_eq!(log.take(), ["outer Err(Closed)", "inner Err(Closed)"]);
}

#[test]
fn a_driver_that_gave_up_closing_is_not_woken() {
    let mut given = None;
    let mut monitor = pin!(Monitor::new(|handle: Numbers| {
        given = Some(handle);
        pending::<()>()
    }));
    let (wakes, waker) = waker();
    drop(monitor.start());
    assert!(poll(&mut monitor.close(), &waker).is_pending());
    let elsewhere = given.unwrap();
    let mut plain = elsewhere.oob(1);
    assert!(poll(&mut plain, Waker::noop()).is_pending());
    assert_eq!(wakes.take(), 0);
    drop(plain);
}

#[test]
fn wakers_may_ask_and_drop_while_they_are_told() {
    // The waker of an asker drops another request and makes a new one.
    type Act = Box<dyn FnMut()>;
    thread_local! {
        static ACT: RefCell<Option<Act>> = const { RefCell::new(None) };
    }
    struct Acts;
    impl Wake for Acts {
        fn wake(self: Arc<Self>) {
            let mut act = ACT.take().unwrap();
            act();
        }
    }

    let mut given = None;
    let mut monitor = Monitor::boxed(|handle: Numbers| {
        given = Some(handle.clone());
        async move { handle.try_oob(1).await }
    });
    let elsewhere = keep(given.unwrap());
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    let mut first = elsewhere.try_oob(2);
    let mut second = Some(elsewhere.try_oob(3));
    assert!(poll(&mut first, &Waker::from(Arc::new(Acts))).is_pending());
    assert!(poll(second.as_mut().unwrap(), Waker::noop()).is_pending());
    ACT.set(Some(Box::new(move || {
        drop(second.take());
        let refused = poll(&mut elsewhere.try_oob(4), Waker::noop());
        assert_eq!(refused, Poll::Ready(Err(OobError::NotActive(4))));
    })));
    assert_eq!(block_on(monitor.close()), Ok(Some(Err(OobError::Closed))));
    assert_eq!(
        block_on(poll_fn(|cx| Pin::new(&mut first).poll(cx))),
        Err(OobError::NotActive(2))
    );
}

#[test]
fn a_plain_request_elsewhere_drops_the_body_at_once_and_then_panics() {
    let log = Log::default();
    let mut given = None;
    let mut monitor = Monitor::boxed(|handle: Numbers| {
        given = Some(handle.clone());
        let (dropped, log) = (Dropped(log.clone(), "dropped"), log.clone());
        async move {
            let _ = handle.try_oob(1).await;
            log.push("told");
            drop(dropped);
        }
    });
    let elsewhere = given.unwrap();
    let mut plain = elsewhere.oob(2);
    assert!(poll(&mut plain, Waker::noop()).is_pending());
    assert_eq!(block_on(monitor.start()), Step::Oob(2));
    drop(monitor.resume(20));
    assert_eq!(poll(&mut plain, Waker::noop()), Poll::Ready(20));

    let mut plain = elsewhere.oob(3);
    assert_eq!(block_on(monitor.proceed()), Step::Oob(1));
    assert!(poll(&mut plain, Waker::noop()).is_pending());
    // Nothing of the body runs but its destructors, whether the other is polled or not.
    assert_eq!(block_on(monitor.close()), Ok(None));
    assert_eq!(log.take(), ["dropped"]);
    let panic = catch_unwind(AssertUnwindSafe(|| poll(&mut plain, Waker::noop())));
    let panic = panic.unwrap_err();
    assert!(
        panic
            .downcast_ref::<String>()
            .unwrap()
            .contains("nobody can answer")
    );
}
