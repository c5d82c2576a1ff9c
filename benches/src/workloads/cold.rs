//! A runner for a single task.

use std::hint::black_box;

use crate::clock::Stopwatch;
use crate::executors::Executor;

/// Calls `block_on` for one task each time, `repeat` times on the same executor: nanoseconds for each.
///
/// ```
/// use corokit_benches::{AsyncExecutor, block_on_one};
///
/// assert!(block_on_one::<AsyncExecutor>(10) > 0.0);
/// ```
#[must_use]
pub fn block_on_one<E: Executor>(repeat: u64) -> f64 {
    let executor = E::create();
    let watch = Stopwatch::start();
    for number in 0..repeat {
        black_box(run_one(&executor, number));
    }
    watch.per_op(repeat)
}

/// Makes an executor, runs one task to its end with it and drops it, `repeat` times: nanoseconds for each.
///
/// ```
/// use corokit_benches::{AsyncExecutor, run_one_from_cold};
///
/// assert!(run_one_from_cold::<AsyncExecutor>(10) > 0.0);
/// ```
#[must_use]
pub fn run_one_from_cold<E: Executor>(repeat: u64) -> f64 {
    let watch = Stopwatch::start();
    for number in 0..repeat {
        let executor = E::create();
        black_box(run_one(&executor, number));
    }
    watch.per_op(repeat)
}

fn run_one<E: Executor>(executor: &E, number: u64) -> u64 {
    executor.block_on(async {
        let task = executor.spawn(async move { black_box(number) });
        task.await
    })
}
