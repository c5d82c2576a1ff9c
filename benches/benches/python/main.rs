//! corokit beside the Python packages whose ideas it takes up: asyncio, asynkit, async-utils and a_sync.
//!
//! `cargo xtask bench python` brings the packages. By hand, `cargo bench -p corokit-benches --bench python` measures those that
//! the `python3` in the path has, or that of the variable `COROKIT_BENCH_PYTHON`; with `-- --help` the options.
//!
//! The other side is a process of its own, since it brings an interpreter; it takes its turn in each round all the same.

mod originals;

use std::rc::Rc;

use corokit_benches::{
    Asks, Bench, BlockingOf, Bound, ChannelOf, Corokit, DriverOf, Launch, Line, LockOf, OURS,
    Options, QueueOp, Role, Yields, acquire_and_release, ask_and_reply, blocking_jobs, drive_ready,
    gather_ready, hand_over, interrupt_round_trip, lock_and_unlock, plan_of_tasks, put_and_get,
    queue_op, run_all, spawn_and_await, start_inline, task_switch_ping_pong, yield_among,
    yield_values,
};

use originals::Originals;

/// A piece of work: what it is called here and there, what is counted, how often Python does it in a round, ours, and what it is
/// held against.
struct Work {
    title: &'static str,
    name: &'static str,
    unit: &'static str,
    count: u64,
    ours: fn(&Options) -> f64,
    target: Option<Bound>,
}

fn main() -> std::io::Result<()> {
    let options = Options::from_env(11, 1);
    let originals = match Originals::start() {
        Ok(originals) => Ok(Rc::new(originals)),
        Err(error) => Err(format!("Python: {error}")),
    };
    let benches = WORKS.map(|work| bench(&options, work, &originals));
    run_all("python", benches.into(), &options)
}

fn bench(
    options: &Options,
    work: Work,
    originals: &Result<Rc<Originals>, String>,
) -> Bench<'static> {
    let Work {
        title,
        name,
        unit,
        ours,
        target,
        ..
    } = work;
    // Whatever the count is, it is one of thousands where the work comes in thousands.
    let count = options
        .size(work.count, work.count.div_ceil(20_000) * 1_000)
        .min(work.count);
    let others = originals.as_ref().map(|originals| originals.who_can(name));
    let others = others.unwrap_or_default();
    let line = Line::new("", unit).baseline(others.first().map_or(OURS, String::as_str));
    let line = match target {
        Some(bound) => line.target(bound),
        None => line,
    };
    let sizes = options.clone();
    let mut bench = Bench::new(title)
        .line(line)
        .contestant(OURS, Role::Ours, move || vec![ours(&sizes)]);
    match originals {
        Ok(originals) => {
            for lacking in &originals.lacks {
                bench = bench.left_out(lacking.clone());
            }
            for who in others {
                let originals = Rc::clone(originals);
                bench = bench.contestant(who.clone(), Role::Peer, move || {
                    let figure = originals.measure(name, &who, count);
                    vec![figure.unwrap_or_else(|error| panic!("{who}, {name}: {error}"))]
                });
            }
        }
        Err(reason) => bench = bench.left_out(reason.clone()),
    }
    bench
}

fn size(options: &Options, full: u64) -> usize {
    usize::try_from(options.size(full, 1_000)).expect("a small figure")
}

const WORKS: [Work; 18] = [
    Work {
        title: "spawn one and await it",
        name: "spawn",
        unit: "ns",
        count: 20_000,
        ours: |options| spawn_and_await::<Corokit>(options.size(50_000, 500)),
        target: None,
    },
    Work {
        title: "yield among 1,000",
        name: "yield",
        unit: "ns per step",
        count: 40_000,
        ours: |options| yield_among::<Corokit>(1_000, options.size(200, 2)),
        target: None,
    },
    Work {
        title: "an eager call that does not block",
        name: "eager",
        unit: "ns, started and awaited",
        count: 20_000,
        ours: |options| start_inline(Launch::Eager, options.size(100_000, 1_000)),
        target: None,
    },
    Work {
        title: "task_switch, ping-pong",
        name: "switch",
        unit: "ns per switch",
        count: 20_000,
        ours: |options| task_switch_ping_pong(size(options, 200_000)),
        target: None,
    },
    Work {
        title: "move a task to the front of 10",
        name: "move-10",
        unit: "ns",
        count: 20_000,
        ours: |options| queue_op(QueueOp::InsertFront, 10, size(options, 200_000)),
        target: None,
    },
    Work {
        title: "move a task to the front of 1,000",
        name: "move-1000",
        unit: "ns",
        count: 1_000,
        ours: |options| queue_op(QueueOp::InsertFront, 1_000, size(options, 200_000)),
        target: None,
    },
    Work {
        title: "move a task to the front of 100,000",
        name: "move-100000",
        unit: "ns",
        count: 5,
        ours: |options| queue_op(QueueOp::InsertFront, 100_000, size(options, 200_000)),
        target: None,
    },
    Work {
        title: "task_interrupt",
        name: "interrupt",
        unit: "ns per interrupt",
        count: 10_000,
        ours: |options| interrupt_round_trip(size(options, 100_000)),
        target: None,
    },
    Work {
        title: "a coroutine asks its driver",
        name: "monitor",
        unit: "ns for a round trip",
        count: 20_000,
        ours: |options| ask_and_reply(Asks::Monitor, options.size(200_000, 1_000)),
        target: None,
    },
    Work {
        title: "a generator yields a value",
        name: "generator",
        unit: "ns for a value",
        count: 20_000,
        ours: |options| yield_values(Yields::Generator, false, options.size(200_000, 1_000)),
        target: None,
    },
    Work {
        title: "drive a future that never waits",
        name: "await-sync",
        unit: "ns",
        count: 20_000,
        ours: |options| drive_ready(DriverOf::Corokit, options.size(20_000_000, 1_000)),
        target: None,
    },
    Work {
        title: "lock and unlock, free",
        name: "lock",
        unit: "ns",
        count: 20_000,
        ours: |options| lock_and_unlock(LockOf::Corokit, options.size(200_000, 1_000)),
        target: None,
    },
    Work {
        title: "hand a lock over among 100",
        name: "hand-over",
        unit: "ns for each",
        count: 10_000,
        ours: |options| hand_over(LockOf::Corokit, 100, options.size(2_000, 1)),
        target: None,
    },
    Work {
        title: "acquire and release a permit, free",
        name: "semaphore",
        unit: "ns",
        count: 20_000,
        ours: |options| acquire_and_release(LockOf::Corokit, options.size(200_000, 1_000)),
        target: None,
    },
    Work {
        title: "put and get in one task",
        name: "queue",
        unit: "ns",
        count: 20_000,
        ours: |options| put_and_get(ChannelOf::Corokit, options.size(500_000, 1_000)),
        target: None,
    },
    Work {
        title: "gather 1,000 that are ready",
        name: "gather",
        unit: "ns for each",
        count: 20_000,
        ours: |_| gather_ready(1_000),
        target: Some(Bound::AtLeast {
            times: 100.0,
            rival: "asyncio",
        }),
    },
    Work {
        title: "a plan of 100 async jobs",
        name: "plan-async",
        unit: "ns for a run",
        count: 10,
        ours: |_| plan_of_tasks(100),
        target: None,
    },
    Work {
        title: "a plan of 100 blocking jobs",
        name: "plan-blocking",
        unit: "ns for a run, wall clock",
        count: 10,
        ours: |_| blocking_jobs(BlockingOf::PlanBlocking, 100),
        target: None,
    },
];
