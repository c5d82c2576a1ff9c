//! gather and plans beside their peers.
//!
//! `cargo bench -p corokit-benches --bench parallel`; with `-- --help` the options.

use corokit_benches::{
    Bench, BlockingOf, Bound, GatherOf, Line, OURS, Options, Role, blocking_jobs, executor_tasks,
    gather_ready, gather_woken, plan_of_tasks, run_all,
};

const JOIN_ALL: &str = "futures join_all";

fn main() -> std::io::Result<()> {
    let options = Options::from_env(11, 1);
    let large = if options.quick { 1_000 } else { 100_000 };
    let mut benches = Vec::new();
    for (count, batch) in [
        (10, 10),
        (10, 1),
        (1_000, 1_000),
        (1_000, 1),
        (large, large),
        (large, 1_000),
    ] {
        benches.push(woken(count, batch));
    }
    let line = Line::new("", "ns for each").target(Bound::Within(103.0));
    let ready = Bench::new("gather 1,000 that are ready").line(line);
    benches.push(ready.contestant(OURS, Role::Ours, || vec![gather_ready(1_000)]));
    benches.push(tasks());
    benches.push(blocking());
    run_all("parallel", benches, &options)
}

fn woken(count: usize, batch: usize) -> Bench<'static> {
    let how = match batch {
        1 => "woken one by one".to_owned(),
        _ if batch == count => "woken together".to_owned(),
        _ => format!("woken {batch} at a time"),
    };
    let line = Line::new("", "ns for each").baseline(JOIN_ALL);
    let line = match count {
        10 => line.target(Bound::AtMost {
            times: 1.5,
            rivals: &[JOIN_ALL],
        }),
        _ => line.target(Bound::AheadOfPeers),
    };
    let contestants = [
        (OURS, Role::Ours, GatherOf::Corokit),
        (JOIN_ALL, Role::Peer, GatherOf::JoinAll),
        ("FuturesUnordered", Role::Peer, GatherOf::FuturesUnordered),
        ("futures-buffered", Role::Peer, GatherOf::FuturesBuffered),
        (
            "futures-concurrency",
            Role::Peer,
            GatherOf::FuturesConcurrency,
        ),
    ];
    let mut bench = Bench::new(format!("gather {count}, {how}")).line(line);
    for (name, role, who) in contestants {
        bench = bench.contestant(name, role, move || vec![gather_woken(who, count, batch)]);
    }
    bench
}

fn tasks() -> Bench<'static> {
    let line = Line::new("", "ns for a run").baseline("tasks of async-executor");
    let line = line.target(Bound::Within(10_000.0));
    Bench::new("a plan of 100 async jobs")
        .line(line)
        .contestant(OURS, Role::Ours, || vec![plan_of_tasks(100)])
        .contestant("tasks of async-executor", Role::Peer, || {
            vec![executor_tasks(100)]
        })
}

fn blocking() -> Bench<'static> {
    let line = Line::new("", "ns for a run, wall clock").baseline("blocking::unblock");
    let line = line.target(Bound::Within(150_000.0));
    let line = line.target_for("corokit, awaited", Bound::Within(150_000.0));
    Bench::new("a plan of 100 blocking jobs")
        .line(line)
        .contestant(OURS, Role::Ours, || {
            vec![blocking_jobs(BlockingOf::PlanBlocking, 100)]
        })
        .contestant("corokit, awaited", Role::Ours, || {
            vec![blocking_jobs(BlockingOf::Plan, 100)]
        })
        .contestant("blocking::unblock", Role::Peer, || {
            vec![blocking_jobs(BlockingOf::Unblock, 100)]
        })
}
