//! Tasks that start inside the call that spawns them.
#![cfg(not(loom))]

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use corokit_core::{Position, TaskState};
use corokit_scheduler::{Eager, LocalExecutor, ScheduleError, Task};
use futures_lite::future::{self, block_on, yield_now};

type Log = Rc<RefCell<Vec<&'static str>>>;

async fn two_steps(log: Log) {
    log.borrow_mut().push("1");
    yield_now().await;
    log.borrow_mut().push("2");
}

/// The caller goes on directly after the first leg.
#[test]
fn the_first_leg_runs_inside_of_the_call() {
    for builder in [false, true] {
        let log = Log::default();
        let executor = LocalExecutor::new();
        block_on(executor.run(async {
            log.borrow_mut().push("a");
            let child = two_steps(Rc::clone(&log));
            if builder {
                let task = executor.task().eager(true).spawn(child);
                log.borrow_mut().push("b");
                task.await;
            } else {
                let eager = executor.eager(child);
                log.borrow_mut().push("b");
                eager.await;
            }
            log.borrow_mut().push("c");
        }));
        assert_eq!(*log.borrow(), ["a", "1", "b", "2", "c"]);
    }
}

#[test]
fn a_future_that_does_not_block_never_queues() {
    let executor = LocalExecutor::new();
    let other = executor.spawn(async {});
    block_on(executor.run(async {
        let before = executor.ready_ids();
        let eager = executor.eager(async { 1 });
        let task = executor.task().eager(true).spawn(async { 2 });
        assert!(eager.is_finished() && task.is_finished());
        assert_eq!(executor.ready_ids(), before);
        assert_eq!(
            executor.tasks().len(),
            2,
            "the other task and the main future"
        );
        assert_eq!((eager.await, task.await), (1, 2));
    }));
    drop(other);
}

/// The child is not its parent, from the first instruction on.
#[test]
fn the_identity_is_the_childs_in_both_legs() {
    let executor = Rc::new(LocalExecutor::new());
    let look = |executor: Rc<LocalExecutor<'static>>| async move {
        let first = executor.current_task().unwrap();
        let state = executor.task_state(first);
        yield_now().await;
        (first, state, executor.current_task().unwrap())
    };
    block_on(executor.run(async {
        let me = executor.current_task().unwrap();
        let eager = executor.eager(look(Rc::clone(&executor)));
        let id = eager.id().unwrap();
        assert_eq!(executor.current_task(), Some(me));
        assert_eq!(eager.await, (id, Some(TaskState::Running), id));

        let task = executor
            .task()
            .eager(true)
            .spawn(look(Rc::clone(&executor)));
        let id = task.metadata().id();
        assert_eq!(task.await, (id, Some(TaskState::Running), id));
        assert_ne!(id, me);
    }));
}

#[test]
fn the_caller_is_running_and_cannot_be_moved_meanwhile() {
    let executor = Rc::new(LocalExecutor::new());
    block_on(executor.run(async {
        let parent = executor.current_task().unwrap();
        let inner = Rc::clone(&executor);
        let eager = executor.eager(async move {
            let running = Err(ScheduleError::Running(parent));
            assert_eq!(inner.ready_reinsert(parent, 0), running);
            assert_eq!(inner.task_switch(parent, 0).await, running);
            assert_eq!(
                inner.ready_take(parent).unwrap_err(),
                ScheduleError::Running(parent)
            );
            let tasks = inner.tasks();
            let running = tasks
                .iter()
                .filter(|info| info.state() == TaskState::Running);
            running.count()
        });
        assert_eq!(eager.await, 2);
    }));
}

#[test]
fn a_place_asked_for_in_the_first_leg_is_where_the_task_goes() {
    let log = Log::default();
    let executor = Rc::new(LocalExecutor::new());
    let tasks = ["x", "y"].map(|name| {
        let log = Rc::clone(&log);
        executor.spawn(async move { log.borrow_mut().push(name) })
    });
    let (inner, child_log) = (Rc::clone(&executor), Rc::clone(&log));
    let child = executor.eager(async move {
        inner.sleep_insert(1).await.unwrap();
        child_log.borrow_mut().push("child");
    });
    while executor.try_tick() {}
    assert_eq!(*log.borrow(), ["x", "child", "y"]);
    drop((tasks, child));
}

/// The place is the child's: what the caller asked for in the same poll stays.
#[test]
fn the_callers_place_is_not_the_childs() {
    let log = Log::default();
    let executor = Rc::new(LocalExecutor::new());
    let tasks = ["x", "y"].map(|name| {
        let log = Rc::clone(&log);
        executor.spawn(async move { log.borrow_mut().push(name) })
    });
    block_on(executor.run(async {
        let asks = executor.sleep_insert(1);
        let child = async {
            let (inner, log) = (Rc::clone(&executor), Rc::clone(&log));
            executor
                .eager(async move {
                    inner.sleep_insert(0).await.unwrap();
                    log.borrow_mut().push("child");
                })
                .detach();
        };
        future::zip(asks, child).await.0.unwrap();
        log.borrow_mut().push("parent");
    }));
    assert_eq!(*log.borrow(), ["child", "parent"]);
    drop(tasks);
}

/// What goes wrong before the first block is not the caller's, but whoever's awaits.
#[test]
fn a_panic_in_the_first_leg_is_resumed_where_it_is_awaited() {
    let executor = LocalExecutor::new();
    block_on(executor.run(async {
        let me = executor.current_task();
        let eager: Eager<()> = executor.eager(async { panic!("early") });
        let task: Task<()> = executor.task().eager(true).spawn(async { panic!("early") });
        assert_eq!(executor.current_task(), me);
        assert!(eager.is_finished() && task.is_finished());
        assert_eq!(executor.tasks().len(), 1);
        for panics in [
            catch_unwind(AssertUnwindSafe(|| block_on(eager))),
            catch_unwind(AssertUnwindSafe(|| block_on(task))),
        ] {
            assert_eq!(panics.unwrap_err().downcast_ref(), Some(&"early"));
        }
    }));
}

#[test]
fn deep_recursion_goes_to_the_front_of_the_queue() {
    fn dive(executor: Rc<LocalExecutor<'static>>, left: usize, deepest: Rc<Cell<usize>>) {
        let running = executor.tasks();
        let running = running
            .iter()
            .filter(|info| info.state() == TaskState::Running)
            .count();
        deepest.set(deepest.get().max(running));
        if left > 0 {
            let inner = Rc::clone(&executor);
            let body = async move { dive(inner, left - 1, deepest) };
            match left % 2 {
                0 => executor.eager(body).detach(),
                _ => executor.task().eager(true).spawn(body).detach(),
            }
        }
    }
    let executor = Rc::new(LocalExecutor::new());
    let deepest = Rc::new(Cell::new(0));
    dive(Rc::clone(&executor), 10_000, Rc::clone(&deepest));
    while executor.try_tick() {}
    assert!(executor.is_empty());
    assert_eq!(deepest.get(), 64);
}

/// asynkit X1, X2: a default for all, which does not hold outside of the executor.
#[test]
fn the_default_may_be_eager() {
    let executor = LocalExecutor::new();
    executor.set_eager_tasks(true);
    let outside = executor.spawn(async {});
    assert!(!outside.is_finished());
    block_on(executor.run(async {
        assert!(executor.spawn(async {}).is_finished());
        assert!(!executor.task().eager(false).spawn(async {}).is_finished());
        assert!(!executor.task().position(0).spawn(async {}).is_finished());
        let mut tasks = Vec::new();
        executor.spawn_many((0..3).map(future::ready), &mut tasks);
        assert!(tasks.iter().all(Task::is_finished));
        executor.set_eager_tasks(false);
        assert!(!executor.spawn(async {}).is_finished());
    }));
    while executor.try_tick() {}
    assert!(outside.is_finished());
}

#[test]
fn a_position_whose_task_is_gone_is_the_back() {
    let executor = LocalExecutor::new();
    let gone = executor.spawn(async {}).metadata().id();
    while executor.try_tick() {}
    let first = executor.spawn(async {});
    let second = executor
        .task()
        .position(Position::Before(gone))
        .spawn(async {});
    let ids = [&first, &second].map(|task| task.metadata().id());
    assert_eq!(executor.ready_ids(), ids);
}

/// Dropping it cancels the child that has blocked, and nothing else.
#[test]
fn a_dropped_eager_cancels_its_task() {
    struct Count(Rc<Cell<usize>>);
    impl Drop for Count {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let drops = Rc::new(Cell::new(0));
    let executor = LocalExecutor::new();
    let waits = |count| async move {
        let _count = count;
        pending::<()>().await;
    };
    let dropped = executor.eager(waits(Count(Rc::clone(&drops))));
    executor.eager(waits(Count(Rc::clone(&drops)))).detach();
    drop(dropped);
    while executor.try_tick() {}
    assert_eq!(drops.get(), 1);
    assert_eq!(executor.blocked_len(), 1);
    drop(executor);
    assert_eq!(drops.get(), 2);
}

/// Any number of eager children may first block on the same event.
#[test]
fn many_may_first_block_on_the_same_event() {
    let executor = LocalExecutor::new();
    let (sender, receiver) = async_channel::bounded::<()>(1);
    let children: Vec<_> = (0..10)
        .map(|n| {
            let receiver = receiver.clone();
            executor.eager(async move { receiver.recv().await.is_err().then_some(n) })
        })
        .collect();
    block_on(executor.run(async {
        executor.sleep_insert(Position::Back).await.unwrap();
        drop(sender);
        for (n, child) in children.into_iter().enumerate() {
            assert_eq!(child.await, Some(n));
        }
    }));
}

#[test]
fn the_first_leg_may_run_without_any_runner() {
    let executor = LocalExecutor::new();
    let eager = executor.eager(async {
        yield_now().await;
        3
    });
    assert_eq!(format!("{eager:?}"), "Eager(task)");
    assert_eq!(block_on(executor.run(eager)), 3);
}

#[test]
#[should_panic(expected = "polled after completion")]
fn an_eager_polled_after_its_end_panics() {
    let executor = LocalExecutor::new();
    let mut eager = executor.eager(async {});
    block_on(&mut eager);
    block_on(&mut eager);
}
