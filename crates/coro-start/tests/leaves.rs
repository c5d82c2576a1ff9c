//! Leaves of all kinds stand being polled by the first leg and then again by whoever goes on.

#[path = "support/gate.rs"]
mod gate;
#[path = "support/trace.rs"]
mod trace;
#[path = "support/watchdog.rs"]
mod watchdog;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use async_channel::bounded;
use async_executor::{LocalExecutor, Task};
use corokit_coro_start::{CoroStart, Eager, eager};
use event_listener::Event;
use futures_lite::future::{block_on, or, zip};
use gate::Gate;
use trace::Trace;
use watchdog::must_end;

#[test]
fn all_who_block_on_one_event_go_on() {
    let (event, trace) = (Event::new(), Trace::default());
    let executor = LocalExecutor::new();
    let children: Vec<_> = (0..5)
        .map(|n| {
            let (event, trace) = (&event, &trace);
            eager(
                async move {
                    event.listen().await;
                    trace.log(format!("child {n}"));
                    n
                },
                |rest| executor.spawn(rest),
            )
        })
        .collect();
    assert!(children.iter().all(|child| !child.is_ready()));
    assert_eq!(event.total_listeners(), 5);

    let values = block_on(executor.run(async {
        event.notify(usize::MAX);
        let mut values = Vec::new();
        for child in children {
            values.push(child.await);
        }
        values
    }));
    assert_eq!(values, [0, 1, 2, 3, 4]);
    trace.check(&["child 0", "child 1", "child 2", "child 3", "child 4"]);
}

#[test]
fn the_place_in_a_leafs_queue_is_that_of_the_first_leg() {
    // The second polls come in the reverse order, the notifications in the order of the first legs.
    let (event, trace) = (Event::new(), Trace::default());
    let mut children: Vec<_> = (0..3)
        .map(|n| {
            let (event, trace) = (&event, &trace);
            eager(
                async move {
                    event.listen().await;
                    trace.log(format!("child {n}"));
                },
                |rest| rest,
            )
        })
        .collect();
    let mut cx = Context::from_waker(Waker::noop());
    for child in children.iter_mut().rev() {
        assert!(Pin::new(child).poll(&mut cx).is_pending());
    }
    for _ in 0..3 {
        event.notify_additional(1);
        for child in children.iter_mut().filter(|child| !child.is_terminated()) {
            let _ = Pin::new(child).poll(&mut cx);
        }
    }
    trace.check(&["child 0", "child 1", "child 2"]);
}

#[test]
fn all_who_block_on_one_task_go_on() {
    // The shared thing is a task: its end opens a gate for each of those who wait.
    let (event, executor) = (Event::new(), LocalExecutor::new());
    let shared = executor.spawn(async { event.notify(usize::MAX) });
    let children: Vec<_> = (0..3)
        .map(|_| eager(event.listen(), |rest| executor.spawn(rest)))
        .collect();
    block_on(executor.run(async {
        for child in children {
            child.await;
        }
        shared.await;
    }));
}

#[test]
fn polls_without_a_wake_change_nothing() {
    let (sender, receiver) = bounded::<u32>(1);
    let (event, gate) = (Event::new(), Gate::default());
    let mut received = eager(receiver.recv(), |rest| rest);
    let mut notified = eager(event.listen(), |rest| rest);
    let mut passed = eager(gate.wait(), |rest| rest);
    let mut slept = eager(smol::Timer::never(), |rest| rest);
    let mut started = pin!(CoroStart::new(gate.wait()));
    started.as_mut().start();

    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..3 {
        assert!(Pin::new(&mut received).poll(&mut cx).is_pending());
        assert!(Pin::new(&mut notified).poll(&mut cx).is_pending());
        assert!(Pin::new(&mut passed).poll(&mut cx).is_pending());
        assert!(Pin::new(&mut slept).poll(&mut cx).is_pending());
        assert!(started.as_mut().poll(&mut cx).is_pending());
    }
    assert_eq!(event.total_listeners(), 1);

    sender.try_send(7).unwrap();
    assert_eq!(event.notify(1), 1);
    gate.open();
    assert_eq!(block_on(received), Ok(7));
    block_on(notified);
    block_on(passed);
    block_on(started);
}

/// Futures that run beside each other, each with a waker of its own, so that only the woken ones are polled:
/// the scheme of `FuturesUnordered`. Yields the outputs in the order in which they come.
struct Unordered<T> {
    children: Vec<Child<T>>,
}

struct Child<T> {
    future: Option<Pin<Box<dyn Future<Output = T>>>>,
    signal: Arc<Signal>,
}

#[derive(Default)]
struct Signal {
    /// The child was woken, or has not been polled yet.
    ready: AtomicBool,
    /// Whoever waits for the whole, kept from the latest poll.
    parent: Mutex<Option<Waker>>,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.ready.store(true, SeqCst);
        let parent = self.parent.lock().unwrap().take();
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}

impl<T> Unordered<T> {
    fn new(futures: impl IntoIterator<Item = Pin<Box<dyn Future<Output = T>>>>) -> Self {
        let children = futures
            .into_iter()
            .map(|future| {
                let signal = Arc::new(Signal::default());
                signal.ready.store(true, SeqCst);
                Child {
                    future: Some(future),
                    signal,
                }
            })
            .collect();
        Self { children }
    }

    async fn next(&mut self) -> Option<T> {
        poll_fn(|cx| {
            let mut empty = true;
            for child in &mut self.children {
                let Some(future) = &mut child.future else {
                    continue;
                };
                empty = false;
                *child.signal.parent.lock().unwrap() = Some(cx.waker().clone());
                if child.signal.ready.swap(false, SeqCst) {
                    let waker = Waker::from(child.signal.clone());
                    if let Poll::Ready(value) =
                        future.as_mut().poll(&mut Context::from_waker(&waker))
                    {
                        child.future = None;
                        return Poll::Ready(Some(value));
                    }
                }
            }
            if empty {
                Poll::Ready(None)
            } else {
                Poll::Pending
            }
        })
        .await
    }
}

#[test]
fn children_with_wakers_of_their_own() {
    let trace = Trace::default();
    let gates: Vec<_> = (0..4).map(|_| Gate::default()).collect();
    let mut whole = Unordered::new(gates.iter().cloned().enumerate().map(|(n, gate)| {
        Box::pin(async move {
            gate.wait().await;
            n
        }) as Pin<Box<dyn Future<Output = usize>>>
    }));
    let executor = LocalExecutor::new();
    let child = eager(
        async {
            while let Some(n) = whole.next().await {
                trace.log(format!("child {n}"));
            }
        },
        |rest| {
            // The first child is woken between the two polls: its signal remembers it.
            gates[2].open();
            executor.spawn(rest)
        },
    );
    for gate in [0, 3, 1] {
        while executor.try_tick() {}
        gates[gate].open();
    }
    block_on(executor.run(child));
    trace.check(&["child 2", "child 0", "child 3", "child 1"]);
}

#[test]
fn children_with_wakers_of_their_own_and_a_racing_thread() {
    must_end(|| {
        let executor = LocalExecutor::new();
        for round in 0..1_000 {
            let gates: Vec<_> = (0..3).map(|_| Gate::default()).collect();
            let opener = {
                let gates = gates.clone();
                thread::spawn(move || gates.iter().for_each(Gate::open))
            };
            let mut whole = Unordered::new(gates.into_iter().map(|gate| {
                Box::pin(async move { gate.wait().await }) as Pin<Box<dyn Future<Output = ()>>>
            }));
            let child = eager(
                async move {
                    let mut seen = 0;
                    while whole.next().await.is_some() {
                        seen += 1;
                    }
                    seen
                },
                |rest| executor.spawn(rest),
            );
            assert_eq!(block_on(executor.run(child)), 3, "round {round}");
            opener.join().unwrap();
        }
    });
}

#[test]
fn a_join_and_a_race_as_leaves() {
    let (left, right) = (Gate::default(), Gate::default());
    let executor = LocalExecutor::new();
    let joined = eager(zip(left.wait(), right.wait()), |rest| executor.spawn(rest));
    let raced = eager(or(left.wait(), right.wait()), |rest| rest);
    while executor.try_tick() {}
    right.open();
    block_on(raced);
    while executor.try_tick() {}
    assert!(!joined.is_finished_or(Task::is_finished));
    left.open();
    block_on(executor.run(joined));
}

#[test]
fn a_leaf_ten_calls_deep() {
    fn deep(depth: u32, gate: Gate) -> Pin<Box<dyn Future<Output = u32>>> {
        Box::pin(async move {
            if depth == 0 {
                gate.wait().await;
                return 0;
            }
            deep(depth - 1, gate).await + 1
        })
    }
    let (executor, gate) = (LocalExecutor::new(), Gate::default());
    let child = eager(deep(10, gate.clone()), |rest| executor.spawn(rest));
    assert!(matches!(child, Eager::Task(_)));
    gate.open();
    assert_eq!(block_on(executor.run(child)), 10);
}
