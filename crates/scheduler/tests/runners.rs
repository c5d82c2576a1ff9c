//! Runners: several on one executor, nested ones, rounds, and the main future's entry.
#![cfg(not(loom))]

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use corokit_core::{Position, TaskState};
use corokit_scheduler::{LocalExecutor, TaskExt};
use futures_lite::future::{self, block_on, poll_once, yield_now};

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

#[test]
fn the_main_future_starts_at_once_and_then_queues() {
    let log = RefCell::new(Vec::new());
    let executor = LocalExecutor::new();
    let tasks = ["a", "b"].map(|name| {
        let log = &log;
        executor.spawn(async move { log.borrow_mut().push(name) })
    });
    block_on(executor.run(async {
        log.borrow_mut().push("main");
        let late = executor.spawn(async {});
        yield_now().await;
        log.borrow_mut().push("main again");
        drop(late);
    }));
    assert_eq!(*log.borrow(), ["main", "a", "b", "main again"]);
    drop(tasks);
}

#[test]
fn the_main_future_can_be_moved_like_a_task() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let executor = Rc::new(LocalExecutor::new());
    let main = Rc::new(Cell::new(None));
    let mover = {
        let (executor, log, main) = (Rc::clone(&executor), Rc::clone(&log), Rc::clone(&main));
        executor.clone().spawn(async move {
            log.borrow_mut().push("mover");
            executor.ready_reinsert(main.get().unwrap(), 0).unwrap();
        })
    };
    let rest = {
        let log = Rc::clone(&log);
        executor.spawn(async move { log.borrow_mut().push("rest") })
    };
    block_on(executor.run(async {
        main.set(executor.current_task());
        yield_now().await;
        log.borrow_mut().push("main");
        rest.await;
    }));
    assert_eq!(*log.borrow(), ["mover", "main", "rest"]);
    let main = main.get().unwrap();
    assert_eq!(executor.task_state(main), Some(TaskState::Finished));
    drop(mover);
}

#[test]
fn tasks_switch_to_the_main_future_and_back() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let executor = Rc::new(LocalExecutor::new());
    let main = Rc::new(Cell::new(None));
    let task = {
        let (executor, log, main) = (Rc::clone(&executor), Rc::clone(&log), Rc::clone(&main));
        executor.clone().spawn(async move {
            let main = main.get().unwrap();
            assert_eq!(executor.task_state(main), Some(TaskState::Runnable));
            executor.task_switch(main, 1).await.unwrap();
            log.borrow_mut().push("task");
        })
    };
    let other = {
        let log = Rc::clone(&log);
        executor.spawn(async move { log.borrow_mut().push("other") })
    };
    block_on(executor.run(async {
        main.set(executor.current_task());
        yield_now().await;
        log.borrow_mut().push("main");
        yield_now().await;
    }));
    assert_eq!(*log.borrow(), ["main", "task", "other"]);
    drop((task, other));
}

#[test]
fn a_round_is_bounded_and_the_main_future_waits_no_longer() {
    check_rounds(None, 256);
    for (asked, steps) in [(0, 1), (1, 1), (7, 7), (1000, 1000)] {
        check_rounds(Some(asked), steps);
    }
}

fn check_rounds(asked: Option<usize>, per_round: usize) {
    let executor = Rc::new(LocalExecutor::new());
    if let Some(steps) = asked {
        executor.set_steps_per_round(steps);
    }
    let steps = Rc::new(Cell::new(0_usize));
    let spinner = {
        let (executor, steps) = (Rc::clone(&executor), Rc::clone(&steps));
        executor.clone().spawn(async move {
            loop {
                steps.set(steps.get() + 1);
                executor.sleep_insert(Position::Front).await.unwrap();
            }
        })
    };
    let polls = Cell::new(0);
    let run = executor.run(poll_fn(|cx| {
        polls.set(polls.get() + 1);
        cx.waker().wake_by_ref();
        if polls.get() == 4 {
            return Poll::Ready(());
        }
        Poll::Pending
    }));
    let mut run = pin!(run);
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let cx = &mut Context::from_waker(&waker);

    // The main future starts the first round, and has its turn at the end of each.
    for round in 1..=2 {
        assert!(run.as_mut().poll(cx).is_pending());
        assert_eq!(steps.get(), per_round * round);
        assert_eq!(polls.get(), round + 1);
        assert_eq!(count.take(), 1, "the runner asks for its next round");
    }
    assert!(run.as_mut().poll(cx).is_ready());
    assert_eq!(steps.get(), per_round * 3);
    // The spinner owns the executor: end it, so that the executor ends too.
    drop(spinner);
    assert!(executor.try_tick());
}

#[test]
fn an_idle_runner_is_woken_once_and_sleeps_again() {
    let executor = LocalExecutor::new();
    let (sender, receiver) = async_channel::unbounded::<u32>();
    let task = executor.spawn(async move { while receiver.recv().await.is_ok() {} });
    let run = executor.run(pending::<()>());
    let mut run = pin!(run);
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let cx = &mut Context::from_waker(&waker);
    assert!(run.as_mut().poll(cx).is_pending());
    assert_eq!(count.take(), 0);
    for _ in 0..3 {
        sender.try_send(1).unwrap();
        sender.try_send(2).unwrap();
        assert_eq!(count.take(), 1);
        assert!(run.as_mut().poll(cx).is_pending());
        assert_eq!(count.take(), 0);
    }
    drop(task);
}

/// Several runners sleep; whichever of them is dropped, the wake-up reaches the other.
#[test]
fn a_wake_up_outlives_the_runner_that_got_it() {
    for drop_first in [true, false] {
        let executor = LocalExecutor::new();
        let (sender, receiver) = async_channel::bounded::<()>(1);
        let done = Rc::new(Cell::new(false));
        let task = {
            let done = Rc::clone(&done);
            executor.spawn(async move {
                receiver.recv().await.unwrap();
                done.set(true);
            })
        };
        block_on(async {
            let mut one = Box::pin(executor.run(pending::<()>()));
            let mut two = Box::pin(executor.run(pending::<()>()));
            assert!(poll_once(one.as_mut()).await.is_none());
            assert!(poll_once(two.as_mut()).await.is_none());
            sender.send(()).await.unwrap();
            let (dropped, kept) = if drop_first { (one, two) } else { (two, one) };
            drop(dropped);
            let kept = async {
                kept.await;
            };
            future::or(kept, async {
                while !done.get() {
                    yield_now().await;
                }
            })
            .await;
        });
        assert!(done.get());
        drop(task);
    }
}

#[test]
fn a_runner_that_ends_hands_over_to_the_other() {
    let executor = LocalExecutor::new();
    let task = executor.spawn(async {
        yield_now().await;
        yield_now().await;
        9
    });
    // The first runner ends in the middle of the task's life.
    let result = block_on(future::zip(executor.run(task), executor.run(yield_now())));
    assert_eq!(result.0, 9);
}

#[test]
fn a_spawn_wakes_a_sleeping_runner() {
    for many in [false, true] {
        let executor = LocalExecutor::new();
        let (sender, receiver) = async_channel::bounded(1);
        let spawns = async {
            // The runner has gone to sleep when this goes on.
            yield_now().await;
            let sends = async move { sender.send(7).await.unwrap() };
            let mut tasks = Vec::new();
            match many {
                false => tasks.push(executor.spawn(sends)),
                true => executor.spawn_many([sends], &mut tasks),
            }
            tasks
        };
        let runs = executor.run(async { receiver.recv().await.unwrap() });
        assert_eq!(block_on(future::zip(runs, spawns)).0, 7);
    }
}

/// A foreign loop and three runners sleep, and one of the runners is dropped.
#[test]
fn a_runner_that_goes_takes_no_other_out_of_the_list_of_sleepers() {
    for gone in 0..3 {
        let executor = LocalExecutor::new();
        let counts: [Arc<Count>; 4] = Default::default();
        let wakers = counts
            .each_ref()
            .map(|count| Waker::from(Arc::clone(count)));
        let mut host = Context::from_waker(&wakers[3]);
        assert!(executor.poll_ready(&mut host).is_pending());
        let mut runners = [0, 1, 2].map(|index: usize| {
            let mut runner = Box::pin(executor.run(pending::<()>()));
            let mut cx = Context::from_waker(&wakers[index]);
            assert!(runner.as_mut().poll(&mut cx).is_pending());
            Some(runner)
        });
        runners[gone] = None;
        assert_eq!(counts.each_ref().map(|count| count.take()), [0; 4]);

        executor.spawn(async {}).detach();
        let mut expected = [1; 4];
        expected[gone] = 0;
        assert_eq!(counts.each_ref().map(|count| count.take()), expected);
    }
}

/// The callback is a task of its own, and comes into the queue from outside of the runner.
#[test]
fn a_callback_that_is_due_wakes_a_sleeping_runner() {
    for killed in [false, true] {
        let executor = LocalExecutor::new();
        let task = match killed {
            false => executor.spawn(async {}),
            true => executor.spawn(pending()),
        };
        assert!(executor.try_tick());
        let (sender, receiver) = async_channel::bounded(1);
        let ends = async {
            // The runner has gone to sleep when this goes on.
            yield_now().await;
            task.on_done(move |_| sender.try_send(7).unwrap()).unwrap();
            if killed {
                task.kill().unwrap();
            }
            task.detach();
        };
        let runs = executor.run(async { receiver.recv().await.unwrap() });
        assert_eq!(block_on(future::zip(runs, ends)).0, 7);
    }
}

/// One runner's waker panics: the others are woken all the same.
#[test]
fn a_panicking_waker_does_not_silence_the_others() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("woken");
        }
    }
    for panics in 0..3 {
        let executor = LocalExecutor::new();
        let mut runs = [0, 1, 2].map(|_| Box::pin(executor.run(pending::<()>())));
        let counts: [Arc<Count>; 3] = Default::default();
        for (index, run) in runs.iter_mut().enumerate() {
            let waker = match index == panics {
                true => Waker::from(Arc::new(Panics)),
                false => Waker::from(Arc::clone(&counts[index])),
            };
            let mut cx = Context::from_waker(&waker);
            assert!(run.as_mut().poll(&mut cx).is_pending());
        }
        let spawns = AssertUnwindSafe(|| executor.spawn(async {}).detach());
        assert!(catch_unwind(spawns).is_err());
        let mut expected = [1; 3];
        expected[panics] = 0;
        assert_eq!(counts.each_ref().map(|count| count.take()), expected);
        assert_eq!(executor.ready_len(), 1);
    }
}

/// Nothing runs between a switch and its target, also if the target is another runner's future.
#[test]
fn a_switch_to_the_main_future_of_another_runner_lets_it_run_next() {
    let log = RefCell::new(Vec::new());
    let executor = LocalExecutor::new();
    let tasks = ["a", "b"].map(|name| {
        let log = &log;
        executor.spawn(async move { log.borrow_mut().push(name) })
    });
    let other = Cell::new(None);
    let (sender, receiver) = async_channel::bounded::<()>(1);
    let one = executor.run(async {
        executor.sleep_insert(0).await.unwrap();
        sender.send(()).await.unwrap();
        executor.task_switch(other.get().unwrap(), 1).await.unwrap();
        log.borrow_mut().push("one");
    });
    let two = executor.run(async {
        other.set(executor.current_task());
        receiver.recv().await.unwrap();
        log.borrow_mut().push("two");
    });
    // The second one starts first, so that it waits when the first one goes on.
    block_on(async {
        let mut two = pin!(two);
        let cx = &mut Context::from_waker(Waker::noop());
        let mut tasks_parked = Vec::new();
        while let Some(parked) = executor.ready_pop() {
            tasks_parked.push(parked);
        }
        assert!(two.as_mut().poll(cx).is_pending());
        drop(tasks_parked);
        future::zip(one, two).await;
    });
    assert_eq!(*log.borrow(), ["two", "one"]);
    while executor.try_tick() {}
    assert_eq!(*log.borrow(), ["two", "one", "a", "b"]);
    drop(tasks);
}

#[test]
fn both_main_futures_of_two_runners_are_polled_by_their_own_runner() {
    let log = RefCell::new(Vec::new());
    let executor = LocalExecutor::new();
    let (sender, receiver) = async_channel::bounded::<u32>(1);
    let pinger = executor.run(async {
        for n in 0..3 {
            sender.send(n).await.unwrap();
            log.borrow_mut().push(format!("sent {n}"));
            yield_now().await;
        }
        drop(sender);
    });
    let ponger = executor.run(async {
        while let Ok(n) = receiver.recv().await {
            log.borrow_mut().push(format!("got {n}"));
        }
    });
    block_on(future::zip(pinger, ponger));
    let log = log.into_inner();
    assert_eq!(log.len(), 6);
    for n in 0..3 {
        let at = |what: &str| log.iter().position(|line| *line == format!("{what} {n}"));
        assert!(at("sent") < at("got"));
    }
}

#[test]
fn the_same_executor_runs_inside_of_its_own_task() {
    let executor = Rc::new(LocalExecutor::new());
    let outer = {
        let executor = Rc::clone(&executor);
        executor.clone().spawn(async move {
            let me = executor.current_task().unwrap();
            let inner = executor.spawn(async { 5 });
            let nested = block_on(executor.run(async {
                assert_eq!(executor.task_state(me), Some(TaskState::Running));
                assert_ne!(executor.current_task(), Some(me));
                inner.await
            }));
            assert_eq!(executor.current_task(), Some(me));
            executor.sleep_insert(Position::Back).await.unwrap();
            nested
        })
    };
    assert_eq!(block_on(executor.run(outer)), 5);
}

#[test]
fn the_running_stack_is_counted() {
    let executor = Rc::new(LocalExecutor::new());
    let task = {
        let executor = Rc::clone(&executor);
        executor.clone().spawn(async move {
            let inner = {
                let executor = Rc::clone(&executor);
                executor.clone().spawn(async move {
                    let tasks = executor.tasks();
                    let running = tasks
                        .iter()
                        .filter(|info| info.state() == TaskState::Running);
                    (running.count(), tasks.len(), executor.blocked_len())
                })
            };
            block_on(executor.run(inner))
        })
    };
    // The main future waits for the task; the task, the nested main future (which waits too) and
    // the inner task are on the stack, but for the one that waits.
    assert_eq!(block_on(executor.run(task)), (2, 4, 2));
}

#[test]
fn nested_executors_do_not_mix() {
    let outer = LocalExecutor::new();
    let inner = LocalExecutor::new();
    let (sender, receiver) = async_channel::bounded::<()>(1);
    let waits = outer.spawn(async move { receiver.recv().await.is_ok() });
    let result = block_on(outer.run(async {
        yield_now().await;
        // A wake-up of an outer task from inside of the inner executor stays in the outer queue.
        let task = inner.spawn(async move { sender.send(()).await.is_ok() });
        let sent = block_on(inner.run(task));
        assert_eq!(outer.ready_len(), 1);
        assert_eq!(inner.ready_len(), 0);
        sent && waits.await
    }));
    assert!(result);
}

#[test]
fn tick_and_run_share_an_executor() {
    let executor = LocalExecutor::new();
    let (sender, receiver) = async_channel::bounded::<u32>(1);
    let task = executor.spawn(async move { receiver.recv().await.unwrap() });
    block_on(async {
        let mut run = Box::pin(executor.run(task));
        assert!(poll_once(run.as_mut()).await.is_none());
        sender.send(3).await.unwrap();
        // The tick takes the task; the main future that it wakes belongs to the other runner.
        executor.tick().await;
        let mut tick = Box::pin(executor.tick());
        assert!(poll_once(tick.as_mut()).await.is_none());
        assert_eq!(poll_once(run.as_mut()).await, Some(3));
    });
}

#[test]
fn try_tick_passes_main_futures_on() {
    let executor = LocalExecutor::new();
    let run = executor.run(async {
        yield_now().await;
        1
    });
    let mut run = pin!(run);
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let cx = &mut Context::from_waker(&waker);

    let (sender, receiver) = async_channel::bounded::<()>(1);
    let run2 = executor.run(async move { receiver.recv().await.unwrap() });
    let mut run2 = pin!(run2);
    assert!(run2.as_mut().poll(cx).is_pending());
    sender.try_send(()).unwrap();
    assert_eq!(count.take(), 1);
    assert_eq!(executor.ready_len(), 1);
    assert!(!executor.try_tick(), "there is no task");
    assert_eq!(executor.ready_len(), 0);
    assert!(run2.as_mut().poll(cx).is_ready());
    assert!(run.as_mut().poll(cx).is_ready());
}

#[test]
fn a_parked_main_future_whose_runner_goes_leaves_nothing_behind() {
    let executor = LocalExecutor::new();
    let parked = {
        let (sender, receiver) = async_channel::bounded::<()>(1);
        let mut run = Box::pin(executor.run(async move { receiver.recv().await.unwrap() }));
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(run.as_mut().poll(cx).is_pending());
        sender.try_send(()).unwrap();
        let parked = executor.ready_pop().unwrap();
        assert_eq!(executor.task_state(parked.id()), Some(TaskState::Parked));
        assert!(run.as_mut().poll(cx).is_pending(), "it is out of the queue");
        parked
    };
    assert_eq!(executor.task_state(parked.id()), Some(TaskState::Finished));
    drop(parked);
    assert_eq!((executor.ready_len(), executor.blocked_len()), (0, 0));
    let task = executor.spawn(async { 1 });
    assert_eq!(block_on(executor.run(task)), 1);
}
