//! Groups of children: where their errors go, and that none is left behind.

#[path = "support/counted.rs"]
mod counted;
#[path = "support/gate.rs"]
mod gate;
#[path = "support/trace.rs"]
mod trace;

use std::cell::Cell;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use async_executor::LocalExecutor;
use corokit_coro_start::{EagerTaskGroup, GroupTask, StartError, Status, cancelling, depth};
use corokit_sched_loop as sched_loop;
use counted::Counts;
use futures_lite::future::{block_on, poll_once, yield_now};
use gate::Gate;
use trace::Trace;

type Name = &'static str;

/// The example of asynkit's README.
async fn hello<S>(spawner: S, trace: &Trace)
where
    S: corokit_core::LocalSpawn<GroupTask<'static>, Handle: 'static>,
{
    let group = EagerTaskGroup::<Name, _>::new(spawner);
    let child = trace.clone();
    let start = group.start(move |status: Status<_, _>| async move {
        child.log("hello");
        status.started("world");
        yield_now().await;
        child.log("goodbye");
        Ok(())
    });
    trace.log("fine");
    trace.log(start.await.unwrap());
    group.join().await.unwrap();
    trace.log("world");
}

const HELLO: [&str; 5] = ["hello", "fine", "world", "goodbye", "world"];

#[test]
fn the_order_of_a_start_on_every_executor() {
    let trace = Trace::default();
    sched_loop::run(hello(sched_loop::spawn, &trace));
    trace.check(&HELLO);

    let (trace, executor) = (Trace::default(), LocalExecutor::new());
    block_on(executor.run(hello(|task| executor.spawn(task), &trace)));
    trace.check(&HELLO);

    let trace = Trace::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let tasks = tokio::task::LocalSet::new();
    let spawner = |task| cancelling(tokio::task::spawn_local(task), |task| task.abort());
    tasks.block_on(&runtime, hello(spawner, &trace));
    trace.check(&HELLO);
}

#[test]
fn an_error_before_the_first_block_is_the_callers() {
    let executor = LocalExecutor::new();
    let group = EagerTaskGroup::new(|task| executor.spawn(task));
    group.start_soon(pending()).unwrap();
    assert_eq!(group.start_soon(async { Err("at once") }), Err("at once"));
    assert!(!group.is_cancelled());
    assert_eq!(group.len(), 1);
    group.cancel();
    assert_eq!(block_on(executor.run(group.join())), Ok(()));
}

#[test]
fn an_error_after_the_first_block_cancels_the_others_and_is_the_groups() {
    let counts = Counts::default();
    let executor = LocalExecutor::new();
    let group = EagerTaskGroup::new(|task| executor.spawn(task));
    group.start_soon(counts.count(pending())).unwrap();
    let fails = async {
        yield_now().await;
        Err("later")
    };
    assert_eq!(group.start_soon(fails), Ok(()));
    let error = block_on(executor.run(group.join())).unwrap_err();
    assert_eq!(error.errors(), ["later"]);
    assert_eq!(error.to_string(), "a task of the group failed: later");
    // The other was dropped before `join` returned.
    counts.check(2, 1);
    assert!(executor.is_empty());
}

/// The cases of a start: each with and without a block before it, and after it.
#[test]
fn what_a_start_gives() {
    #[derive(Clone, Copy, PartialEq, Debug)]
    enum Case {
        Value,
        ErrorBefore,
        ErrorAfter,
        NeverStarted,
    }
    for case in [
        Case::Value,
        Case::ErrorBefore,
        Case::ErrorAfter,
        Case::NeverStarted,
    ] {
        for (blocks_before, blocks_after) in
            [(false, false), (false, true), (true, false), (true, true)]
        {
            let executor = LocalExecutor::new();
            let (started, joined) = block_on(executor.run(async {
                let group = EagerTaskGroup::<Name, _>::new(|task| executor.spawn(task));
                let start = group.start(async move |status: Status<u32, Name>| {
                    if blocks_before {
                        yield_now().await;
                    }
                    match case {
                        Case::Value => status.started(7),
                        Case::ErrorBefore => Err("before")?,
                        Case::NeverStarted => return Ok(()),
                        Case::ErrorAfter => {
                            status.started(7);
                            if blocks_after {
                                yield_now().await;
                            }
                            Err("after")?;
                        }
                    }
                    if blocks_after {
                        yield_now().await;
                    }
                    Ok(())
                });
                let started = start.await;
                (
                    started,
                    group.join().await.map_err(|error| error.into_errors()),
                )
            }));
            let expected = match case {
                Case::Value => (Ok(7), Ok(())),
                Case::ErrorBefore => (Err(StartError::Failed("before")), Ok(())),
                Case::ErrorAfter => (Ok(7), Err(vec!["after"])),
                Case::NeverStarted => (Err(StartError::NeverStarted), Ok(())),
            };
            let case = format!("{case:?}, blocks {blocks_before} {blocks_after}");
            assert_eq!((started, joined), expected, "{case}");
        }
    }
}

#[test]
fn a_start_whose_child_is_cancelled_or_panics() {
    let executor = LocalExecutor::new();
    let group = EagerTaskGroup::<Name, _>::new(|task| executor.spawn(task));
    let start = group.start(async |status: Status<u32, Name>| {
        pending::<()>().await;
        status.started(7);
        Ok(())
    });
    group.cancel();
    assert_eq!(block_on(executor.run(start)), Err(StartError::Gone));

    let group = EagerTaskGroup::<Name, _>::new(|task| executor.spawn(task));
    let start = group.start(async |_status: Status<u32, Name>| {
        yield_now().await;
        panic!("the child")
    });
    assert_eq!(block_on(executor.run(start)), Err(StartError::Gone));
    let join = catch_unwind(AssertUnwindSafe(|| block_on(executor.run(group.join()))));
    assert_eq!(join.unwrap_err().downcast_ref(), Some(&"the child"));
}

#[test]
fn a_start_that_nobody_waits_for_leaves_its_error_to_the_group() {
    let executor = LocalExecutor::new();
    let group = EagerTaskGroup::<Name, _>::new(|task| executor.spawn(task));
    let mut start = group.start(async |status: Status<u32, Name>| {
        yield_now().await;
        yield_now().await;
        drop(status);
        Err("before")
    });
    assert!(block_on(poll_once(&mut start)).is_none());
    drop(start);
    let error = block_on(executor.run(group.join())).unwrap_err();
    assert_eq!(error.errors(), ["before"]);
}

#[test]
fn an_error_that_has_come_and_was_not_picked_up_goes_to_the_group() {
    for blocks in [false, true] {
        let counts = Counts::default();
        let executor = LocalExecutor::new();
        let group = EagerTaskGroup::<Name, _>::new(|task| executor.spawn(task));
        group.start_soon(counts.count(pending())).unwrap();
        let start = group.start(async |status: Status<u32, Name>| {
            if blocks {
                yield_now().await;
            }
            drop(status);
            Err("before")
        });
        while executor.try_tick() {}
        assert!(!group.is_cancelled());
        drop(start);
        assert!(group.is_cancelled());
        let error = block_on(executor.run(group.join())).unwrap_err();
        assert_eq!(error.errors(), ["before"]);
        counts.check(2, 1);
    }
}

#[test]
fn a_panic_of_a_first_leg_is_the_callers_and_a_later_one_the_groups() {
    let counts = Counts::default();
    let executor = LocalExecutor::new();
    let group = EagerTaskGroup::<Name, _>::new(|task| executor.spawn(task));
    let at_once = catch_unwind(AssertUnwindSafe(|| {
        group.start_soon(async { panic!("at once") })
    }));
    assert_eq!(at_once.unwrap_err().downcast_ref(), Some(&"at once"));
    assert_eq!((group.len(), depth::current()), (0, 0));

    group.start_soon(counts.count(pending())).unwrap();
    let later = async {
        yield_now().await;
        panic!("later")
    };
    group.start_soon(later).unwrap();
    let join = catch_unwind(AssertUnwindSafe(|| block_on(executor.run(group.join()))));
    assert_eq!(join.unwrap_err().downcast_ref(), Some(&"later"));
    counts.check(2, 1);
}

#[test]
fn children_borrow_what_outlives_them_and_start_others() {
    let done = Cell::new(0);
    let executor = Rc::new(LocalExecutor::new());
    block_on(executor.run(async {
        let spawner = {
            let executor = executor.clone();
            move |task| executor.spawn(task)
        };
        let group = EagerTaskGroup::<Name, _>::new(spawner);
        for _ in 0..3 {
            let handle = group.handle();
            let done = &done;
            group
                .start_soon(async move {
                    yield_now().await;
                    handle.start_soon(async move {
                        yield_now().await;
                        done.set(done.get() + 1);
                        Ok(())
                    })
                })
                .unwrap();
        }
        assert_eq!(group.join().await, Ok(()));
    }));
    assert_eq!(done.get(), 3);
    assert!(executor.is_empty());
}

#[test]
fn a_group_that_is_dropped_cancels_its_children_at_every_step() {
    for polls in 0..4 {
        let counts = Counts::default();
        let executor = LocalExecutor::new();
        {
            let mut join = pin!(async {
                let group = EagerTaskGroup::<Name, _>::new(|task| executor.spawn(task));
                for _ in 0..3 {
                    group.start_soon(counts.count(pending())).unwrap();
                }
                yield_now().await;
                group.join().await
            });
            for _ in 0..polls {
                let mut cx = Context::from_waker(Waker::noop());
                assert!(join.as_mut().poll(&mut cx).is_pending());
            }
        }
        while executor.try_tick() {}
        let started = if polls > 0 { 3 } else { 0 };
        counts.check(started, started);
        assert!(executor.is_empty());
    }
}

#[test]
fn a_body_that_fails_cancels_the_children_and_a_child_that_fails_drops_the_body() {
    let (counts, body_counts) = (Counts::default(), Counts::default());
    let executor = LocalExecutor::new();
    let spawner = |task| executor.spawn(task);
    let run = EagerTaskGroup::run(spawner, async |group| {
        group.start_soon(counts.count(pending()))?;
        Err::<(), _>("body")
    });
    let error = block_on(executor.run(run)).unwrap_err();
    assert_eq!(error.errors(), ["body"]);
    counts.check(1, 1);

    let spawner = |task| executor.spawn(task);
    let run = EagerTaskGroup::run(spawner, async |group| {
        group.start_soon(async {
            yield_now().await;
            Err("child")
        })?;
        body_counts.count(pending::<Result<(), Name>>()).await
    });
    let error = block_on(executor.run(run)).unwrap_err();
    assert_eq!(error.into_errors(), ["child"]);
    body_counts.check(1, 1);
}

#[test]
fn a_group_cancelled_by_hand_lets_its_body_go_on() {
    let counts = Counts::default();
    let executor = LocalExecutor::new();
    let spawner = |task| executor.spawn(task);
    let run = EagerTaskGroup::<Name, _>::run(spawner, async |group| {
        group.start_soon(counts.count(pending()))?;
        group.cancel();
        yield_now().await;
        counts.check(1, 1);
        // A child that is started now is dropped where it blocks.
        group.start_soon(counts.count(pending()))?;
        assert!(group.is_empty());
        Ok("body")
    });
    assert_eq!(block_on(executor.run(run)), Ok("body"));
    counts.check(2, 2);
}

#[test]
fn the_first_error_cancels_those_that_would_fail_after_it() {
    let (gate, other) = (Gate::default(), Gate::default());
    let executor = LocalExecutor::new();
    let group = EagerTaskGroup::new(|task| executor.spawn(task));
    async fn fails(gate: &Gate, name: Name) -> Result<(), Name> {
        gate.wait().await;
        Err(name)
    }
    group.start_soon(fails(&gate, "one")).unwrap();
    group.start_soon(fails(&other, "two")).unwrap();
    while executor.try_tick() {}
    // Both are woken before either runs.
    gate.open();
    other.open();
    let error = block_on(executor.run(group.join())).unwrap_err();
    // The second was cancelled by the first before it ran.
    assert_eq!(error.errors(), ["one"]);
}

#[test]
fn polls_without_a_wake_change_nothing() {
    let gate = Gate::default();
    let executor = LocalExecutor::new();
    let group = EagerTaskGroup::<Name, _>::new(|task| executor.spawn(task));
    let mut start = group.start(async |status: Status<u32, Name>| {
        gate.wait().await;
        status.started(7);
        pending::<()>().await;
        Ok(())
    });
    for _ in 0..3 {
        assert!(block_on(poll_once(&mut start)).is_none());
    }
    gate.open();
    while executor.try_tick() {}
    assert_eq!(block_on(&mut start), Ok(7));
    let again = catch_unwind(AssertUnwindSafe(|| block_on(&mut start)));
    assert!(again.is_err());
    let mut join = pin!(group.join());
    for _ in 0..3 {
        assert!(block_on(poll_once(join.as_mut())).is_none());
    }
}

#[test]
fn a_spawner_that_gives_the_future_back_or_ends_it_at_once() {
    // Nobody polls it, and dropping the group drops it.
    let counts = Counts::default();
    let group = EagerTaskGroup::<Name, _>::new(|task| task);
    group.start_soon(counts.count(pending())).unwrap();
    assert_eq!(group.len(), 1);
    drop(group);
    counts.check(1, 1);

    // A spawner that runs the task to its end in the call.
    let group = EagerTaskGroup::<Name, _>::new(|task: GroupTask<'_>| block_on(task));
    group
        .start_soon(async {
            yield_now().await;
            Ok(())
        })
        .unwrap();
    assert!(group.is_empty());
    assert_eq!(block_on(group.join()), Ok(()));
}

#[test]
fn nothing_is_kept_of_children_that_have_ended() {
    let executor = LocalExecutor::new();
    let alive = Rc::new(());
    let group = EagerTaskGroup::<Name, _>::new(|task| {
        let alive = alive.clone();
        let task = executor.spawn(task);
        // A handle that can be counted.
        cancelling(task, move |task| {
            drop(task);
            drop(alive);
        })
    });
    for _ in 0..10 {
        group
            .start_soon(async {
                yield_now().await;
                Ok(())
            })
            .unwrap();
    }
    assert_eq!(Rc::strong_count(&alive), 11);
    while executor.try_tick() {}
    assert_eq!((group.len(), Rc::strong_count(&alive)), (0, 1));
}

mod explored {
    use corokit_lab::{Lab, Options, cancel_everywhere, panic_everywhere};
    use std::cell::RefCell;

    use super::*;

    async fn three(lab: Option<Lab>) {
        let ended = Rc::new(RefCell::new(Vec::new()));
        let group = EagerTaskGroup::<Name, _>::new(sched_loop::spawn);
        for number in 0..3 {
            let ended = ended.clone();
            let child = async move {
                for _ in 0..2 {
                    yield_now().await;
                }
                ended.borrow_mut().push(number);
                Ok(())
            };
            match &lab {
                Some(lab) if number == 1 => {
                    let victim = lab.victim("child", child);
                    group
                        .start_soon(async move {
                            victim.await;
                            Ok(())
                        })
                        .unwrap();
                }
                _ => group.start_soon(child).unwrap(),
            }
        }
        assert_eq!(group.join().await, Ok(()));
        let ended = ended.borrow();
        assert!(ended.contains(&0) && ended.contains(&2), "{ended:?}");
    }

    #[test]
    fn the_group_waits_for_all_in_every_order() {
        let options = Options::new().spurious_wakes(true);
        if let Err(failure) = options.try_check(200, |_| three(None)) {
            panic!("{failure}");
        }
    }

    #[test]
    fn a_child_may_lose_its_work_anywhere() {
        assert!(cancel_everywhere(|lab| three(Some(lab))).schedules() > 2);
    }

    #[test]
    fn a_whole_group_may_be_dropped_anywhere() {
        let body = |lab: Lab| async move {
            let alive = Rc::new(());
            let held = alive.clone();
            let grouped = async move {
                let group = EagerTaskGroup::<Name, _>::new(sched_loop::spawn);
                for _ in 0..3 {
                    let held = held.clone();
                    group
                        .start_soon(async move {
                            yield_now().await;
                            yield_now().await;
                            drop(held);
                            Ok(())
                        })
                        .unwrap();
                }
                drop(held);
                let _ = group.join().await;
            };
            sched_loop::spawn(lab.victim("group", grouped)).await;
            // Whatever was cancelled is dropped in its turn.
            for _ in 0..10 {
                yield_now().await;
            }
            assert_eq!(Rc::strong_count(&alive), 1);
        };
        assert!(cancel_everywhere(body).schedules() > 2);
        panic_everywhere(body);
    }
}

#[test]
fn what_is_shown() {
    let executor = LocalExecutor::new();
    let group = EagerTaskGroup::<Name, _>::new(|task| executor.spawn(task));
    let shown = format!("{group:?}");
    assert_eq!(
        shown,
        "EagerTaskGroup(GroupHandle { tasks: 0, cancelled: false, .. })"
    );
    let start = group.start(async |status: Status<(), Name>| {
        assert_eq!(format!("{status:?}"), "Status { .. }");
        pending::<()>().await;
        Ok(())
    });
    assert_eq!(format!("{start:?}"), "Start { waits: true }");
    let error = StartError::Failed("no");
    assert_eq!(
        error.to_string(),
        "the task failed before it had started: no"
    );
}

#[test]
fn the_handle_of_a_child_that_ended_in_the_spawner_is_not_kept() {
    let alive = Rc::new(());
    let group = EagerTaskGroup::<Name, _>::new(|task: GroupTask<'_>| {
        block_on(task);
        alive.clone()
    });
    group
        .start_soon(async {
            yield_now().await;
            Ok(())
        })
        .unwrap();
    assert_eq!(Rc::strong_count(&alive), 1);
}

#[test]
fn a_failure_drops_the_body_though_other_children_run_on() {
    let (gate, body_counts) = (Gate::default(), Counts::default());
    let executor = LocalExecutor::new();
    // Handles that detach when they are dropped.
    let spawner = |task| executor.spawn(task).detach();
    let mut run = pin!(executor.run(EagerTaskGroup::run(spawner, async |group| {
        group.start_soon(async {
            gate.wait().await;
            Ok(())
        })?;
        group.start_soon(async {
            yield_now().await;
            Err("child")
        })?;
        body_counts.count(pending::<Result<(), Name>>()).await
    })));
    for _ in 0..5 {
        assert!(block_on(poll_once(run.as_mut())).is_none());
    }
    body_counts.check(1, 1);
    // The group waits for the child that runs on.
    gate.open();
    assert_eq!(block_on(run).unwrap_err().errors(), ["child"]);
}
