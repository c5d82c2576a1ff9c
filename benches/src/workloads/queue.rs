//! The ready queue in the program's hands. No peer has anything of the kind.

use std::hint::black_box;

use corokit_core::{Position, TaskId};
use corokit_scheduler::LocalExecutor;

use crate::clock::Stopwatch;

/// What is done to the ready queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueOp {
    /// Ask what a task is doing.
    Find,
    /// Take a task out and put it to the back.
    RemoveAndInsertBack,
    /// Let a task run next: the queue's part of a task switch.
    InsertFront,
    /// Let a task run directly after another one.
    InsertAfter,
    /// Let a task run after so many others.
    InsertAt(usize),
}

/// A queue of runnable tasks, its order a random one, so that neighbours are not neighbours in memory.
fn shuffled_queue(executor: &LocalExecutor<'static>, tasks: usize) -> Vec<TaskId> {
    let mut rng = fastrand::Rng::with_seed(7);
    let spawned = (0..tasks).map(|_| {
        let task = executor.spawn(async {});
        let id = task.metadata().id();
        task.detach();
        id
    });
    let mut ids: Vec<TaskId> = spawned.collect();
    rng.shuffle(&mut ids);
    for &id in &ids {
        let moved = executor.ready_reinsert(id, Position::Back);
        moved.expect("a task that has not run is in the queue");
    }
    rng.shuffle(&mut ids);
    ids
}

/// Does `op` `count` times in a queue of `tasks` tasks, each time with another one: nanoseconds for each.
///
/// ```
/// use corokit_benches::{QueueOp, queue_op};
///
/// for op in [QueueOp::Find, QueueOp::InsertFront, QueueOp::InsertAt(5)] {
///     assert!(queue_op(op, 10, 10) > 0.0);
/// }
/// ```
///
/// # Panics
///
/// If there are fewer than two tasks.
#[must_use]
pub fn queue_op(op: QueueOp, tasks: usize, count: usize) -> f64 {
    assert!(tasks > 1, "an order needs two");
    let executor = LocalExecutor::new();
    let ids = shuffled_queue(&executor, tasks);
    let anchor = ids[0];
    let apply = |id: TaskId| match op {
        QueueOp::Find => {
            black_box(executor.task_state(black_box(id)));
            Ok(())
        }
        QueueOp::RemoveAndInsertBack => executor.ready_take(id).map(drop),
        QueueOp::InsertFront => executor.ready_reinsert(id, Position::Front),
        QueueOp::InsertAfter => executor.ready_reinsert(id, Position::After(anchor)),
        QueueOp::InsertAt(index) => executor.ready_reinsert(id, index),
    };
    // The anchor stays where it is.
    let pass = |count: usize| {
        for &id in ids[1..].iter().cycle().take(count) {
            apply(id).expect("a task that has not run is in the queue");
        }
    };
    pass(count.div_ceil(10));
    let watch = Stopwatch::start();
    pass(count);
    watch.per_op(count as u64)
}
