//! The `kv` example beside Debian's `redis-server`, driven by `redis-benchmark`.
//!
//! `cargo bench -p corokit-benches --bench kv`; with `-- --help` the options. Needs `redis-server` and `redis-benchmark`
//! in the path (Debian: `apt-get install redis-server redis-tools`), and Linux for the memory figures.

mod client;
mod latency;
mod load;
mod server;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use corokit_benches::{Bench, Bound, Line, OURS, Options, Role, run_all};

use load::Figures;
use server::{Program, Server};

const REDIS: &str = "redis-server";

/// The tests of `redis-benchmark -t ping,set,get,incr,lpush`, as its output names them.
const TESTS: [&str; 6] = ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "LPUSH"];

fn main() -> io::Result<()> {
    let options = Options::from_env(5, 1);
    if options.list {
        return run_all("kv", benches(&options, &[]), &options);
    }
    for tool in [REDIS, "redis-benchmark"] {
        if !server::is_installed(tool) {
            println!("left out: no {tool} here (Debian: apt-get install redis-server redis-tools)");
            return Ok(());
        }
    }
    let kv = match &options.program {
        Some(program) => program.clone(),
        None => server::build_kv()?,
    };
    let programs = [
        (OURS, Role::Ours, Program::Kv(kv)),
        (REDIS, Role::Peer, Program::RedisServer),
    ];
    run_all("kv", benches(&options, &programs), &options)
}

type Contestant = (&'static str, Role, Program);

fn benches(options: &Options, programs: &[Contestant]) -> Vec<Bench<'static>> {
    vec![
        requests(options, programs, 1, 0.9),
        requests(options, programs, 16, 0.7),
        latency(options, programs),
        memory(options, programs),
    ]
}

fn at_least(times: f64) -> Bound {
    let rival = REDIS;
    Bound::AtLeast { times, rival }
}

/// Requests a second with 50 clients, each with `pipeline` requests under way.
fn requests(
    options: &Options,
    programs: &[Contestant],
    pipeline: u32,
    times: f64,
) -> Bench<'static> {
    let count = options.size(200_000, 2_000);
    let mut bench = Bench::new(format!("redis-benchmark -c 50 -P {pipeline}"));
    for test in TESTS.iter().copied().chain(["all"]) {
        let line = Line::new(test, "requests per s").higher_is_better();
        bench = bench.line(line.baseline(REDIS).target(at_least(times)));
    }
    let line = Line::new("server's processor time", "us per request");
    bench = bench.line(line.baseline(REDIS));
    for (name, role, program) in programs.iter().cloned() {
        // The server starts with the first run and stays for all rounds.
        let server: Rc<RefCell<Option<Server>>> = Rc::default();
        bench = bench.contestant(name, role, move || {
            let mut server = server.borrow_mut();
            let server = server.get_or_insert_with(|| {
                Server::start(&program).unwrap_or_else(|error| panic!("{name}: {error}"))
            });
            let figures = load::redis_benchmark(server, count, pipeline, &TESTS);
            figures
                .map(Figures::into_lines)
                .unwrap_or_else(|error| panic!("{name}: {error}"))
        });
    }
    bench
}

/// How long `PING` takes while `KEYS *` on a million keys runs again and again.
fn latency(options: &Options, programs: &[Contestant]) -> Bench<'static> {
    let keys = options.size(1_000_000, 10_000);
    let time = Duration::from_millis(options.size(3_000, 100));
    let mut bench = Bench::new("PING every millisecond, while KEYS * on a million keys loops");
    for share in ["50 %", "99 %", "99.9 %"] {
        let line = Line::new(share, "us").baseline(REDIS);
        bench = bench.line(match share {
            "99 %" => line.target(at_least(50.0)),
            _ => line,
        });
    }
    for (name, role, program) in programs.iter().cloned() {
        let server: Rc<RefCell<Option<Server>>> = Rc::default();
        bench = bench.contestant(name, role, move || {
            let mut server = server.borrow_mut();
            let server = server.get_or_insert_with(|| {
                let server = Server::start(&program).and_then(|server| {
                    load::set_keys(&server, keys)?;
                    Ok(server)
                });
                server.unwrap_or_else(|error| panic!("{name}: {error}"))
            });
            let waits = latency::ping_beside_keys(server, time);
            waits
                .unwrap_or_else(|error| panic!("{name}: {error}"))
                .to_vec()
        });
    }
    bench
}

/// The most memory that a server has had when a million small values are in it.
fn memory(options: &Options, programs: &[Contestant]) -> Bench<'static> {
    let keys = options.size(1_000_000, 10_000);
    let rivals = &[REDIS];
    let line = Line::new("", "MiB").baseline(REDIS);
    let mut bench = Bench::new("peak memory, a million keys and values of 16 bytes")
        .line(line.target(Bound::AtMost { times: 1.2, rivals }))
        .exact();
    for (name, role, program) in programs.iter().cloned() {
        bench = bench.contestant(name, role, move || {
            let peak = Server::start(&program).and_then(|server| {
                load::set_keys(&server, keys)?;
                server.peak_memory()
            });
            vec![peak.unwrap_or_else(|error| panic!("{name}: {error}")) / 1024.0]
        });
    }
    bench
}
