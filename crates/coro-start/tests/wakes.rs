//! No wake is lost between the first leg, whose waker does nothing, and whoever goes on.

#[path = "support/gate.rs"]
mod gate;
#[path = "support/wakes.rs"]
mod wakes;
#[path = "support/watchdog.rs"]
mod watchdog;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread;

use async_channel::{Receiver, Sender, bounded};
use async_executor::{LocalExecutor, Task};
use corokit_coro_start::{CoroStart, Eager, eager};
use futures_lite::future::{block_on, yield_now};
use gate::Gate;
use wakes::Wakes;
use watchdog::must_end;

const ROUNDS: usize = 4_000;

#[test]
fn woken_while_the_spawner_runs() {
    // The gate opens after the first poll and before there is a task at all.
    let (gate, executor) = (Gate::default(), LocalExecutor::new());
    let child = eager(gate.wait(), |rest| {
        gate.open();
        executor.spawn(rest)
    });
    assert!(executor.try_tick());
    assert!(!executor.try_tick(), "in the queue exactly once");
    assert!(child.is_finished_or(Task::is_finished));
}

#[test]
fn woken_between_the_spawn_and_the_second_poll() {
    let (gate, executor) = (Gate::default(), LocalExecutor::new());
    let child = eager(gate.wait(), |rest| executor.spawn(rest));
    gate.open();
    assert!(executor.try_tick());
    assert!(!executor.try_tick(), "in the queue exactly once");
    assert!(child.is_finished_or(Task::is_finished));
}

#[test]
fn woken_after_the_second_poll() {
    let (gate, executor) = (Gate::default(), LocalExecutor::new());
    let child = eager(gate.wait(), |rest| executor.spawn(rest));
    assert!(executor.try_tick());
    assert!(
        !executor.try_tick(),
        "blocked again, now with its own waker"
    );
    gate.open();
    assert!(executor.try_tick());
    assert!(!executor.try_tick());
    assert!(child.is_finished_or(Task::is_finished));
}

#[test]
fn a_wake_of_its_own_during_the_first_leg_queues_it_once() {
    let executor = LocalExecutor::new();
    let child = eager(yield_now(), |rest| executor.spawn(rest));
    assert!(executor.try_tick());
    assert!(!executor.try_tick(), "in the queue exactly once");
    assert!(child.is_finished_or(Task::is_finished));
}

#[test]
fn the_callers_waker_is_not_used_for_the_first_leg() {
    let gate = Gate::default();
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);

    let mut caller = pin!(async {
        let _child = eager(gate.wait(), |rest| rest);
        std::future::pending::<()>().await;
    });
    assert!(caller.as_mut().poll(&mut cx).is_pending());
    gate.open();
    wakes.check(0);
}

#[test]
fn an_awaited_rest_wakes_its_latest_waiter() {
    let gate = Gate::default();
    let (first, first_waker) = Wakes::new();
    let (second, second_waker) = Wakes::new();

    let mut child = eager(gate.wait(), |rest| rest);
    let mut poll = |waker| Pin::new(&mut child).poll(&mut Context::from_waker(waker));
    assert!(poll(&first_waker).is_pending());
    assert!(poll(&second_waker).is_pending());
    gate.open();
    first.check(0);
    second.check(1);
    assert_eq!(poll(&second_waker), Poll::Ready(()));
}

/// Passes some time. Both sides do so for a time that differs from round to round, so that the value arrives
/// before the first poll, between the two, and after the second.
fn linger(spins: usize) {
    for _ in 0..spins {
        std::hint::spin_loop();
    }
}

/// Passes the time between the first poll and the second.
fn linger_between_polls(round: usize) {
    linger(round * 53 % 3_000);
}

/// A thread that sends the number of the round into each channel it is given, sooner or later.
struct Feeder {
    orders: mpsc::Sender<(usize, Sender<usize>)>,
    thread: thread::JoinHandle<()>,
}

impl Feeder {
    fn new() -> Self {
        let (orders, incoming) = mpsc::channel::<(usize, Sender<usize>)>();
        let thread = thread::spawn(move || {
            for (round, sender) in incoming {
                linger(round * 37 % 1_500);
                sender.try_send(round).unwrap();
            }
        });
        Self { orders, thread }
    }

    fn order(&self, round: usize) -> Receiver<usize> {
        let (sender, receiver) = bounded(1);
        self.orders.send((round, sender)).unwrap();
        receiver
    }

    fn join(self) {
        drop(self.orders);
        self.thread.join().unwrap();
    }
}

#[test]
fn a_racing_thread_and_a_local_executor() {
    must_end(|| {
        let (executor, feeder) = (LocalExecutor::new(), Feeder::new());
        for round in 0..ROUNDS {
            let receiver = feeder.order(round);
            let child = eager(async move { receiver.recv().await }, |rest| {
                linger_between_polls(round);
                executor.spawn(rest)
            });
            assert_eq!(block_on(executor.run(child)), Ok(round));
        }
        feeder.join();
    });
}

#[test]
fn a_racing_thread_and_an_executor_of_threads() {
    must_end(|| {
        let feeder = Feeder::new();
        for round in 0..ROUNDS {
            let receiver = feeder.order(round);
            let child = eager(async move { receiver.recv().await }, |rest| {
                linger_between_polls(round);
                smol::spawn(rest)
            });
            assert_eq!(block_on(child), Ok(round));
        }
        feeder.join();
    });
}

#[test]
fn a_racing_thread_and_tokio() {
    must_end(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let feeder = Feeder::new();
        runtime.block_on(async {
            for round in 0..ROUNDS {
                let receiver = feeder.order(round);
                let child = eager(async move { receiver.recv().await }, |rest| {
                    linger_between_polls(round);
                    tokio::spawn(rest)
                });
                assert_eq!(child.await.unwrap(), Ok(round));
            }
        });
        feeder.join();
    });
}

#[test]
fn a_racing_thread_and_no_executor() {
    must_end(|| {
        let feeder = Feeder::new();
        for round in 0..ROUNDS {
            let receiver = feeder.order(round);
            let child = eager(async move { receiver.recv().await }, |rest| rest);
            linger_between_polls(round);
            assert_eq!(block_on(child), Ok(round));
        }
        feeder.join();
    });
}

#[test]
fn a_racing_thread_and_a_coroutine_in_place() {
    must_end(|| {
        let feeder = Feeder::new();
        for round in 0..ROUNDS {
            let receiver = feeder.order(round);
            let mut child = pin!(CoroStart::new(receiver.recv()));
            child.as_mut().start();
            linger_between_polls(round);
            assert_eq!(block_on(child), Ok(round));
        }
        feeder.join();
    });
}

#[test]
fn many_waiters_and_a_racing_thread() {
    // Eight at a time, joined in the order of their making while the thread feeds them all.
    must_end(|| {
        let (executor, feeder) = (LocalExecutor::new(), Feeder::new());
        for batch in 0..ROUNDS / 8 {
            let mut children: Vec<Eager<_, _>> = (batch * 8..batch * 8 + 8)
                .map(|round| {
                    let receiver = feeder.order(round);
                    eager(async move { receiver.recv().await }, |rest| {
                        linger_between_polls(round);
                        executor.spawn(rest)
                    })
                })
                .collect();
            block_on(executor.run(async {
                for (index, child) in children.iter_mut().enumerate() {
                    assert_eq!(child.await, Ok(batch * 8 + index));
                }
            }));
        }
        feeder.join();
    });
}
