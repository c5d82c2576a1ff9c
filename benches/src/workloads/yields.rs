//! Tasks that do nothing but let the others run.

use std::cell::Cell;
use std::rc::Rc;

use futures_lite::future::yield_now;

use super::countdown::Countdown;
use crate::clock::{per_op, thread_cpu_ns};
use crate::executors::Executor;

/// What the tasks share: the number of steps so far, and whether to end.
#[derive(Default)]
pub(super) struct Steps {
    count: Cell<u64>,
    stop: Cell<bool>,
}

impl Steps {
    /// Yields until told to end.
    async fn follow(&self) {
        while !self.stop.get() {
            self.count.set(self.count.get() + 1);
            yield_now().await;
        }
    }

    /// Yields as the others do, measures `rounds` yields of its own from the moment all of them are under way, and tells
    /// them to end. Returns the nanoseconds for each step of anyone in that time.
    pub(super) async fn lead(&self, rounds: u64) -> f64 {
        yield_now().await;
        yield_now().await;
        let first = self.count.get();
        let start = thread_cpu_ns();
        for _ in 0..rounds {
            self.count.set(self.count.get() + 1);
            yield_now().await;
        }
        let elapsed = thread_cpu_ns() - start;
        self.stop.set(true);
        per_op(elapsed, self.count.get() - first)
    }
}

/// Lets `tasks` tasks yield `rounds` times each: nanoseconds a step.
///
/// ```
/// use corokit_benches::{AsyncExecutor, yield_among};
///
/// assert!(yield_among::<AsyncExecutor>(10, 10) > 0.0);
/// ```
///
/// # Panics
///
/// If there is no task.
#[must_use]
pub fn yield_among<E: Executor>(tasks: u64, rounds: u64) -> f64 {
    let executor = E::create();
    executor.block_on(yield_in(&executor, tasks, rounds))
}

/// The same in an executor that runs already.
pub(super) async fn yield_in<E: Executor>(executor: &E, tasks: u64, rounds: u64) -> f64 {
    assert!(tasks > 0, "somebody has to yield");
    let steps = Rc::new(Steps::default());
    let ended = Countdown::new(tasks);
    let figure = Rc::new(Cell::new(0.0));
    for _ in 1..tasks {
        let (steps, ended) = (Rc::clone(&steps), Rc::clone(&ended));
        executor.spawn_detached(async move {
            steps.follow().await;
            ended.step();
        });
    }
    // The leader is the last in the queue: when it has its first turn, all the others have had theirs.
    let (led, last) = (Rc::clone(&figure), Rc::clone(&ended));
    executor.spawn_detached(async move {
        led.set(steps.lead(rounds).await);
        last.step();
    });
    ended.wait().await;
    figure.get()
}
