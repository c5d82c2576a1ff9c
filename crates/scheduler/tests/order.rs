//! The order rules: first in, first out; positions; giving way.
#![cfg(not(loom))]

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use corokit_core::{Position, TaskState};
use corokit_scheduler::{LocalExecutor, ScheduleError, Task};
use futures_lite::future::{self, block_on, yield_now};

type Log = Rc<RefCell<Vec<String>>>;

/// Spawns one task for each letter, which logs the letter.
fn spawn_letters(executor: &LocalExecutor<'static>, letters: &str, log: &Log) -> Vec<Task<()>> {
    let letters = letters.chars();
    letters
        .map(|letter| {
            let log = Rc::clone(log);
            executor.spawn(async move { log.borrow_mut().push(letter.to_string()) })
        })
        .collect()
}

fn joined(log: &Log) -> String {
    log.borrow().join(" ")
}

fn run_all(executor: &LocalExecutor<'static>) {
    while executor.try_tick() {}
}

#[test]
fn spawns_wakes_and_yields_all_go_to_the_back() {
    let log = Log::default();
    let executor = LocalExecutor::new();
    let (sender, receiver) = async_channel::bounded::<()>(1);
    let woken = {
        let log = Rc::clone(&log);
        executor.spawn(async move {
            log.borrow_mut().push("waits".into());
            receiver.recv().await.unwrap();
            log.borrow_mut().push("woken".into());
        })
    };
    let yields = {
        let log = Rc::clone(&log);
        executor.spawn(async move {
            log.borrow_mut().push("yields".into());
            yield_now().await;
            log.borrow_mut().push("goes on".into());
        })
    };
    let wakes = executor.spawn(async move { sender.send(()).await.unwrap() });
    let letters = spawn_letters(&executor, "ab", &log);
    run_all(&executor);
    assert_eq!(joined(&log), "waits yields a b goes on woken");
    drop((woken, yields, wakes, letters));
}

/// `sleep_insert(n)` lets exactly n others run, fewer if there are fewer.
#[test]
fn sleep_insert_lets_exactly_that_many_run_before() {
    for position in 0..9 {
        let log = Log::default();
        let executor = LocalExecutor::new();
        let letters = spawn_letters(&executor, "abcdef", &log);
        block_on(executor.run(async {
            executor.sleep_insert(position).await.unwrap();
            let ran = position.min(6);
            assert_eq!(log.borrow().len(), ran);
            assert_eq!(executor.ready_len(), 6 - ran);
        }));
        drop(letters);
    }
}

#[test]
fn sleep_insert_works_in_a_task_too() {
    let log = Log::default();
    let executor = Rc::new(LocalExecutor::new());
    let sleeper = {
        let (executor, log) = (Rc::clone(&executor), Rc::clone(&log));
        async move {
            executor.sleep_insert(1).await.unwrap();
            log.borrow_mut().push("sleeper".into());
        }
    };
    let sleeper = executor.spawn(sleeper);
    let letters = spawn_letters(&executor, "abc", &log);
    run_all(&executor);
    assert_eq!(joined(&log), "a sleeper b c");
    drop((sleeper, letters));
}

/// Reinsert is pop and insert of a list.
#[test]
fn reinsert_is_a_list_insert() {
    for position in 0..9 {
        let log = Log::default();
        let executor = LocalExecutor::new();
        let letters = spawn_letters(&executor, "abcdef", &log);
        let last = letters[5].metadata().id();
        executor.ready_reinsert(last, position).unwrap();
        run_all(&executor);

        let mut expected = vec!["a", "b", "c", "d", "e"];
        expected.insert(position.min(5), "f");
        assert_eq!(joined(&log), expected.join(" "));
    }
}

/// The target, then the rest in order, the caller last.
#[test]
fn switch_runs_the_target_next_and_the_caller_last() {
    let log = Log::default();
    let executor = LocalExecutor::new();
    let letters = spawn_letters(&executor, "abcd", &log);
    let target = letters[2].metadata().id();
    block_on(executor.run(async {
        executor.task_switch(target, Position::Back).await.unwrap();
        log.borrow_mut().push("caller".into());
    }));
    assert_eq!(joined(&log), "c a b d caller");
}

/// asynkit Q7, and position 0: the caller before the target.
#[test]
fn switch_puts_the_caller_where_it_is_told() {
    for (position, expected) in [
        (Position::Index(1), "c caller a b d"),
        (Position::Index(0), "caller c a b d"),
        (Position::Front, "caller c a b d"),
        (Position::Index(3), "c a b caller d"),
        (Position::Index(99), "c a b d caller"),
    ] {
        let log = Log::default();
        let executor = LocalExecutor::new();
        let letters = spawn_letters(&executor, "abcd", &log);
        let target = letters[2].metadata().id();
        block_on(executor.run(async {
            executor.task_switch(target, position).await.unwrap();
            log.borrow_mut().push("caller".into());
        }));
        run_all(&executor);
        assert_eq!(joined(&log), expected, "{position:?}");
    }
}

#[test]
fn switch_beside_another_task() {
    let log = Log::default();
    let executor = LocalExecutor::new();
    let letters = spawn_letters(&executor, "abcd", &log);
    let [a, b, _, d] = [0, 1, 2, 3].map(|i: usize| letters[i].metadata().id());
    block_on(executor.run(async {
        executor.task_switch(d, Position::After(a)).await.unwrap();
        log.borrow_mut().push("one".into());
        executor.sleep_insert(Position::After(b)).await.unwrap();
        log.borrow_mut().push("two".into());
    }));
    run_all(&executor);
    assert_eq!(joined(&log), "d a one b two c");
}

/// A target that is not in the queue is an error, and nothing has moved.
#[test]
fn switch_to_a_task_that_is_not_queued_is_an_error() {
    let executor = LocalExecutor::new();
    let blocked = executor.spawn(future::pending::<()>());
    let finished = executor.spawn(async {});
    let parked = executor.spawn(async {});
    executor.try_tick();
    executor.try_tick();
    let guard = executor.ready_take(parked.metadata().id()).unwrap();
    let other = LocalExecutor::new();
    let foreign = other.spawn(async {});
    let queued = [(); 3].map(|()| executor.spawn(async {}));
    let order = queued.each_ref().map(|task| task.metadata().id());

    block_on(executor.run(async {
        let me = executor.current_task().unwrap();
        let ids = [&blocked, &finished, &parked, &foreign].map(|task| task.metadata().id());
        let [blocked, finished, parked, foreign] = ids;
        for (target, error) in [
            (blocked, ScheduleError::Blocked(blocked)),
            (finished, ScheduleError::Finished(finished)),
            (parked, ScheduleError::Parked(parked)),
            (foreign, ScheduleError::Foreign(foreign)),
            (me, ScheduleError::Running(me)),
        ] {
            assert_eq!(executor.task_switch(target, 1).await, Err(error));
            assert_eq!(executor.ready_reinsert(target, 0), Err(error));
            assert_eq!(executor.ready_take(target).unwrap_err(), error);
            let beside = executor
                .task_switch(order[1], Position::After(target))
                .await;
            match target == me {
                true => assert_eq!(beside, Err(ScheduleError::BesideItself(me))),
                false => assert_eq!(beside, Err(error)),
            }
            assert_eq!(executor.ready_ids(), order);
        }
    }));
    drop(guard);
}

#[test]
fn giving_way_outside_of_the_executor_is_an_error() {
    let executor = LocalExecutor::new();
    let unused = LocalExecutor::new();
    let task = executor.spawn(async {});
    let target = task.metadata().id();
    let outside = Err(ScheduleError::Outside);
    assert_eq!(block_on(executor.sleep_insert(0)), outside);
    assert_eq!(block_on(unused.sleep_insert(0)), outside);
    assert_eq!(block_on(executor.task_switch(target, 0)), outside);
    assert_eq!(executor.ready_ids(), [target]);
}

/// The place is taken when the poll ends: if the anchor has left by then, it is the back.
#[test]
fn an_anchor_that_leaves_during_the_poll_means_the_back() {
    let log = Log::default();
    let executor = LocalExecutor::new();
    let letters = spawn_letters(&executor, "abc", &log);
    let a = letters[0].metadata().id();
    block_on(executor.run(async {
        let asks = executor.sleep_insert(Position::After(a));
        let takes = async { executor.ready_take(a).unwrap() };
        let (asked, guard) = future::zip(asks, takes).await;
        assert_eq!(asked, Ok(()));
        log.borrow_mut().push("main".into());
        drop(guard);
    }));
    run_all(&executor);
    assert_eq!(joined(&log), "b c main a");
    drop(letters);
}

/// Two branches of one task ask for a place: the last one decides, and both are done.
#[test]
fn in_a_join_the_last_to_ask_decides() {
    let log = Log::default();
    let executor = LocalExecutor::new();
    let letters = spawn_letters(&executor, "abc", &log);
    block_on(executor.run(async {
        let both = future::zip(executor.sleep_insert(0), executor.sleep_insert(2)).await;
        assert_eq!(both, (Ok(()), Ok(())));
        log.borrow_mut().push("main".into());
    }));
    run_all(&executor);
    assert_eq!(joined(&log), "a b main c");
    drop(letters);
}

#[test]
fn a_place_that_was_not_used_is_forgotten() {
    let log = Log::default();
    let executor = Rc::new(LocalExecutor::new());
    // The task asks for the front, and then ends without having to wait.
    let asks = {
        let executor = Rc::clone(&executor);
        executor.clone().spawn(async move {
            let asked = future::poll_once(executor.sleep_insert(0)).await;
            assert!(asked.is_none());
        })
    };
    let yields = {
        let log = Rc::clone(&log);
        executor.spawn(async move {
            yield_now().await;
            log.borrow_mut().push("yielded".into());
        })
    };
    let letters = spawn_letters(&executor, "ab", &log);
    run_all(&executor);
    assert_eq!(joined(&log), "a b yielded");
    drop((asks, yields, letters));
}

#[test]
fn many_spinners_at_the_front_do_not_hide_each_other() {
    let executor = Rc::new(LocalExecutor::new());
    let count = Rc::new(RefCell::new([0; 2]));
    let spinners = [0, 1].map(|me| {
        let (executor, count) = (Rc::clone(&executor), Rc::clone(&count));
        executor.clone().spawn(async move {
            for _ in 0..10 {
                count.borrow_mut()[me] += 1;
                executor.sleep_insert(1).await.unwrap();
            }
        })
    });
    run_all(&executor);
    assert_eq!(*count.borrow(), [10, 10]);
    drop(spinners);
}

#[test]
fn a_parked_entry_keeps_its_wake_ups() {
    let executor = LocalExecutor::new();
    let (sender, receiver) = async_channel::unbounded();
    let task = executor.spawn(async move { receiver.recv().await.unwrap() });
    let id = task.metadata().id();
    executor.try_tick();
    sender.try_send(1).unwrap();

    let parked = executor.ready_take(id).unwrap();
    assert_eq!(executor.task_state(id), Some(TaskState::Parked));
    assert_eq!((executor.ready_len(), executor.blocked_len()), (0, 0));
    sender.try_send(2).unwrap();
    assert!(!executor.try_tick());

    drop(parked);
    assert!(executor.try_tick());
    assert_eq!(block_on(task), 1);
}

#[test]
fn putting_an_entry_back_wakes_a_sleeping_runner() {
    let executor = LocalExecutor::new();
    let task = executor.spawn(async { 5 });
    let parked = executor.ready_pop().unwrap();
    let result = block_on(future::zip(executor.run(task), async {
        yield_now().await;
        parked.insert(0).unwrap();
    }));
    assert_eq!(result, (5, ()));
}

/// The guard has done its work when a waker gets to panic.
#[test]
fn a_panicking_waker_does_not_put_an_entry_back_twice() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("woken");
        }
    }
    for insert in [true, false] {
        let executor = LocalExecutor::new();
        let tasks = [(); 2].map(|()| executor.spawn(async {}));
        let parked = [(); 2].map(|()| executor.ready_pop().unwrap());
        let waker = Waker::from(Arc::new(Panics));
        let mut run = Box::pin(executor.run(future::pending::<()>()));
        assert!(
            run.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        let [first, second] = parked;
        let puts_back = AssertUnwindSafe(move || match insert {
            true => first.insert(0).unwrap(),
            false => drop(first),
        });
        assert!(catch_unwind(puts_back).is_err());
        let ids = tasks.each_ref().map(|task| task.metadata().id());
        assert_eq!(executor.ready_ids(), [ids[0]]);
        assert_eq!(executor.task_state(ids[1]), Some(TaskState::Parked));
        drop(second);
        assert_eq!(executor.ready_ids(), ids);
    }
}

#[test]
fn a_task_cancelled_while_parked_is_dropped_when_it_is_put_back() {
    let executor = LocalExecutor::new();
    let alive = Rc::new(());
    let task = {
        let alive = Rc::clone(&alive);
        executor.spawn(async move { drop(alive) })
    };
    let parked = executor.ready_pop().unwrap();
    drop(task);
    assert_eq!(Rc::strong_count(&alive), 2);
    drop(parked);
    assert!(executor.try_tick());
    assert_eq!(Rc::strong_count(&alive), 1);
    assert!(executor.is_empty());
}

#[test]
fn rotation_wraps_and_an_empty_queue_rotates_too() {
    let executor = LocalExecutor::new();
    executor.ready_rotate_left(3);
    executor.ready_rotate_right(3);
    let tasks = [(); 4].map(|()| executor.spawn(async {}));
    let order = tasks.each_ref().map(|task| task.metadata().id());
    for count in 0..10 {
        let mut expected = executor.ready_ids();
        expected.rotate_left(count % 4);
        executor.ready_rotate_left(count);
        assert_eq!(executor.ready_ids(), expected);
        executor.ready_rotate_right(count);
    }
    assert_eq!(executor.ready_ids(), order);
}
