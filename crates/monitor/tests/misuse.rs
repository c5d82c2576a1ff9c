//! Wrong calls are refused and change nothing.

#[path = "common/wakes.rs"]
mod wakes;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use corokit_monitor::{
    Generator, GeneratorExt, Handle, Monitor, MonitorExt, Oob, Port, Step, Stepping, TryOob,
    Yielder,
};
use futures_lite::future::yield_now;
use wakes::{poll, waker};

/// The message of a panic, and the line that it is blamed on.
fn panic_of<T>(action: impl FnOnce() -> T) -> (String, u32) {
    use std::sync::{Mutex, PoisonError};
    static HOOK: Mutex<()> = Mutex::new(());
    static LINE: Mutex<u32> = Mutex::new(0);

    let one_at_a_time = HOOK.lock().unwrap_or_else(PoisonError::into_inner);
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(|info| {
        let location = info.location().expect("a panic has a location");
        let line = if location.file() == file!() {
            location.line()
        } else {
            0
        };
        *LINE.lock().unwrap() = line;
    }));
    let result = catch_unwind(AssertUnwindSafe(action));
    std::panic::set_hook(previous);
    let line = *LINE.lock().unwrap();
    drop(one_at_a_time);

    let payload = result.err().expect("it panics");
    let message = match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => payload.downcast::<&str>().unwrap().to_string(),
    };
    (message, line)
}

/// Checks that an expression panics with this message, blamed on its own lines.
macro_rules! check_panic {
    ($action:expr, $message:literal) => {{
        let (message, line) = panic_of(|| $action);
        assert!(message.contains($message), "{message}");
        assert!((line!()..line!() + 4).contains(&line), "{line}");
    }};
}

async fn asks_twice(handle: Handle<u32, u32>) -> u32 {
    let first = handle.oob(1).await;
    yield_now().await;
    first + handle.oob(2).await
}

#[test]
fn wrong_calls_at_every_state_panic_and_the_monitor_goes_on() {
    let mut monitor = Monitor::boxed(asks_twice);
    let mut cx = Context::from_waker(Waker::noop());

    check_panic!(
        monitor.resume(7),
        "it has not been started; call `start` first"
    );
    check_panic!(monitor.proceed(), "it has not been started; call `start`");
    check_panic!(
        monitor.as_mut().poll_step(&mut cx),
        "it has not been started; call `start`"
    );

    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    check_panic!(monitor.start(), "a monitor can be started only once");
    check_panic!(
        monitor.proceed(),
        "its last step ended with a request; call `resume`"
    );
    check_panic!(
        monitor.as_mut().poll_step(&mut cx),
        "its last step ended with a request"
    );

    assert_eq!(monitor.resume(10).now(), None);
    check_panic!(monitor.start(), "a monitor can be started only once");
    check_panic!(
        monitor.resume(7),
        "its last step is still in progress; call `proceed`"
    );

    assert_eq!(monitor.proceed().now(), Some(Step::Oob(2)));
    assert_eq!(monitor.resume(20).now(), Some(Step::Done(30)));
    check_panic!(monitor.start(), "a monitor can be started only once");
    check_panic!(monitor.resume(7), "its body has come to its end");
    check_panic!(monitor.proceed(), "its body has come to its end");
    check_panic!(
        monitor.as_mut().poll_step(&mut cx),
        "its body has come to its end"
    );
}

#[test]
fn try_resume_gives_the_reply_back_at_every_state_but_one() {
    let mut monitor = Monitor::boxed(asks_twice);
    assert_eq!(monitor.try_resume(7).err(), Some(7));
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    assert_eq!(monitor.try_resume(10).unwrap().now(), None);
    assert_eq!(monitor.try_resume(7).err(), Some(7));
    assert_eq!(monitor.proceed().now(), Some(Step::Oob(2)));
    drop(monitor.try_resume(20).unwrap());
    // The reply was delivered already.
    assert_eq!(monitor.try_resume(7).err(), Some(7));
    assert_eq!(monitor.proceed().now(), Some(Step::Done(30)));
    assert_eq!(monitor.try_resume(7).err(), Some(7));
}

#[test]
fn a_refused_reply_reaches_nobody_even_if_others_wait() {
    let mut given = None;
    let mut monitor = Monitor::boxed(|handle: Handle<u32, u32>| {
        given = Some(handle);
        std::future::pending::<()>()
    });
    let handle = given.unwrap();
    let (wakes, waker) = waker();
    let mut request = handle.try_oob(1);
    assert!(poll(&mut request, &waker).is_pending());
    assert_eq!(monitor.try_resume(7).err(), Some(7));
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    drop(monitor.resume(10));
    assert_eq!(wakes.take(), 1);
    assert_eq!(monitor.try_resume(7).err(), Some(7));
    assert_eq!(poll(&mut request, &waker), Poll::Ready(Ok(10)));
}

#[test]
fn futures_polled_after_their_end() {
    let mut monitor = Monitor::boxed(async |handle: Handle<u32, u32>| {
        let mut request = handle.oob(1);
        assert_eq!((&mut request).await, 10);
        let (message, _) = panic_of(|| poll(&mut request, Waker::noop()));
        assert_eq!(message, "an oob future was polled after it had completed");
        let mut request = handle.try_oob(2);
        assert_eq!((&mut request).await, Ok(20));
        let (message, _) = panic_of(|| poll(&mut request, Waker::noop()));
        assert_eq!(message, "an oob future was polled after it had completed");
    });
    let mut step = monitor.start();
    assert_eq!(poll(&mut step, Waker::noop()), Poll::Ready(Step::Oob(1)));
    let (message, _) = panic_of(|| poll(&mut step, Waker::noop()));
    assert!(
        message.contains("its last step ended with a request"),
        "{message}"
    );
    drop(step);
    assert_eq!(monitor.resume(10).now(), Some(Step::Oob(2)));
    assert_eq!(monitor.resume(20).now(), Some(Step::Done(())));
}

#[test]
fn the_futures_of_a_generator_polled_after_their_end() {
    let mut numbers = Generator::boxed(async |yielder: Yielder<u32, u32>| {
        yielder.yield_(1).await;
        yielder.yield_(2).await;
    });
    let mut next = numbers.start();
    assert_eq!(poll(&mut next, Waker::noop()), Poll::Ready(Some(1)));
    // It is not at its end, so nothing must say so.
    let (message, _) = panic_of(|| poll(&mut next, Waker::noop()));
    let because = "was polled after it had given the value";
    assert!(message.ends_with(because), "{message}");
    drop(next);
    let mut next = numbers.send(0);
    assert_eq!(poll(&mut next, Waker::noop()), Poll::Ready(Some(2)));
    drop(next);
    let mut last = numbers.send(0);
    assert_eq!(poll(&mut last, Waker::noop()), Poll::Ready(None));
    assert_eq!(poll(&mut last, Waker::noop()), Poll::Ready(None));
}

/// Fails to compile if the type has the trait.
macro_rules! assert_not {
    ($type:ty: $trait:path) => {
        const _: fn() = || {
            trait Ambiguous<A> {
                fn item() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct HasIt;
            impl<T: ?Sized + $trait> Ambiguous<HasIt> for T {}
            let _ = <$type as Ambiguous<_>>::item;
        };
    };
}

fn assert_unpin<T: Unpin>() {}

type Body = std::future::Ready<()>;

assert_not!(Monitor<u32, u32, Body>: Send);
assert_not!(Monitor<u32, u32, Body>: Sync);
assert_not!(Monitor<u32, u32, std::marker::PhantomPinned>: Unpin);
assert_not!(Handle<u32, u32>: Send);
assert_not!(Handle<u32, u32>: Sync);
assert_not!(Handle<u32, u32, &'static Port<u32, u32>>: Send);
assert_not!(Port<u32, u32>: Send);
assert_not!(Port<u32, u32>: Sync);
assert_not!(Oob<'static, u32, u32>: Send);
assert_not!(TryOob<'static, u32, u32>: Send);
assert_not!(Stepping<'static, u32, u32, Body>: Send);

#[test]
fn what_needs_no_pinning() {
    use std::marker::PhantomPinned;

    assert_unpin::<Handle<PhantomPinned, PhantomPinned>>();
    assert_unpin::<Oob<'_, PhantomPinned, PhantomPinned>>();
    assert_unpin::<TryOob<'_, PhantomPinned, PhantomPinned>>();
    assert_unpin::<Stepping<'_, u32, u32, PhantomPinned>>();
    let size = size_of::<TryOob<'_, u64, u64>>();
    assert!(size <= 24, "{size}");
    let kept = Rc::new(Port::<u64, u64>::new());
    let size = size_of_val(&*kept);
    assert!(size <= 120, "{size}");
}
