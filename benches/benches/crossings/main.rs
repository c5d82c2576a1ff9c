//! From blocking code to async code and back, beside the peers.
//!
//! `cargo bench -p corokit-benches --bench crossings`; with `-- --help` the options.

use corokit_benches::{
    Bench, Bound, BridgeOf, DriverOf, Line, OURS, Options, PoolOf, Role, blocked_error,
    drive_ready, drive_self_wake, iterator_items, jobs_in_flight, run_all, turns,
};
use corokit_sync_bridge::Pool;

const FUTURES_LITE: &str = "futures-lite";
const UNBLOCK: &str = "blocking::Unblock";
const BLOCKING: &str = "blocking";

fn main() -> std::io::Result<()> {
    let options = Options::from_env(15, 1);
    let benches = vec![
        ready(&options),
        self_wake(&options),
        errors(&options),
        iterator(&options, "an iterator, lazy, per item", 0, 1, 5_000),
        iterator(
            &options,
            "an iterator, 8,192 ahead, per item",
            8_192,
            8_192,
            200_000,
        ),
        iterator(
            &options,
            "an iterator, 128 ahead, per item",
            128,
            128,
            100_000,
        ),
        jobs(&options),
        domain(&options),
    ];
    run_all("crossings", benches, &options)
}

fn ready(options: &Options) -> Bench<'static> {
    let count = options.size(20_000_000, 1_000);
    let rivals = &["plain await"];
    let line = Line::new("", "ns").baseline(rivals[0]);
    let line = line.target(Bound::AtMost {
        times: 1.05,
        rivals,
    });
    let contestants = [
        (OURS, Role::Ours, DriverOf::Corokit),
        ("plain await", Role::Floor, DriverOf::PlainAwait),
        ("now_or_never", Role::Peer, DriverOf::NowOrNever),
        ("pollster", Role::Peer, DriverOf::Pollster),
        (FUTURES_LITE, Role::Peer, DriverOf::FuturesLite),
    ];
    let mut bench = Bench::new("drive a future that never waits").line(line);
    for (name, role, driver) in contestants {
        bench = bench.contestant(name, role, move || vec![drive_ready(driver, count)]);
    }
    bench
}

fn self_wake(options: &Options) -> Bench<'static> {
    let count = options.size(2_000_000, 1_000);
    let line = Line::new("", "ns").baseline(FUTURES_LITE);
    let line = line.target(Bound::Within(4.0)).target(Bound::AheadOfPeers);
    let contestants = [
        (OURS, Role::Ours, DriverOf::Corokit),
        ("pollster", Role::Peer, DriverOf::Pollster),
        (FUTURES_LITE, Role::Peer, DriverOf::FuturesLite),
    ];
    let mut bench = Bench::new("drive a future that yields once").line(line);
    for (name, role, driver) in contestants {
        bench = bench.contestant(name, role, move || vec![drive_self_wake(driver, count)]);
    }
    bench
}

fn errors(options: &Options) -> Bench<'static> {
    let count = options.size(100_000, 100);
    let printed = options.size(200, 2);
    Bench::new("the error of a future that blocks")
        .line(
            Line::new("no waker kept", "ns")
                .baseline(OURS)
                .target(Bound::Within(81.0)),
        )
        .line(
            Line::new("captured", "ns")
                .baseline(OURS)
                .target(Bound::Within(4_300.0)),
        )
        .line(
            Line::new("printed", "ns")
                .baseline(OURS)
                .target(Bound::Within(58_000.0)),
        )
        .contestant(OURS, Role::Ours, move || {
            vec![
                blocked_error(false, false, count),
                blocked_error(true, false, count / 10),
                blocked_error(true, true, printed),
            ]
        })
}

fn iterator(
    options: &Options,
    title: &str,
    ahead: usize,
    capacity: usize,
    count: u64,
) -> Bench<'static> {
    let count = options.size(count, 10);
    let rivals = &[UNBLOCK];
    let line = Line::new("", "ns of wall time").baseline(UNBLOCK);
    // Between the two ends of the range it depends most on how busy the machine is.
    let line = match ahead {
        0 | 8_192 => line.target(Bound::AtMost { times: 1.0, rivals }),
        _ => line,
    };
    Bench::new(title)
        .line(line)
        .contestant(OURS, Role::Ours, move || {
            vec![iterator_items(BridgeOf::Corokit(ahead), count)]
        })
        .contestant(UNBLOCK, Role::Peer, move || {
            vec![iterator_items(BridgeOf::Unblock(capacity), count)]
        })
}

fn jobs(options: &Options) -> Bench<'static> {
    let count = options.size(2_000, 20);
    let tokio = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("tokio's runtime");
    let contestants = [
        (OURS, Role::Ours, PoolOf::Corokit(Pool::new())),
        (BLOCKING, Role::Peer, PoolOf::Blocking),
        ("tokio", Role::Peer, PoolOf::Tokio(tokio)),
        (
            "threadpool, 8 threads",
            Role::Peer,
            PoolOf::Threadpool(threadpool::ThreadPool::new(8)),
        ),
        ("rayon", Role::Peer, PoolOf::Rayon),
    ];
    let line = Line::new("", "ns of wall time").baseline(BLOCKING);
    let mut bench =
        Bench::new("2,000 empty jobs in flight, per job").line(line.target(Bound::Within(1_200.0)));
    for (name, role, pool) in contestants {
        bench = bench.contestant(name, role, move || vec![jobs_in_flight(&pool, count)]);
    }
    bench
}

fn domain(options: &Options) -> Bench<'static> {
    let count = options.size(1_000_000, 100);
    let line = Line::new("", "ns").baseline("no domain");
    Bench::new("a poll of a member of a domain")
        .line(line)
        .contestant(OURS, Role::Ours, move || vec![turns(true, count)])
        .contestant("no domain", Role::Floor, move || vec![turns(false, count)])
}
