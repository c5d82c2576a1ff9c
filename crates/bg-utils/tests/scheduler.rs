//! The scheduler: what comes out when.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use corokit_bg_utils::Closed;
use corokit_bg_utils::scheduler::{Due, Key, Scheduler, TryNextError};
use corokit_core::time;
use corokit_lab as lab;
use corokit_sched_loop::{sleep, spawn};
use futures_lite::StreamExt;
use futures_lite::future::{self, poll_once, yield_now};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn items_come_at_their_times_and_not_before() {
    lab::run(1, |lab| async move {
        let scheduler = Scheduler::new();
        for seconds in [3, 1, 2, 7] {
            scheduler.after(SECOND * seconds, seconds).unwrap();
        }
        let mut items = scheduler.stream().take(4);
        while let Some((_, seconds)) = items.next().await {
            assert_eq!(lab.elapsed(), SECOND * seconds);
        }
    });
}

#[test]
fn what_is_overdue_comes_at_once_and_in_order() {
    lab::run(1, |lab| async move {
        let scheduler = Scheduler::new();
        sleep(SECOND * 10).await;
        let now = time::now();
        for index in 0..10 {
            // Pairs are due at the same time.
            scheduler.at(now - SECOND * (index / 2), index).unwrap();
        }
        let mut order = Vec::new();
        while !scheduler.is_empty() {
            order.push(scheduler.next().await.unwrap().1);
        }
        assert_eq!(order, [8, 9, 6, 7, 4, 5, 2, 3, 0, 1]);
        assert_eq!(lab.elapsed(), SECOND * 10);
    });
}

#[test]
fn an_earlier_item_wakes_who_sleeps_for_a_later_one() {
    lab::run(1, |lab| async move {
        let scheduler = Scheduler::new();
        let consumer = {
            let scheduler = scheduler.clone();
            spawn(async move { scheduler.next().await.unwrap().1 })
        };
        sleep(SECOND).await;
        scheduler.after(SECOND * 100, "later").unwrap();
        sleep(SECOND).await;
        scheduler.after(SECOND * 2, "sooner").unwrap();
        assert_eq!(consumer.await, "sooner");
        assert_eq!(lab.elapsed(), SECOND * 4);
    });
}

#[test]
fn cancelling_gives_the_item_back_once() {
    lab::run(1, |lab| async move {
        let scheduler = Scheduler::new();
        let first = scheduler.after(SECOND, "first").unwrap();
        let second = scheduler.after(SECOND * 2, "second").unwrap();
        let consumer = {
            let scheduler = scheduler.clone();
            spawn(async move { scheduler.next().await })
        };
        yield_now().await;
        assert_eq!(scheduler.cancel(first), Some("first"));
        assert_eq!(scheduler.cancel(first), None);
        // Its place is used again, and its key is not.
        let third = scheduler.after(SECOND * 3, "third").unwrap();
        assert_eq!(scheduler.cancel(first), None);
        assert!(!scheduler.reschedule(first, time::now()));
        assert_eq!(consumer.await, Some((second, "second")));
        assert_eq!(lab.elapsed(), SECOND * 2);
        assert_eq!(scheduler.cancel(second), None);
        assert_eq!(scheduler.next().await, Some((third, "third")));
    });
}

#[test]
fn moved_items_come_at_their_new_times() {
    lab::run(1, |lab| async move {
        let scheduler = Scheduler::new();
        let start = time::now();
        let keys: Vec<_> = (1..=4)
            .map(|index| scheduler.at(start + SECOND * index, index).unwrap())
            .collect();
        assert!(scheduler.reschedule(keys[0], start + SECOND * 10));
        assert!(scheduler.reschedule(keys[3], start + SECOND / 2));
        // Equal to the third, and behind it.
        assert!(scheduler.reschedule(keys[1], start + SECOND * 3));
        let mut log = Vec::new();
        while !scheduler.is_empty() {
            let (_, index) = scheduler.next().await.unwrap();
            log.push((index, lab.elapsed().as_millis()));
        }
        assert_eq!(log, [(4, 500), (3, 3_000), (2, 3_000), (1, 10_000)]);
    });
}

#[test]
fn closing_ends_those_who_wait_and_keeps_the_rest() {
    lab::run(1, |lab| async move {
        let scheduler = Scheduler::new();
        let consumers: Vec<_> = (0..3)
            .map(|_| {
                let scheduler = scheduler.clone();
                spawn(async move { scheduler.next().await })
            })
            .collect();
        let idle = {
            let scheduler = scheduler.clone();
            spawn(async move { scheduler.idle().await })
        };
        scheduler.after(SECOND * 2, "b").unwrap();
        scheduler.after(SECOND, "a").unwrap();
        sleep(SECOND / 2).await;
        assert!(scheduler.close());
        for consumer in consumers {
            assert_eq!(consumer.await, None);
        }
        // Nobody will take what is left, so waiting for that would be for ever.
        idle.await;
        assert_eq!(lab.elapsed(), SECOND / 2);
        sleep(SECOND).await;
        // Though one is due.
        assert_eq!(scheduler.next().await, None);
        assert_eq!(scheduler.try_next(), Err(TryNextError::Closed));
        assert_eq!(scheduler.after(SECOND, "c"), Err(Closed("c")));
        let rest: Vec<_> = scheduler
            .drain()
            .into_iter()
            .map(|(_, item)| item)
            .collect();
        assert_eq!(rest, ["a", "b"]);
        assert!(scheduler.is_empty());
    });
}

#[test]
fn who_waits_for_the_end_hears_of_the_last_item_however_it_goes() {
    lab::run(1, |lab| async move {
        let scheduler = Scheduler::new();
        let idle = || {
            let scheduler = scheduler.clone();
            spawn(async move { scheduler.idle().await })
        };
        let key = scheduler.after(SECOND * 5, ()).unwrap();
        let cancelled = idle();
        sleep(SECOND).await;
        assert!(!cancelled.is_finished());
        scheduler.cancel(key);
        cancelled.await;
        assert_eq!(lab.elapsed(), SECOND);

        scheduler.after(SECOND, ()).unwrap();
        let taken = idle();
        yield_now().await;
        scheduler.next().await;
        taken.await;
        assert_eq!(lab.elapsed(), SECOND * 2);

        scheduler.after(SECOND, ()).unwrap();
        let drained = idle();
        yield_now().await;
        scheduler.drain();
        drained.await;
        assert_eq!(lab.elapsed(), SECOND * 2);
    });
}

#[test]
fn consumers_never_get_the_same_item() {
    lab::check(30, |lab| async move {
        let scheduler = Scheduler::new();
        let log = Rc::new(RefCell::new(Vec::new()));
        let consumers: Vec<_> = (0..3)
            .map(|_| {
                let (scheduler, log, lab) = (scheduler.clone(), Rc::clone(&log), lab.clone());
                spawn(async move {
                    while let Some((_, item)) = scheduler.next().await {
                        assert_eq!(lab.elapsed(), SECOND * (item / 2));
                        log.borrow_mut().push(item);
                    }
                })
            })
            .collect();
        for item in 0..20 {
            scheduler.after(SECOND * (item / 2), item).unwrap();
        }
        scheduler.idle().await;
        scheduler.close();
        for consumer in consumers {
            consumer.await;
        }
        // In the order of the line as well.
        assert!(log.borrow().iter().copied().eq(0..20));
    });
}

#[test]
fn a_consumer_that_is_dropped_anywhere_loses_nothing() {
    lab::cancel_everywhere(|lab| async move {
        let scheduler = Scheduler::new();
        for item in 0..4 {
            scheduler.after(SECOND * item, item).unwrap();
        }
        let taken = Rc::new(Cell::new(0));
        let consumers: Vec<_> = ["one", "other"]
            .into_iter()
            .map(|name| {
                let (scheduler, taken) = (scheduler.clone(), Rc::clone(&taken));
                spawn(lab.victim(name, async move {
                    for _ in 0..2 {
                        scheduler.next().await.unwrap();
                        taken.set(taken.get() + 1);
                    }
                }))
            })
            .collect();
        for consumer in consumers {
            consumer.await;
        }
        assert_eq!(taken.get() + scheduler.len(), 4);
        while !scheduler.is_empty() {
            let (_, item) = scheduler.next().await.unwrap();
            assert!(lab.elapsed() >= SECOND * item);
        }
        assert!(lab.elapsed() <= SECOND * 3);
    });
}

#[test]
fn streams_and_waits_for_the_end_may_be_dropped_anywhere() {
    lab::cancel_everywhere(|lab| async move {
        let scheduler = Scheduler::new();
        for item in 0..3 {
            scheduler.after(SECOND * item, item).unwrap();
        }
        let taken = Rc::new(Cell::new(0));
        let (mut items, counter) = (scheduler.stream(), Rc::clone(&taken));
        let stream = spawn(lab.victim("stream", async move {
            while counter.get() < 3 {
                items.next().await.unwrap();
                counter.set(counter.get() + 1);
            }
        }));
        let idle = || {
            let scheduler = scheduler.clone();
            async move { scheduler.idle().await }
        };
        let (victim, other) = (spawn(lab.victim("idle", idle())), spawn(idle()));
        stream.await;
        assert_eq!(taken.get() + scheduler.len(), 3);
        while !scheduler.is_empty() {
            scheduler.next().await.unwrap();
        }
        other.await;
        victim.await;
        assert!(lab.elapsed() <= SECOND * 2);
    });
}

#[test]
fn the_wall_clock_may_be_set() {
    lab::run(1, |lab| async move {
        let (start, midnight) = (time::now(), SystemTime::UNIX_EPOCH + SECOND * 86_400);
        let set = Arc::new(AtomicU64::new(1_000_000));
        let offset = Arc::clone(&set);
        let scheduler = Scheduler::with_wall_clock(move || {
            let offset = offset.load(Ordering::Relaxed);
            midnight + time::now().duration_since(start) + SECOND * offset as u32
                - SECOND * 1_000_000
        });
        scheduler.at_wall(midnight + SECOND * 100, "100").unwrap();
        scheduler.at(start + SECOND * 100, "between").unwrap();
        scheduler
            .at_wall(midnight + SECOND * 100, "100 too")
            .unwrap();
        for expected in ["100", "between", "100 too"] {
            assert_eq!(scheduler.next().await.unwrap().1, expected);
        }
        assert_eq!(lab.elapsed(), SECOND * 100);

        // Set back: it is not early.
        scheduler.at_wall(midnight + SECOND * 200, "200").unwrap();
        set.store(1_000_000 - 50, Ordering::Relaxed);
        assert_eq!(scheduler.next().await.unwrap().1, "200");
        assert_eq!(lab.elapsed(), SECOND * 250);

        // Set forward while somebody waits: it is noticed within half a minute.
        scheduler
            .at_wall(midnight + SECOND * 10_000, "10,000")
            .unwrap();
        let consumer = {
            let scheduler = scheduler.clone();
            spawn(async move { scheduler.next().await.unwrap().1 })
        };
        yield_now().await;
        set.store(2_000_000, Ordering::Relaxed);
        assert_eq!(consumer.await, "10,000");
        assert!(lab.elapsed() <= SECOND * 280);
    });
}

#[test]
fn what_is_due_never_comes_never() {
    let scheduler = Scheduler::new();
    let key = scheduler.after(Duration::MAX, ()).unwrap();
    assert_eq!(future::block_on(poll_once(scheduler.next())), None);
    assert!(matches!(scheduler.due(key), Some(Due::At(_))));
    assert_eq!(scheduler.cancel(key), Some(()));
}

#[derive(Clone, Debug)]
enum Step {
    After(u64),
    Cancel(usize),
    Reschedule(usize, u64),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..100u64).prop_map(Step::After),
        1 => (0..30usize).prop_map(Step::Cancel),
        1 => (0..30usize, 0..100u64).prop_map(|(index, after)| Step::Reschedule(index, after)),
        2 => (0..60u64).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 1..80)
}

/// A case takes long here: half of what other tests are asked for, by `PROPTEST_CASES` or by default.
fn some_cases() -> ProptestConfig {
    ProptestConfig::with_cases(ProptestConfig::default().cases.div_ceil(2))
}

proptest! {
    #![proptest_config(some_cases())]

    /// Beside a list that is sorted by time, in which equals stay as they are.
    #[test]
    fn items_come_as_from_a_sorted_list(steps in steps()) {
        lab::run(5, move |lab| async move {
            let scheduler = Scheduler::new();
            let start = time::now();
            let mut list: Vec<(u64, usize)> = Vec::new();
            let mut keys: Vec<Key> = Vec::new();
            let mut now = 0;
            for step in steps {
                let insert = |list: &mut Vec<(u64, usize)>, due, item| {
                    let index = list.partition_point(|&(other, _)| other <= due);
                    list.insert(index, (due, item));
                };
                match step {
                    Step::After(after) => {
                        let due = start + Duration::from_millis(now + after);
                        keys.push(scheduler.at(due, keys.len()).unwrap());
                        insert(&mut list, now + after, keys.len() - 1);
                    }
                    Step::Cancel(item) if item < keys.len() => {
                        let index = list.iter().position(|&(_, other)| other == item);
                        let expected = index.map(|index| list.remove(index).1);
                        assert_eq!(scheduler.cancel(keys[item]), expected);
                    }
                    Step::Reschedule(item, after) if item < keys.len() => {
                        let due = start + Duration::from_millis(now + after);
                        let index = list.iter().position(|&(_, other)| other == item);
                        assert_eq!(scheduler.reschedule(keys[item], due), index.is_some());
                        if let Some(index) = index {
                            list.remove(index);
                            insert(&mut list, now + after, item);
                        }
                    }
                    Step::Cancel(_) | Step::Reschedule(..) => {}
                    Step::Pass(pass) => {
                        now += pass;
                        let end = start + Duration::from_millis(now);
                        while let Some(&(due, item)) = list.first().filter(|(due, _)| *due <= now) {
                            list.remove(0);
                            let before = lab.elapsed();
                            assert_eq!(scheduler.next().await, Some((keys[item], item)));
                            let due = Duration::from_millis(due);
                            assert_eq!(lab.elapsed(), before.max(due));
                        }
                        let next = list.first().map(|&(due, _)| start + Duration::from_millis(due));
                        assert_eq!(scheduler.next_due(), next);
                        time::sleep_until(end).await;
                    }
                }
                assert_eq!(scheduler.len(), list.len());
            }
            let rest: Vec<_> = scheduler.drain().into_iter().map(|(_, item)| item).collect();
            let expected: Vec<_> = list.into_iter().map(|(_, item)| item).collect();
            assert_eq!(rest, expected);
        });
    }
}

/// What the runtimes run.
async fn in_turn() {
    let scheduler = Scheduler::new();
    let start = Instant::now();
    for millis in [3, 1, 2] {
        let due = start + Duration::from_millis(millis);
        scheduler.at(due, millis).unwrap();
    }
    for millis in [1, 2, 3] {
        assert_eq!(scheduler.next().await.unwrap().1, millis);
        assert!(start.elapsed() >= Duration::from_millis(millis));
    }
}

#[test]
fn runs_on_smol() {
    smol::block_on(async { smol::spawn(in_turn()).await });
}

#[test]
fn runs_on_tokio() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(in_turn());
}

#[test]
fn runs_on_corokit() {
    corokit_sched_loop::run(async { spawn(in_turn()).await });
}

#[test]
fn threads_insert_and_take() {
    let scheduler = Scheduler::new();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let consumers: Vec<_> = (0..2)
        .map(|_| {
            let (scheduler, taken) = (scheduler.clone(), Arc::clone(&taken));
            std::thread::spawn(move || {
                while let Some((_, (due, item))) = scheduler.next_blocking() {
                    assert!(Instant::now() >= due);
                    taken.lock().unwrap().push(item);
                }
            })
        })
        .collect();
    let producers: Vec<_> = (0..2)
        .map(|thread| {
            let scheduler = scheduler.clone();
            std::thread::spawn(move || {
                for item in 0..100 {
                    let due = Instant::now() + Duration::from_micros(item * 37 % 1_000);
                    scheduler.at(due, (due, thread * 100 + item)).unwrap();
                }
            })
        })
        .collect();
    for producer in producers {
        producer.join().unwrap();
    }
    smol::block_on(scheduler.idle());
    scheduler.close();
    for consumer in consumers {
        consumer.join().unwrap();
    }
    let mut taken = taken.lock().unwrap().clone();
    taken.sort_unstable();
    assert!(taken.into_iter().eq(0..200));
}
