//! The scheduling functions of the current loop, and running it in other ways.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use corokit_sched_loop::{
    self as sched_loop, EventLoop, LoopError, Position, ScheduleError, Task, TaskExt, TaskState,
};
use futures_lite::future::{self, block_on, poll_once, yield_now};

type Log = Rc<RefCell<Vec<String>>>;

fn joined(log: &Log) -> String {
    log.borrow().join(" ")
}

fn letters(log: &Log, names: &str) -> Vec<Task<()>> {
    names
        .chars()
        .map(|name| {
            let log = Rc::clone(log);
            sched_loop::spawn(async move { log.borrow_mut().push(name.to_string()) })
        })
        .collect()
}

/// asynkit: `c1, parent, other, c2` for descend, `other, c1, parent, c2` for start.
#[test]
fn descend_and_start_have_their_orders() {
    for (descend, expected) in [(true, "c1 parent other c2"), (false, "other c1 parent c2")] {
        let log = Log::default();
        sched_loop::run(async {
            let other = letters(&log, "o");
            let child = {
                let log = Rc::clone(&log);
                async move {
                    log.borrow_mut().push("c1".into());
                    yield_now().await;
                    log.borrow_mut().push("c2".into());
                }
            };
            let child = match descend {
                true => sched_loop::create_task_descend(child).await,
                false => sched_loop::create_task_start(child).await,
            };
            log.borrow_mut().push("parent".into());
            child.unwrap().await;
            drop(other);
        });
        assert_eq!(joined(&log).replace("o ", "other "), expected);
    }
}

/// asynkit F1, F2: a tree that is walked depth first, by `eager` and by `descend`, down and up.
#[test]
fn a_tree_is_walked_depth_first() {
    fn walk(
        name: String,
        depth: usize,
        eager: bool,
        log: Log,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(async move {
            log.borrow_mut().push(format!("{name}A"));
            if depth > 0 {
                let [left, right] = ["0", "1"]
                    .map(|side| walk(format!("{name}{side}"), depth - 1, eager, Rc::clone(&log)));
                if eager {
                    let left = sched_loop::eager(left);
                    let right = sched_loop::eager(right);
                    log.borrow_mut().push(format!("{name}B"));
                    left.await;
                    right.await;
                } else {
                    let left = sched_loop::create_task_descend(left).await.unwrap();
                    let right = sched_loop::create_task_descend(right).await.unwrap();
                    log.borrow_mut().push(format!("{name}B"));
                    left.await;
                    right.await;
                }
            }
            log.borrow_mut().push(format!("{name}C"));
        })
    }
    for eager in [true, false] {
        let log = Log::default();
        sched_loop::run(walk("r".into(), 2, eager, Rc::clone(&log)));
        assert_eq!(
            joined(&log),
            "rA r0A r00A r00C r01A r01C r0B r0C r1A r10A r10C r11A r11C r1B r1C rB rC"
        );
    }
}

#[test]
fn everything_is_an_error_outside_of_a_loop() {
    let task = EventLoop::new().spawn(async {});
    let id = task.id();
    assert_eq!(
        block_on(sched_loop::sleep_insert(0)),
        Err(LoopError::NoLoop)
    );
    assert_eq!(
        block_on(sched_loop::task_switch(id, 0)),
        Err(LoopError::NoLoop)
    );
    assert_eq!(sched_loop::task_reinsert(id, 0), Err(LoopError::NoLoop));
    for spawned in [
        block_on(sched_loop::create_task_descend(async {})),
        block_on(sched_loop::create_task_start(async {})),
    ] {
        assert_eq!(spawned.unwrap_err(), LoopError::NoLoop);
    }
    assert!(sched_loop::all_tasks().is_empty());
    assert!(sched_loop::runnable_tasks().is_empty());
    assert!(sched_loop::blocked_tasks().is_empty());
    assert_eq!(sched_loop::task_state(id), None);
    assert!(!sched_loop::task_is_runnable(id) && !sched_loop::task_is_blocked(id));
}

#[test]
fn a_loop_that_is_gone_or_not_running_is_an_error() {
    let event_loop = EventLoop::new();
    let handle = event_loop.handle();
    let id = event_loop.spawn(pending::<()>()).id();
    let outside = Err(LoopError::Schedule(ScheduleError::Outside));
    assert_eq!(block_on(handle.sleep_insert(0)), outside);
    let descend = block_on(handle.create_task_descend(async { unreachable!() }));
    assert_eq!(descend.map(|_: Task<()>| ()), outside);
    assert_eq!(
        event_loop.executor().tasks().len(),
        1,
        "nothing was spawned"
    );
    drop(event_loop);
    assert_eq!(block_on(handle.sleep_insert(0)), Err(LoopError::Gone));
    assert_eq!(block_on(handle.task_switch(id, 0)), Err(LoopError::Gone));
    assert_eq!(handle.task_reinsert(id, 0), Err(LoopError::Gone));
}

#[test]
fn a_refused_request_moves_nothing() {
    sched_loop::run(async {
        let blocked = sched_loop::spawn(pending::<()>());
        sched_loop::sleep_insert(1).await.unwrap();
        let tasks = [(); 3].map(|()| sched_loop::spawn(async {}));
        let order = tasks.each_ref().map(TaskExt::id);
        let refused = Err(LoopError::Schedule(ScheduleError::Blocked(blocked.id())));
        assert_eq!(sched_loop::task_switch(blocked.id(), 1).await, refused);
        assert_eq!(
            sched_loop::task_switch(order[0], Position::After(blocked.id())).await,
            refused
        );
        assert_eq!(
            sched_loop::sleep_insert(Position::Before(blocked.id())).await,
            refused
        );
        assert_eq!(sched_loop::task_reinsert(blocked.id(), 0), refused);
        assert_eq!(sched_loop::runnable_tasks(), order);
    });
}

#[test]
fn giving_way_dropped_at_every_poll_leaves_everyone_in_place() {
    for polls in 0..2 {
        let log = Log::default();
        sched_loop::run(async {
            let tasks = letters(&log, "abc");
            {
                let mut gives_way = pin!(sched_loop::task_switch(tasks[1].id(), 1));
                for _ in 0..polls {
                    assert!(poll_once(gives_way.as_mut()).await.is_none());
                }
            }
            yield_now().await;
            log.borrow_mut().push("main".into());
            sched_loop::sleep_insert(Position::Back).await.unwrap();
        });
        assert_eq!(joined(&log), ["a b c main", "b main a c"][polls]);
    }
}

#[test]
fn a_descend_that_is_dropped_cancels_its_child() {
    let ran = Rc::new(Cell::new(false));
    sched_loop::run(async {
        let child = {
            let ran = Rc::clone(&ran);
            async move { ran.set(true) }
        };
        let mut descend = Box::pin(sched_loop::create_task_descend(child));
        assert!(poll_once(descend.as_mut()).await.is_none());
        drop(descend);
        yield_now().await;
        assert_eq!(sched_loop::all_tasks().len(), 1);
    });
    assert!(!ran.get());
}

/// All tasks are the runnable ones, the blocked ones, and those that are running.
#[test]
fn the_sets_add_up() {
    sched_loop::run(async {
        let check = |runnable: usize, blocked: usize| {
            assert_eq!(sched_loop::runnable_tasks().len(), runnable);
            assert_eq!(sched_loop::blocked_tasks().len(), blocked);
            let all = sched_loop::all_tasks();
            let running = all.iter().filter(|task| task.state() == TaskState::Running);
            assert_eq!(all.len(), runnable + blocked + running.count());
        };
        check(0, 0);
        let yields = sched_loop::spawn(async {
            loop {
                yield_now().await;
            }
        });
        let blocks = sched_loop::spawn(pending::<()>());
        check(2, 0);
        yield_now().await;
        check(1, 1);
        assert!(sched_loop::task_is_blocked(blocks.id()));
        assert!(sched_loop::task_is_runnable(yields.id()));
        let me = sched_loop::current_task().unwrap();
        assert!(!sched_loop::task_is_runnable(me) && !sched_loop::task_is_blocked(me));
        // Q12: cancelled, it is not blocked at once, and in the queue before it runs.
        let id = blocks.id();
        drop(blocks);
        assert!(sched_loop::task_is_runnable(id));
        check(2, 0);
        yield_now().await;
        assert_eq!(sched_loop::task_state(id), Some(TaskState::Finished));
        check(1, 0);
        drop(yields);
    });
}

/// Who awaits a task that was cancelled is blocked until that task is gone.
#[test]
fn a_joiner_is_blocked_until_its_task_is_gone() {
    sched_loop::run(async {
        let child = sched_loop::spawn(pending::<()>());
        let child_id = child.id();
        let joiner = sched_loop::spawn(child.fallible());
        let joiner_id = joiner.id();
        yield_now().await;
        sched_loop::current()
            .unwrap()
            .with(|executor| {
                executor.kill(child_id).unwrap();
                assert_eq!(executor.task_state(child_id), Some(TaskState::Finished));
                assert_eq!(executor.task_state(joiner_id), Some(TaskState::Runnable));
            })
            .unwrap();
        assert_eq!(joiner.await, None);
    });
}

#[test]
fn a_loop_is_driven_by_others() {
    let drive = async {
        let event_loop = EventLoop::new();
        event_loop
            .drive(async {
                let task = sched_loop::spawn(async {
                    yield_now().await;
                    sched_loop::current().is_some()
                });
                task.await
            })
            .await
    };
    assert!(block_on(drive));
    // Two loops in one thread, each with its own current loop at each poll.
    let log = Log::default();
    let [one, two] = ["one", "two"].map(|name| {
        let log = Rc::clone(&log);
        async move {
            let event_loop = EventLoop::new();
            let steps = async {
                for _ in 0..2 {
                    let task = sched_loop::task().name(name).spawn(pending::<()>());
                    yield_now().await;
                    let tasks = sched_loop::all_tasks();
                    let found = tasks.iter().any(|info| info.name() == Some(name));
                    log.borrow_mut()
                        .push(format!("{name}:{}:{found}", tasks.len()));
                    drop(task);
                    yield_now().await;
                }
            };
            event_loop.drive(steps).await;
        }
    });
    block_on(future::zip(one, two));
    let mut lines = log.borrow().clone();
    lines.sort();
    assert_eq!(
        lines,
        ["one:2:true", "one:2:true", "two:2:true", "two:2:true"]
    );
    assert!(sched_loop::current().is_none());
}

#[test]
fn drive_dropped_at_every_poll_loses_no_task() {
    for polls in 0..4 {
        let event_loop = EventLoop::new();
        let task = event_loop.spawn(async {
            yield_now().await;
            yield_now().await;
            5
        });
        {
            let mut drive = pin!(event_loop.drive(pending::<()>()));
            let cx = &mut Context::from_waker(Waker::noop());
            for _ in 0..polls {
                assert!(drive.as_mut().poll(cx).is_pending());
            }
        }
        assert!(sched_loop::current().is_none());
        assert_eq!(event_loop.run(task), 5);
    }
}

#[test]
fn a_loop_that_runs_for_ever_is_stopped_and_runs_again() {
    let event_loop = EventLoop::new();
    let steps = Rc::new(Cell::new(0));
    let task = {
        let steps = Rc::clone(&steps);
        event_loop.spawn(async move {
            loop {
                steps.set(steps.get() + 1);
                if steps.get() % 10 == 0 {
                    sched_loop::current().unwrap().stop();
                }
                yield_now().await;
            }
        })
    };
    event_loop.run_forever();
    assert_eq!(steps.get(), 10);
    event_loop.handle().stop();
    event_loop.run_forever();
    assert_eq!(
        steps.get(),
        10,
        "a stop that comes first ends the next run at once"
    );
    event_loop.run_forever();
    assert!(steps.get() >= 20);
    drop(task);
}

#[test]
fn by_hand_the_loop_is_the_current_one_too() {
    let event_loop = EventLoop::new();
    let task = event_loop.spawn(async { sched_loop::current_task() });
    assert!(event_loop.try_tick());
    assert_eq!(block_on(&mut { task }).map(|id| id.slot()), Some(0));
    let child = event_loop.spawn(async { sched_loop::eager(async { 1 }).await });
    assert_eq!(event_loop.run_until_stalled(), 1);
    assert_eq!(block_on(child), 1);
}
