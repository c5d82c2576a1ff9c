//! Coroutines beside their peers: started by hand, asking their driver, yielding values.
//!
//! `cargo bench -p corokit-benches --bench coroutines`; with `-- --help` the options.

use corokit_benches::{
    Asks, Bench, Bound, CountingAllocator, Line, Options, Role, Started, Yields, ask_and_reply,
    poll_inspected, run_all, start_and_await, start_and_feed, with_allocations, yield_values,
};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const IN_PLACE: &str = "corokit, in place";
const EAGER: &str = "corokit, eager";
const POOLED: &str = "corokit, eager in a pool";
const AWAITED: &str = "awaited";
const ASYNC_EXECUTOR: &str = "async-executor";

const STACK: &str = "corokit, on the stack";
const OURS: &str = "corokit";
const TEN_DEEP: &str = "corokit, ten calls deep";
const SEND: &str = "corokit, Send";
const CHANNELS: &str = "two channels";
const ASYNC_STREAM: &str = "async-stream";

fn main() -> std::io::Result<()> {
    let options = Options::from_env(15, 1);
    let benches = vec![
        inline(&options),
        blocks(&options),
        asks(&options),
        values(&options),
        values_that_wait(&options),
        inspected(&options),
    ];
    run_all("coroutines", benches, &options)
}

fn count(options: &Options) -> u64 {
    if options.quick { 1_000 } else { 200_000 }
}

/// The line of allocations, with a target of none for some.
fn allocations(baseline: &str, none: &[&'static str]) -> Line {
    let line = Line::new("allocations", "for each").baseline(baseline);
    none.iter()
        .fold(line, |line, ours| line.target_for(ours, Bound::Within(0.0)))
}

fn inline(options: &Options) -> Bench<'static> {
    let count = count(options);
    let line = Line::new("", "ns, started and awaited").baseline(ASYNC_EXECUTOR);
    let line = line
        .target_for(
            IN_PLACE,
            Bound::AtMost {
                times: 4.0,
                rivals: &[AWAITED],
            },
        )
        .target_for(POOLED, Bound::Within(4.0))
        .target_for(EAGER, Bound::Within(10.0))
        .target_for(
            EAGER,
            Bound::AtLeast {
                times: 35.0,
                rival: ASYNC_EXECUTOR,
            },
        );
    let contestants = [
        (IN_PLACE, Role::Ours, Started::InPlace),
        (EAGER, Role::Ours, Started::Eager),
        (POOLED, Role::Ours, Started::Pooled),
        (ASYNC_EXECUTOR, Role::Peer, Started::AsyncExecutor),
        ("tokio LocalSet", Role::Peer, Started::Tokio),
        (AWAITED, Role::Floor, Started::Awaited),
    ];
    let mut bench = Bench::new("a future that does not block, on any executor")
        .line(line)
        .line(allocations(ASYNC_EXECUTOR, &[IN_PLACE, POOLED]));
    for (name, role, started) in contestants {
        bench = bench.contestant(name, role, move || {
            with_allocations(count, |count| start_and_await(started, count))
        });
    }
    bench
}

fn blocks(options: &Options) -> Bench<'static> {
    let count = count(options) / 10;
    let rivals = &[ASYNC_EXECUTOR];
    let line = Line::new("", "ns, started, fed and awaited").baseline(ASYNC_EXECUTOR);
    let line = line.target_for(
        EAGER,
        Bound::AtMost {
            times: 1.03,
            rivals,
        },
    );
    Bench::new("a future that first waits for a channel")
        .line(line)
        .line(allocations(ASYNC_EXECUTOR, &[]))
        .contestant(EAGER, Role::Ours, move || {
            with_allocations(count, |count| start_and_feed(Started::Eager, count))
        })
        .contestant(ASYNC_EXECUTOR, Role::Peer, move || {
            with_allocations(count, |count| start_and_feed(Started::AsyncExecutor, count))
        })
}

fn asks(options: &Options) -> Bench<'static> {
    let count = count(options);
    let line = Line::new("", "ns for a round trip").baseline(CHANNELS);
    let line = line
        .target(Bound::Within(5.0))
        .target(Bound::AtLeast {
            times: 70.0,
            rival: CHANNELS,
        })
        .target_for(SEND, Bound::Within(15.0))
        // Two and a half for each call, and those of the round trip itself.
        .target_for(TEN_DEEP, Bound::Within(30.0));
    let contestants = [
        (OURS, Role::Ours, Asks::Monitor),
        (STACK, Role::Ours, Asks::Stack),
        (TEN_DEEP, Role::Ours, Asks::TenDeep),
        (SEND, Role::Ours, Asks::Send),
        ("genawaiter", Role::Peer, Asks::Genawaiter),
        ("genawaiter, sync", Role::Peer, Asks::GenawaiterSync),
        (CHANNELS, Role::Peer, Asks::Channels),
    ];
    let mut bench = Bench::new("a coroutine asks its driver")
        .line(line)
        .line(allocations(CHANNELS, &[OURS, STACK, SEND]));
    for (name, role, asks) in contestants {
        bench = bench.contestant(name, role, move || {
            with_allocations(count, |count| ask_and_reply(asks, count))
        });
    }
    bench
}

fn values(options: &Options) -> Bench<'static> {
    let rivals = &[ASYNC_STREAM];
    let line = Line::new("", "ns for a value").baseline(ASYNC_STREAM);
    let line = line
        .target(Bound::AtMost { times: 1.5, rivals })
        .target_for(SEND, Bound::Within(16.0));
    let bench = Bench::new("a generator yields a value").line(line);
    let others = [
        ("genawaiter", Role::Peer, Yields::Genawaiter),
        ("genawaiter, sync", Role::Peer, Yields::GenawaiterSync),
        ("channel and task", Role::Peer, Yields::Channel),
    ];
    with_generators(bench, &others, false, count(options))
}

fn values_that_wait(options: &Options) -> Bench<'static> {
    let rivals = &[ASYNC_STREAM];
    let line = Line::new("", "ns for a value").baseline(ASYNC_STREAM);
    let line = line.target(Bound::AtMost { times: 1.1, rivals });
    let bench = Bench::new("a generator yields a value after a real wait").line(line);
    with_generators(bench, &[], true, count(options))
}

/// Has generators yield so many values, and these others.
fn with_generators(
    bench: Bench<'static>,
    others: &[(&'static str, Role, Yields)],
    waits: bool,
    count: u64,
) -> Bench<'static> {
    let generators = [
        (OURS, Role::Ours, Yields::Generator),
        (STACK, Role::Ours, Yields::Stack),
        (SEND, Role::Ours, Yields::Send),
        (ASYNC_STREAM, Role::Peer, Yields::AsyncStream),
        ("async-fn-stream", Role::Peer, Yields::AsyncFnStream),
    ];
    let mut bench = bench.line(allocations(ASYNC_STREAM, &[OURS, STACK, SEND]));
    for &(name, role, yields) in generators.iter().chain(others) {
        bench = bench.contestant(name, role, move || {
            with_allocations(count, |count| yield_values(yields, waits, count))
        });
    }
    bench
}

fn inspected(options: &Options) -> Bench<'static> {
    let count = count(options);
    let plain = "not inspected";
    let line = Line::new("", "ns for a poll").baseline(plain);
    let line = line.target(Bound::Within(11.0));
    Bench::new("a poll of a future that is inspected")
        .line(line)
        .contestant(OURS, Role::Ours, move || vec![poll_inspected(true, count)])
        .contestant(plain, Role::Floor, move || {
            vec![poll_inspected(false, count)]
        })
}
