//! The rate limiter, the batcher and the scheduler beside their peers.
//!
//! `cargo bench -p corokit-benches --bench services`; with `-- --help` the options.

use corokit_benches::{
    Batches, Bench, Bound, Limiter, Line, OURS, Options, Role, Schedule, batch_items,
    batch_of_threads, insert_and_cancel, limiter_below, limiter_crowd, run_all,
};

const GOVERNOR: &str = "governor";
const FLOOR: &str = "floor";
const TOKIO: &str = "tokio-stream";
const DELAY_QUEUE: &str = "tokio-util";
const TIMER: &str = "async-io";

fn main() -> std::io::Result<()> {
    let options = Options::from_env(15, 1);
    let benches = vec![
        below(&options),
        crowd(&options),
        batches(&options),
        batches_of_threads(&options),
        schedules(&options),
    ];
    run_all("services", benches, &options)
}

fn below(options: &Options) -> Bench<'static> {
    let count = if options.quick { 1_000 } else { 500_000 };
    const WITH_CLOCK: &str = "governor and a look at the clock";
    // governor reads a clock of its own, which costs less than that of the standard library.
    let rivals = &[WITH_CLOCK];
    let line = Line::new("", "ns").baseline(GOVERNOR);
    let line = line.target(Bound::AtMost { times: 1.0, rivals });
    let contestants = [
        (OURS, Role::Ours, Limiter::Window),
        ("corokit, paced", Role::Ours, Limiter::Paced),
        (GOVERNOR, Role::Peer, Limiter::Governor),
        (WITH_CLOCK, Role::Peer, Limiter::GovernorAndClock),
        ("one look at the clock", Role::Floor, Limiter::Clock),
    ];
    let mut bench = Bench::new("rate limiter, below the limit").line(line);
    for (name, role, limiter) in contestants {
        bench = bench.contestant(name, role, move || vec![limiter_below(limiter, count)]);
    }
    bench
}

fn crowd(options: &Options) -> Bench<'static> {
    let waiters = if options.quick { 10 } else { 1_000 };
    let rivals = &[GOVERNOR];
    let time = Line::new("time", "ns for each").baseline(GOVERNOR);
    let time = time.target(Bound::AtMost { times: 0.2, rivals });
    let inversions = Line::new("pairs in the wrong order", "pairs").baseline(GOVERNOR);
    let inversions = inversions.target(Bound::Within(0.0));
    let contestants = [
        (OURS, Role::Ours, Limiter::Window),
        ("corokit, paced", Role::Ours, Limiter::Paced),
        (GOVERNOR, Role::Peer, Limiter::Governor),
    ];
    let bench = Bench::new("rate limiter, 1,000 waiters");
    let mut bench = bench.line(time).line(inversions);
    for (name, role, limiter) in contestants {
        bench = bench.contestant(name, role, move || limiter_crowd(limiter, waiters));
    }
    bench
}

const CONTESTANTS: [(&str, Role, Batches); 4] = [
    (OURS, Role::Ours, Batches::Corokit),
    (TOKIO, Role::Peer, Batches::TokioStream),
    ("futures-batch", Role::Peer, Batches::FuturesBatch),
    (FLOOR, Role::Floor, Batches::Floor),
];

fn batches(options: &Options) -> Bench<'static> {
    let count = if options.quick { 1_000 } else { 500_000 };
    let rivals = &[FLOOR];
    let line = Line::new("", "ns per item").baseline(TOKIO);
    let line = line.target(Bound::AtMost { times: 1.5, rivals });
    let mut bench = Bench::new("batches, one thread").line(line);
    for (name, role, whose) in CONTESTANTS {
        bench = bench.contestant(name, role, move || vec![batch_items(whose, count)]);
    }
    bench
}

fn batches_of_threads(options: &Options) -> Bench<'static> {
    let count = if options.quick { 1_000 } else { 200_000 };
    let rivals = &[TOKIO];
    let line = Line::new("", "ns per item").baseline(TOKIO);
    let line = line.target(Bound::AtMost { times: 1.0, rivals });
    let mut bench = Bench::new("batches, four threads put").line(line);
    for (name, role, whose) in CONTESTANTS {
        bench = bench.contestant(name, role, move || vec![batch_of_threads(whose, count)]);
    }
    bench
}

fn schedules(options: &Options) -> Bench<'static> {
    let count = if options.quick { 1_000 } else { 200_000 };
    let rivals = &[TIMER];
    let line = Line::new("", "ns for both").baseline(DELAY_QUEUE);
    let line = line.target(Bound::AtMost { times: 0.5, rivals });
    let line = line.target(Bound::Within(60.0));
    let contestants = [
        (OURS, Role::Ours, Schedule::Corokit),
        (DELAY_QUEUE, Role::Peer, Schedule::DelayQueue),
        (TIMER, Role::Peer, Schedule::Timer),
    ];
    let mut bench = Bench::new("insert and cancel beside 10,000").line(line);
    for (name, role, whose) in contestants {
        bench = bench.contestant(name, role, move || {
            vec![insert_and_cancel(whose, 10_000, count)]
        });
    }
    bench
}
