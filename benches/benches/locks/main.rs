//! The priority mutex beside its peers.
//!
//! `cargo bench -p corokit-benches --bench locks`; with `-- --help` the options.

use corokit_benches::{
    Bench, Bound, Line, MutexOf, OURS, Options, Role, hand_over, lock_and_unlock, run_all,
};

const ASYNC_LOCK: &str = "async-lock";

fn main() -> std::io::Result<()> {
    let options = Options::from_env(15, 1);
    let mut benches = vec![free(&options)];
    for waiters in [2, 100, 10_000] {
        benches.push(contended(&options, waiters));
    }
    run_all(benches, &options)
}

fn free(options: &Options) -> Bench<'static> {
    let count = if options.quick { 1_000 } else { 200_000 };
    let line = Line::new("", "ns").baseline(ASYNC_LOCK);
    let rivals = &[ASYNC_LOCK];
    let line = line.target(Bound::AtMost { times: 0.6, rivals });
    let contestants = [
        (OURS, Role::Ours, MutexOf::Corokit),
        ("corokit, no task", Role::Ours, MutexOf::CorokitNoTask),
        (ASYNC_LOCK, Role::Peer, MutexOf::AsyncLock),
        ("tokio", Role::Peer, MutexOf::Tokio),
        ("std", Role::Peer, MutexOf::Std),
    ];
    let mut bench = Bench::new("lock and unlock, free").line(line);
    for (name, role, mutex) in contestants {
        bench = bench.contestant(name, role, move || vec![lock_and_unlock(mutex, count)]);
    }
    bench
}

fn contended(options: &Options, waiters: usize) -> Bench<'static> {
    let repeat = if options.quick {
        1
    } else {
        200_000 / waiters as u64
    };
    let rivals = &[ASYNC_LOCK];
    let times = if waiters > 100 { 1.2 } else { 1.0 };
    let line = Line::new("", "ns for each").baseline(ASYNC_LOCK);
    let line = line.target(Bound::AtMost { times, rivals });
    let contestants = [
        (OURS, Role::Ours, MutexOf::Corokit),
        (ASYNC_LOCK, Role::Peer, MutexOf::AsyncLock),
        ("tokio", Role::Peer, MutexOf::Tokio),
    ];
    let mut bench = Bench::new(format!("hand over among {waiters}")).line(line);
    for (name, role, mutex) in contestants {
        bench = bench.contestant(name, role, move || vec![hand_over(mutex, waiters, repeat)]);
    }
    bench
}
