//! The flag: a level and an edge.
#![cfg(not(loom))]
#![cfg(feature = "flag")]

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use corokit_lab::{Lab, cancel_everywhere, check};
use corokit_sched_loop::spawn;
use corokit_sync_bridge::{Flag, TimedOut};
use futures_lite::future::yield_now;

fn poll(future: &mut (impl Future<Output = ()> + Unpin)) -> Poll<()> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn who_comes_while_it_is_set_does_not_wait() {
    let flag = Flag::new(true);
    assert!(poll(&mut flag.wait()).is_ready());
    flag.wait_blocking();
    assert_eq!(flag.waiting(), 0);
}

#[test]
fn set_and_cleared_at_once_wakes_all_who_waited_and_nobody_after() {
    let flag = Flag::new(false);
    let mut waits: Vec<_> = (0..3).map(|_| flag.wait()).collect();
    // The last has only been made.
    for wait in &mut waits[..2] {
        assert!(poll(wait).is_pending());
    }
    assert!(flag.set() && flag.clear());
    let mut late = flag.wait();
    assert!(poll(&mut late).is_pending());
    for mut wait in waits {
        assert!(poll(&mut wait).is_ready());
    }
    assert!(poll(&mut late).is_pending());
    assert_eq!(flag.waiting(), 1);
}

#[test]
fn cleared_and_set_again_wakes_too() {
    let flag = Flag::new(true);
    flag.clear();
    let mut wait = flag.wait();
    assert!(poll(&mut wait).is_pending());
    for _ in 0..2 {
        flag.set();
        flag.clear();
    }
    assert!(poll(&mut wait).is_ready());
}

#[test]
fn who_goes_away_is_forgotten() {
    let flag = Flag::new(false);
    let mut waits = [flag.wait(), flag.wait()];
    for wait in &mut waits {
        assert!(poll(wait).is_pending());
    }
    let [first, mut second] = waits;
    drop(first);
    assert_eq!(flag.waiting(), 1);
    flag.set();
    assert!(poll(&mut second).is_ready());
}

/// Writes its number down when it is woken, and asks the flag whether it is set.
struct Writes(usize, Arc<(Flag, Mutex<Vec<usize>>)>);

impl Wake for Writes {
    fn wake(self: Arc<Self>) {
        let (flag, log) = &*self.1;
        // No lock is held: one may ask the flag anything.
        assert!(flag.is_set());
        assert_eq!(flag.waiting(), 0);
        log.lock().unwrap().push(self.0);
    }
}

#[test]
fn they_are_woken_in_the_order_in_which_they_came() {
    let shared = Arc::new((Flag::new(false), Mutex::new(Vec::new())));
    let mut waits: Vec<_> = (0..5).map(|_| shared.0.wait()).collect();
    for number in [3, 0, 4, 1, 2] {
        let waker = Waker::from(Arc::new(Writes(number, Arc::clone(&shared))));
        let polled = Pin::new(&mut waits[number]).poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    shared.0.set();
    assert_eq!(*shared.1.lock().unwrap(), [3, 0, 4, 1, 2]);
}

#[test]
fn threads_wait_too_and_give_up_at_a_deadline() {
    let flag = Flag::default();
    let flag = &flag;
    let soon = Instant::now() + Duration::from_millis(1);
    assert_eq!(flag.wait_deadline(soon), Err(TimedOut));
    assert_eq!(flag.waiting(), 0);
    thread::scope(|scope| {
        let far = Instant::now() + Duration::from_secs(60);
        scope.spawn(|| flag.wait_blocking());
        scope.spawn(move || assert_eq!(flag.wait_deadline(far), Ok(())));
        flag.set();
    });
}

/// What was done before the flag was set is seen by those who find it set.
#[test]
fn it_hands_over_what_was_done_before() {
    let flags = [Flag::new(false), Flag::new(false)];
    let value = Mutex::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=500 {
                *value.try_lock().expect("nobody else has it") = round;
                flags[0].set();
                flags[1].wait_blocking();
                flags[1].clear();
            }
        });
        for round in 1..=500 {
            flags[0].wait_blocking();
            assert_eq!(*value.try_lock().expect("nobody else has it"), round);
            flags[0].clear();
            flags[1].set();
        }
    });
}

async fn everybody_passes(lab: Option<Lab>) {
    let flag = Rc::new(Flag::new(false));
    let guest = || {
        let flag = Rc::clone(&flag);
        async move { flag.wait().await }
    };
    let victim = match &lab {
        Some(lab) => spawn(lab.victim("victim", guest())),
        None => spawn(async move { Some(()) }),
    };
    let guests = [(); 3].map(|()| spawn(guest()));
    for _ in 0..3 {
        yield_now().await;
    }
    flag.set();
    for guest in guests {
        guest.await;
    }
    victim.await;
    assert_eq!(flag.waiting(), 0);
}

#[test]
fn in_every_order_everybody_passes() {
    check(300, |_| everybody_passes(None));
}

#[test]
fn anybody_may_be_dropped_anywhere() {
    cancel_everywhere(|lab| everybody_passes(Some(lab)));
}

#[test]
fn on_smol_on_tokio_and_on_corokit() {
    async fn round() {
        let flag = Arc::new(Flag::new(false));
        let setter = Arc::clone(&flag);
        let thread = thread::spawn(move || setter.set());
        flag.wait().await;
        assert!(thread.join().unwrap());
    }
    smol::block_on(round());
    corokit_sched_loop::run(round());
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(round());
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        std::panic::resume_unwind(Box::new("a waker panics"));
    }
}

#[test]
fn a_waker_that_panics_does_not_keep_the_flag_from_others() {
    let shared = Arc::new((Flag::new(false), Mutex::new(Vec::new())));
    let mut waits = [(); 3].map(|()| shared.0.wait());
    for (number, wait) in waits.iter_mut().enumerate() {
        let waker = match number {
            0 => Waker::from(Arc::new(Panics)),
            _ => Waker::from(Arc::new(Writes(number, Arc::clone(&shared)))),
        };
        let polled = Pin::new(wait).poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    catch_unwind(AssertUnwindSafe(|| shared.0.set())).unwrap_err();
    assert_eq!(*shared.1.lock().unwrap(), [1, 2]);
}
