//! The counts, against programs whose counts are known.
#![cfg(not(loom))]

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;

use corokit_core::Position;
use corokit_scheduler::{LocalExecutor, Stats};
use futures_lite::future::{block_on, yield_now};

fn run_dry(executor: &LocalExecutor<'_>) {
    while executor.try_tick() {}
}

#[test]
fn an_unused_executor_has_counted_nothing() {
    assert_eq!(LocalExecutor::new().stats(), Stats::default());
}

#[test]
fn every_state_is_counted_once() {
    let executor = LocalExecutor::new();
    let _blocked = executor.spawn(pending::<()>());
    assert!(executor.try_tick());
    let _ready = executor.spawn(async {});
    let parked = executor.spawn(async {});
    let guard = executor.ready_take(parked.metadata().id()).unwrap();
    block_on(executor.run(async {
        let stats = executor.stats();
        let counts = (stats.ready, stats.running, stats.blocked, stats.parked);
        assert_eq!(counts, (1, 1, 1, 1));
        assert_eq!(stats.blocked, executor.blocked_len());
        assert_eq!(stats.ready, executor.ready_len());
    }));
    drop(guard);
    run_dry(&executor);
    let stats = executor.stats();
    assert_eq!(
        (stats.ready, stats.running, stats.blocked, stats.parked),
        (0, 0, 1, 0)
    );
}

/// Its turn has come, and only its own runner can poll it: it is neither ready nor blocked.
#[test]
fn a_main_future_that_waits_for_its_runner_counts_as_running() {
    let executor = LocalExecutor::new();
    let slot = Cell::new(None);
    let mut waits = pin!(executor.run(poll_fn(|cx| {
        slot.set(Some(cx.waker().clone()));
        Poll::<()>::Pending
    })));
    let mut works = pin!(executor.run(pending::<()>()));
    let cx = &mut Context::from_waker(Waker::noop());
    let counts = || {
        let stats = executor.stats();
        assert_eq!(stats.blocked, executor.blocked_len());
        (stats.ready, stats.running, stats.blocked)
    };
    assert!(waits.as_mut().poll(cx).is_pending());
    assert!(works.as_mut().poll(cx).is_pending());
    assert_eq!(counts(), (0, 0, 2));
    slot.take().unwrap().wake();
    assert_eq!(counts(), (1, 0, 1));
    // This runner comes to its turn.
    assert!(works.as_mut().poll(cx).is_pending());
    assert_eq!(counts(), (0, 1, 1));
    assert!(waits.as_mut().poll(cx).is_pending());
    assert_eq!(counts(), (0, 0, 2));
}

#[test]
fn every_turn_is_counted_also_that_of_the_main_future_and_of_a_cancelled_task() {
    let executor = LocalExecutor::new();
    let task = executor.spawn(async {
        yield_now().await;
        yield_now().await;
    });
    run_dry(&executor);
    assert_eq!(executor.stats().polls, 3);
    drop(task);

    drop(executor.spawn(async {}));
    run_dry(&executor);
    assert_eq!(executor.stats().polls, 4);

    block_on(executor.run(yield_now()));
    assert_eq!(executor.stats().polls, 6);
}

#[test]
fn a_poll_counts_itself() {
    let executor = LocalExecutor::new();
    let polls = || executor.stats().polls;
    let seen = block_on(executor.run(async {
        let first = polls();
        yield_now().await;
        (first, polls())
    }));
    assert_eq!(seen, (1, 2));
}

#[test]
fn counting_goes_on_while_debug_mode_is_switched() {
    let executor = LocalExecutor::new();
    for on in [true, false, true] {
        let options = corokit_scheduler::DebugOptions::new().hook(|_| ());
        executor.set_debug(on.then_some(options));
        executor.spawn(async {}).detach();
        run_dry(&executor);
    }
    assert_eq!(executor.stats().polls, 3);
}

#[test]
fn the_longest_queue_is_that_before_a_turn_or_now() {
    let executor = LocalExecutor::new();
    for _ in 0..3 {
        executor.spawn(yield_now()).detach();
    }
    assert_eq!(executor.stats().longest_queue, 3);
    run_dry(&executor);
    assert_eq!(executor.stats().longest_queue, 3);

    // Three are spawned by a running one, which then yields to make the queue four long.
    block_on(executor.run(async {
        for _ in 0..3 {
            executor.spawn(async {}).detach();
        }
        assert_eq!(executor.stats().longest_queue, 3);
        yield_now().await;
    }));
    assert_eq!(executor.stats().longest_queue, 4);
    assert_eq!(executor.stats().ready, 0);
}

#[test]
fn wakes_from_other_threads_make_the_queue_longer_too() {
    let executor = LocalExecutor::new();
    let (sender, receiver) = async_channel::unbounded::<()>();
    for _ in 0..5 {
        let receiver = receiver.clone();
        executor
            .spawn(async move { receiver.recv().await })
            .detach();
    }
    run_dry(&executor);
    assert_eq!(executor.stats().longest_queue, 5);
    thread::spawn(move || drop(sender)).join().unwrap();
    executor.spawn(async {}).detach();
    assert_eq!(executor.stats().longest_queue, 6);
    run_dry(&executor);
    assert!(executor.is_empty());
}

#[test]
fn front_inserts_in_a_row_grow_while_somebody_is_pushed_back() {
    let executor = LocalExecutor::new();
    let _starved = executor.spawn(async {});
    block_on(executor.run(async {
        for count in 1..=5 {
            executor.sleep_insert(Position::Front).await.unwrap();
            assert_eq!(executor.stats().front_inserts_in_a_row, count);
        }
        // Everybody has a turn: the row is over.
        executor.sleep_insert(Position::Back).await.unwrap();
        yield_now().await;
    }));
    let stats = executor.stats();
    assert_eq!(stats.front_inserts_in_a_row, 0);
    assert_eq!(stats.most_front_inserts_in_a_row, 5);
}

#[test]
fn two_tasks_that_switch_to_each_other_are_seen() {
    let executor = LocalExecutor::new();
    let starved = executor.spawn(async {});
    let partner = executor.spawn(async {
        for _ in 0..3 {
            yield_now().await;
        }
    });
    let partner = partner.metadata().id();
    block_on(executor.run(async {
        for _ in 0..3 {
            executor.task_switch(partner, 1).await.unwrap();
        }
    }));
    assert!(executor.stats().most_front_inserts_in_a_row >= 1);
    drop(starved);
}

#[test]
fn in_front_of_nobody_is_not_in_front() {
    let executor = LocalExecutor::new();
    block_on(executor.run(async {
        for _ in 0..3 {
            executor.sleep_insert(0).await.unwrap();
        }
    }));
    assert_eq!(executor.stats().most_front_inserts_in_a_row, 0);
}

#[test]
fn wakes_from_other_threads_are_counted_and_those_at_home_are_not() {
    let executor = LocalExecutor::new();
    let (sender, receiver) = std::sync::mpsc::channel::<Waker>();
    let mut polls = 0;
    let task = executor.spawn(poll_fn(move |cx| {
        polls += 1;
        sender.send(cx.waker().clone()).unwrap();
        if polls < 4 {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }));
    run_dry(&executor);
    receiver.recv().unwrap().wake();
    run_dry(&executor);
    assert_eq!(executor.stats().foreign_wakes, 0);
    for count in 1..=2 {
        let waker = receiver.recv().unwrap();
        let twice = move || {
            waker.wake_by_ref();
            waker.wake();
        };
        thread::spawn(twice).join().unwrap();
        assert_eq!(executor.stats().foreign_wakes, count);
        run_dry(&executor);
    }
    assert!(task.is_finished());
}
