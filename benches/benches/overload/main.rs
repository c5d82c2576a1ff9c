//! What an urgent request waits for when there is too much to do, in virtual time: exact, so that one round is enough.
//!
//! `cargo bench -p corokit-benches --bench overload`; with `-- --help` the options. The example `overload` draws more of it, and
//! can do the same in processor time.

use corokit_benches::overload::{
    Clock, Contestant, Latencies, Load, Locks, Order, Runtime, inversion, longest_wait,
    longest_wait_allowed, overload,
};
use corokit_benches::{Bench, Bound, Line, OURS, Options, Role, run_all};

const FIFO: &str = "corokit, first in first out";

/// What the holder of the lock has to do yet, and one step more, in milliseconds.
const HELD: f64 = 0.95;

/// Five steps of a batch under the lock, and the urgent request's own two, in milliseconds.
const FLAT: f64 = 0.35;

fn main() -> std::io::Result<()> {
    let options = Options::from_env(1, 1);
    let mut benches = Vec::new();
    benches.extend([1, 10, 50].map(waits_for_a_lock));
    benches.extend([0.95, 0.99, 1.2].map(|share| under_load(&options, share)));
    benches.extend([0, 10, 100].map(least_urgent));
    run_all("overload", benches, &options)
}

/// Adds every executor and kind of lock: corokit is the one with priorities that locks inherit.
fn with_all(
    mut bench: Bench<'static>,
    work: impl Fn(Contestant) -> f64 + Copy + 'static,
) -> Bench<'static> {
    for contestant in Contestant::ALL {
        let name = match (contestant.order, contestant.locks) {
            (Order::Priority, Locks::Inheriting) => OURS,
            _ => contestant.name(),
        };
        let role = match contestant.runtime {
            Runtime::Corokit => Role::Ours,
            Runtime::Tokio | Runtime::Smol => Role::Peer,
        };
        bench = bench.contestant(name, role, move || vec![work(contestant)]);
    }
    bench
}

fn waits_for_a_lock(hogs: usize) -> Bench<'static> {
    let line = Line::new("", "ms")
        .baseline(FIFO)
        .target(Bound::Within(HELD));
    let title = format!("an urgent task waits for a lock, busy tasks between: {hogs}");
    let bench = Bench::new(title).line(line).exact();
    with_all(bench, move |contestant| {
        inversion(contestant, hogs, Clock::Virtual) as f64 / 1e6
    })
}

fn under_load(options: &Options, share: f64) -> Bench<'static> {
    let seconds = if options.quick { 2.0 } else { 30.0 };
    let line = Line::new("", "ms")
        .baseline(FIFO)
        .target(Bound::Within(FLAT));
    let line = line.target(Bound::AtLeast {
        times: 400.0,
        rival: FIFO,
    });
    let title = format!(
        "urgent requests at {:.0} % load, 99th percentile",
        share * 100.0
    );
    let bench = Bench::new(title).line(line).exact();
    with_all(bench, move |contestant| {
        let load = Load {
            share,
            seconds,
            seed: 1,
        };
        let latencies = overload(contestant, load, Clock::Virtual);
        Latencies::at(&latencies.urgent, 0.99) as f64 / 1e6
    })
}

fn least_urgent(others: u64) -> Bench<'static> {
    const PROMISED: &str = "what is promised";
    let rivals = &[PROMISED];
    let line = Line::new("", "turns of others").baseline(PROMISED);
    let title = format!("the longest wait of a low task beside urgent ones and {others} like it");
    Bench::new(title)
        .line(line.target(Bound::AtMost { times: 1.0, rivals }))
        .exact()
        .contestant(OURS, Role::Ours, move || vec![longest_wait(others) as f64])
        .contestant(PROMISED, Role::Floor, move || {
            vec![longest_wait_allowed(others) as f64]
        })
}
