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
    waker: Mutex<Option<Waker>>,
}

impl Manual {
    fn new() -> Arc<Self> {
        let now = Mutex::new(Instant::now());
        let log = Mutex::default();
        let waker = Mutex::default();
        Arc::new(Manual { now, log, waker })
    }

    fn set_forward(&self, by: Duration) {
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

    fn register(&self, _: Instant, waker: &Waker, previous: Option<u64>) -> u64 {
        *self.waker.lock().unwrap() = Some(waker.clone());
        self.log.lock().unwrap().push(format!("after {previous:?}"));
        previous.map_or(1, |previous| previous + 1)
    }

    fn cancel(&self, _: Instant, key: u64) {
        self.log.lock().unwrap().push(format!("cancel {key}"));
    }

    /// An hour passes, and whoever asked last is woken.
    fn advance(&self) -> bool {
        let waker = self.waker.lock().unwrap().take();
        self.log
            .lock()
            .unwrap()
            .push(format!("advance {}", waker.is_some()));
        *self.now.lock().unwrap() += Duration::from_secs(3_600);
        waker.map(Waker::wake).is_some()
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
    clock.set_forward(SECOND);
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
    inner.set_forward(SECOND);
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

#[test]
fn a_thread_that_blocks_lets_time_pass_when_there_is_nothing_to_do() {
    let clock = Manual::new();
    let _installed = time::install(clock.clone());
    let start = time::now();
    let answer = time::block_on(async {
        // There is something to do: time does not pass.
        futures_lite::future::yield_now().await;
        assert_eq!(time::now(), start);
        time::sleep(SECOND).await;
        42
    });
    assert_eq!(answer, 42);
    assert_eq!(time::now() - start, Duration::from_secs(3_600));
    assert_eq!(clock.take_log(), ["after None", "advance true", "cancel 1"]);
}

#[test]
fn a_thread_that_blocks_is_woken_from_another_one() {
    let clock = Manual::new();
    let _installed = time::install(clock.clone());
    let mut other = None;
    let answer = time::block_on(std::future::poll_fn(|cx| match &other {
        None => {
            let waker = cx.waker().clone();
            other = Some(thread::spawn(move || waker.wake()));
            Poll::Pending
        }
        Some(_) => Poll::Ready(42),
    }));
    other.unwrap().join().unwrap();
    assert_eq!(answer, 42);
}
