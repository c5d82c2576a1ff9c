//! Threads that have been given another source of time.
#![cfg(feature = "virtual-time")]

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use corokit_core::time::{self, TimeSource};

/// A clock that is set by hand, and notes what is asked of it.
#[derive(Debug)]
struct Manual {
    now: Mutex<Instant>,
    log: Mutex<Vec<String>>,
}

impl Manual {
    fn new() -> Arc<Self> {
        let now = Mutex::new(Instant::now());
        let log = Mutex::default();
        Arc::new(Manual { now, log })
    }

    fn advance(&self, by: Duration) {
        *self.now.lock().unwrap() += by;
    }

    fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

impl TimeSource for Manual {
    fn now(&self) -> Instant {
        *self.now.lock().unwrap()
    }

    fn register(&self, _: Instant, _: &Waker, previous: Option<u64>) -> u64 {
        self.log.lock().unwrap().push(format!("after {previous:?}"));
        previous.map_or(1, |previous| previous + 1)
    }

    fn cancel(&self, key: u64) {
        self.log.lock().unwrap().push(format!("cancel {key}"));
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_timer_asks_the_source_and_takes_its_registration_back() {
    let clock = Manual::new();
    let _installed = time::install(clock.clone());
    let mut cx = Context::from_waker(Waker::noop());
    let mut sleep = pin!(time::sleep(SECOND));
    assert_eq!(sleep.as_mut().poll(&mut cx), Poll::Pending);
    assert_eq!(sleep.as_mut().poll(&mut cx), Poll::Pending);
    clock.advance(SECOND);
    assert_eq!(sleep.as_mut().poll(&mut cx), Poll::Ready(()));
    assert_eq!(
        clock.take_log(),
        ["after None", "after Some(1)", "cancel 2"]
    );
}

#[test]
fn a_timer_that_is_dropped_takes_its_registration_back() {
    let clock = Manual::new();
    let _installed = time::install(clock.clone());
    let mut sleep = Box::pin(time::sleep(SECOND));
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(sleep.as_mut().poll(&mut cx), Poll::Pending);
    drop(sleep);
    drop(time::sleep(SECOND));
    assert_eq!(clock.take_log(), ["after None", "cancel 1"]);
}

#[test]
fn a_timer_in_the_past_is_over_without_a_registration() {
    let clock = Manual::new();
    let _installed = time::install(clock.clone());
    let mut sleep = pin!(time::sleep_until(time::now()));
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(sleep.as_mut().poll(&mut cx), Poll::Ready(()));
    assert!(clock.take_log().is_empty());
}

#[test]
fn a_timer_keeps_the_source_that_it_was_made_with() {
    let clock = Manual::new();
    let installed = time::install(clock.clone());
    let mut sleep = Box::pin(time::sleep(SECOND));
    drop(installed);
    let now = Instant::now();
    assert!(time::now() >= now);
    let polled = thread::spawn(move || {
        let mut cx = Context::from_waker(Waker::noop());
        sleep.as_mut().poll(&mut cx)
    });
    assert_eq!(polled.join().unwrap(), Poll::Pending);
    assert_eq!(clock.take_log(), ["after None", "cancel 1"]);
}

#[test]
fn sources_nest_and_belong_to_their_thread() {
    let (outer, inner) = (Manual::new(), Manual::new());
    inner.advance(SECOND);
    let outer_guard = time::install(outer.clone());
    let inner_guard = time::install(inner.clone());
    assert_eq!(time::now(), inner.now());
    let elsewhere = thread::spawn(time::now).join().unwrap();
    assert_ne!(elsewhere, inner.now());
    drop(inner_guard);
    assert_eq!(time::now(), outer.now());
    drop(outer_guard);
    assert_ne!(time::now(), outer.now());
}
