//! Tasks that interrupt others.

use std::future::pending;

use corokit_sched_loop::{
    self as sched_loop, Outcome, TaskExt, interruptible, spawn, task_interrupt,
};
use futures_lite::future::yield_now;

use crate::clock::Stopwatch;

/// The payload.
struct Stop;

/// Interrupts a task `count` times, which each time waits in a new region: nanoseconds for each time, which is two turns, a
/// payload, and an answer.
///
/// ```
/// assert!(corokit_benches::interrupt_round_trip(10) > 0.0);
/// ```
#[must_use]
pub fn interrupt_round_trip(count: usize) -> f64 {
    sched_loop::run(async {
        let target = spawn(async {
            loop {
                let _ = interruptible::<Stop, _>(pending::<()>()).await;
            }
        });
        let id = target.id();
        let interrupts = async move |count: usize| {
            for _ in 0..count {
                let outcome = task_interrupt(id, Stop).await;
                assert!(matches!(outcome, Ok(Outcome::Delivered)));
            }
        };
        let leader = spawn(async move {
            yield_now().await;
            interrupts(count.div_ceil(10)).await;
            let watch = Stopwatch::start();
            interrupts(count).await;
            watch.per_op(count as u64)
        });
        leader.await
    })
}

/// Lets a task on the event loop yield `count` times, inside of a region or not: nanoseconds for each time.
///
/// ```
/// assert!(corokit_benches::yield_on_event_loop(true, 10) > 0.0);
/// ```
#[must_use]
pub fn yield_on_event_loop(in_region: bool, count: usize) -> f64 {
    sched_loop::run(async {
        let yields = async move || {
            for _ in 0..count.div_ceil(10) {
                yield_now().await;
            }
            let watch = Stopwatch::start();
            for _ in 0..count {
                yield_now().await;
            }
            watch.per_op(count as u64)
        };
        let leader = spawn(async move {
            if in_region {
                let figure = interruptible::<Stop, _>(yields()).await;
                return figure.unwrap_or_else(|_| unreachable!("nobody throws"));
            }
            yields().await
        });
        leader.await
    })
}
