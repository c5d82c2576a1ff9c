//! Tasks that choose who runs before they go on.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use corokit_core::{Position, TaskId};
use corokit_scheduler::{LocalExecutor, Task};
use futures_lite::future::{block_on, yield_now};

use crate::clock::Stopwatch;

/// How a task gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveWay {
    /// By waking itself, as on any executor.
    Yield,
    /// By our own call, to the given position.
    SleepInsert(Position),
}

/// Lets a task give way `count` times while `others` others yield: nanoseconds for each time, including the turns of those
/// that run in between.
///
/// ```
/// use corokit_benches::{GiveWay, give_way_among};
///
/// assert!(give_way_among(GiveWay::Yield, 1, 10) > 0.0);
/// ```
#[must_use]
pub fn give_way_among(way: GiveWay, others: usize, count: usize) -> f64 {
    lead(others, count, async move |executor, _, count| {
        for _ in 0..count {
            match way {
                GiveWay::Yield => yield_now().await,
                GiveWay::SleepInsert(position) => {
                    let slept = executor.sleep_insert(position).await;
                    slept.expect("called by a task of this executor");
                }
            }
        }
    })
}

/// Lets a task switch `count` times to another one of `others` and go on directly after it: nanoseconds for each switch, which
/// is two turns.
///
/// ```
/// assert!(corokit_benches::switch_to_any(3, 10) > 0.0);
/// ```
#[must_use]
pub fn switch_to_any(others: usize, count: usize) -> f64 {
    lead(others, count, async |executor, ids, count| {
        for &id in ids.iter().cycle().take(count) {
            let switched = executor.task_switch(id, 1).await;
            switched.expect("the target yields, so it is in the queue");
        }
    })
}

/// Spawns `others` tasks that yield for ever and one that does `work` among them.
fn lead<W>(others: usize, count: usize, work: W) -> f64
where
    W: AsyncFn(&LocalExecutor<'static>, &[TaskId], usize) + 'static,
{
    let executor = Rc::new(LocalExecutor::new());
    let tasks = (0..others).map(|_| {
        executor.spawn(async {
            loop {
                yield_now().await;
            }
        })
    });
    let tasks: Vec<Task<()>> = tasks.collect();
    let mut ids: Vec<TaskId> = tasks.iter().map(|task| task.metadata().id()).collect();
    fastrand::Rng::with_seed(7).shuffle(&mut ids);
    let inside = Rc::clone(&executor);
    let leader = executor.spawn(async move {
        work(&inside, &ids, count.div_ceil(10)).await;
        let watch = Stopwatch::start();
        work(&inside, &ids, count).await;
        watch.per_op(count as u64)
    });
    block_on(executor.run(leader))
}

/// Lets two tasks switch to each other, `count` times in all: nanoseconds a switch, which is one turn.
///
/// ```
/// assert!(corokit_benches::task_switch_ping_pong(10) > 0.0);
/// ```
#[must_use]
pub fn task_switch_ping_pong(count: usize) -> f64 {
    let executor = Rc::new(LocalExecutor::new());
    let leader_id = Rc::new(OnceCell::<TaskId>::new());
    let stop = Rc::new(Cell::new(false));

    let (inside, other, stopped) = (
        Rc::clone(&executor),
        Rc::clone(&leader_id),
        Rc::clone(&stop),
    );
    let follower = executor.spawn(async move {
        let leader = *other.get().expect("set before anyone runs");
        while !stopped.get() {
            let switched = inside.task_switch(leader, Position::Back).await;
            switched.expect("the leader is in the queue until it says stop");
        }
    });

    let inside = Rc::clone(&executor);
    let follower_id = follower.metadata().id();
    let leader = executor.spawn(async move {
        let pass = async |count: usize| {
            for _ in 0..count.div_ceil(2) {
                let switched = inside.task_switch(follower_id, Position::Back).await;
                switched.expect("the follower is in the queue");
            }
        };
        pass(count.div_ceil(10)).await;
        let watch = Stopwatch::start();
        pass(count).await;
        let figure = watch.per_op(count.next_multiple_of(2) as u64);
        stop.set(true);
        figure
    });
    leader_id.set(leader.metadata().id()).expect("set once");
    block_on(executor.run(async {
        let figure = leader.await;
        follower.await;
        figure
    }))
}
