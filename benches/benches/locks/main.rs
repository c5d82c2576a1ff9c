//! The priority locks beside their peers.
//!
//! `cargo bench -p corokit-benches --bench locks`; with `-- --help` the options.

use corokit_benches::{
    Bench, Bound, Line, LockOf, OURS, Options, Role, acquire_and_release, hand_over,
    lend_through_chain, lock_and_unlock, run_all,
};

const ASYNC_LOCK: &str = "async-lock";

fn main() -> std::io::Result<()> {
    let options = Options::from_env(15, 1);
    let mut benches = vec![free(&options), permits(&options)];
    for waiters in [2, 100, 10_000] {
        benches.push(contended(&options, waiters));
    }
    benches.push(crowded(&options));
    for locks in [1, 8, 64] {
        benches.push(chain(&options, locks));
    }
    run_all("locks", benches, &options)
}

fn free(options: &Options) -> Bench<'static> {
    let count = if options.quick { 1_000 } else { 200_000 };
    let line = Line::new("", "ns").baseline(ASYNC_LOCK);
    let rivals = &[ASYNC_LOCK];
    let line = line.target(Bound::AtMost { times: 0.6, rivals });
    let contestants = [
        (OURS, Role::Ours, LockOf::Corokit),
        ("corokit, no task", Role::Ours, LockOf::CorokitNoTask),
        (ASYNC_LOCK, Role::Peer, LockOf::AsyncLock),
        ("tokio", Role::Peer, LockOf::Tokio),
        ("std", Role::Peer, LockOf::Std),
    ];
    let mut bench = Bench::new("lock and unlock, free").line(line);
    for (name, role, mutex) in contestants {
        bench = bench.contestant(name, role, move || vec![lock_and_unlock(mutex, count)]);
    }
    bench
}

fn permits(options: &Options) -> Bench<'static> {
    let count = if options.quick { 1_000 } else { 200_000 };
    let rivals = &[ASYNC_LOCK];
    let line = Line::new("", "ns").baseline(ASYNC_LOCK);
    let line = line.target(Bound::AtMost { times: 0.6, rivals });
    let contestants = [
        (OURS, Role::Ours, LockOf::Corokit),
        ("corokit, no task", Role::Ours, LockOf::CorokitNoTask),
        (ASYNC_LOCK, Role::Peer, LockOf::AsyncLock),
        ("tokio", Role::Peer, LockOf::Tokio),
    ];
    let mut bench = Bench::new("acquire and release a permit, free").line(line);
    for (name, role, semaphore) in contestants {
        bench = bench.contestant(name, role, move || {
            vec![acquire_and_release(semaphore, count)]
        });
    }
    bench
}

/// However many wait, each is found in the same time, but for what is no longer in the cache.
fn crowded(options: &Options) -> Bench<'static> {
    const FEW: &str = "corokit, 100 waiters";
    const MANY: &str = "corokit, 10000 waiters";
    let rivals = &[FEW];
    let line = Line::new("", "ns for each").baseline(FEW);
    let line = line.target_for(MANY, Bound::AtMost { times: 2.0, rivals });
    let mut bench = Bench::new("hand over, beside many").line(line);
    for (name, waiters) in [(FEW, 100), (MANY, 10_000)] {
        let repeat = options.size(200_000 / waiters as u64, 1);
        bench = bench.contestant(name, Role::Ours, move || {
            vec![hand_over(LockOf::Corokit, waiters, repeat)]
        });
    }
    bench
}

/// Somebody urgent waits at the near end of a chain of locks, and goes away: each time all is lent, and taken
/// back.
fn chain(options: &Options, locks: usize) -> Bench<'static> {
    let repeat = if options.quick {
        10
    } else {
        100_000 / locks as u64
    };
    let line = Line::new("", "ns for each link, there and back").target(Bound::Within(150.0));
    let bench = Bench::new(format!("lend through {locks} locks")).line(line);
    bench.contestant(OURS, Role::Ours, move || {
        vec![lend_through_chain(locks, repeat) / locks as f64]
    })
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
        (OURS, Role::Ours, LockOf::Corokit),
        ("corokit, no task", Role::Ours, LockOf::CorokitNoTask),
        (ASYNC_LOCK, Role::Peer, LockOf::AsyncLock),
        ("tokio", Role::Peer, LockOf::Tokio),
    ];
    let mut bench = Bench::new(format!("hand over among {waiters}")).line(line);
    for (name, role, mutex) in contestants {
        bench = bench.contestant(name, role, move || vec![hand_over(mutex, waiters, repeat)]);
    }
    bench
}
