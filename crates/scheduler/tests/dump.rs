//! What a task dump shows.
#![cfg(not(loom))]

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use async_channel::Receiver;
use corokit_core::TaskState;
use corokit_scheduler::{DebugOptions, LocalExecutor, TaskDetails};
use futures_lite::future::{block_on, yield_now, zip};

/// Where the innermost of three async functions waits.
const LEAF_LINE: u32 = line!() + 2;
async fn leaf(receiver: &Receiver<()>) {
    let _ = receiver.recv().await;
}

async fn middle(receiver: &Receiver<()>) {
    leaf(receiver).await;
}

async fn outer(receiver: Receiver<()>) {
    middle(&receiver).await;
}

fn run_dry(executor: &LocalExecutor<'_>) {
    while executor.try_tick() {}
}

fn debugged<'a>() -> LocalExecutor<'a> {
    let executor = LocalExecutor::new();
    executor.set_debug(Some(DebugOptions::new().hook(|_| ())));
    executor
}

/// The lines on the way from where the task waits to the task, one list for each waker kept.
fn waits(details: &TaskDetails) -> Vec<Vec<String>> {
    let waits = details.waits_at().expect("the task is blocked");
    let line = |frames: Vec<_>| frames.iter().map(ToString::to_string).collect();
    waits.into_iter().map(line).collect()
}

#[cfg(debug_assertions)]
#[test]
fn a_blocked_task_shows_the_line_of_the_leaf_three_functions_deep() {
    let (sender, receiver) = async_channel::unbounded();
    let executor = debugged();
    let task = executor.task().name("deep").spawn(outer(receiver));
    run_dry(&executor);

    let dump = executor.task_dump();
    let text = dump.to_string();
    let waits = waits(&dump.tasks()[0]);
    let leaf = format!("tests/dump.rs:{LEAF_LINE}:");
    let middle = format!("tests/dump.rs:{}:", LEAF_LINE + 4);
    let outer = format!("tests/dump.rs:{}:", LEAF_LINE + 8);
    let place = |place: &str| waits[0].iter().position(|line| line.contains(place));
    assert!(place(&leaf).unwrap() < place(&middle).unwrap(), "{text}");
    assert!(place(&middle).unwrap() < place(&outer).unwrap(), "{text}");
    assert!(text.contains(&leaf), "{text}");
    // Neither the machinery nor the standard library is in the way.
    let machinery = |line: &String| line.contains("corokit_") || line.contains("/rustc/");
    assert!(!waits[0].iter().any(machinery), "{text}");

    // Nothing is lost by looking: the real waker was kept.
    sender.try_send(()).unwrap();
    run_dry(&executor);
    assert!(task.is_finished());
}

#[cfg(debug_assertions)]
#[test]
fn the_place_is_that_of_the_last_poll_and_each_branch_has_one() {
    let (first_sender, first) = async_channel::unbounded::<()>();
    let (_second_sender, second) = async_channel::unbounded::<()>();
    let executor = debugged();
    let line = line!() + 2;
    let task = executor.spawn(async move {
        let _ = first.recv().await;
        let _ = zip(second.recv(), leaf(&second)).await;
    });
    run_dry(&executor);
    let at = |line: u32| format!("tests/dump.rs:{line}:");
    let before = executor.task_dump();
    first_sender.try_send(()).unwrap();
    run_dry(&executor);
    let after = executor.task_dump();

    let before = waits(&before.tasks()[0]);
    assert_eq!(before.len(), 1);
    assert!(before[0].last().unwrap().contains(&at(line)), "{before:?}");
    let after = waits(&after.tasks()[0]);
    assert!(after.len() >= 2, "{after:?}");
    let all: Vec<&String> = after.iter().flatten().collect();
    assert!(all.iter().any(|one| one.contains(&at(LEAF_LINE))));
    assert!(!all.iter().any(|one| one.contains(&at(line))), "{after:?}");
    drop(task);
}

#[test]
fn a_task_that_kept_no_waker_is_told_apart() {
    let executor = debugged();
    let lost = executor.spawn(pending::<()>());
    run_dry(&executor);
    let dump = executor.task_dump();
    assert_eq!(dump.tasks()[0].waits_at(), Some(vec![]));
    assert!(dump.to_string().contains("kept no waker"), "{dump}");
    drop(lost);
}

#[test]
fn no_more_than_eight_places_are_kept() {
    let executor = debugged();
    let mut kept = Vec::new();
    let greedy = executor.spawn(poll_fn(move |cx| -> Poll<()> {
        kept.extend((0..20).map(|_| cx.waker().clone()));
        Poll::Pending
    }));
    run_dry(&executor);
    let dump = executor.task_dump();
    assert_eq!(dump.tasks()[0].waits_at().unwrap().len(), 8);
    drop(greedy);
}

#[test]
fn only_blocked_tasks_wait_somewhere() {
    let (sender, receiver) = async_channel::unbounded();
    let executor = debugged();
    let task = executor.spawn(outer(receiver));
    let waits = || executor.task_dump().tasks()[0].waits_at().is_some();
    assert!(!waits());
    run_dry(&executor);
    assert!(waits());
    sender.try_send(()).unwrap();
    assert_eq!(executor.tasks()[0].state(), TaskState::Runnable);
    assert!(!waits());
    drop(task);
}

#[test]
fn the_main_future_waits_somewhere_too() {
    let (_sender, receiver) = async_channel::unbounded();
    let executor = debugged();
    let mut run = Box::pin(executor.run(outer(receiver)));
    assert!(block_on(futures_lite::future::poll_once(&mut run)).is_none());
    let dump = executor.task_dump();
    let main = &dump.tasks()[0];
    assert_eq!(main.info().name(), Some("main"));
    assert_eq!((main.polls(), main.location()), (Some(1), None));
    assert_eq!(main.waits_at().unwrap().len(), 1);
    drop(run);
    assert!(executor.task_dump().tasks().is_empty());
}

#[test]
fn age_polls_and_busy_time_are_those_of_the_clock() {
    let now = Rc::new(Cell::new(Instant::now()));
    let clock = Rc::clone(&now);
    let executor = Rc::new(LocalExecutor::new());
    let options = DebugOptions::new().hook(|_| ());
    executor.set_debug(Some(options.clock(move || clock.get())));

    let pass = move |seconds| now.set(now.get() + Duration::from_secs(seconds));
    let dumped = Rc::clone(&executor);
    let numbers = move || {
        let dump = dumped.task_dump();
        let task = &dump.tasks()[0];
        let seconds = |duration: Option<Duration>| duration.unwrap().as_secs();
        let polls = task.polls().unwrap();
        (seconds(task.age()), polls, seconds(task.busy()))
    };
    let (inside, pass_inside) = (numbers.clone(), pass.clone());
    let task = executor.spawn(async move {
        pass_inside(2);
        // In the middle of its first poll.
        assert_eq!(inside(), (12, 1, 2));
        drop(inside);
        yield_now().await;
        pass_inside(3);
        yield_now().await;
    });
    pass(10);
    assert_eq!(numbers(), (10, 0, 0));
    assert!(executor.try_tick());
    pass(100);
    assert!(executor.try_tick());
    assert_eq!(numbers(), (115, 2, 5));
    drop(task);
}

#[test]
fn without_debug_mode_a_dump_shows_what_there_is() {
    let executor = LocalExecutor::new();
    let plain = executor.task().name("plain").spawn(async {});
    let dump = executor.task_dump();
    let task = &dump.tasks()[0];
    assert_eq!(task.info().id(), plain.metadata().id());
    assert_eq!((task.location(), task.age()), (None, None));
    assert_eq!((task.polls(), task.busy()), (None, None));
    assert_eq!(task.waits_at(), None);
    let text = format!(
        "1 tasks: 1 ready, 0 running, 0 blocked, 0 parked\n\
         0 polls, longest queue 1, 0 wake-ups from other threads\n\
         task {} \"plain\" runnable\n",
        plain.metadata().id()
    );
    assert_eq!(dump.to_string(), text);

    // Debug mode does not know what came before it, and says nothing wrong of it.
    executor.set_debug(Some(DebugOptions::new()));
    assert_eq!(executor.task_dump().tasks()[0].age(), None);
    executor.set_debug(None);
}

#[test]
fn a_dump_outlives_its_executor() {
    let (_sender, receiver) = async_channel::unbounded();
    let executor = debugged();
    let task = executor.spawn(outer(receiver));
    run_dry(&executor);
    let dump = executor.task_dump();
    drop(executor);
    drop(task);
    assert_eq!(dump.stats().blocked, 1);
    let text = dump.to_string();
    assert!(text.contains("blocked, spawned at"), "{text}");
    assert!(text.contains("waits at"), "{text}");
}

#[test]
fn an_executor_may_be_dumped_by_its_own_tasks_and_destructors() {
    struct Dumper(Rc<LocalExecutor<'static>>);
    impl Drop for Dumper {
        fn drop(&mut self) {
            assert!(self.0.task_dump().to_string().contains("task"));
        }
    }
    let executor = Rc::new(debugged());
    let dumper = Dumper(Rc::clone(&executor));
    let task = executor.spawn(async move {
        let dump = dumper.0.task_dump();
        assert_eq!(dump.tasks()[0].info().state(), TaskState::Running);
        assert_eq!(dump.stats().running, 1);
        pending::<()>().await;
    });
    run_dry(&executor);
    drop(task);
    run_dry(&executor);
    assert!(executor.is_empty());
}

#[test]
fn a_slot_that_is_used_again_has_a_record_of_its_own() {
    let executor = debugged();
    executor.spawn(yield_now()).detach();
    run_dry(&executor);
    executor.set_debug(None);
    let task = executor.spawn(async {});
    executor.set_debug(Some(DebugOptions::new().hook(|_| ())));
    assert_eq!(executor.task_dump().tasks()[0].polls(), None);
    run_dry(&executor);
    drop(task);
    let task = executor.spawn(async {});
    assert_eq!(executor.task_dump().tasks()[0].polls(), Some(0));
    run_dry(&executor);
    drop(task);
}

#[test]
fn without_backtraces_nothing_tells_where_a_task_waits() {
    for taken in [true, false] {
        let reports = Rc::new(Cell::new(0));
        let count = Rc::clone(&reports);
        let executor = LocalExecutor::new();
        executor.set_debug(Some(
            DebugOptions::new()
                .hook(move |_| count.set(count.get() + 1))
                .backtraces(taken),
        ));
        let (_sender, receiver) = async_channel::unbounded::<()>();
        let task = executor.spawn(outer(receiver));
        run_dry(&executor);
        assert_eq!(executor.task_dump().tasks()[0].waits_at().is_some(), taken);

        // The other options are as they were.
        drop(task);
        run_dry(&executor);
        assert_eq!(reports.get(), 1);
    }
}
