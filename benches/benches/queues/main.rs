//! The queues of two colours beside their peers.
//!
//! `cargo bench -p corokit-benches --bench queues`; with `-- --help` the options.
//!
//! Within one thread processor time is measured, between threads the time on the wall: what counts is when the items arrive.

use corokit_benches::{
    Bench, Bound, ChannelOf, Line, OURS, Options, Role, put_and_get, run_all, threads_to_task,
};

const ASYNC_CHANNEL: &str = "async-channel";
const FLUME: &str = "flume";
const CROSSFIRE: &str = "crossfire";
const MANY: &str = "corokit, many";

const PEERS: [(&str, Role, ChannelOf); 6] = [
    (OURS, Role::Ours, ChannelOf::Corokit),
    (ASYNC_CHANNEL, Role::Peer, ChannelOf::AsyncChannel),
    (FLUME, Role::Peer, ChannelOf::Flume),
    ("kanal", Role::Peer, ChannelOf::Kanal),
    (CROSSFIRE, Role::Peer, ChannelOf::Crossfire),
    ("tokio", Role::Peer, ChannelOf::Tokio),
];

fn main() -> std::io::Result<()> {
    let options = Options::from_env(15, 1);
    let flume = &[FLUME];
    let crossfire = &[CROSSFIRE];
    let times = 1.0;
    let at_flume = Bound::AtMost {
        times,
        rivals: flume,
    };
    let at_crossfire = Bound::AtMost {
        times,
        rivals: crossfire,
    };
    let benches = vec![
        ready(&options),
        across(&options, 1, None, at_crossfire),
        across(&options, 1, Some(128), at_flume),
        across(&options, 4, None, at_flume),
        across(&options, 4, Some(128), at_flume),
    ];
    run_all("queues", benches, &options)
}

fn ready(options: &Options) -> Bench<'static> {
    let count = if options.quick { 1_000 } else { 500_000 };
    let rivals = &[ASYNC_CHANNEL, FLUME];
    let line = Line::new("", "ns").baseline(ASYNC_CHANNEL);
    let line = line.target(Bound::AtMost { times: 1.0, rivals });
    let mut bench = Bench::new("put and get in one task").line(line);
    let floor = ("floor", Role::Floor, ChannelOf::Floor);
    for (name, role, channel) in PEERS.into_iter().chain([floor]) {
        bench = bench.contestant(name, role, move || vec![put_and_get(channel, count)]);
    }
    bench
}

fn across(
    options: &Options,
    threads: u64,
    capacity: Option<usize>,
    target: Bound,
) -> Bench<'static> {
    let count = if options.quick { 1_000 } else { 200_000 };
    let room = match capacity {
        Some(capacity) => format!("room for {capacity}"),
        None => "no bound".to_owned(),
    };
    let line = Line::new("", "ns for each").baseline(ASYNC_CHANNEL);
    let line = line.target(target);
    let line = line.target_for(MANY, Bound::Within(100.0));
    let mut bench = Bench::new(format!("from {threads} threads to a task, {room}")).line(line);
    let many = (MANY, Role::Ours, ChannelOf::CorokitMany);
    for (name, role, channel) in PEERS.into_iter().chain([many]) {
        let run = move || vec![threads_to_task(channel, threads, capacity, count)];
        bench = bench.contestant(name, role, run);
    }
    bench
}
