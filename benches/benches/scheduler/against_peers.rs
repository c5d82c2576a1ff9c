//! The work that every executor can do, each line with its target.

use corokit_benches::{
    AsyncExecutor, BareAsyncTask, Bench, Bound, Corokit, Executor, FuturesLocalPool, Line, OURS,
    Options, Role, TokioLocalRuntime, TokioLocalSet, block_on_one, floor_spawn_and_await,
    floor_spawn_and_run, floor_yield, foreign_flood, foreign_lockstep, idle_task_bytes,
    one_beside_blocked, run_one_from_cold, spawn_and_await, spawn_and_run, token_ring, yield_among,
    yield_beside_idle_thread,
};

const ASYNC_EXECUTOR: &str = "async-executor";
const LOCAL_SET: &str = "tokio LocalSet";
const LOCAL_RUNTIME: &str = "tokio LocalRuntime";
const LOCAL_POOL: &str = "futures LocalPool";
const FLOOR: &str = "floor";
const ON_ASYNC_TASK: &str = "floor on async-task";
const TOKIO: &[&str] = &[LOCAL_SET, LOCAL_RUNTIME];

/// One workload for every executor: what implements it is run for each of them.
trait Work: Copy + 'static {
    fn run<E: Executor>(self) -> Vec<f64>;
}

/// Adds every executor to a bench.
fn with_executors(bench: Bench<'static>, work: impl Work) -> Bench<'static> {
    bench
        .contestant(OURS, Role::Ours, move || work.run::<Corokit>())
        .contestant(ASYNC_EXECUTOR, Role::Peer, move || {
            work.run::<AsyncExecutor>()
        })
        .contestant(LOCAL_SET, Role::Peer, move || work.run::<TokioLocalSet>())
        .contestant(LOCAL_RUNTIME, Role::Peer, move || {
            work.run::<TokioLocalRuntime>()
        })
        .contestant(LOCAL_POOL, Role::Peer, move || {
            work.run::<FuturesLocalPool>()
        })
}

/// Adds the executors, those whose tasks and wakers never leave their thread, and the least that async-task allows: figures
/// that ours cannot get below.
fn on_one_thread(bench: Bench<'static>, work: impl Work) -> Bench<'static> {
    with_monoio(with_fair_ones(bench, work), work)
}

/// Adds all of them but monoio.
fn with_fair_ones(bench: Bench<'static>, work: impl Work) -> Bench<'static> {
    let bench = with_executors(bench, work).contestant(ON_ASYNC_TASK, Role::Floor, move || {
        work.run::<BareAsyncTask>()
    });
    with_glommio(bench, work)
}

#[cfg(all(feature = "uring", target_os = "linux"))]
fn with_glommio(bench: Bench<'static>, work: impl Work) -> Bench<'static> {
    use corokit_benches::Glommio;

    match Glommio::probe() {
        Ok(()) => bench.contestant("glommio", Role::Peer, move || work.run::<Glommio>()),
        Err(error) => bench.left_out(format!("glommio: {error}")),
    }
}

#[cfg(all(feature = "uring", target_os = "linux"))]
fn with_monoio(bench: Bench<'static>, work: impl Work) -> Bench<'static> {
    use corokit_benches::Monoio;

    match Monoio::probe() {
        Ok(()) => bench.contestant("monoio", Role::Peer, move || work.run::<Monoio>()),
        Err(error) => bench.left_out(format!("monoio: {error}")),
    }
}

/// Without the feature `uring`, the runtimes on io_uring take no part.
#[cfg(not(all(feature = "uring", target_os = "linux")))]
fn with_glommio(bench: Bench<'static>, _: impl Work) -> Bench<'static> {
    bench
}

#[cfg(not(all(feature = "uring", target_os = "linux")))]
fn with_monoio(bench: Bench<'static>, _: impl Work) -> Bench<'static> {
    bench
}

fn at_least(times: f64) -> Bound {
    let rival = ASYNC_EXECUTOR;
    Bound::AtLeast { times, rival }
}

/// glommio and monoio keep tasks and wakers on one thread and pay for nothing else: they show what that is worth, and are no
/// measure for an executor whose wakers go anywhere.
fn ahead_of_all_that_wake_from_afar() -> Bound {
    let rivals = &[ASYNC_EXECUTOR, LOCAL_SET, LOCAL_RUNTIME, LOCAL_POOL];
    Bound::AtMost { times: 1.0, rivals }
}

fn at_most_tokio(times: f64) -> Bound {
    let rivals = TOKIO;
    Bound::AtMost { times, rivals }
}

/// Returns all benches of this file.
pub(crate) fn benches(options: &Options) -> Vec<Bench<'static>> {
    let mut benches = vec![
        spawn(options, 1_000, 2.5),
        spawn(options, 100_000, 2.3),
        spawn_then_await(options),
    ];
    for tasks in [1, 10, 1_000] {
        let line = Line::new("", "ns per step").target(at_least(3.0));
        benches.push(yields(options, tasks, line.target(at_most_tokio(0.9))));
    }
    let line = Line::new("", "ns per step").target(at_least(2.5));
    benches.push(yields(options, 100_000, line));
    benches.extend([2, 100, 10_000].map(|tasks| ring(options, tasks)));
    benches.extend([
        beside_blocked(options),
        run_one(options),
        from_cold(options),
        wakes_in_lockstep(options, 1),
        wakes_in_lockstep(options, 4),
        wakes_in_a_flood(options, 1),
        wakes_in_a_flood(options, 4),
        beside_an_idle_thread(options),
        memory(options),
    ]);
    benches
}

fn spawn(options: &Options, tasks: u64, times: f64) -> Bench<'static> {
    #[derive(Clone, Copy)]
    struct Spawn(u64, u64);
    impl Work for Spawn {
        fn run<E: Executor>(self) -> Vec<f64> {
            vec![spawn_and_run::<E>(self.0, self.1)]
        }
    }
    let spawned = options.size(100_000, 1_000).max(tasks);
    let repeat = spawned / tasks;
    let line = Line::new("", "ns per task").target(at_least(times));
    let bench = Bench::new(format!("spawn {tasks} and run all"));
    let bench = bench.line(line.target(ahead_of_all_that_wake_from_afar()));
    on_one_thread(bench, Spawn(tasks, repeat)).contestant(FLOOR, Role::Floor, move || {
        vec![floor_spawn_and_run(tasks, repeat)]
    })
}

fn spawn_then_await(options: &Options) -> Bench<'static> {
    #[derive(Clone, Copy)]
    struct SpawnThenAwait(u64);
    impl Work for SpawnThenAwait {
        fn run<E: Executor>(self) -> Vec<f64> {
            vec![spawn_and_await::<E>(self.0)]
        }
    }
    let tasks = options.size(50_000, 500);
    let line = Line::new("", "ns per task").target(at_least(2.2));
    let bench = Bench::new("spawn one and await it");
    let bench = bench.line(line.target(ahead_of_all_that_wake_from_afar()));
    on_one_thread(bench, SpawnThenAwait(tasks)).contestant(FLOOR, Role::Floor, move || {
        vec![floor_spawn_and_await(tasks)]
    })
}

fn yields(options: &Options, tasks: u64, line: Line) -> Bench<'static> {
    #[derive(Clone, Copy)]
    struct Yield(u64, u64);
    impl Work for Yield {
        fn run<E: Executor>(self) -> Vec<f64> {
            vec![yield_among::<E>(self.0, self.1)]
        }
    }
    let rounds = (options.size(200_000, 2_000) / tasks).max(options.size(4, 2));
    let bench = Bench::new(format!("yield among {tasks}")).line(line);
    // Among several that yield, the others would never run.
    let bench = bench.left_out(
        "monoio, where tasks yield: one that wakes itself runs again at once, before all others",
    );
    with_fair_ones(bench, Yield(tasks, rounds))
        .contestant(FLOOR, Role::Floor, move || vec![floor_yield(tasks, rounds)])
}

fn ring(options: &Options, tasks: usize) -> Bench<'static> {
    #[derive(Clone, Copy)]
    struct Ring(usize, u64);
    impl Work for Ring {
        fn run<E: Executor>(self) -> Vec<f64> {
            vec![token_ring::<E>(self.0, self.1)]
        }
    }
    let line = Line::new("", "ns per hop").target(at_least(2.4));
    let bench = Bench::new(format!("token round a ring of {tasks}"));
    let bench = bench.line(line.target(at_most_tokio(1.0)));
    on_one_thread(bench, Ring(tasks, options.size(200_000, 1_000)))
}

fn beside_blocked(options: &Options) -> Bench<'static> {
    #[derive(Clone, Copy)]
    struct BesideBlocked(u64, u64);
    impl Work for BesideBlocked {
        fn run<E: Executor>(self) -> Vec<f64> {
            vec![one_beside_blocked::<E>(self.0, self.1)]
        }
    }
    let blocked = options.size(100_000, 1_000);
    let line = Line::new("", "ns per step").target(at_least(3.0));
    let bench = Bench::new("one active beside 100000 blocked").line(line);
    on_one_thread(bench, BesideBlocked(blocked, options.size(100_000, 1_000)))
}

fn run_one(options: &Options) -> Bench<'static> {
    #[derive(Clone, Copy)]
    struct RunOne(u64);
    impl Work for RunOne {
        fn run<E: Executor>(self) -> Vec<f64> {
            vec![block_on_one::<E>(self.0)]
        }
    }
    let line = Line::new("", "ns").target(at_least(3.5));
    let bench = Bench::new("block_on(run(spawn one))").line(line);
    with_executors(bench, RunOne(options.size(10_000, 100)))
}

fn from_cold(options: &Options) -> Bench<'static> {
    #[derive(Clone, Copy)]
    struct FromCold(u64);
    impl Work for FromCold {
        fn run<E: Executor>(self) -> Vec<f64> {
            vec![run_one_from_cold::<E>(self.0)]
        }
    }
    let bench = Bench::new("a new executor, run one, drop").line(Line::new("", "ns"));
    with_executors(bench, FromCold(options.size(10_000, 100)))
}

fn wakes_in_lockstep(options: &Options, threads: usize) -> Bench<'static> {
    #[derive(Clone, Copy)]
    struct Lockstep(usize, usize, u64);
    impl Work for Lockstep {
        fn run<E: Executor>(self) -> Vec<f64> {
            let cost = foreign_lockstep::<E>(self.0, self.1, self.2);
            vec![cost.both(), cost.waking, cost.home]
        }
    }
    let bench = Bench::new(format!("foreign wakes in lockstep, threads: {threads}"))
        .line(Line::new("both sides", "CPU ns per wake").target(at_least(1.5)))
        .line(Line::new("waking side", "CPU ns per wake"))
        .line(Line::new("home side", "CPU ns per wake"));
    let rounds = options.size(50, 3);
    with_executors(bench, Lockstep(threads, 1_000, rounds))
}

fn wakes_in_a_flood(options: &Options, threads: usize) -> Bench<'static> {
    #[derive(Clone, Copy)]
    struct InAFlood(usize, u64);
    impl Work for InAFlood {
        fn run<E: Executor>(self) -> Vec<f64> {
            let flood = foreign_flood::<E>(self.0, self.1);
            vec![flood.wall, flood.waking, flood.home]
        }
    }
    // How often the executor runs dry depends on the machine's mood; the lockstep says what a wake costs in itself.
    let bench = Bench::new(format!("foreign wakes in a flood, threads: {threads}"))
        .line(Line::new("wall", "wall ns per wake").target(at_least(1.5)))
        .line(Line::new("waking side", "CPU ns per wake"))
        .line(Line::new("home side", "CPU ns per wake").target(at_least(1.5)));
    with_executors(bench, InAFlood(threads, options.size(100_000, 1_000)))
}

fn beside_an_idle_thread(options: &Options) -> Bench<'static> {
    const ALONE: &str = "corokit, alone";
    const BESIDE: &str = "corokit, beside a thread";
    let rounds = options.size(20_000, 200);
    let rivals = &[ALONE];
    let line = Line::new("", "ns per step").baseline(ALONE);
    Bench::new("home step while another thread holds our wakers")
        .line(line.target_for(BESIDE, Bound::AtMost { times: 1.1, rivals }))
        .contestant(ALONE, Role::Ours, move || {
            vec![yield_among::<Corokit>(10, rounds)]
        })
        .contestant(BESIDE, Role::Ours, move || {
            vec![yield_beside_idle_thread::<Corokit>(10, rounds)]
        })
        .contestant("async-executor, alone", Role::Peer, move || {
            vec![yield_among::<AsyncExecutor>(10, rounds)]
        })
        .contestant("async-executor, beside a thread", Role::Peer, move || {
            vec![yield_beside_idle_thread::<AsyncExecutor>(10, rounds)]
        })
}

fn memory(options: &Options) -> Bench<'static> {
    #[derive(Clone, Copy)]
    struct Memory(u32);
    impl Work for Memory {
        fn run<E: Executor>(self) -> Vec<f64> {
            // Tables that double have just become full, or have just doubled; 16 entries are enough for what an executor
            // keeps there besides tasks.
            [self.0 - 16, self.0 + 16]
                .map(|tasks| idle_task_bytes::<E>(tasks))
                .to_vec()
        }
    }
    let line = Line::new("tables full", "bytes per task").target(Bound::Within(136.0));
    let bench = Bench::new("memory of an idle task")
        .line(line)
        .line(Line::new("tables just doubled", "bytes per task"))
        .exact();
    let tasks = if options.quick { 1 << 10 } else { 1 << 17 };
    with_executors(bench, Memory(tasks))
}
