//! The same work with nothing but the parts that no executor can leave out: boxed futures in a ring buffer, polled with a
//! waker that does nothing, and freed.

use std::collections::VecDeque;
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures_lite::future::yield_now;

use super::countdown::Countdown;
use crate::clock::Stopwatch;

type Queue<T = ()> = VecDeque<Pin<Box<dyn Future<Output = T>>>>;

/// Polls the front of the queue and puts it to the back if it is not ready.
fn turn<T>(queue: &mut Queue<T>, cx: &mut Context<'_>) -> Option<T> {
    let mut future = queue.pop_front()?;
    match future.as_mut().poll(cx) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => {
            queue.push_back(future);
            None
        }
    }
}

/// The floor of [`spawn_and_run`](super::spawn_and_run).
///
/// ```
/// assert!(corokit_benches::floor_spawn_and_run(10, 1) > 0.0);
/// ```
#[must_use]
pub fn floor_spawn_and_run(tasks: u64, repeat: u64) -> f64 {
    let mut cx = Context::from_waker(Waker::noop());
    let countdown = Countdown::new(0);
    let mut queue = Queue::new();
    let mut pass = || {
        countdown.reset(tasks);
        for _ in 0..tasks {
            let countdown = Rc::clone(&countdown);
            queue.push_back(Box::pin(async move { countdown.step() }));
        }
        while turn(&mut queue, &mut cx).is_some() {}
    };
    pass();
    let watch = Stopwatch::start();
    for _ in 0..repeat {
        pass();
    }
    watch.per_op(tasks * repeat)
}

/// The floor of [`spawn_and_await`](super::spawn_and_await).
///
/// ```
/// assert!(corokit_benches::floor_spawn_and_await(10) > 0.0);
/// ```
#[must_use]
pub fn floor_spawn_and_await(tasks: u64) -> f64 {
    let mut cx = Context::from_waker(Waker::noop());
    let mut queue = Queue::new();
    let mut pass = |tasks| {
        for number in 0..tasks {
            queue.push_back(Box::pin(async move { black_box(number) }));
            black_box(turn(&mut queue, &mut cx));
        }
    };
    pass(tasks.div_ceil(10));
    let watch = Stopwatch::start();
    pass(tasks);
    watch.per_op(tasks)
}

/// The floor of [`yield_among`](super::yield_among).
///
/// ```
/// assert!(corokit_benches::floor_yield(10, 10) > 0.0);
/// ```
#[must_use]
pub fn floor_yield(tasks: u64, rounds: u64) -> f64 {
    let mut cx = Context::from_waker(Waker::noop());
    let mut queue = Queue::new();
    for _ in 0..tasks {
        queue.push_back(Box::pin(async {
            loop {
                yield_now().await;
            }
        }));
    }
    let mut pass = |steps| {
        for _ in 0..steps {
            turn(&mut queue, &mut cx);
        }
    };
    pass(tasks);
    let watch = Stopwatch::start();
    pass(tasks * rounds);
    watch.per_op(tasks * rounds)
}
