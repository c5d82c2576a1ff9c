//! Random schedules of ten tasks of ten steps each: lab beside shuttle.
//!
//! `cargo bench -p corokit-benches-lab`; with `-- --help` the options.

use corokit_benches::{Bench, Bound, Line, OURS, Options, Role, Stopwatch, run_all};
use corokit_sched_loop::EventLoop;
use futures_lite::future::yield_now;
use shuttle::scheduler::RandomScheduler;

const TASKS: usize = 10;
const STEPS: usize = 10;

/// Steps are separated by yields.
const YIELDS: usize = STEPS - 1;

fn main() -> std::io::Result<()> {
    let options = Options::from_env(11, 1);
    let schedules = if options.quick { 100 } else { 5_000 };
    let line = Line::new("", "schedules per second")
        .higher_is_better()
        .baseline("shuttle")
        .target(Bound::AtLeast {
            times: 10.0,
            rival: "shuttle",
        });
    let bench = Bench::new("ten tasks of ten steps, in random order")
        .line(line)
        .contestant(OURS, Role::Ours, move || vec![rate(schedules, explore_lab)])
        .contestant("shuttle", Role::Peer, move || {
            vec![rate(schedules, explore_shuttle)]
        })
        .contestant("the event loop alone", Role::Floor, move || {
            vec![rate(schedules, run_event_loop)]
        });
    run_all("lab", vec![bench], &options)
}

/// Returns how many schedules `explore` runs in a second of processor time.
fn rate(schedules: usize, explore: fn(usize)) -> f64 {
    let watch = Stopwatch::start();
    explore(schedules);
    1e9 / watch.per_op(schedules as u64)
}

fn explore_lab(schedules: usize) {
    corokit_lab::check(schedules, |_| program());
}

/// The same program in one order, the usual one, without anything around it.
fn run_event_loop(schedules: usize) {
    for _ in 0..schedules {
        let event_loop = EventLoop::new();
        let main = event_loop.spawn(program());
        while !main.is_finished() {
            event_loop.try_tick();
        }
    }
}

async fn program() {
    let task = |_| {
        corokit_sched_loop::spawn(async {
            for _ in 0..YIELDS {
                yield_now().await;
            }
        })
    };
    let tasks: Vec<_> = (0..TASKS).map(task).collect();
    for task in tasks {
        task.await;
    }
}

fn explore_shuttle(schedules: usize) {
    let scheduler = RandomScheduler::new_from_seed(0, schedules);
    let runner = shuttle::Runner::new(scheduler, shuttle::Config::new());
    runner.run(|| shuttle::future::block_on(shuttle_program()));
}

async fn shuttle_program() {
    let task = |_| {
        shuttle::future::spawn(async {
            for _ in 0..YIELDS {
                shuttle::future::yield_now().await;
            }
        })
    };
    let tasks: Vec<_> = (0..TASKS).map(task).collect();
    for task in tasks {
        task.await.unwrap();
    }
}
