//! The lockout: who goes on when.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use corokit_bg_utils::TimedOut;
use corokit_bg_utils::lockout::Lockout;
use corokit_lab as lab;
use corokit_sched_loop::{sleep, spawn};
use futures_lite::future::{poll_once, yield_now};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_open_one_lets_everybody_go_on() {
    let lockout = Lockout::default();
    assert_eq!(smol::block_on(poll_once(lockout.wait())), Some(()));
    assert_eq!(lockout.locked_until(), None);
}

#[test]
fn the_latest_instant_counts() {
    lab::run(1, |lab| async move {
        let lockout = Lockout::new();
        lockout.lock_for(SECOND);
        lockout.lock_for(SECOND * 3);
        lockout.lock_for(SECOND);
        // Nobody has locked it for a holder to be there: it is over when the time is.
        lockout.wait().await;
        assert_eq!(lab.elapsed(), SECOND * 3);
        assert!(!lockout.is_locked());
        lockout.wait().await;
        assert_eq!(lab.elapsed(), SECOND * 3);
    });
}

#[test]
fn a_lock_set_meanwhile_is_waited_for() {
    lab::run(1, |lab| async move {
        let lockout = Rc::new(Lockout::new());
        lockout.lock_for(SECOND);
        let waiter = {
            let lockout = Rc::clone(&lockout);
            spawn(async move { lockout.wait().await })
        };
        sleep(SECOND / 2).await;
        lockout.lock_for(SECOND * 2);
        waiter.await;
        assert_eq!(lab.elapsed(), SECOND * 5 / 2);
    });
}

#[test]
fn clearing_frees_everybody() {
    lab::run(1, |lab| async move {
        let lockout = Rc::new(Lockout::new());
        for lock in [SECOND, Duration::MAX] {
            lockout.lock_for(lock);
            assert!(lockout.is_locked());
            let waiters: Vec<_> = (0..10)
                .map(|_| {
                    let lockout = Rc::clone(&lockout);
                    spawn(async move { lockout.wait().await })
                })
                .collect();
            while lockout.waiting() < 10 {
                yield_now().await;
            }
            lockout.clear();
            for waiter in waiters {
                waiter.await;
            }
            assert_eq!(lab.elapsed(), Duration::ZERO);
        }
    });
}

#[test]
fn they_are_released_in_the_order_in_which_they_came() {
    lab::check(50, |_| async move {
        let lockout = Rc::new(Lockout::new());
        lockout.lock_for(SECOND);
        let log = Rc::new(RefCell::new(Vec::new()));
        let mut tasks = Vec::new();
        for number in 0..8 {
            let waiters = lockout.waiting();
            tasks.push({
                let (lockout, log) = (Rc::clone(&lockout), Rc::clone(&log));
                spawn(async move {
                    lockout.wait().await;
                    log.borrow_mut().push(number);
                })
            });
            while lockout.waiting() == waiters {
                yield_now().await;
            }
        }
        for task in tasks {
            task.await;
        }
        assert!(log.borrow().is_sorted());
    });
}

#[test]
fn whoever_is_dropped_the_lock_holds_for_the_others() {
    lab::cancel_everywhere(|lab| async move {
        let lockout = Rc::new(Lockout::new());
        lockout.lock_for(SECOND);
        let tasks: Vec<_> = ["first", "second"]
            .into_iter()
            .map(|name| {
                let (lockout, clock) = (Rc::clone(&lockout), lab.clone());
                spawn(lab.victim(name, async move {
                    lockout.wait().await;
                    assert_eq!(clock.elapsed(), SECOND);
                }))
            })
            .collect();
        lockout.wait().await;
        assert_eq!(lab.elapsed(), SECOND);
        for task in tasks {
            task.await;
        }
        assert_eq!(lockout.waiting(), 0);
    });
}

#[test]
fn it_can_be_printed_while_it_is_locked() {
    let lockout = Lockout::new();
    lockout.lock_for(SECOND * 3_600);
    assert!(format!("{lockout:?}").starts_with("Lockout { locked_until: Some("));
}

#[test]
fn threads_wait_too() {
    let late = Lockout::new();
    late.lock_for(SECOND * 3_600);
    assert_eq!(late.wait_deadline(Instant::now()), Err(TimedOut));

    let lockout = Lockout::new();
    let start = Instant::now();
    lockout.lock_for(SECOND / 50);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| lockout.wait_blocking());
        }
    });
    assert!(start.elapsed() >= SECOND / 50);
}

async fn wait() {
    let lockout = Lockout::new();
    let start = Instant::now();
    lockout.lock_for(SECOND / 100);
    lockout.wait().await;
    assert!(start.elapsed() >= SECOND / 100);
}

#[test]
fn runs_on_smol() {
    smol::block_on(async { smol::spawn(wait()).await });
}

#[test]
fn runs_on_tokio() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(wait());
}

#[test]
fn runs_on_corokit() {
    corokit_sched_loop::run(async { spawn(wait()).await });
}
