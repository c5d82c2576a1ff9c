//! Futures that start inside the call that makes them.

use std::hint::black_box;
use std::rc::Rc;

use corokit_sched_loop as sched_loop;
use corokit_scheduler::LocalExecutor;
use futures_lite::future::{block_on, yield_now};

use crate::clock::Stopwatch;

/// How a future is started, to be awaited at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launch {
    /// As a task, from the queue.
    Spawn,
    /// Inside of the call, by the executor.
    Eager,
    /// Inside of the call, by the function that acts on the current event loop.
    EagerOnEventLoop,
}

/// Starts a future that might block and does not, and awaits it, `count` times: nanoseconds for each.
///
/// ```
/// use corokit_benches::{Launch, start_inline};
///
/// assert!(start_inline(Launch::Eager, 10) > 0.0);
/// ```
#[must_use]
pub fn start_inline(launch: Launch, count: u64) -> f64 {
    start(launch, count, false)
}

/// Starts a future that blocks once, and awaits it, `count` times: nanoseconds for each.
///
/// ```
/// use corokit_benches::{Launch, start_and_block};
///
/// assert!(start_and_block(Launch::Spawn, 10) > 0.0);
/// ```
#[must_use]
pub fn start_and_block(launch: Launch, count: u64) -> f64 {
    start(launch, count, true)
}

fn start(launch: Launch, count: u64, blocks: bool) -> f64 {
    if launch == Launch::EagerOnEventLoop {
        return sched_loop::run(async move {
            measure(count, async || {
                sched_loop::eager(work(black_box(blocks))).await
            })
            .await
        });
    }
    let executor = Rc::new(LocalExecutor::new());
    let inside = Rc::clone(&executor);
    // In a task, as in a program: the child runs inside of a poll.
    let leader = executor.spawn(async move {
        match launch {
            Launch::Spawn => {
                measure(count, async || inside.spawn(work(black_box(blocks))).await).await
            }
            _ => measure(count, async || inside.eager(work(black_box(blocks))).await).await,
        }
    });
    block_on(executor.run(leader))
}

/// Does what [`start_inline`] does with [`Launch::Eager`], in a task in whose context a variable is set.
///
/// ```
/// assert!(corokit_benches::start_inline_in_context(10) > 0.0);
/// ```
#[cfg(feature = "context")]
#[must_use]
pub fn start_inline_in_context(count: u64) -> f64 {
    static VARIABLE: corokit_core::context::ContextVar<u64> =
        corokit_core::context::ContextVar::new();
    let executor = Rc::new(LocalExecutor::new());
    let inside = Rc::clone(&executor);
    let leader = executor.spawn(async move {
        VARIABLE.set(1);
        measure(count, async || inside.eager(work(black_box(false))).await).await
    });
    block_on(executor.run(leader))
}

async fn measure(count: u64, once: impl AsyncFn() -> u64) -> f64 {
    for _ in 0..count.div_ceil(10) {
        black_box(once().await);
    }
    let watch = Stopwatch::start();
    for _ in 0..count {
        black_box(once().await);
    }
    watch.per_op(count)
}

/// A future with a point at which it may block, so that no compiler can tell that it does not.
async fn work(blocks: bool) -> u64 {
    if blocks {
        yield_now().await;
    }
    black_box(1)
}
