//! Steps in the order of priorities.

use std::cell::Cell;
use std::rc::Rc;

use corokit_core::{Priority, ReadyQueue};
use corokit_priority::PriorityQueue;
use corokit_scheduler::{Fifo, LocalExecutor};
use futures_lite::future::{block_on, yield_now};

use crate::clock::Stopwatch;

/// Lets `tasks` tasks with so many different priorities, or fewer if there are fewer tasks, yield until there have been `steps`
/// steps in all: nanoseconds a step. Most of them are those of the most urgent tasks. Without priorities, the queue is first in,
/// first out.
///
/// ```
/// use corokit_benches::yield_by_priority;
///
/// assert!(yield_by_priority(10, Some(4), 100) > 0.0);
/// ```
#[must_use]
pub fn yield_by_priority(tasks: u32, priorities: Option<u32>, steps: u64) -> f64 {
    match priorities {
        Some(priorities) => run(PriorityQueue::new(), tasks, priorities, steps),
        None => run(Fifo::new(), tasks, 1, steps),
    }
}

fn run<Q: ReadyQueue + 'static>(queue: Q, tasks: u32, priorities: u32, steps: u64) -> f64 {
    let executor = LocalExecutor::with_queue(queue);
    let left = Rc::new(Cell::new(0));
    for number in 0..tasks {
        let left = Rc::clone(&left);
        let priority = i32::try_from(number % priorities).expect("few enough tasks");
        let task = executor.task().priority(Priority::new(priority));
        task.spawn(async move {
            loop {
                left.set(left.get() - 1_i64);
                yield_now().await;
            }
        })
        .detach();
    }
    let pass = |steps: u64| {
        left.set(i64::try_from(steps).expect("few enough steps"));
        while left.get() > 0 {
            executor.try_tick();
        }
    };
    block_on(async {
        // Every task has its waker in the table after its first turn.
        pass(u64::from(tasks) + steps / 10);
        let watch = Stopwatch::start();
        pass(steps);
        watch.per_op(steps)
    })
}
