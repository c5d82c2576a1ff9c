//! Debug mode: each report once and only once, and nothing that a hook does harms.
#![cfg(not(loom))]

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use corokit_core::TaskId;
use corokit_scheduler::{DebugOptions, LocalExecutor, Report, TaskExt};
use futures_lite::future::{FutureExt, block_on, yield_now};

const SECOND: Duration = Duration::from_secs(1);

/// The reports so far, and a clock that moves by hand.
#[derive(Clone)]
struct Bench {
    reports: Rc<RefCell<Vec<Report>>>,
    now: Rc<Cell<Instant>>,
}

impl Bench {
    fn new() -> Self {
        Bench {
            reports: Rc::default(),
            now: Rc::new(Cell::new(Instant::now())),
        }
    }

    fn options(&self) -> DebugOptions {
        let (reports, now) = (Rc::clone(&self.reports), Rc::clone(&self.now));
        DebugOptions::new()
            .clock(move || now.get())
            .hook(move |report| reports.borrow_mut().push(report.clone()))
    }

    fn executor<'a>(&self) -> LocalExecutor<'a> {
        let executor = LocalExecutor::new();
        executor.set_debug(Some(self.options()));
        executor
    }

    /// Lets time pass.
    fn pass(&self, duration: Duration) {
        self.now.set(self.now.get() + duration);
    }

    fn take(&self) -> Vec<Report> {
        self.reports.take()
    }

    /// Takes the reports, in short.
    fn kinds(&self) -> Vec<(&'static str, TaskId)> {
        self.take().iter().map(kind).collect()
    }
}

fn kind(report: &Report) -> (&'static str, TaskId) {
    match report {
        Report::SlowPoll { task, .. } => ("slow", task.id()),
        Report::DroppedUnfinished { task, .. } => ("dropped", task.id()),
        Report::UnheardPanic { task, .. } => ("panic", task.id()),
        Report::NestedRun { task, .. } => ("nested", task.id()),
        other => panic!("unknown report {other:?}"),
    }
}

fn run_dry(executor: &LocalExecutor<'_>) {
    while executor.try_tick() {}
}

#[test]
fn a_program_without_faults_is_not_reported() {
    let bench = Bench::new();
    let executor = bench.executor();
    let task = executor.spawn(async {
        yield_now().await;
        1
    });
    executor.spawn(async {}).detach();
    assert_eq!(block_on(executor.run(task)), 1);
    run_dry(&executor);
    drop(executor);
    assert_eq!(bench.take(), []);
}

#[test]
fn a_poll_is_slow_from_the_threshold_on() {
    let limit = Duration::from_millis(100);
    let step = Duration::from_millis(1);
    let bench = Bench::new();
    let executor = bench.executor();
    let line = line!() + 1;
    let task = executor.task().name("worker").spawn(async {
        bench.pass(limit - step);
        yield_now().await;
        bench.pass(limit);
        yield_now().await;
        bench.pass(limit + step);
    });
    run_dry(&executor);
    let slow = |report: &Report| match report {
        Report::SlowPoll {
            task,
            took,
            threshold,
        } => {
            assert_eq!((task.name(), *threshold), (Some("worker"), limit));
            let location = task.location().unwrap();
            assert_eq!((location.file(), location.line()), (file!(), line));
            (task.id(), *took)
        }
        other => panic!("{other}"),
    };
    let id = task.metadata().id();
    let slow: Vec<_> = bench.take().iter().map(slow).collect();
    assert_eq!(slow, [(id, limit), (id, limit + step)]);
}

#[test]
fn polls_of_the_main_future_are_watched_too() {
    let bench = Bench::new();
    let executor = bench.executor();
    block_on(executor.run(async {
        yield_now().await;
        bench.pass(SECOND);
    }));
    let reports = bench.take();
    let [Report::SlowPoll { task, took, .. }] = &*reports else {
        panic!("{reports:?}")
    };
    assert_eq!(
        (task.name(), task.location(), *took),
        (Some("main"), None, SECOND)
    );
}

#[test]
fn a_poll_that_panics_is_timed_as_well() {
    let bench = Bench::new();
    let executor = bench.executor();
    let task = executor.spawn(async {
        bench.pass(SECOND);
        panic!("slow and sad");
    });
    let id = task.metadata().id();
    run_dry(&executor);
    assert_eq!(bench.kinds(), [("slow", id)]);
    let heard: Result<(), _> = block_on(AssertUnwindSafe(task).catch_unwind());
    assert_eq!(heard.unwrap_err().downcast_ref(), Some(&"slow and sad"));
}

#[test]
fn a_task_dropped_before_it_finished_is_reported_with_its_polls() {
    let bench = Bench::new();
    let executor = bench.executor();
    let dropped = |polls: u64, by_executor: bool| {
        let reports = bench.take();
        let [
            Report::DroppedUnfinished {
                polls: counted,
                executor_dropped,
                ..
            },
        ] = &*reports
        else {
            panic!("{reports:?}")
        };
        assert_eq!((*counted, *executor_dropped), (polls, by_executor));
    };

    // Never awaited, never polled.
    drop(executor.spawn(async {}));
    assert_eq!(bench.take(), []);
    run_dry(&executor);
    dropped(0, false);

    // Blocked, then cancelled.
    let task = executor.spawn(pending::<()>());
    run_dry(&executor);
    assert_eq!(block_on(executor.run(task.cancel())), None);
    dropped(1, false);

    // Left over.
    executor.spawn(pending::<()>()).detach();
    drop(executor);
    dropped(0, true);
}

#[test]
fn a_report_of_a_drop_comes_after_the_destructors() {
    struct Late(Rc<RefCell<Vec<&'static str>>>);
    impl Drop for Late {
        fn drop(&mut self) {
            self.0.borrow_mut().push("destructor");
        }
    }
    let log = Rc::new(RefCell::new(Vec::new()));
    let hook = Rc::clone(&log);
    let executor = LocalExecutor::new();
    let hook = move |_: &Report| hook.borrow_mut().push("report");
    executor.set_debug(Some(DebugOptions::new().hook(hook)));
    let late = Late(Rc::clone(&log));
    drop(executor.spawn(async move { drop(late) }));
    run_dry(&executor);
    assert_eq!(*log.borrow(), ["destructor", "report"]);
}

#[test]
fn a_panic_of_a_detached_task_is_reported() {
    let bench = Bench::new();
    let executor = bench.executor();
    executor.spawn(async { panic!("text") }).detach();
    executor.spawn(async { panic!("number {}", 1) }).detach();
    let odd = async { std::panic::panic_any(7) };
    executor.spawn(odd).detach();
    run_dry(&executor);
    let message = |report: &Report| match report {
        Report::UnheardPanic { message, .. } => message.as_deref().map(String::from),
        other => panic!("{other}"),
    };
    let messages: Vec<_> = bench.take().iter().map(message).collect();
    let expected = [Some("text".into()), Some("number 1".into()), None];
    assert_eq!(messages, expected);
}

#[test]
fn a_panic_that_somebody_may_hear_is_not_reported() {
    let bench = Bench::new();
    let executor = bench.executor();

    // Awaited by the main future.
    let task = executor.spawn(async { panic!("heard") });
    let caught = catch_unwind(AssertUnwindSafe(|| block_on(executor.run(task))));
    let caught: Result<(), _> = caught;
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"heard"));

    // Awaited when the executor does not run.
    let task = executor.spawn(async { panic!("heard") });
    run_dry(&executor);
    let caught: Result<(), _> = block_on(AssertUnwindSafe(task).catch_unwind());
    assert!(caught.is_err());

    // The main future itself.
    let main = AssertUnwindSafe(executor.run(async { panic!("main") }));
    let caught: Result<(), _> = catch_unwind(|| block_on(main));
    assert!(caught.is_err());

    // Looked at and thrown away by the program: a handle was there.
    let task = executor.spawn(async { panic!("ignored") });
    run_dry(&executor);
    let task: corokit_scheduler::Task<()> = task;
    assert!(task.is_finished());
    drop(task);
    assert_eq!(bench.take(), []);
}

#[test]
fn a_panic_at_a_later_poll_with_other_tasks_ending_around_it_is_reported_once() {
    let bench = Bench::new();
    let executor = Rc::new(bench.executor());
    struct Busy(Rc<LocalExecutor<'static>>);
    impl Drop for Busy {
        fn drop(&mut self) {
            // Another task is spawned, run and freed between the panic and the end of its task.
            self.0.spawn(async {}).detach();
            assert!(self.0.try_tick());
        }
    }
    let busy = Busy(Rc::clone(&executor));
    let mut polls = 0;
    let task = executor.spawn(poll_fn(move |cx| -> Poll<()> {
        let _busy = &busy;
        polls += 1;
        assert!(polls < 2, "second poll");
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    let id = task.metadata().id();
    task.detach();
    run_dry(&executor);
    assert_eq!(bench.kinds(), [("panic", id)]);
}

#[test]
fn a_panic_inside_the_poll_of_another_task_belongs_to_its_own_task() {
    let bench = Bench::new();
    let executor = Rc::new(bench.executor());
    let inner = Rc::clone(&executor);
    let outer = executor.spawn(async move {
        let task = inner.spawn(async { panic!("inner") });
        let id = task.metadata().id();
        task.detach();
        assert!(inner.try_tick());
        id
    });
    executor.try_tick();
    let id = block_on(outer);
    assert_eq!(bench.kinds(), [("panic", id)]);
}

#[test]
fn a_nested_run_is_reported_of_the_task_that_blocks() {
    let bench = Bench::new();
    let executor = bench.executor();
    let here = Location::caller();
    let id = block_on(executor.run(async {
        assert!(executor.report_nested_run(here));
        executor.current_task().unwrap()
    }));
    let reports = bench.take();
    let [Report::NestedRun { task, location }] = &*reports else {
        panic!("{reports:?}")
    };
    assert_eq!((task.id(), *location), (id, here));
    assert!(!executor.report_nested_run(here));
    assert_eq!(bench.take(), []);
}

#[test]
fn a_panic_of_the_hook_is_caught_and_the_next_report_comes() {
    let executor = LocalExecutor::new();
    let calls = Rc::new(Cell::new(0));
    let count = Rc::clone(&calls);
    executor.set_debug(Some(DebugOptions::new().slow_poll(Duration::ZERO).hook(
        move |_| {
            count.set(count.get() + 1);
            panic!("broken hook");
        },
    )));
    let task = executor.spawn(async {
        yield_now().await;
        5
    });
    assert_eq!(block_on(executor.run(task)), 5);
    // Two polls of the task, two of the main future.
    assert_eq!(calls.get(), 4);
    drop(executor.spawn(async {}));
    run_dry(&executor);
    assert_eq!(calls.get(), 5);
    executor.spawn(async { panic!("unheard") }).detach();
    run_dry(&executor);
    assert_eq!(calls.get(), 7);
}

#[test]
fn a_panic_payload_that_panics_when_dropped_is_kept_off_and_the_next_one_is_leaked() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("bomb");
        }
    }
    let executor = LocalExecutor::new();
    let hook = |_: &Report| std::panic::panic_any(Bomb);
    executor.set_debug(Some(DebugOptions::new().hook(hook)));
    drop(executor.spawn(async {}));
    run_dry(&executor);
    assert!(executor.is_empty());
}

#[test]
fn a_hook_may_use_the_executor_and_what_it_causes_is_not_reported() {
    let executor = Rc::new(LocalExecutor::new());
    let calls = Rc::new(Cell::new(0));
    let (count, inner) = (Rc::clone(&calls), Rc::downgrade(&executor));
    executor.set_debug(Some(DebugOptions::new().hook(move |_| {
        count.set(count.get() + 1);
        let executor = inner.upgrade().unwrap();
        drop(executor.spawn(async {}));
        while executor.try_tick() {}
        assert!(executor.task_dump().to_string().contains("tasks"));
        assert!(executor.stats().polls > 0);
    })));
    drop(executor.spawn(async {}));
    run_dry(&executor);
    assert_eq!(calls.get(), 1);
    assert!(executor.is_empty());
}

#[test]
fn a_hook_may_be_replaced_during_a_poll_and_by_itself() {
    let (first, second) = (Bench::new(), Bench::new());
    let executor = Rc::new(first.executor());

    // The hook of the moment of the report is called.
    let (inner, options) = (Rc::clone(&executor), second.options());
    let task = executor.spawn(async move {
        inner.set_debug(Some(options));
        second.pass(SECOND);
        first.pass(SECOND);
        yield_now().await;
        (first, second)
    });
    run_dry(&executor);
    let id = task.metadata().id();
    let (first, second) = block_on(task);
    assert_eq!(first.take(), []);
    assert_eq!(second.kinds(), [("slow", id)]);

    // A hook that replaces itself is dropped when its call is over, whatever its destructor does.
    struct Loud(std::rc::Weak<LocalExecutor<'static>>, Rc<Cell<u32>>);
    impl Drop for Loud {
        fn drop(&mut self) {
            self.1.set(self.1.get() + 1);
            let executor = self.0.upgrade().unwrap();
            assert!(!executor.is_debug());
            drop(executor.spawn(async {}));
            assert!(executor.try_tick());
        }
    }
    let drops = Rc::new(Cell::new(0));
    let loud = Loud(Rc::downgrade(&executor), Rc::clone(&drops));
    executor.set_debug(Some(DebugOptions::new().hook(move |_| {
        loud.0.upgrade().unwrap().set_debug(None);
    })));
    drop(executor.spawn(async {}));
    assert!(executor.try_tick());
    assert_eq!(drops.get(), 1);
}

#[test]
fn a_task_is_watched_if_it_was_spawned_in_debug_mode() {
    let bench = Bench::new();
    let executor = LocalExecutor::new();
    let before = executor.spawn(pending::<()>());
    executor.set_debug(Some(bench.options()));
    let during = executor.spawn(pending::<()>());
    let id = during.metadata().id();
    run_dry(&executor);
    drop((before, during));
    run_dry(&executor);
    assert_eq!(bench.kinds(), [("dropped", id)]);

    let silenced = executor.spawn(pending::<()>());
    executor.set_debug(None);
    drop(silenced);
    run_dry(&executor);
    executor.spawn(async { panic!("unheard") }).detach();
    run_dry(&executor);
    assert_eq!(bench.take(), []);
}

#[test]
fn switching_off_in_a_poll_ends_reports_at_once() {
    let bench = Bench::new();
    let executor = Rc::new(bench.executor());
    let (passing, inner) = (bench.clone(), Rc::clone(&executor));
    let slow_and_sad = async move {
        passing.pass(SECOND);
        inner.set_debug(None);
        panic!("unheard");
    };
    executor.spawn(slow_and_sad).detach();
    run_dry(&executor);
    assert!(executor.is_empty());
    assert_eq!(bench.take(), []);
}

#[test]
fn a_clock_that_panics_at_a_spawn_leaves_no_task_behind() {
    let executor = LocalExecutor::new();
    let broken = || -> Instant { panic!("stopped") };
    executor.set_debug(Some(DebugOptions::new().clock(broken)));
    let spawn = AssertUnwindSafe(|| executor.spawn(async {}));
    assert!(catch_unwind(spawn).is_err());
    assert!(executor.is_empty());
    assert_eq!(executor.stats().blocked, 0);
    assert!(catch_unwind(AssertUnwindSafe(|| executor.task_dump())).is_err());
    executor.set_debug(None);
    let task = executor.spawn(async { 1 });
    assert_eq!(block_on(executor.run(task)), 1);
}

#[test]
fn watched_tasks_run_in_the_same_order_as_others() {
    let order = |executor: LocalExecutor<'static>| {
        let executor = Rc::new(executor);
        let log = Rc::new(RefCell::new(Vec::new()));
        let task = |name: &'static str| {
            let (log, executor) = (Rc::clone(&log), Rc::clone(&executor));
            async move {
                log.borrow_mut().push(name);
                executor.sleep_insert(1).await.unwrap();
                log.borrow_mut().push(name);
                yield_now().await;
                log.borrow_mut().push(name);
            }
        };
        let mut handles = Vec::new();
        executor.spawn_many(["a", "b", "c"].map(task), &mut handles);
        block_on(executor.run(async {
            for handle in handles {
                handle.await;
            }
        }));
        log.take()
    };
    let bench = Bench::new();
    let watched = order(bench.executor());
    assert_eq!(watched.len(), 9);
    assert_eq!(watched, order(LocalExecutor::new()));
    assert_eq!(bench.take(), []);
}

/// Drops a watched task before each of its polls in turn: one report each time, none when done.
#[test]
fn dropped_at_every_poll() {
    let bench = Bench::new();
    for polls in 0..=3_u64 {
        let executor = bench.executor();
        let alive = Rc::new(());
        let held = Rc::clone(&alive);
        let task = executor.spawn(async move {
            let _held = held;
            yield_now().await;
            yield_now().await;
        });
        for _ in 0..polls {
            assert!(executor.try_tick());
        }
        drop(task);
        run_dry(&executor);
        assert_eq!(Rc::strong_count(&alive), 1);
        let expected = if polls < 3 { 1 } else { 0 };
        assert_eq!(bench.take().len(), expected, "after {polls} polls");
        assert!(executor.task_dump().tasks().is_empty());
    }
}

/// An eager call is watched from its first leg on, and goes the same way as one that is not.
#[test]
fn eager_calls_are_watched_from_their_first_leg_and_run_in_the_same_order() {
    let order = |executor: LocalExecutor<'static>| {
        let executor = Rc::new(executor);
        let log = Rc::new(RefCell::new(Vec::new()));
        let leg = |name: &'static str, waits: bool| {
            let log = Rc::clone(&log);
            async move {
                log.borrow_mut().push(name);
                if waits {
                    yield_now().await;
                    log.borrow_mut().push(name);
                }
                name
            }
        };
        block_on(executor.run(async {
            let regular = executor.spawn(leg("regular", true));
            let inline = executor.eager(leg("inline", false));
            assert!(inline.is_finished() && inline.id().is_none());
            let yields = executor.eager(leg("yields", true));
            let blocks = executor.eager(pending::<()>());
            let ready = [regular.id(), yields.id().unwrap(), blocks.id().unwrap()];
            assert_eq!(executor.ready_ids(), ready);
            assert_eq!(inline.into_ready().ok(), Some("inline"));
            let panics = executor.eager(async { panic!("mine") });
            assert!(panics.is_finished());
            let panics: Result<(), _> = AssertUnwindSafe(panics).catch_unwind().await;
            assert_eq!(panics.unwrap_err().downcast_ref(), Some(&"mine"));
            yields.await;
            regular.await;
            blocks.detach();
        }));
        log.take()
    };
    let bench = Bench::new();
    let watched = order(bench.executor());
    assert_eq!(
        watched,
        ["inline", "yields", "regular", "yields", "regular"]
    );
    assert_eq!(watched, order(LocalExecutor::new()));
    // The one that waits for ever is dropped with its executor, and nothing else is amiss.
    assert_eq!(bench.take().len(), 1);

    let executor = bench.executor();
    let now = bench.clone();
    drop(executor.eager(async move { now.pass(SECOND) }));
    let reports = bench.take();
    let [Report::SlowPoll { task, took, .. }] = &reports[..] else {
        panic!("{reports:?}")
    };
    assert_eq!(*took, SECOND);
    assert!(task.location().is_some_and(|at| at.file() == file!()));
}

#[test]
fn a_handle_knows_where_its_task_was_spawned_in_debug_mode() {
    let bench = Bench::new();
    let executor = bench.executor();
    let line = line!() + 1;
    let task = executor.spawn(async {});
    assert_eq!(task.location().unwrap().line(), line);
    run_dry(&executor);
    assert_eq!(task.location(), None);
    let other = LocalExecutor::new();
    assert_eq!(other.spawn(async {}).location(), None);
}

#[test]
fn locations_are_those_of_the_callers() {
    let bench = Bench::new();
    let executor = bench.executor();
    let mut many = Vec::new();
    let first = line!() + 1;
    let one = executor.spawn(async {});
    let two = executor.task().name("two").spawn(async {});
    executor.spawn_many([ready(()), ready(())], &mut many);
    let lines: Vec<u32> = executor
        .task_dump()
        .tasks()
        .iter()
        .map(|task| task.location().unwrap().line() - first)
        .collect();
    assert_eq!(lines, [0, 1, 2, 2]);
    run_dry(&executor);
    drop((one, two, many));
}

#[test]
fn every_report_reads_well() {
    let bench = Bench::new();
    let executor = Rc::new(bench.executor());
    let location = Location::caller();
    let named = executor.task().name("x").location(location);
    let (passing, inner) = (bench.clone(), Rc::clone(&executor));
    let task = named.spawn(async move {
        passing.pass(SECOND);
        inner.report_nested_run(location);
        drop(inner);
        pending::<()>().await;
    });
    let who = format!(
        "task {} \"x\" (spawned at {location})",
        task.metadata().id()
    );
    run_dry(&executor);
    drop(task);
    run_dry(&executor);
    let unheard = executor.task().name("x").location(location);
    let unheard = unheard.spawn(async { panic!("oh") });
    let panicked = format!(
        "task {} \"x\" (spawned at {location}) panicked, and nobody holds its handle: oh",
        unheard.metadata().id()
    );
    corokit_scheduler::Task::<()>::detach(unheard);
    run_dry(&executor);
    let lines: Vec<String> = bench.take().iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            format!("{who} blocks: it runs an event loop at {location}"),
            format!("{who} took 1s in one poll, the limit is 100ms"),
            format!("{who} was dropped before it finished, after 1 poll"),
            panicked,
        ]
    );
}

/// The default hook writes to standard error and must not need anything else.
#[test]
fn the_default_hook_can_be_called() {
    let executor = LocalExecutor::new();
    executor.set_debug(Some(DebugOptions::default()));
    drop(executor.spawn(async {}));
    run_dry(&executor);
    assert!(executor.is_empty());
}

#[test]
fn a_future_that_needs_no_more_than_the_executor_may_be_watched() {
    fn check<'a>(executor: &LocalExecutor<'a>, text: &'a str) -> impl Future<Output = usize> {
        executor.spawn(async move { text.len() })
    }
    let text = String::from("borrowed");
    let executor = Bench::new().executor();
    let task = check(&executor, &text);
    assert_eq!(block_on(executor.run(task)), 8);
}
