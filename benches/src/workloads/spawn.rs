//! Tasks that end at their first poll.

use std::hint::black_box;
use std::rc::Rc;

use super::countdown::Countdown;
use crate::clock::Stopwatch;
use crate::executors::Executor;

/// Spawns `tasks` at once and runs them all, `repeat` times: nanoseconds a task.
///
/// ```
/// use corokit_benches::{AsyncExecutor, spawn_and_run};
///
/// assert!(spawn_and_run::<AsyncExecutor>(10, 1) > 0.0);
/// ```
#[must_use]
pub fn spawn_and_run<E: Executor>(tasks: u64, repeat: u64) -> f64 {
    let executor = E::create();
    executor.block_on(async {
        let countdown = Countdown::new(0);
        let pass = async || {
            countdown.reset(tasks);
            for _ in 0..tasks {
                let countdown = Rc::clone(&countdown);
                executor.spawn_detached(async move { countdown.step() });
            }
            countdown.wait().await;
        };
        // The first pass makes the executor's tables grow to their size.
        pass().await;
        let watch = Stopwatch::start();
        for _ in 0..repeat {
            pass().await;
        }
        watch.per_op(tasks * repeat)
    })
}

/// Spawns a task and waits for its output, `tasks` times in turn: nanoseconds a task.
///
/// ```
/// use corokit_benches::{AsyncExecutor, spawn_and_await};
///
/// assert!(spawn_and_await::<AsyncExecutor>(10) > 0.0);
/// ```
#[must_use]
pub fn spawn_and_await<E: Executor>(tasks: u64) -> f64 {
    let executor = E::create();
    executor.block_on(async {
        let pass = async |tasks| {
            for number in 0..tasks {
                let output = executor.spawn(async move { black_box(number) }).await;
                black_box(output);
            }
        };
        pass(tasks.div_ceil(10)).await;
        let watch = Stopwatch::start();
        pass(tasks).await;
        watch.per_op(tasks)
    })
}
