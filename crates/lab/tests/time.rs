//! The clock of a run.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use corokit_core::time::now;
use corokit_lab::{FailureKind, Lab, Options, Strategy, check, run};
use corokit_sched_loop::{
    EventLoop, Sleep, TimedOut, current, sleep, sleep_until, spawn, task_timeout,
};
use futures_lite::future::yield_now;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs a body first in, first out.
fn fifo<T: 'static, Fut: Future<Output = T> + 'static>(body: impl FnOnce(Lab) -> Fut) -> T {
    let options = Options::new().strategy(Strategy::Fifo);
    options.try_run(body).unwrap()
}

#[test]
fn timers_of_one_instant_end_in_the_order_in_which_they_were_armed() {
    let log = fifo(|_| async {
        let log = Rc::new(RefCell::new(Vec::new()));
        let deadline = now() + SECOND;
        let tasks = [3, 1, 2].map(|name| {
            let log = Rc::clone(&log);
            spawn(async move {
                // The first one arms its timer last.
                for _ in 0..name {
                    yield_now().await;
                }
                sleep_until(deadline).await;
                log.borrow_mut().push(name);
            })
        });
        for task in tasks {
            task.await;
        }
        log.take()
    });
    assert_eq!(log, [1, 2, 3]);
}

#[test]
fn a_timer_that_is_polled_again_keeps_its_place() {
    fifo(|_| async {
        let deadline = now() + SECOND;
        let (mut early, mut late) = (sleep_until(deadline), sleep_until(deadline));
        let waker = |name| Waker::from(std::sync::Arc::new(Named(name)));
        let poll = |timer: &mut Sleep, name| {
            let waker = waker(name);
            Pin::new(timer).poll(&mut Context::from_waker(&waker))
        };
        assert!(poll(&mut early, "early").is_pending());
        assert!(poll(&mut late, "late").is_pending());
        assert!(poll(&mut early, "early, again").is_pending());
        sleep_until(deadline).await;
        assert_eq!(WOKEN.take(), ["early, again", "late"]);
    });
}

thread_local! {
    static WOKEN: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

struct Named(&'static str);

impl std::task::Wake for Named {
    fn wake(self: std::sync::Arc<Self>) {
        WOKEN.with_borrow_mut(|woken| woken.push(self.0));
    }
}

#[test]
fn timers_armed_during_a_jump_count_from_where_it_ended() {
    check(50, |lab| async move {
        let tasks = [(); 3].map(|()| {
            let lab = lab.clone();
            spawn(async move {
                sleep(SECOND).await;
                assert_eq!(lab.elapsed(), SECOND);
                // Of no length: nobody's clock moves for it.
                sleep(Duration::ZERO).await;
                assert_eq!(lab.elapsed(), SECOND);
                sleep(SECOND).await;
                assert_eq!(lab.elapsed(), 2 * SECOND);
            })
        });
        for task in tasks {
            task.await;
        }
    });
}

#[test]
fn a_timer_in_the_past_is_over_at_its_first_poll() {
    run(1, |lab| async move {
        sleep(SECOND).await;
        let mut timer = sleep_until(now() - SECOND);
        let poll = Pin::new(&mut timer).poll(&mut Context::from_waker(Waker::noop()));
        assert!(poll.is_ready());
        assert_eq!(lab.elapsed(), SECOND);
    });
}

#[test]
fn time_stands_still_while_anything_can_run() {
    check(50, |lab| async move {
        let timer = spawn(sleep(Duration::from_nanos(1)));
        for _ in 0..100 {
            yield_now().await;
            assert_eq!(lab.elapsed(), Duration::ZERO);
        }
        assert!(!timer.is_finished());
        timer.await;
        assert_eq!(lab.elapsed(), Duration::from_nanos(1));
    });
}

#[test]
fn a_timer_that_was_dropped_does_not_move_the_clock() {
    run(1, |lab| async move {
        let mut dropped = sleep(SECOND);
        poll_fn(|cx| {
            assert!(Pin::new(&mut dropped).poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(dropped);
        sleep(2 * SECOND).await;
        assert_eq!(lab.elapsed(), 2 * SECOND);
    });
    let run = Options::new().trace(|_| async {
        let mut dropped = sleep(SECOND);
        poll_fn(|cx| Poll::Ready(Pin::new(&mut dropped).poll(cx).is_pending())).await;
        drop(dropped);
        sleep(2 * SECOND).await;
    });
    assert_eq!(run.unwrap().steps, 3, "poll, jump, poll");
}

#[test]
fn a_million_timers() {
    const INSTANTS: u32 = 1_000;
    run(1, |lab| async move {
        let instant = |n: u32| Duration::from_millis(u64::from(n % INSTANTS) + 1);
        let mut timers: Vec<Sleep> = (0..1_000 * INSTANTS).map(|n| sleep(instant(n))).collect();
        poll_fn(|cx| {
            for timer in &mut timers {
                assert!(Pin::new(timer).poll(cx).is_pending());
            }
            Poll::Ready(())
        })
        .await;
        for (n, timer) in (0..).zip(&mut timers).take(INSTANTS as usize) {
            timer.await;
            assert_eq!(lab.elapsed(), instant(n));
        }
        assert!(timers.iter_mut().all(is_over));
    });
}

fn is_over(timer: &mut Sleep) -> bool {
    let poll = Pin::new(timer).poll(&mut Context::from_waker(Waker::noop()));
    poll.is_ready()
}

#[test]
fn ten_thousand_tasks_that_sleep() {
    run(1, |lab| async move {
        let sleeper = |n| spawn(sleep(Duration::from_secs(n)));
        let tasks: Vec<_> = (1..=10_000).map(sleeper).collect();
        for task in tasks {
            task.await;
        }
        assert_eq!(lab.elapsed(), Duration::from_secs(10_000));
    });
}

#[test]
fn an_interval_over_years() {
    run(1, |lab| async move {
        let mut next = now();
        for day in 1..=10 * 365 {
            next += DAY;
            sleep_until(next).await;
            assert_eq!(lab.elapsed(), day * DAY);
        }
    });
}

#[test]
fn timeouts_of_the_event_loop_obey() {
    check(50, |lab| async move {
        let slow = task_timeout(SECOND, sleep(DAY)).await;
        assert_eq!(slow, Err(TimedOut));
        assert_eq!(lab.elapsed(), SECOND);
        assert_eq!(task_timeout(DAY, sleep(SECOND)).await, Ok(()));
        assert_eq!(lab.elapsed(), 2 * SECOND);
    });
}

#[test]
fn a_stall_is_reported_with_the_tasks() {
    let body = |_| async {
        let handle = current().unwrap();
        let never = handle.task().name("never");
        let never = never.spawn(std::future::pending::<()>());
        // Too long for any clock, so there is no timer either.
        let endless = spawn(sleep(Duration::MAX));
        never.await;
        endless.await;
    };
    let failure = Options::new().try_check(10, body).unwrap_err();
    let FailureKind::Deadlock { tasks } = failure.kind() else {
        panic!("{failure}");
    };
    let lines: Vec<&str> = tasks.lines().map(str::trim).collect();
    assert_eq!(lines, ["main: blocked", "never: blocked", "#1: blocked"]);
}

#[test]
fn a_stall_after_years_is_one_too() {
    let body = |_| async {
        sleep(1_000 * DAY).await;
        std::future::pending::<()>().await;
    };
    let failure = Options::new().try_run(body).unwrap_err();
    assert!(matches!(failure.kind(), FailureKind::Deadlock { .. }));
    assert_eq!(failure.trace().last().unwrap().at(), 1_000 * DAY);
}

/// Notes when, and in which loop, it was dropped.
struct Leftover {
    lab: Lab,
    start: Instant,
    dropped: Rc<Cell<Option<(Duration, bool)>>>,
}

impl Drop for Leftover {
    fn drop(&mut self) {
        assert_eq!(now() - self.start, self.lab.elapsed());
        self.dropped
            .set(Some((self.lab.elapsed(), current().is_some())));
    }
}

#[test]
fn what_is_left_is_dropped_under_the_clock_and_in_the_loop_of_the_run() {
    for fails in [false, true] {
        let dropped = Rc::new(Cell::new(None));
        let seen = Rc::clone(&dropped);
        let outcome = Options::new().allow_panics(true).try_run(|lab| async move {
            let start = now();
            let leftover = Leftover {
                lab,
                start,
                dropped: seen,
            };
            spawn(async move {
                let _leftover = leftover;
                std::future::pending::<()>().await;
            })
            .detach();
            sleep(DAY).await;
            assert!(!fails);
        });
        assert_eq!(outcome.is_err(), fails);
        assert_eq!(dropped.get(), Some((DAY, true)));
    }
}

#[test]
fn an_event_loop_inside_of_a_body_passes_the_time() {
    check(20, |lab| async move {
        let outer = spawn(sleep(2 * SECOND));
        let inner = EventLoop::new().run(async {
            let task = spawn(async {
                sleep(3 * SECOND).await;
                7
            });
            sleep(SECOND).await;
            task.await
        });
        // The thread was blocked, and the outer timer is overdue.
        assert_eq!((inner, lab.elapsed()), (7, 3 * SECOND));
        outer.await;
        assert_eq!(lab.elapsed(), 3 * SECOND);
    });
}

#[test]
fn an_event_loop_inside_of_a_body_that_stalls_is_a_failure() {
    let body = |_| async { EventLoop::new().run(std::future::pending::<()>()) };
    let failure = Options::new().try_check(1, body).unwrap_err();
    assert!(
        failure
            .to_string()
            .contains("is blocked, and there is no timer")
    );
}

#[test]
fn a_run_inside_of_a_run_has_a_clock_of_its_own() {
    run(1, |outer| async move {
        sleep(SECOND).await;
        run(2, |inner| async move {
            assert_eq!(inner.elapsed(), Duration::ZERO);
            sleep(DAY).await;
            assert_eq!(inner.elapsed(), DAY);
        });
        assert_eq!(outer.elapsed(), SECOND);
        sleep(SECOND).await;
        assert_eq!(outer.elapsed(), 2 * SECOND);
    });
}

#[test]
fn the_clock_of_the_thread_is_restored() {
    run(1, |_| sleep(1_000 * DAY));
    let _ = Options::new().try_run(|_| async { panic!("no") });
    assert!(now() <= Instant::now());
}
