// Wakers and destructors that use the monitor they belong to: the file is included where `SEND`,
// `HandleOf`, `TheMonitor`, `ThePort` and `boxed` say which kind it is of.

use std::cell::RefCell;
use std::future::{Future, Pending, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};

use corokit_monitor::{IgnoredClose, MonitorExt, Oob, OobError, Step, TryOob};
use futures_lite::future::poll_once;

use super::keep::keep;
use super::wakes::{poll, waker};

type Numbers = HandleOf<u32, u32>;
type Request = TryOob<'static, u32, u32, ThePort>;
type Action = Box<dyn FnMut()>;

thread_local! {
    static ON_WAKE: RefCell<Vec<Action>> = const { RefCell::new(Vec::new()) };
    static ON_DROP: RefCell<Vec<Action>> = const { RefCell::new(Vec::new()) };
}

/// Does what the thread has been told to do when it is woken and when it is dropped.
struct Acts;

impl Wake for Acts {
    fn wake(self: Arc<Self>) {
        ON_WAKE.take().iter_mut().for_each(|action| action());
    }
}

impl Drop for Acts {
    fn drop(&mut self) {
        ON_DROP.take().iter_mut().for_each(|action| action());
    }
}

fn acting() -> Waker {
    Waker::from(Arc::new(Acts))
}

fn on_wake(action: impl FnMut() + 'static) {
    ON_WAKE.with_borrow_mut(|actions| actions.push(Box::new(action)));
}

fn on_drop(action: impl FnMut() + 'static) {
    ON_DROP.with_borrow_mut(|actions| actions.push(Box::new(action)));
}

/// A monitor whose body waits for ever, and its handle.
fn idle() -> (Idle, &'static Numbers) {
    let mut given = None;
    let monitor = boxed(|handle: Numbers| {
        given = Some(handle);
        pending()
    });
    (monitor, keep(given.unwrap()))
}

type Idle = Pin<Box<TheMonitor<u32, u32, Pending<()>>>>;

/// A request that can be polled from a waker.
fn shared(handle: &'static Numbers, number: u32) -> Rc<RefCell<Request>> {
    Rc::new(RefCell::new(handle.try_oob(number)))
}

#[test]
fn the_asker_takes_its_reply_and_asks_again_while_it_is_woken() {
    let (mut monitor, handle) = idle();
    let request = shared(handle, 1);
    let next = shared(handle, 2);
    assert!(poll(&mut *request.borrow_mut(), &acting()).is_pending());
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    let (first, second) = (request.clone(), next.clone());
    on_wake(move || {
        assert_eq!(
            poll(&mut *first.borrow_mut(), Waker::noop()),
            Poll::Ready(Ok(10))
        );
        assert!(poll(&mut *second.borrow_mut(), Waker::noop()).is_pending());
    });
    assert_eq!(monitor.resume(10).now(), Some(Step::Oob(2)));
    drop(monitor.resume(20));
    assert_eq!(
        poll(&mut *next.borrow_mut(), Waker::noop()),
        Poll::Ready(Ok(20))
    );
}

#[test]
fn the_driver_steps_and_replies_while_it_is_woken() {
    let (mut monitor, handle) = idle();
    assert!(poll(&mut monitor.start(), &acting()).is_pending());
    // A dropped step waits no more, so that the wait is made through `poll_step`.
    let driver = acting();
    let mut cx = std::task::Context::from_waker(&driver);
    assert!(monitor.as_mut().poll_step(&mut cx).is_pending());
    let (wakes, asker) = waker();
    on_wake(move || {
        assert_eq!(monitor.proceed().now(), Some(Step::Oob(1)));
        drop(monitor.resume(10));
    });
    let mut request = handle.try_oob(1);
    // The driver has replied within this poll, and woken the asker.
    assert!(poll(&mut request, &asker).is_pending());
    assert_eq!(wakes.take(), 1);
    assert_eq!(poll(&mut request, &asker), Poll::Ready(Ok(10)));
}

#[test]
fn the_driver_drops_the_monitor_while_it_is_woken() {
    let (mut monitor, handle) = idle();
    let driver = acting();
    let mut cx = std::task::Context::from_waker(&driver);
    drop(monitor.start());
    assert!(monitor.as_mut().poll_step(&mut cx).is_pending());
    let mut monitor = Some(monitor);
    on_wake(move || drop(monitor.take()));
    let (wakes, asker) = waker();
    let mut request = handle.try_oob(1);
    assert!(poll(&mut request, &asker).is_pending());
    assert_eq!(wakes.take(), 1);
    assert_eq!(
        poll(&mut request, &asker),
        Poll::Ready(Err(OobError::NotActive(1)))
    );
}

#[test]
fn the_askers_are_woken_at_the_end_and_look_at_each_other() {
    let (mut monitor, handle) = idle();
    let requests = [shared(handle, 1), shared(handle, 2), shared(handle, 3)];
    for request in &requests {
        assert!(poll(&mut *request.borrow_mut(), &acting()).is_pending());
    }
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    let expected = [
        Err(OobError::Closed),
        Err(OobError::NotActive(2)),
        Err(OobError::NotActive(3)),
    ];
    let all = requests.clone();
    on_wake(move || {
        for (request, expected) in all.iter().zip(expected) {
            let result = poll(&mut *request.borrow_mut(), Waker::noop());
            assert_eq!(result, Poll::Ready(expected));
        }
    });
    drop(monitor);
    assert!(ON_WAKE.take().is_empty());
}

#[test]
fn a_waker_that_is_replaced_asks_while_it_is_dropped() {
    // The driver's waker.
    let (mut monitor, handle) = idle();
    let request = shared(handle, 1);
    let mut step = monitor.start();
    assert!(poll(&mut step, &acting()).is_pending());
    let asking = request.clone();
    on_drop(move || assert!(poll(&mut *asking.borrow_mut(), Waker::noop()).is_pending()));
    let (driver_wakes, driver) = waker();
    if SEND {
        // The old waker is dropped when the driver waits already, so it is woken.
        assert!(poll(&mut step, &driver).is_pending());
        assert_eq!(driver_wakes.take(), 1);
    }
    assert_eq!(poll(&mut step, &driver), Poll::Ready(Step::Oob(1)));
    // The step has ended, so that the driver does not wait any more.
    assert!(poll(&mut handle.try_oob(9), Waker::noop()).is_pending());
    assert_eq!(driver_wakes.take(), 0);
    drop(step);

    // An asker's waker.
    let other = shared(handle, 2);
    assert!(poll(&mut *request.borrow_mut(), &acting()).is_pending());
    let asking = other.clone();
    on_drop(move || assert!(poll(&mut *asking.borrow_mut(), Waker::noop()).is_pending()));
    assert!(poll(&mut *request.borrow_mut(), Waker::noop()).is_pending());
    assert!(ON_DROP.take().is_empty());
    assert_eq!(monitor.resume(10).now(), Some(Step::Oob(2)));
    assert_eq!(
        poll(&mut *request.borrow_mut(), Waker::noop()),
        Poll::Ready(Ok(10))
    );
}

#[test]
fn a_waker_replies_while_it_is_replaced() {
    // The old waker of an asker is dropped when the asker is polled with another one. What it
    // does then makes the reply come, and the new waker is woken.
    let (mut monitor, handle) = idle();
    let mut request = handle.try_oob(1);
    assert!(poll(&mut request, &acting()).is_pending());
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    on_drop(move || drop(monitor.try_resume(10).unwrap()));
    let (wakes, asker) = waker();
    assert!(poll(&mut request, &asker).is_pending());
    assert_eq!(wakes.take(), 1);
    // The monitor has gone with the action, the reply has come before that.
    assert_eq!(poll(&mut request, &asker), Poll::Ready(Ok(10)));
}

#[test]
fn data_that_asks_while_it_is_dropped() {
    struct Asks(Option<HandleOf<Asks, u32>>);

    impl Drop for Asks {
        fn drop(&mut self) {
            if let Some(handle) = self.0.take() {
                let mut request = handle.try_oob(Asks(None));
                assert!(poll(&mut request, Waker::noop()).is_pending());
            }
        }
    }

    let mut monitor = boxed(async |handle: HandleOf<Asks, u32>| {
        // Alone, then one of two.
        let data = Asks(Some(handle.clone()));
        assert!(poll_once(handle.oob(data)).await.is_none());
        let mut first = handle.oob(Asks(None));
        assert!(poll_once(&mut first).await.is_none());
        let data = Asks(Some(handle.clone()));
        assert!(poll_once(handle.oob(data)).await.is_none());
        first.await
    });
    assert!(matches!(monitor.start().now(), Some(Step::Oob(Asks(None)))));
    assert!(matches!(monitor.resume(10).now(), Some(Step::Done(10))));
}

#[test]
fn the_drivers_waker_has_a_refused_request_looked_at_while_it_is_dropped() {
    type Plain = Oob<'static, u32, u32, ThePort>;

    let slot = Rc::new(RefCell::new(None));
    let (polled, mut given) = (slot.clone(), None);
    let mut monitor = boxed(|handle: Numbers| {
        given = Some(handle);
        poll_fn(move |cx| {
            let slot: &mut Option<Plain> = &mut polled.borrow_mut();
            assert!(slot.as_mut().is_none_or(|plain| poll(plain, cx.waker()).is_pending()));
            Poll::<()>::Pending
        })
    });
    let handle = keep(given.unwrap());
    slot.replace(Some(handle.oob(1)));
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    let left = slot.take().unwrap();
    let mut closing = monitor.close();
    assert!(poll(&mut closing, &acting()).is_pending());

    let (wakes, asker) = waker();
    let requests = Rc::new(RefCell::new([left, handle.oob(2)]));
    let kept = requests.clone();
    on_drop(move || {
        let [left, asks] = &mut *kept.borrow_mut();
        assert!(poll(left, &asker).is_pending());
        assert!(poll(asks, Waker::noop()).is_pending());
    });
    let closed = poll(&mut closing, Waker::noop());
    let closed = closed.map_err(IgnoredClose::into_data);
    // Between threads the driver waits when the waker is dropped, and takes no more requests.
    let expected = if SEND { Ok(None) } else { Err(2) };
    assert_eq!(closed, Poll::Ready(expected));
    assert_eq!(wakes.take(), 1);
}
