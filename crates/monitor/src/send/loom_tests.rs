//! A driver and its askers on several threads, in every order.

use std::boxed::Box;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::sync::Mutex;
use loom::thread;

use super::{SendHandle, SendMonitor, SendPort};
use crate::{IgnoredClose, Monitor, MonitorExt, Oob, OobError, Step, TryOob};

type Numbers = SendHandle<u32, u32>;
type Request = TryOob<'static, u32, u32, SendPort<u32, u32>>;
type Plain = Oob<'static, u32, u32, SendPort<u32, u32>>;
type Boxed<F> = Pin<Box<SendMonitor<u32, u32, F>>>;

/// A monitor and its handle.
fn make<F: Future>(body: impl FnOnce(Numbers) -> F) -> (Boxed<F>, Numbers) {
    let mut given = None;
    let monitor = Monitor::boxed_send(|handle: Numbers| {
        given = Some(handle.clone());
        body(handle)
    });
    (monitor, given.unwrap())
}

/// A monitor whose body polls what is in the slot, and nothing else.
fn of_slot(
    slot: &Arc<Mutex<Option<Request>>>,
) -> (Boxed<impl Future<Output = ()> + use<>>, &'static Numbers) {
    let slot = slot.clone();
    let (monitor, handle) = make(move |_| {
        poll_fn(move |cx| {
            if let Some(request) = &mut *slot.lock().unwrap() {
                let _ = Pin::new(request).poll(cx).map(|reply| reply.unwrap());
            }
            Poll::Pending
        })
    });
    (monitor, Box::leak(Box::new(handle)))
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_request_comes_while_the_driver_goes_to_wait() {
    loom::model(|| {
        let (mut monitor, handle) = make(|_| pending::<()>());
        let asker = thread::spawn(move || block_on(handle.oob(1)));
        assert_eq!(block_on(monitor.start()), Step::Oob(1));
        drop(monitor.resume(10));
        assert_eq!(asker.join().unwrap(), 10);
    });
}

#[test]
fn the_body_and_a_thread_ask_and_the_body_ends() {
    loom::model(|| {
        let (mut monitor, handle) = make(|handle| async move { handle.oob(1).await });
        let asker = thread::spawn(move || block_on(handle.try_oob(2)));
        let mut step = block_on(monitor.start());
        let output = loop {
            match step {
                Step::Oob(number) => step = block_on(monitor.resume(number * 10)),
                Step::Done(output) => break output,
            }
        };
        assert_eq!(output, 10);
        let reply = asker.join().unwrap();
        assert!(
            matches!(reply, Ok(20) | Err(OobError::NotActive(2))),
            "{reply:?}"
        );
    });
}

#[test]
fn a_request_is_dropped_while_it_is_asked_and_answered() {
    loom::model(|| {
        let (mut monitor, handle) = make(|handle| async move { handle.oob(1).await });
        let asker = thread::spawn(move || {
            let mut request = handle.try_oob(2);
            let _ = poll_once(&mut request);
        });
        let mut step = block_on(monitor.start());
        let output = loop {
            match step {
                Step::Oob(number) => step = block_on(monitor.resume(number * 10)),
                Step::Done(output) => break output,
            }
        };
        assert_eq!(output, 10);
        asker.join().unwrap();
    });
}

#[test]
fn a_request_that_left_the_body_gets_its_reply() {
    loom::model(|| {
        let slot = Arc::new(Mutex::new(None));
        let (mut monitor, handle) = of_slot(&slot);
        *slot.lock().unwrap() = Some(handle.try_oob(1));
        assert_eq!(block_on(monitor.start()), Step::Oob(1));
        let mut request = slot.lock().unwrap().take().unwrap();
        let asker = thread::spawn(move || {
            assert_eq!(block_on(&mut request), Ok(10));
            drop(request);
            block_on(handle.oob(2))
        });
        assert_eq!(block_on(monitor.resume(10)), Step::Oob(2));
        drop(monitor.resume(20));
        assert_eq!(asker.join().unwrap(), 20);
    });
}

#[test]
fn a_request_that_left_the_body_is_dropped() {
    loom::model(|| {
        let slot = Arc::new(Mutex::new(None));
        let (mut monitor, handle) = of_slot(&slot);
        *slot.lock().unwrap() = Some(handle.try_oob(1));
        assert_eq!(block_on(monitor.start()), Step::Oob(1));
        let request = slot.lock().unwrap().take();
        let dropper = thread::spawn(move || drop(request));
        assert!(poll_once(&mut monitor.resume(10)).is_pending());
        *slot.lock().unwrap() = Some(handle.try_oob(2));
        assert_eq!(block_on(monitor.proceed()), Step::Oob(2));
        dropper.join().unwrap();
        *slot.lock().unwrap() = None;
    });
}

#[test]
fn the_monitor_is_closed_while_a_thread_waits_for_a_plain_reply() {
    loom::model(|| {
        let (mut monitor, handle) = make(|handle| async move { handle.try_oob(1).await.is_err() });
        assert_eq!(block_on(monitor.start()), Step::Oob(1));
        let asker = thread::spawn(move || {
            let asked = AssertUnwindSafe(|| block_on(handle.oob(2)));
            catch_unwind(asked).is_err()
        });
        let closed = block_on(monitor.close());
        match closed {
            // The body has ended, told or not, and nobody has answered the thread.
            Ok(None | Some(true)) => drop(monitor),
            Err(ignored) => {
                assert_eq!(ignored.into_data(), 2);
                drop(monitor);
            }
            Ok(Some(false)) => panic!("nobody has replied to the body"),
        }
        assert!(asker.join().unwrap());
    });
}

#[test]
fn the_monitor_is_closed_while_a_thread_gives_up_its_plain_request() {
    loom::model(|| {
        let (mut monitor, handle) = make(|handle| async move { handle.try_oob(1).await.is_err() });
        assert_eq!(block_on(monitor.start()), Step::Oob(1));
        let asker = thread::spawn(move || {
            // It panics if it is polled only after the end.
            let asked = AssertUnwindSafe(|| poll_once(&mut handle.oob(2)).is_pending());
            catch_unwind(asked).unwrap_or(true)
        });
        let closed = block_on(monitor.close());
        let closed = closed.map_err(IgnoredClose::into_data);
        assert!(
            matches!(closed, Ok(None | Some(true)) | Err(2)),
            "{closed:?}"
        );
        assert!(asker.join().unwrap());
    });
}

#[test]
fn the_monitor_is_closed_while_a_plain_request_that_left_the_body_is_waited_for() {
    loom::model(|| {
        let slot = Arc::new(Mutex::new(None));
        let polls = slot.clone();
        let (mut monitor, handle) = make(move |_| {
            poll_fn(move |cx| {
                let slot: &mut Option<Plain> = &mut polls.lock().unwrap();
                slot.as_mut().map(|request| Pin::new(request).poll(cx));
                Poll::<()>::Pending
            })
        });
        let handle: &'static Numbers = Box::leak(Box::new(handle));
        *slot.lock().unwrap() = Some(handle.oob(1));
        assert_eq!(block_on(monitor.start()), Step::Oob(1));
        let request = slot.lock().unwrap().take().unwrap();
        let asker = thread::spawn(move || {
            let asked = AssertUnwindSafe(|| block_on(request));
            catch_unwind(asked).is_err()
        });
        // Nothing but the end can be told to it, so that the body has to end.
        let closed = block_on(monitor.close());
        assert_eq!(closed.map_err(IgnoredClose::into_data), Ok(None));
        assert!(asker.join().unwrap());
    });
}

#[test]
fn a_close_is_ignored_while_a_plain_request_that_left_the_body_is_waited_for() {
    loom::model(|| {
        let slot = Arc::new(Mutex::new(None));
        let polls = slot.clone();
        let (mut monitor, handle) = make(move |handle| async move {
            poll_fn(|cx| {
                let slot: &mut Option<Plain> = &mut polls.lock().unwrap();
                match slot {
                    Some(request) => Pin::new(request).poll(cx).map(drop),
                    None => Poll::Ready(()),
                }
            })
            .await;
            handle.oob(2).await
        });
        let handle: &'static Numbers = Box::leak(Box::new(handle));
        *slot.lock().unwrap() = Some(handle.oob(1));
        assert_eq!(block_on(monitor.start()), Step::Oob(1));
        let request = slot.lock().unwrap().take().unwrap();
        let asker = thread::spawn(move || {
            let asked = AssertUnwindSafe(|| block_on(request));
            catch_unwind(asked).is_err()
        });
        let closed = block_on(monitor.close());
        let closed = closed.map_err(IgnoredClose::into_data);
        assert!(matches!(closed, Ok(None) | Err(2)), "{closed:?}");
        // It is told, though the monitor may live on.
        assert!(asker.join().unwrap());
        drop(monitor);
    });
}

#[test]
fn the_monitor_is_dropped_while_a_thread_asks() {
    loom::model(|| {
        let (mut monitor, handle) = make(|_| pending::<()>());
        let asker = thread::spawn(move || block_on(handle.try_oob(1)));
        let seen = poll_once(&mut monitor.start()).is_ready();
        drop(monitor);
        let expected = if seen {
            OobError::Closed
        } else {
            OobError::NotActive(1)
        };
        assert_eq!(asker.join().unwrap(), Err(expected));
    });
}
