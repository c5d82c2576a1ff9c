//! The shutdown: who hears of it, who holds it up, and what its stages do.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake};
use std::time::{Duration, Instant};

use corokit_bg_utils::TimedOut;
use corokit_bg_utils::shutdown::{Outcome, Reason, Report, Shutdown, Stages};
use corokit_lab::{self as lab, Lab};
use corokit_sched_loop::{sleep, spawn};
use futures_lite::future::{self, pending, poll_once, yield_now};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn everybody_hears_of_the_first_reason() {
    lab::check(30, |_| async move {
        let shutdown = Shutdown::new();
        let waiters: Vec<_> = (0..3).map(|_| spawn(shutdown.wait())).collect();
        let triggers: Vec<_> = ["one", "other"]
            .into_iter()
            .map(|reason| {
                let shutdown = shutdown.clone();
                spawn(async move { shutdown.trigger(reason) })
            })
            .collect();
        let mut first = Vec::new();
        for trigger in triggers {
            first.push(trigger.await);
        }
        assert_ne!(first[0], first[1]);
        let reason = Reason::from(if first[0] { "one" } else { "other" });
        for waiter in waiters {
            assert_eq!(waiter.await, reason);
        }
        // It stays triggered.
        assert_eq!(poll_once(shutdown.wait()).await, Some(reason));
    });
}

#[test]
fn a_part_ends_with_the_whole_or_alone() {
    lab::run(1, |_| async move {
        let shutdown = Shutdown::new();
        let part = shutdown.token();
        let deep = part.token();
        let waiter = spawn(deep.wait());
        let other = shutdown.token();
        yield_now().await;
        part.trigger("the part");
        assert_eq!(waiter.await, "the part".into());
        assert!(!shutdown.is_triggered() && !other.is_triggered());
        shutdown.trigger("the whole");
        assert_eq!(other.reason(), Some("the whole".into()));
        assert_eq!(deep.reason(), Some("the part".into()));
        // Parts that are made too late are told at once.
        assert_eq!(shutdown.token().token().reason(), Some("the whole".into()));
    });
}

/// Logs a number when it is woken.
struct Logs(u32, Arc<Mutex<Vec<u32>>>);

impl Wake for Logs {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0);
    }
}

#[test]
fn parts_hear_of_it_in_the_order_in_which_they_were_made() {
    let whole = Shutdown::new();
    let mut waits = Vec::new();
    // Each part has a part, and both have one who waits.
    for _ in 0..20 {
        let part = whole.token();
        waits.extend([part.wait(), part.token().wait()]);
    }
    waits.insert(0, whole.wait());
    let log = Arc::new(Mutex::new(Vec::new()));
    for (number, wait) in (0..).zip(&mut waits) {
        let waker = Arc::new(Logs(number, Arc::clone(&log))).into();
        let polled = Pin::new(wait).poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    whole.trigger("enough");
    assert!(log.lock().unwrap().iter().copied().eq(0..41));
}

#[test]
fn parts_of_parts_may_be_as_many_as_they_like() {
    let whole = Shutdown::new();
    let mut part = whole.token();
    for _ in 0..200_000 {
        part = part.token();
    }
    let hold = part.hold();
    assert_eq!(whole.holds(), 1);
    whole.trigger("enough");
    assert!(part.is_triggered());
    drop((hold, part));
    assert_eq!(whole.holds(), 0);
}

#[test]
fn what_is_guarded_is_gone_when_its_guard_tells() {
    lab::run(1, |_| async move {
        let shutdown = Shutdown::new();
        let alive = Rc::new(());
        let held = Rc::clone(&alive);
        let guarded = spawn(shutdown.guard(async move {
            let _held = held;
            pending::<()>().await;
        }));
        let done = shutdown.guard(async { 5 }).await;
        assert_eq!(done, Ok(5));
        yield_now().await;
        shutdown.trigger("enough");
        assert_eq!(guarded.await, Err("enough".into()));
        assert_eq!(Rc::strong_count(&alive), 1);
        // What is ready completes all the same.
        assert_eq!(shutdown.guard(async { 5 }).await, Ok(5));
    });
}

#[test]
fn holds_count_for_the_part_and_the_whole() {
    lab::run(1, |_| async move {
        let shutdown = Shutdown::new();
        let [part, other] = [shutdown.token(), shutdown.token()];
        let hold = part.hold();
        let clone = hold.clone();
        assert_eq!((shutdown.holds(), part.holds(), other.holds()), (2, 2, 0));
        other.done().await;
        let whole = spawn(shutdown.done());
        yield_now().await;
        drop(hold);
        yield_now().await;
        assert!(!whole.is_finished());
        drop(clone);
        whole.await;
        assert_eq!(shutdown.holds(), 0);
        // It can be held up again.
        let hold = shutdown.hold();
        assert_eq!(poll_once(shutdown.done()).await, None);
        drop(hold);
        shutdown.done().await;
    });
}

#[test]
fn those_who_wait_may_be_dropped_anywhere() {
    lab::cancel_everywhere(|lab| async move {
        let shutdown = Shutdown::new();
        let hold = shutdown.hold();
        let victims = [
            spawn(lab.victim("wait", {
                let wait = shutdown.wait();
                async move { drop(wait.await) }
            })),
            spawn(lab.victim("guard", {
                let guard = shutdown.token().guard(pending::<()>());
                async move { drop(guard.await) }
            })),
            spawn(lab.victim("done", shutdown.done())),
        ];
        let others = (spawn(shutdown.wait()), spawn(shutdown.done()));
        yield_now().await;
        shutdown.trigger("enough");
        others.0.await;
        drop(hold);
        others.1.await;
        for victim in victims {
            victim.await;
        }
    });
}

fn names(report: &Report) -> Vec<&str> {
    report.stages.iter().map(|stage| &*stage.name).collect()
}

/// Stages of every kind.
fn unruly() -> Stages {
    let mut stages = Stages::new().each(SECOND * 10);
    stages
        .stage("fails", async || Err::<(), _>(io::Error::other("no")))
        .stage("sync panic", || -> future::Ready<()> { panic!("early") })
        .stage("async panic", async || {
            yield_now().await;
            let early = false;
            assert!(early, "late {}", 1);
        })
        .stage("hangs", pending::<()>)
        .stage_within("takes long", SECOND * 100, || {
            corokit_core::time::sleep(SECOND * 50)
        })
        .stage("is quick", async || ());
    stages
}

#[test]
fn all_stages_run_in_order_whatever_becomes_of_them() {
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let report = corokit_lab::Options::new()
        .allow_panics(true)
        .try_run(|_| unruly().run())
        .unwrap();
    std::panic::set_hook(quiet);
    let lines: Vec<_> = report.to_string().lines().map(str::to_owned).collect();
    let expected = [
        "fails: failed in 0ns: no",
        "sync panic: panicked in 0ns: early",
        "async panic: panicked in 0ns: late 1",
        "hangs: gave up after 10s",
        "takes long: done in 50s",
        "is quick: done in 0ns",
    ];
    assert_eq!(lines, expected);
    assert!(!report.is_ok());
}

#[test]
fn there_is_one_time_for_all_and_each_is_polled_at_least() {
    lab::run(1, |lab| async move {
        let mut stages = Stages::new().total(SECOND * 5);
        stages
            .stage("takes three", || corokit_core::time::sleep(SECOND * 3))
            .stage("hangs", pending::<()>)
            .stage("hangs too", pending::<()>)
            .stage("is quick", async || ());
        let report = stages.run().await;
        assert_eq!(lab.elapsed(), SECOND * 5);
        let took: Vec<_> = report
            .stages
            .iter()
            .map(|stage| stage.took.as_secs())
            .collect();
        assert_eq!(took, [3, 2, 0, 0]);
        assert!(matches!(report.stages[2].outcome, Outcome::TimedOut));
        assert!(matches!(report.stages[3].outcome, Outcome::Done));
    });
}

#[test]
fn a_stage_is_gone_before_the_next_one_begins() {
    lab::run(1, |_| async move {
        let mut stages = Stages::new().each(SECOND);
        let alive = Arc::new(());
        let (held, seen) = (Arc::clone(&alive), Arc::clone(&alive));
        stages
            .stage("hangs", move || async move {
                let _held = held;
                pending::<()>().await;
            })
            .stage("looks", move || async move {
                assert_eq!(Arc::strong_count(&seen), 2);
            });
        let report = stages.run().await;
        assert!(matches!(report.stages[1].outcome, Outcome::Done));
    });
}

#[test]
fn a_start_that_fails_is_undone_from_the_last_step_back() {
    lab::run(1, |lab| async move {
        let log = Arc::new(Mutex::new(Vec::new()));
        let undo = |name: &'static str| {
            let log = Arc::clone(&log);
            move || async move { log.lock().unwrap().push(name) }
        };
        let start = async |stages: &mut Stages| {
            sleep(SECOND).await;
            stages.stage("one", undo("one"));
            stages.stage("two", undo("two"));
            sleep(SECOND).await;
            Err::<(), _>("three fails")
        };
        let failed = Stages::new().start(start).await.unwrap_err();
        assert_eq!(failed.error, "three fails");
        assert_eq!(failed.to_string(), "the start failed: three fails");
        assert_eq!(names(&failed.report), ["two", "one"]);
        assert_eq!(*log.lock().unwrap(), ["two", "one"]);
        assert_eq!(lab.elapsed(), SECOND * 2);
    });
}

/// A start of three steps, the last of which fails, and whatever undoes them.
async fn started(lab: Lab) {
    let (alive, undone) = (Arc::new(()), Arc::new(Mutex::new(Vec::new())));
    let (held, log) = (Arc::clone(&alive), Arc::clone(&undone));
    let start = Stages::new().each(SECOND).start(async move |stages| {
        for step in 0..3 {
            let (held, log) = (Arc::clone(&held), Arc::clone(&log));
            stages.stage(step.to_string(), move || async move {
                yield_now().await;
                log.lock().unwrap().push(step);
                drop(held);
                match step {
                    1 => pending().await,
                    _ => Ok::<_, io::Error>(()),
                }
            });
            sleep(SECOND).await;
        }
        Err::<(), _>("no")
    });
    let other = spawn(async {
        sleep(SECOND * 10).await;
        5
    });
    let start = spawn(lab.victim("start", async move {
        let rolled_back = start.await.unwrap_err();
        rolled_back.report.stages.len()
    }));
    let stages = start.await;
    assert_eq!(other.await, 5);
    let undone = undone.lock().unwrap();
    assert_eq!(undone[..], [2, 1, 0][..undone.len()]);
    // Whether or not it came to an end, nothing is left of it.
    assert_eq!(Arc::strong_count(&alive), 1);
    if stages.is_some() {
        assert_eq!((stages, undone.len()), (Some(3), 3));
    }
}

#[test]
fn a_start_and_its_stages_may_be_dropped_anywhere_and_run_in_every_order() {
    lab::cancel_everywhere(started);
    lab::panic_everywhere(started);
    lab::check(100, started);
}

#[test]
fn a_start_that_succeeds_leaves_what_undoes_it_for_the_end() {
    lab::run(1, |_| async move {
        let start = async |stages: &mut Stages| {
            stages.stage("one", async || ()).stage("two", async || ());
            Ok::<_, ()>(5)
        };
        let (started, mut stages) = Stages::new().start(start).await.unwrap();
        assert_eq!(started, 5);
        stages.stage("last", async || ());
        assert_eq!(names(&stages.run().await), ["two", "one", "last"]);
    });
}

#[test]
fn a_start_that_panics_is_undone_as_well() {
    let undone = Rc::new(Cell::new(false));
    let log = Arc::new(Mutex::new(Vec::new()));
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let seen = Arc::clone(&log);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let start = async |stages: &mut Stages| -> Result<(), ()> {
            stages.stage(
                "one",
                move || async move { seen.lock().unwrap().push("one") },
            );
            panic!("two")
        };
        let _ = future::block_on(Stages::new().start(start));
        undone.set(true);
    }));
    std::panic::set_hook(quiet);
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"two"));
    assert_eq!(*log.lock().unwrap(), ["one"]);
    assert!(!undone.get());
}

#[test]
fn threads_and_loops_end_together() {
    let shutdown = Shutdown::new();
    let log = Arc::new(Mutex::new(Vec::new()));
    let mut stages = Stages::new().each(SECOND * 20);
    for name in ["thread", "smol", "corokit", "tokio"] {
        let (told, hold, log) = (shutdown.token(), shutdown.hold(), Arc::clone(&log));
        let thread = std::thread::spawn(move || {
            let _hold = hold;
            let reason = match name {
                "thread" => told.wait_blocking(),
                "smol" => smol::block_on(told.wait()),
                "corokit" => corokit_sched_loop::run(told.wait()),
                _ => {
                    let runtime = tokio::runtime::Builder::new_current_thread().build();
                    runtime.unwrap().block_on(told.wait())
                }
            };
            log.lock().unwrap().push(reason.to_string());
        });
        stages.thread(name, thread);
    }
    assert_eq!(shutdown.wait_deadline(Instant::now()), Err(TimedOut));
    assert_eq!(shutdown.done_deadline(Instant::now()), Err(TimedOut));
    shutdown.trigger("enough".to_owned());
    shutdown.done_blocking();
    assert_eq!(*log.lock().unwrap(), ["enough"; 4]);
    let report = smol::block_on(stages.run());
    assert!(report.is_ok(), "{report}");
}

#[test]
fn a_thread_that_panics_or_hangs_is_reported() {
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let mut stages = Stages::new().each(SECOND / 100);
    stages.thread("hangs", std::thread::spawn(move || receiver.recv()));
    let panics = std::thread::spawn(|| panic!("ouch"));
    while !panics.is_finished() {
        std::thread::yield_now();
    }
    let mut patient = Stages::new();
    patient.thread("panics", panics);
    let report = smol::block_on(stages.run());
    assert!(matches!(report.stages[0].outcome, Outcome::TimedOut));
    let report = smol::block_on(patient.run());
    std::panic::set_hook(quiet);
    match &report.stages[0].outcome {
        Outcome::Panicked(message) => assert_eq!(message, "ouch"),
        outcome => panic!("{outcome:?}"),
    }
    drop(sender);
}

#[test]
fn a_wait_that_is_polled_by_another_task_wakes_that_one() {
    lab::run(1, |_| async move {
        let shutdown = Shutdown::new();
        let mut wait = Box::pin(shutdown.wait());
        assert!(poll_once(&mut wait).await.is_none());
        let other = spawn(wait);
        yield_now().await;
        shutdown.trigger("enough");
        assert_eq!(other.await, "enough".into());
    });
}
