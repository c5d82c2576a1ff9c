//! The ready queue in the program's hands: what only our executor can do.

use corokit_benches::{
    Bench, Bound, GiveWay, Line, OURS, Options, QueueOp, Role, give_way_among, queue_op,
    switch_to_any, task_switch_ping_pong, yield_among,
};
use corokit_core::Position;

/// The lengths of the queue, and what the contestants are called.
const LENGTHS: [(usize, &str); 3] = [
    (10, "corokit, 10 tasks"),
    (1_000, "corokit, 1000 tasks"),
    (100_000, "corokit, 100000 tasks"),
];
const SHORT: &str = LENGTHS[0].1;
const LONG: &str = LENGTHS[2].1;

/// Returns all benches of this file.
pub(crate) fn benches(options: &Options) -> Vec<Bench<'static>> {
    vec![
        op(options, "find a task", QueueOp::Find),
        op(
            options,
            "remove a task, insert it at the back",
            QueueOp::RemoveAndInsertBack,
        ),
        op(options, "move a task to the front", QueueOp::InsertFront),
        op(options, "move a task after another", QueueOp::InsertAfter),
        insert_at(options),
        switch(options),
        ping_pong(options),
        give_way(options),
    ]
}

/// No more than three times the figure of a short queue, which is what cache misses may cost.
fn flat() -> Bound {
    let rivals = &[SHORT];
    Bound::AtMost { times: 3.0, rivals }
}

fn op(options: &Options, title: &str, op: QueueOp) -> Bench<'static> {
    let mut line = Line::new("", "ns").baseline(SHORT);
    for (_, name) in LENGTHS {
        line = line.target_for(name, Bound::Within(50.0));
    }
    let mut bench = Bench::new(title).line(line.target_for(LONG, flat()));
    let count = if options.quick { 1_000 } else { 200_000 };
    for (tasks, name) in LENGTHS {
        bench = bench.contestant(name, Role::Ours, move || vec![queue_op(op, tasks, count)]);
    }
    bench
}

/// The cost of each entry that is passed, from whichever end is nearer.
fn insert_at(options: &Options) -> Bench<'static> {
    const TASKS: u32 = 10_000;
    const NEAR: &str = "corokit, at 1000 of 10000";
    let rivals = &[NEAR];
    let line = Line::new("", "ns per entry passed").baseline(NEAR);
    let line = line
        .target_for(
            "corokit, at 5000 of 10000",
            Bound::AtMost { times: 2.0, rivals },
        )
        .target_for(
            "corokit, at 9000 of 10000",
            Bound::AtMost { times: 2.0, rivals },
        );
    let mut bench = Bench::new("move a task to position n").line(line);
    let passed = if options.quick { 10_000 } else { 2_000_000 };
    for index in [1_000, 5_000, 9_000_u32] {
        let distance = index.min(TASKS - index);
        let count = passed / distance;
        bench = bench.contestant(
            format!("corokit, at {index} of {TASKS}"),
            Role::Ours,
            move || {
                let op = QueueOp::InsertAt(index as usize);
                let figure = queue_op(op, TASKS as usize, count as usize);
                vec![figure / f64::from(distance)]
            },
        );
    }
    bench
}

fn switch(options: &Options) -> Bench<'static> {
    let count = if options.quick { 1_000 } else { 100_000 };
    // Two turns, one of them of a task that is no longer in the cache when there are many: only a part of this is the
    // queue's, and that part is "move a task to the front".
    let line = Line::new("", "ns per switch, two turns").baseline(SHORT);
    let mut bench = Bench::new("task_switch to any task").line(line.target_for(LONG, flat()));
    for (tasks, name) in LENGTHS {
        bench = bench.contestant(name, Role::Ours, move || vec![switch_to_any(tasks, count)]);
    }
    bench
}

fn ping_pong(options: &Options) -> Bench<'static> {
    const YIELD: &str = "corokit, plain yield";
    let count = if options.quick { 1_000 } else { 200_000 };
    let rivals = &[YIELD];
    let line = Line::new("", "ns per switch").baseline(YIELD);
    Bench::new("task_switch, ping-pong")
        .line(line.target(Bound::AtMost { times: 1.5, rivals }))
        .contestant(OURS, Role::Ours, move || vec![task_switch_ping_pong(count)])
        .contestant(YIELD, Role::Ours, move || {
            vec![yield_among::<corokit_benches::Corokit>(2, count as u64 / 2)]
        })
}

fn give_way(options: &Options) -> Bench<'static> {
    const YIELD: &str = "corokit, plain yield";
    let count = if options.quick { 100 } else { 20_000 };
    let ways = [
        (YIELD, GiveWay::Yield),
        (
            "corokit, sleep_insert(Back)",
            GiveWay::SleepInsert(Position::Back),
        ),
        (
            "corokit, sleep_insert(1)",
            GiveWay::SleepInsert(Position::Index(1)),
        ),
        (
            "corokit, sleep_insert(0)",
            GiveWay::SleepInsert(Position::Front),
        ),
    ];
    let mut bench = Bench::new("give way among 10").line(Line::new("", "ns").baseline(YIELD));
    for (name, way) in ways {
        bench = bench.contestant(name, Role::Ours, move || {
            vec![give_way_among(way, 9, count)]
        });
    }
    bench
}
