//! The rate limiter: who is admitted when.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::num::NonZeroU32;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use corokit_bg_utils::TimedOut;
use corokit_bg_utils::rate_limiter::{RateLimiter, TryAcquireError};
use corokit_core::time::{TimeSource, block_on, install};
use corokit_lab::{self as lab, Lab};
use corokit_sched_loop::{sleep, spawn};
use futures_lite::future::{poll_once, yield_now};

const SECOND: Duration = Duration::from_secs(1);

fn n(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn window(limit: u32, period: Duration) -> Rc<RateLimiter> {
    Rc::new(RateLimiter::window(n(limit), period))
}

/// Counts how often a future is polled.
async fn counted<F: Future>(polls: Rc<Cell<usize>>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        polls.set(polls.get() + 1);
        future.as_mut().poll(cx)
    })
    .await
}

#[test]
fn those_above_the_limit_come_a_period_later() {
    lab::run(1, |lab| async move {
        let limiter = window(3, SECOND);
        let mut seconds = Vec::new();
        for _ in 0..10 {
            limiter.acquire().await;
            seconds.push(lab.elapsed().as_secs());
        }
        assert_eq!(seconds, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]);
    });
}

#[test]
fn after_a_pause_a_whole_window_is_free_at_once() {
    lab::run(1, |lab| async move {
        let limiter = window(3, SECOND);
        for _ in 0..5 {
            limiter.acquire().await;
        }
        assert_eq!(lab.elapsed(), SECOND);
        sleep(SECOND).await;
        assert_eq!(limiter.available(), 3);
        for _ in 0..3 {
            limiter.acquire().await;
        }
        assert_eq!(lab.elapsed(), 2 * SECOND);
        assert_eq!(limiter.try_acquire(), Err(SECOND));
    });
}

#[test]
fn nobody_is_overtaken() {
    lab::check(50, |lab| async move {
        let limiter = window(3, SECOND);
        limiter.acquire_many(n(3)).unwrap().await;
        let mut acquires = Vec::new();
        for count in [1, 3, 1, 2, 1] {
            let mut acquire = Box::pin(limiter.acquire_many(n(count)).unwrap());
            assert!(poll_once(&mut acquire).await.is_none());
            acquires.push(acquire);
        }
        assert_eq!(limiter.waiting(), 5);
        let log = Rc::new(RefCell::new(Vec::new()));
        all(acquires, &lab, &log).await;
        let log = log.borrow();
        assert_eq!(*log, [(0, 1), (1, 2), (2, 3), (3, 3), (4, 4)]);
        assert_eq!(limiter.waiting(), 0);
    });
}

/// Waits for all of them in one task, and logs which was done when.
async fn all<F: Future<Output = ()> + Unpin>(
    futures: Vec<F>,
    lab: &Lab,
    log: &Rc<RefCell<Vec<(usize, u64)>>>,
) {
    let mut futures: Vec<Option<F>> = futures.into_iter().map(Some).collect();
    poll_fn(|cx| {
        // From the back, so that it is the line which makes the order.
        for (index, slot) in futures.iter_mut().enumerate().rev() {
            if let Some(future) = slot {
                if std::pin::Pin::new(future).poll(cx).is_ready() {
                    log.borrow_mut().push((index, lab.elapsed().as_secs()));
                    *slot = None;
                }
            }
        }
        match futures.iter().all(Option::is_none) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
}

#[test]
fn a_newcomer_waits_behind_those_who_wait() {
    lab::run(1, |_| async move {
        let limiter = window(2, SECOND);
        limiter.acquire().await;
        let mut pair = Box::pin(limiter.acquire_many(n(2)).unwrap());
        assert!(poll_once(&mut pair).await.is_none());
        // There is room for one, but two wait for it.
        assert_eq!(limiter.available(), 1);
        assert_eq!(limiter.try_acquire(), Err(2 * SECOND));
        let mut single = Box::pin(limiter.acquire());
        assert!(poll_once(&mut single).await.is_none());
        drop(pair);
        assert!(poll_once(&mut single).await.is_some());
    });
}

#[test]
fn dropping_the_first_in_line_neither_costs_nor_delays() {
    lab::run(1, |lab| async move {
        let limiter = window(1, SECOND);
        limiter.acquire().await;
        let mut first = Box::pin(limiter.acquire());
        assert!(poll_once(&mut first).await.is_none());
        let second = {
            let limiter = Rc::clone(&limiter);
            spawn(async move { limiter.acquire().await })
        };
        sleep(SECOND / 2).await;
        drop(first);
        second.await;
        assert_eq!(lab.elapsed(), SECOND);
        assert_eq!(limiter.waiting(), 0);
    });
}

/// A clock that jumps to its next timer, and counts how many there are at a time.
#[derive(Debug)]
struct CountedTimers(Mutex<Timers>);

#[derive(Debug)]
struct Timers {
    now: Instant,
    pending: BTreeMap<(Instant, u64), Waker>,
    made: u64,
    most: usize,
}

impl TimeSource for CountedTimers {
    fn now(&self) -> Instant {
        self.0.lock().unwrap().now
    }

    fn register(&self, deadline: Instant, waker: &Waker, previous: Option<u64>) -> u64 {
        let mut timers = self.0.lock().unwrap();
        timers.pending.retain(|&(_, key), _| Some(key) != previous);
        timers.made += 1;
        let key = timers.made;
        timers.pending.insert((deadline, key), waker.clone());
        timers.most = timers.most.max(timers.pending.len());
        key
    }

    fn cancel(&self, deadline: Instant, key: u64) {
        self.0.lock().unwrap().pending.remove(&(deadline, key));
    }

    fn advance(&self) -> bool {
        let mut timers = self.0.lock().unwrap();
        let Some(((deadline, _), waker)) = timers.pending.pop_first() else {
            return false;
        };
        timers.now = deadline;
        drop(timers);
        waker.wake();
        true
    }
}

#[test]
fn a_thousand_wait_in_line_for_one_timer() {
    for limiter in [
        RateLimiter::window(n(1), SECOND),
        RateLimiter::paced(n(1), SECOND),
    ] {
        let clock = Arc::new(CountedTimers(Mutex::new(Timers {
            now: Instant::now(),
            pending: BTreeMap::new(),
            made: 0,
            most: 0,
        })));
        let _installed = install(clock.clone());
        let mut waiting: Vec<_> = (0..1_000)
            .map(|_| Some(Box::pin(limiter.acquire())))
            .collect();
        let mut order = Vec::new();
        block_on(poll_fn(|cx| {
            // First they line up; then from the back, so that it is the line which makes the order.
            let first = order.is_empty();
            for turn in 0..1_000 {
                let index = if first { turn } else { 999 - turn };
                let slot = &mut waiting[index];
                if slot
                    .as_mut()
                    .is_some_and(|acquire| acquire.as_mut().poll(cx).is_ready())
                {
                    *slot = None;
                    order.push(index);
                }
            }
            match order.len() {
                1_000 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
        assert!(order.iter().copied().eq(0..1_000));
        assert_eq!(clock.0.lock().unwrap().most, 1);
    }
}

#[test]
fn a_waiter_is_woken_once() {
    for limiter in [
        RateLimiter::window(n(7), SECOND),
        RateLimiter::paced(n(7), SECOND),
        RateLimiter::paced_with_burst(n(7), SECOND, n(5)),
    ] {
        lab::run(1, |lab| async move {
            let limiter = Rc::new(limiter);
            let polls = Rc::new(Cell::new(0));
            let tasks: Vec<_> = (0..1_000)
                .map(|_| {
                    let (limiter, polls) = (Rc::clone(&limiter), Rc::clone(&polls));
                    spawn(counted(polls, async move { limiter.acquire().await }))
                })
                .collect();
            for task in tasks {
                task.await;
            }
            assert!(lab.elapsed() >= SECOND * 140);
            // Those who did not have to wait were polled once, all others twice.
            assert!(polls.get() <= 2_000, "{polls:?}");
        });
    }
}

#[test]
fn the_wait_that_a_refusal_tells_suffices() {
    lab::run(1, |lab| async move {
        let limiter = window(3, SECOND);
        limiter.try_acquire().unwrap();
        sleep(SECOND / 4).await;
        limiter.try_acquire_many(n(2)).unwrap();
        assert_eq!(limiter.try_acquire(), Err(SECOND * 3 / 4));
        let waiters: Vec<_> = (0..4)
            .map(|_| {
                let limiter = Rc::clone(&limiter);
                spawn(async move { limiter.acquire().await })
            })
            .collect();
        yield_now().await;
        while limiter.waiting() < 4 {
            yield_now().await;
        }
        // They come at 1, 1.25, 1.25 and 2 seconds, so the next is due at 2.25.
        let wait = limiter.try_acquire().unwrap_err();
        assert_eq!(wait, SECOND * 2);
        sleep(wait).await;
        assert_eq!(limiter.try_acquire(), Ok(()));
        assert_eq!(lab.elapsed(), SECOND * 9 / 4);
        for waiter in waiters {
            assert!(waiter.is_finished());
        }
    });
}

#[test]
fn what_never_fits_is_refused_at_once() {
    let limiter = RateLimiter::window(n(3), SECOND);
    let error = limiter.acquire_many(n(4)).unwrap_err();
    assert_eq!((error.asked, error.most), (4, 3));
    assert_eq!(
        limiter.try_acquire_many(n(4)),
        Err(TryAcquireError::TooMany(error))
    );
    assert_eq!(
        error.to_string(),
        "4 are never admitted at once; ask for 3 at most"
    );
    let limiter = RateLimiter::paced(n(60), SECOND);
    assert_eq!(limiter.acquire_many(n(2)).unwrap_err().most, 1);
    assert_eq!(limiter.available(), 1);
}

#[test]
fn pacing_is_even_and_does_not_drift() {
    lab::run(1, |lab| async move {
        // A third of a second is no whole number of nanoseconds.
        let limiter = RateLimiter::paced_with_burst(n(3), SECOND, n(2));
        limiter.acquire_many(n(2)).unwrap().await;
        for _ in 0..3_000 {
            limiter.acquire().await;
        }
        assert_eq!(lab.elapsed(), SECOND * 1_000);
    });
}

#[test]
fn without_a_burst_no_two_are_closer_than_the_spacing() {
    lab::run(1, |lab| async move {
        let limiter = RateLimiter::paced(n(3), SECOND);
        limiter.acquire().await;
        for _ in 0..30 {
            let before = lab.elapsed();
            limiter.acquire().await;
            let spacing = lab.elapsed() - before;
            // Instants are whole nanoseconds.
            assert_eq!(spacing, Duration::from_nanos(333_333_334));
        }
    });
}

#[test]
fn a_burst_is_there_again_after_a_pause() {
    lab::run(1, |lab| async move {
        let limiter = RateLimiter::paced_with_burst(n(1), SECOND, n(3));
        for _ in 0..4 {
            limiter.acquire().await;
        }
        assert_eq!(lab.elapsed(), SECOND);
        sleep(SECOND * 2).await;
        assert_eq!(limiter.available(), 2);
        sleep(SECOND * 10).await;
        assert_eq!(limiter.available(), 3);
        limiter.acquire_many(n(3)).unwrap().await;
        assert_eq!(lab.elapsed(), SECOND * 13);
        assert_eq!(limiter.try_acquire(), Err(SECOND));
    });
}

#[test]
fn a_lock_holds_everybody_and_is_never_shortened() {
    lab::run(1, |lab| async move {
        let limiter = window(1, SECOND);
        limiter.acquire().await;
        let waiter = {
            let limiter = Rc::clone(&limiter);
            spawn(async move { limiter.acquire().await })
        };
        yield_now().await;
        limiter.lock_for(SECOND * 5);
        limiter.lock_for(SECOND * 2);
        assert_eq!(limiter.available(), 0);
        sleep(SECOND * 3).await;
        // Set while somebody waits, it holds that one as well.
        limiter.lock_for(SECOND * 4);
        waiter.await;
        assert_eq!(lab.elapsed(), SECOND * 7);
        assert_eq!(limiter.locked_until(), None);
    });
}

#[test]
fn a_deadline_that_passes_consumes_nothing() {
    lab::run(1, |lab| async move {
        let limiter = window(1, SECOND);
        limiter.acquire().await;
        let soon = corokit_core::time::now() + SECOND / 2;
        let refused = limiter.acquire_deadline(soon);
        assert_eq!(refused, Err(TimedOut));
        assert_eq!(lab.elapsed(), SECOND / 2);
        let late = soon + SECOND;
        assert_eq!(limiter.acquire_deadline(late), Ok(()));
        assert_eq!(lab.elapsed(), SECOND);
    });
}

#[test]
fn whoever_is_dropped_wherever_the_others_come_in_time() {
    lab::cancel_everywhere(|lab| async move {
        let limiter = window(1, SECOND);
        limiter.acquire().await;
        let seconds = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = ["first", "second", "third"]
            .into_iter()
            .map(|name| {
                let (limiter, seconds) = (Rc::clone(&limiter), Rc::clone(&seconds));
                let clock = lab.clone();
                spawn(lab.victim(name, async move {
                    limiter.acquire().await;
                    seconds.borrow_mut().push(clock.elapsed());
                }))
            })
            .collect();
        for task in tasks {
            task.await;
        }
        // One more each second, whoever it is, and none is missed. The one that was dropped when
        // its second had come leaves it to the next, at once.
        let expected: Vec<_> = (1..)
            .map(|count| SECOND * count)
            .take(seconds.borrow().len())
            .collect();
        assert_eq!(*seconds.borrow(), expected);
        assert_eq!(limiter.waiting(), 0);
    });
}

#[test]
fn spurious_polls_change_nothing() {
    let options = lab::Options::new().spurious_wakes(true);
    let explored = options.try_check(100, |lab| async move {
        let limiter = window(1, SECOND);
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let limiter = Rc::clone(&limiter);
                spawn(async move { limiter.acquire().await })
            })
            .collect();
        for task in tasks {
            task.await;
        }
        assert_eq!(lab.elapsed(), SECOND * 3);
    });
    assert!(explored.is_ok(), "{explored:?}");
}

/// What the runtimes run: six acquisitions, three a hundredth of a second.
async fn six() {
    let limiter = RateLimiter::window(n(3), SECOND / 100);
    let start = Instant::now();
    for _ in 0..3 {
        limiter.acquire().await;
    }
    for _ in 0..3 {
        limiter.acquire().await;
    }
    assert!(start.elapsed() >= SECOND / 100);
}

#[test]
fn runs_on_smol() {
    smol::block_on(async { smol::spawn(six()).await });
}

#[test]
fn runs_on_tokio() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(six());
}

#[test]
fn runs_on_corokit() {
    corokit_sched_loop::run(async { spawn(six()).await });
}

#[test]
fn no_window_has_more_though_threads_and_tasks_meet() {
    let period = Duration::from_millis(3);
    let limiter = Arc::new(RateLimiter::window(n(10), period));
    let stamps = Arc::new(Mutex::new(Vec::new()));
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let (limiter, stamps) = (Arc::clone(&limiter), Arc::clone(&stamps));
            std::thread::spawn(move || {
                for _ in 0..20 {
                    let before = Instant::now();
                    match thread % 2 {
                        0 => limiter.acquire_blocking(),
                        _ => smol::block_on(limiter.acquire()),
                    }
                    stamps.lock().unwrap().push((before, Instant::now()));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let mut stamps = stamps.lock().unwrap().clone();
    assert_eq!(stamps.len(), 80);
    // A thread may be stopped between its admission and its look at the clock, so of each the
    // latest possible instant is held against the earliest possible one of the tenth after it.
    stamps.sort_by_key(|&(_, after)| after);
    let first = stamps.iter().map(|&(before, _)| before).min().unwrap();
    let last = stamps.last().unwrap().1;
    assert!(last - first >= period * 7, "{:?}", last - first);
}

#[test]
fn no_time_is_too_short_or_too_long() {
    let most = n(u32::MAX);
    for period in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let limiters = [
            RateLimiter::window(n(1), period),
            RateLimiter::window(most, period),
            RateLimiter::paced(n(1), period),
            RateLimiter::paced(most, period),
            RateLimiter::paced_with_burst(n(1), period, most),
            RateLimiter::paced_with_burst(most, period, most),
        ];
        for limiter in limiters {
            assert_eq!(limiter.try_acquire(), Ok(()));
            let mut waiting = [limiter.acquire(), limiter.acquire()].map(Box::pin);
            for waits in &mut waiting {
                let polled = smol::block_on(poll_once(waits));
                assert!(polled.is_some() || !period.is_zero());
            }
            limiter.lock_until(Instant::now());
            limiter.lock_for(Duration::MAX);
            assert!(limiter.try_acquire().unwrap_err() > SECOND);
            assert_eq!(limiter.available(), 0);
            let late = limiter.acquire_deadline(Instant::now());
            assert_eq!(late, Err(TimedOut));
        }
    }
}
