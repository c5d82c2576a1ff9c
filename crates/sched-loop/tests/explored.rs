//! Many orders of the same programs, and futures dropped at every point of them.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::rc::Rc;
use std::time::Duration;

use async_lock::Mutex;
use corokit_lab::{Lab, Options, Strategy, cancel_everywhere, panic_everywhere};
use corokit_sched_loop::{
    self as sched_loop, Interrupt, Outcome, TaskExt, create_task_descend, create_task_start, eager,
    interruptible, shield, sleep, spawn, spawn_interruptible, task_interrupt, task_timeout,
};
use futures_lite::future::yield_now;

const SECOND: Duration = Duration::from_secs(1);

/// Runs a body under random and PCT schedules, with faults.
fn explore<Fut: Future<Output = ()> + 'static>(body: impl Fn(Lab) -> Fut) {
    for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
        let options = Options::new()
            .strategy(strategy)
            .spurious_wakes(true)
            .delays(true);
        if let Err(failure) = options.try_check(300, &body) {
            panic!("{failure}");
        }
    }
}

/// A payload that counts what is left of its kind.
struct Payload(Rc<Cell<i32>>);

impl Payload {
    fn new(alive: &Rc<Cell<i32>>) -> Self {
        alive.set(alive.get() + 1);
        Payload(Rc::clone(alive))
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Whatever the order, each payload is delivered or comes back, and is dropped once.
#[test]
fn every_interrupt_is_answered_and_no_payload_is_lost() {
    explore(|_| async {
        let alive = Rc::new(Cell::new(0));
        let delivered = Rc::new(Cell::new(0));
        let targets = [0, 1].map(|shields| {
            let delivered = Rc::clone(&delivered);
            spawn(async move {
                for _ in 0..3 {
                    let body = async {
                        for _ in 0..shields {
                            shield(yield_now()).await;
                        }
                        sleep(SECOND).await;
                    };
                    if let Err(Interrupt { reason }) = interruptible::<Payload, _>(body).await {
                        delivered.set(delivered.get() + 1);
                        drop(reason);
                    }
                }
            })
        });
        let ids = [targets[0].id(), targets[1].id()];
        let answered = Rc::new(Cell::new(0));
        let throwers = [0, 1, 2].map(|number| {
            let (alive, answered) = (Rc::clone(&alive), Rc::clone(&answered));
            spawn(async move {
                for target in ids {
                    if number == 2 {
                        sleep(SECOND).await;
                    }
                    let outcome = task_interrupt(target, Payload::new(&alive)).await;
                    if matches!(outcome, Ok(Outcome::Delivered)) {
                        answered.set(answered.get() + 1);
                    }
                }
            })
        });
        for task in throwers {
            task.await;
        }
        for task in targets {
            task.await;
        }
        assert_eq!(alive.get(), 0);
        assert_eq!(answered.get(), delivered.get());
    });
}

/// A lock that is granted to a body whose time is over goes to the next in line.
#[test]
fn a_timeout_never_takes_a_lock_with_it() {
    explore(|_| async {
        let mutex = Rc::new(Mutex::new(0));
        let tasks = [1, 2, 3].map(|n| {
            let mutex = Rc::clone(&mutex);
            spawn(async move {
                let hold = async {
                    let mut count = mutex.lock().await;
                    *count += 1;
                    sleep(SECOND).await;
                };
                task_timeout(SECOND * n / 2, hold).await.is_ok()
            })
        });
        for task in tasks {
            task.await;
        }
        assert!(mutex.try_lock().is_some());
    });
}

/// One who interrupts may be dropped at any point: the target is interrupted or goes on.
#[test]
fn one_who_interrupts_may_be_dropped_anywhere() {
    let body = |lab: Lab| async move {
        let alive = Rc::new(Cell::new(0));
        let target = spawn(async {
            let body = async {
                shield(yield_now()).await;
                sleep(SECOND).await;
            };
            interruptible::<Payload, _>(body).await.is_ok()
        });
        yield_now().await;
        let id = target.id();
        let interrupt = task_interrupt(id, Payload::new(&alive));
        let thrower = spawn(lab.victim("thrower", interrupt));
        let untouched = target.await;
        match thrower.await {
            Some(outcome) => {
                let delivered = matches!(outcome, Ok(Outcome::Delivered));
                assert_eq!(delivered, !untouched);
                drop(outcome);
            }
            None => assert!(lab.elapsed() == SECOND || !untouched),
        }
        assert_eq!(alive.get(), 0);
    };
    assert!(cancel_everywhere(body).schedules() > 3);
    panic_everywhere(body);
}

/// What waits inside of regions, shields and timeouts may be dropped at any point: whoever threw
/// hears of it, and what was granted passes on.
#[test]
fn one_who_is_interrupted_may_be_dropped_anywhere() {
    let body = |lab: Lab| async move {
        let alive = Rc::new(Cell::new(0));
        let mutex = Rc::new(Mutex::new(()));
        let held = mutex.lock().await;
        let inside = {
            let mutex = Rc::clone(&mutex);
            let wait = async move {
                let _guard = mutex.lock().await;
                yield_now().await;
                shield(async {
                    yield_now().await;
                    yield_now().await;
                })
                .await;
                pending::<()>().await;
            };
            let limited = task_timeout(SECOND * 9, interruptible::<(), _>(wait));
            lab.victim("target", limited)
        };
        let target = spawn_interruptible::<Payload, _>(inside);
        yield_now().await;
        drop(held);
        yield_now().await;
        yield_now().await;
        let outcome = task_interrupt(target.id(), Payload::new(&alive)).await;
        match outcome {
            Ok(outcome) => assert_eq!(outcome.is_delivered(), target.await.is_err()),
            Err(refused) => drop(refused.payload),
        }
        assert_eq!(alive.get(), 0);
        assert!(mutex.try_lock().is_some());
    };
    assert!(cancel_everywhere(body).schedules() > 3);
    panic_everywhere(body);
}

/// Parents that start children, in each way, may be dropped at any point: the children that they
/// hold go with them, and nobody else.
#[test]
fn a_parent_may_be_dropped_anywhere() {
    let body = |lab: Lab| async move {
        let alive = Rc::new(());
        let child = |log: &Rc<RefCell<Vec<u32>>>, n: u32, alive: &Rc<()>| {
            let (log, alive) = (Rc::clone(log), Rc::clone(alive));
            async move {
                let _alive = alive;
                log.borrow_mut().push(n);
                yield_now().await;
                log.borrow_mut().push(n + 10);
            }
        };
        let log = Rc::new(RefCell::new(Vec::new()));
        let parent = {
            let (log, alive) = (Rc::clone(&log), Rc::clone(&alive));
            async move {
                let first = eager(child(&log, 1, &alive));
                let second = create_task_descend(child(&log, 2, &alive)).await.unwrap();
                let third = create_task_start(child(&log, 3, &alive)).await.unwrap();
                first.await;
                second.await;
                third.await;
            }
        };
        let parent = spawn(lab.victim("parent", parent));
        let other = spawn(child(&log, 4, &alive));
        let completed = parent.await.is_some();
        other.await;
        // What was cancelled is dropped when its turn comes.
        for _ in 0..5 {
            yield_now().await;
        }
        assert_eq!(Rc::strong_count(&alive), 1);
        let log = log.borrow();
        assert!(log.contains(&14));
        assert!(!completed || log.len() == 8, "{log:?}");
        assert_eq!(sched_loop::stats().unwrap().blocked, 0);
    };
    assert!(cancel_everywhere(body).schedules() > 3);
    panic_everywhere(body);
}
