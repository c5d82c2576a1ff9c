//! Victims, spurious wake-ups, delays, invariants.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use corokit_lab::{Happening, Lab, Options, Strategy, cancel_everywhere, panic_everywhere, run};
use corokit_sched_loop::{TaskExt, all_tasks, current, sleep, spawn, task_timeout};
use event_listener::Event;
use futures_lite::FutureExt;
use futures_lite::future::yield_now;

/// Notes that it was dropped, and how.
struct Guard(Drops, &'static str);

/// Who was dropped, whether by a panic, and whether inside of a loop.
type Drops = Rc<RefCell<Vec<(&'static str, bool, bool)>>>;

impl Drop for Guard {
    fn drop(&mut self) {
        let note = (self.1, std::thread::panicking(), current().is_some());
        self.0.borrow_mut().push(note);
    }
}

#[test]
fn a_victim_is_struck_before_each_step_at_which_it_is_alive() {
    let lives = Rc::new(RefCell::new(Vec::new()));
    let noted = Rc::clone(&lives);
    let explored = cancel_everywhere(move |lab| {
        let noted = Rc::clone(&noted);
        async move {
            let life = Rc::new(Cell::new(0));
            let steps = Rc::clone(&life);
            let victim = async move {
                for _ in 0..3 {
                    steps.set(steps.get() + 1);
                    yield_now().await;
                }
                steps.set(4);
            };
            let outcome = lab.victim("victim", victim).await;
            noted.borrow_mut().push((life.get(), outcome.is_some()));
        }
    });
    // Undisturbed, and after each of its three waits; it is made and first polled in one step.
    assert_eq!(explored.schedules(), 4);
    assert_eq!(
        *lives.borrow(),
        [(4, true), (1, false), (2, false), (3, false)]
    );
}

#[test]
fn a_victim_in_a_task_is_struck_before_its_first_poll_and_when_woken() {
    let lives = Rc::new(RefCell::new(BTreeSet::new()));
    let noted = Rc::clone(&lives);
    let explored = Options::new()
        .strategy(Strategy::Fifo)
        .try_cancel_everywhere(move |lab| {
            let noted = Rc::clone(&noted);
            async move {
                let (life, event) = (Rc::new(Cell::new("never polled")), Rc::new(Event::new()));
                let (state, listener) = (Rc::clone(&life), event.listen());
                let victim = async move {
                    state.set("waits");
                    listener.await;
                    state.set("done");
                };
                let task = spawn(lab.victim("victim", victim));
                yield_now().await;
                if life.get() == "waits" {
                    life.set("woken");
                }
                event.notify(1);
                yield_now().await;
                task.await;
                noted.borrow_mut().insert(life.get());
            }
        });
    explored.unwrap();
    let lives: Vec<_> = lives.borrow().iter().copied().collect();
    assert_eq!(lives, ["done", "never polled", "woken"]);
}

#[test]
fn victims_inside_of_victims_are_struck_each() {
    let drops = Rc::new(RefCell::new(BTreeSet::new()));
    let noted = Rc::clone(&drops);
    cancel_everywhere(move |lab| {
        let noted = Rc::clone(&noted);
        async move {
            let log = Rc::new(RefCell::new(Vec::new()));
            let inner = Guard(Rc::clone(&log), "inner");
            let inner = lab.victim("inner", async move {
                let _guard = inner;
                yield_now().await;
            });
            let outer = Guard(Rc::clone(&log), "outer");
            let outer = lab.victim("outer", async move {
                let _guard = outer;
                inner.await.is_some()
            });
            let outcome = outer.await;
            let dropped: Vec<_> = log.borrow().iter().map(|(name, ..)| *name).collect();
            noted.borrow_mut().insert((outcome, dropped));
        }
    });
    let drops: Vec<_> = drops.borrow().iter().cloned().collect();
    let expected = [
        (None, vec!["inner", "outer"]),
        (Some(false), vec!["inner", "outer"]),
        (Some(true), vec!["inner", "outer"]),
    ];
    assert_eq!(drops, expected);
}

#[test]
fn victims_that_the_program_drops_are_left_alone() {
    let explored = cancel_everywhere(|lab| async move {
        drop(lab.victim("never polled", yield_now()));
        let slow = lab.victim("loser", std::future::pending::<()>());
        let quick = async {
            yield_now().await;
            None
        };
        assert!(slow.or(quick).await.is_none());
        for _ in 0..5 {
            yield_now().await;
        }
    });
    // The loser waits at one step.
    assert_eq!(explored.schedules(), 2);
}

#[test]
fn a_victim_that_has_completed_is_not_struck() {
    let explored = cancel_everywhere(|lab| async move {
        assert_eq!(lab.victim("quick", async { 1 }).await, Some(1));
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(explored.schedules(), 1);
}

#[test]
#[should_panic(expected = "polled after completion")]
fn a_victim_that_is_polled_after_completion_panics() {
    run(1, |lab| async move {
        let mut victim = std::pin::pin!(lab.victim("victim", async {}));
        victim.as_mut().await;
        victim.await;
    });
}

#[test]
fn a_victim_is_dropped_inside_of_its_loop_and_by_a_panic_if_asked() {
    for panics in [false, true] {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&seen);
        let body = move |lab: Lab| {
            let guard = Guard(Rc::clone(&log), "victim");
            async move {
                let victim = async move {
                    let _guard = guard;
                    yield_now().await;
                };
                lab.victim("victim", victim).await;
            }
        };
        match panics {
            true => panic_everywhere(body),
            false => cancel_everywhere(body),
        };
        let expected = [("victim", false, true), ("victim", panics, true)];
        assert_eq!(*seen.borrow(), expected);
    }
}

/// A destructor that panics fails the run in which it does, with a token.
#[test]
fn a_destructor_of_a_victim_that_panics_fails_the_run() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(current().is_none() || all_tasks().len() > 1, "boom");
        }
    }
    let body = |lab: Lab| async move {
        let bomb = Bomb;
        let other = spawn(std::future::pending::<()>());
        let victim = async move {
            let _bomb = bomb;
            yield_now().await;
            other.cancel().await;
            yield_now().await;
        };
        lab.victim("victim", victim).await;
    };
    let failure = Options::new().try_cancel_everywhere(body).unwrap_err();
    assert!(failure.to_string().contains("boom"), "{failure}");
}

#[test]
fn a_strike_is_in_the_trace_and_in_the_report() {
    let body = |lab: Lab| async move {
        let nap = sleep(Duration::from_secs(1));
        let nap = lab.victim("sleeper", nap);
        assert!(nap.await.is_some(), "woken too early");
    };
    let failure = Options::new().try_cancel_everywhere(body).unwrap_err();
    let struck = |event: &&corokit_lab::Event| event.happening() == Happening::Struck;
    let struck = failure.trace().iter().find(struck).unwrap();
    assert_eq!(struck.to_string(), "sleeper struck");
    let report = failure.to_string();
    assert!(
        report.contains("victim \"sleeper\" was dropped before step 1"),
        "{report}"
    );
    let again = Options::new()
        .try_replay(failure.token(), body)
        .unwrap_err();
    assert_eq!(again.to_string(), report);
}

/// Takes whatever wakes it for what it waits for.
async fn hasty() {
    let mut first = true;
    std::future::poll_fn(|_| match std::mem::take(&mut first) {
        true => std::task::Poll::Pending,
        false => std::task::Poll::Ready(()),
    })
    .await;
}

async fn is_hasty(_: Lab) {
    let task = spawn(hasty());
    for _ in 0..10 {
        yield_now().await;
    }
    assert!(!task.is_finished(), "nothing has happened");
}

#[test]
fn spurious_wakes_are_found_by_every_strategy() {
    for strategy in [Strategy::Random, Strategy::Pct { depth: 2 }] {
        let options = Options::new().strategy(strategy);
        assert!(options.try_check(100, is_hasty).is_ok());
        assert!(
            options
                .spurious_wakes(true)
                .try_check(100, is_hasty)
                .is_err()
        );
    }
    let options = Options::new().spurious_wakes(true);
    assert!(options.try_exhaustive(1, is_hasty).is_err());
}

#[test]
fn what_is_sound_stands_spurious_wakes_and_delays() {
    let options = Options::new().spurious_wakes(true).delays(true);
    let explored = options.try_check(300, |_| async {
        let lock = Rc::new(async_lock::Mutex::new(0));
        let (sender, receiver) = async_channel::bounded(1);
        let tasks = [(); 3].map(|()| {
            let (lock, sender) = (Rc::clone(&lock), sender.clone());
            spawn(async move {
                let mut guard = lock.lock().await;
                let read = *guard;
                sleep(Duration::from_secs(1)).await;
                *guard = read + 1;
                drop(guard);
                sender.send(()).await.unwrap();
            })
        });
        for _ in &tasks {
            receiver.recv().await.unwrap();
        }
        for task in tasks {
            task.await;
        }
        assert_eq!(*lock.lock().await, 3);
    });
    assert!(explored.is_ok(), "{explored:?}");
}

#[test]
fn delays_are_found_by_every_strategy() {
    let body = |_: Lab| async {
        let hit = task_timeout(Duration::from_secs(1), spawn(yield_now())).await;
        assert!(hit.is_ok(), "ran out of time");
    };
    for strategy in [Strategy::Random, Strategy::Pct { depth: 2 }] {
        let options = Options::new().strategy(strategy);
        assert!(options.try_check(100, body).is_ok());
        assert!(options.delays(true).try_check(100, body).is_err());
    }
    assert!(Options::new().delays(true).try_exhaustive(1, body).is_err());
}

#[test]
fn an_invariant_is_checked_after_each_step() {
    let body = |lab: Lab| async move {
        let level = Rc::new(Cell::new(0));
        let seen = Rc::clone(&level);
        lab.always(move || {
            assert!(current().is_some());
            assert!(seen.get() < 2, "too high");
        });
        let tasks = [(); 2].map(|()| {
            let level = Rc::clone(&level);
            spawn(async move {
                level.set(level.get() + 1);
                yield_now().await;
                level.set(level.get() - 1);
            })
        });
        for task in tasks {
            task.await;
        }
    };
    let failure = Options::new().try_check(100, body).unwrap_err();
    assert!(failure.to_string().contains("too high"));
    let again = Options::new()
        .try_replay(failure.token(), body)
        .unwrap_err();
    assert_eq!(again.trace(), failure.trace());
}

#[test]
fn an_invariant_may_add_another_one() {
    let calls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&calls);
    run(1, |lab| async move {
        let weak = lab.clone();
        let once = Cell::new(true);
        lab.always(move || {
            if once.take() {
                let counted = Rc::clone(&counted);
                weak.always(move || counted.set(counted.get() + 1));
            }
        });
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(calls.get(), 3);
}

#[test]
fn a_victim_tells_its_task() {
    run(1, |lab| async move {
        let task = spawn(lab.victim("victim", async { 3 }));
        assert!(format!("{:?}", lab.victim("other", async {})).contains("other"));
        assert!(all_tasks().iter().any(|info| info.id() == task.id()));
        assert_eq!(task.await, Some(3));
    });
}
