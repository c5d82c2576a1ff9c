//! The server that is never killed: every reply is known beforehand, and its memory stays what it is.

use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use corokit_benches::slope;
use fastrand::Rng;

use crate::attack;
use crate::client::{Client, Reply};
use crate::server::{Folder, Server};
use crate::watch::Watch;

const WRITERS: u64 = 4;
const CONSUMERS: usize = 3;
const ATTACKERS: u64 = 3;
/// How many keys a writer has.
const KEYS: usize = 500;
/// How often the memory is looked at.
const SAMPLE: Duration = Duration::from_millis(250);
/// The part of the time in which the memory may grow: allocators take what they need at most.
const WARM_UP: f64 = 0.25;

/// What came out.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) replies: u64,
    pub(crate) attacks: u64,
    /// How long a bystander waits for replies, in milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) longest: f64,
    /// The mean of the memory after the warm-up, in MiB, and how much of it has come meanwhile by a fitted
    /// line.
    pub(crate) memory: f64,
    pub(crate) growth: f64,
    pub(crate) growth_per_hour: f64,
    pub(crate) samples: usize,
}

/// Runs the server until it is over.
pub(crate) fn run(program: &Path, folder: &Folder, seed: u64, watch: &Watch) -> Option<Figures> {
    let journal = folder.file("steady");
    let start = || Server::start(program, &journal, "everysec");
    let server = watch.expect("the steady server", start())?;
    let mut figures = Figures::default();
    let tasks = watch.expect("the tasks", count_tasks(&server))?;
    let contents = thread::scope(|threads| {
        let server = &server;
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                threads.spawn(move || {
                    let mut writer = Writer::new(number, seed);
                    watch.expect("a writer", writer.run(server, watch));
                    writer
                })
            })
            .collect();
        let queue = threads.spawn(move || watch.expect("the queue", queue(server, watch)));
        let attackers: Vec<_> = (0..ATTACKERS)
            .map(|number| {
                let seed = seed.wrapping_mul(1000).wrapping_add(number);
                threads.spawn(move || attack::run(|| server.address, false, seed, watch))
            })
            .collect();
        let bystander =
            threads.spawn(move || watch.expect("a bystander", bystander(server, watch)));
        let samples = watch
            .expect("the memory", sample(server, watch))
            .unwrap_or_default();
        figures.remember(&samples);
        let (mut writers, mut replies) = (writers, 0);
        figures.attacks = attackers
            .into_iter()
            .filter_map(|attacker| attacker.join().ok())
            .sum();
        let writers: Vec<Writer> = writers
            .drain(..)
            .filter_map(|writer| writer.join().ok())
            .collect();
        replies += queue.join().ok().flatten().unwrap_or_default();
        if let Some(mut waits) = bystander.join().ok().flatten() {
            replies += waits.len() as u64;
            waits.sort_unstable();
            let of = |share: f64| {
                let index = (waits.len() as f64 * share) as usize;
                let wait = waits.get(index).or(waits.last());
                wait.map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
            };
            (figures.p50, figures.p99, figures.longest) = (of(0.5), of(0.99), of(1.0));
        }
        figures.replies = replies + writers.iter().map(|writer| writer.replies).sum::<u64>();
        writers
    });
    watch.expect("what is left of the clients", nothing_left(&server, tasks));
    // In order, and again: all is there.
    watch.expect("the end of the steady server", server.shut_down());
    let server = watch.expect("the steady server again", start())?;
    for mut writer in contents {
        watch.expect("what a writer had written", writer.verify_all(&server));
        figures.replies += KEYS as u64;
    }
    Some(figures)
}

impl Figures {
    /// Sums the memory up: seconds, and MiB.
    fn remember(&mut self, samples: &[(f64, f64)]) {
        let end = samples.last().map_or(0.0, |sample| sample.0);
        let warm: Vec<_> = samples
            .iter()
            .copied()
            .filter(|sample| sample.0 >= end * WARM_UP)
            .collect();
        let slope = slope(&warm);
        self.samples = warm.len();
        self.memory = warm.iter().map(|sample| sample.1).sum::<f64>() / warm.len().max(1) as f64;
        self.growth = slope * end * (1.0 - WARM_UP);
        self.growth_per_hour = slope * 3600.0;
    }
}

/// Looks at the memory until it is over.
fn sample(server: &Server, watch: &Watch) -> io::Result<Vec<(f64, f64)>> {
    let start = Instant::now();
    let mut samples = Vec::new();
    while !watch.is_over() {
        samples.push((start.elapsed().as_secs_f64(), server.memory()?));
        watch.pause(SAMPLE);
    }
    Ok(samples)
}

/// Asks whether the server is well, a thousand times a second, and how long each answer takes. Half of the time
/// it asks as clients do whom the server prefers, half of the time as others.
fn bystander(server: &Server, watch: &Watch) -> io::Result<Vec<Duration>> {
    let mut client = server.connect()?;
    let mut waits = Vec::new();
    while !watch.is_over() {
        for (line, expected) in [("PING", "PONG"), ("SET bystander 1", "OK")] {
            let start = Instant::now();
            let reply = client.line(line)?;
            waits.push(start.elapsed());
            if reply != Reply::Simple(expected.into()) {
                return Err(unexpected(&reply));
            }
        }
        watch.pause(Duration::from_millis(2));
    }
    Ok(waits)
}

fn unexpected(reply: &Reply) -> io::Error {
    let mut text = format!("{reply:?}");
    text.truncate(200);
    io::Error::other(format!("a reply is wrong: {text}"))
}

/// One client puts numbers into a list, others wait for them: each number comes once. Returns how many.
fn queue(server: &Server, watch: &Watch) -> io::Result<u64> {
    let received = Mutex::new(Vec::new());
    let sent = thread::scope(|threads| {
        let consumers: Vec<_> = (0..CONSUMERS)
            .map(|_| {
                threads.spawn(|| -> io::Result<()> {
                    let mut client = server.connect()?;
                    loop {
                        match client.line("BLPOP queue 0")? {
                            Reply::Array(pair) if pair.len() == 2 => match &pair[1] {
                                Reply::Bulk(text) if text == b"end" => return Ok(()),
                                Reply::Bulk(text) => {
                                    let number = String::from_utf8_lossy(text).parse::<u64>();
                                    let number = number.map_err(io::Error::other)?;
                                    received.lock().map_err(|_| poisoned())?.push(number);
                                }
                                other => return Err(unexpected(other)),
                            },
                            other => return Err(unexpected(&other)),
                        }
                    }
                })
            })
            .collect();
        let mut client = server.connect()?;
        let mut sent = 0;
        while !watch.is_over() {
            for _ in 0..5 {
                client.line(&format!("RPUSH queue {sent}"))?;
                sent += 1;
            }
            watch.pause(Duration::from_millis(5));
        }
        client.line(&format!("RPUSH queue{}", " end".repeat(CONSUMERS)))?;
        for consumer in consumers {
            consumer.join().map_err(|_| poisoned())??;
        }
        io::Result::Ok(sent)
    })?;
    let mut received = received.into_inner().map_err(|_| poisoned())?;
    received.sort_unstable();
    match received.iter().copied().eq(0..sent) {
        true => Ok(sent),
        false => Err(io::Error::other(format!(
            "{} of {sent} elements came",
            received.len()
        ))),
    }
}

fn poisoned() -> io::Error {
    io::Error::other("a thread has panicked")
}

/// A client that has keys of its own, and knows what is in them.
struct Writer {
    number: u64,
    rng: Rng,
    values: Vec<Option<Vec<u8>>>,
    counter: i64,
    list: std::collections::VecDeque<i64>,
    replies: u64,
}

impl Writer {
    fn new(number: u64, seed: u64) -> Self {
        Writer {
            number,
            rng: Rng::with_seed(seed.wrapping_add(number)),
            values: vec![None; KEYS],
            counter: 0,
            list: std::collections::VecDeque::new(),
            replies: 0,
        }
    }

    fn run(&mut self, server: &Server, watch: &Watch) -> io::Result<()> {
        let mut client = server.connect()?;
        while !watch.is_over() {
            for _ in 0..8 {
                let (command, expected) = self.choose();
                let reply = client.call(&command.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
                if reply != expected {
                    return Err(unexpected(&reply));
                }
                self.replies += 1;
            }
            watch.pause(Duration::from_millis(3));
        }
        Ok(())
    }

    /// Makes up a command, and what it is answered.
    fn choose(&mut self) -> (Vec<Vec<u8>>, Reply) {
        let rng = &mut self.rng;
        let index = rng.usize(..KEYS);
        let name = |what: &str| format!("{what}:{}", self.number).into_bytes();
        let key = format!("value:{}:{index}", self.number).into_bytes();
        let bulk = |text: Vec<u8>| Reply::Bulk(text);
        match rng.u32(0..8) {
            0 | 1 => {
                let len = rng.usize(..1500);
                let value: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(len).collect();
                self.values[index] = Some(value.clone());
                (
                    vec![b"SET".to_vec(), key, value],
                    Reply::Simple("OK".into()),
                )
            }
            2 | 3 => {
                let expected = self.values[index].clone().map_or(Reply::Nothing, bulk);
                (vec![b"GET".to_vec(), key], expected)
            }
            4 => {
                let was = self.values[index].take().is_some();
                (vec![b"DEL".to_vec(), key], Reply::Integer(was.into()))
            }
            5 => {
                self.counter += 1;
                (
                    vec![b"INCR".to_vec(), name("counter")],
                    Reply::Integer(self.counter),
                )
            }
            6 if self.list.len() < 1000 => {
                let element = rng.i64(..);
                self.list.push_back(element);
                let words = vec![
                    b"RPUSH".to_vec(),
                    name("list"),
                    element.to_string().into_bytes(),
                ];
                (words, Reply::Integer(self.list.len() as i64))
            }
            6 => {
                // A key that expires by itself.
                let key = format!("short:{}:{index}", self.number).into_bytes();
                let words = ["SET", "", "x", "PX", "200"].map(|word| word.as_bytes().to_vec());
                let mut words = words.to_vec();
                words[1] = key;
                (words, Reply::Simple("OK".into()))
            }
            _ => {
                let first = self.list.pop_front();
                let expected =
                    first.map_or(Reply::Nothing, |first| bulk(first.to_string().into_bytes()));
                (vec![b"LPOP".to_vec(), name("list")], expected)
            }
        }
    }

    /// Compares all that a server has with what it must have.
    fn verify_all(&mut self, server: &Server) -> io::Result<()> {
        let mut client = server.connect()?;
        for (index, value) in self.values.iter().enumerate() {
            let reply = client.line(&format!("GET value:{}:{index}", self.number))?;
            if reply != value.clone().map_or(Reply::Nothing, Reply::Bulk) {
                return Err(unexpected(&reply));
            }
        }
        let counter = client.line(&format!("INCRBY counter:{} 0", self.number))?;
        let list = client.line(&format!("LRANGE list:{} 0 -1", self.number))?;
        let elements = self.list.iter();
        let elements = elements.map(|element| Reply::Bulk(element.to_string().into_bytes()));
        match (
            counter == Reply::Integer(self.counter),
            list == Reply::Array(elements.collect()),
        ) {
            (true, true) => Ok(()),
            (false, _) => Err(unexpected(&counter)),
            (_, false) => Err(unexpected(&list)),
        }
    }
}

/// Counts the tasks of a server with a client that does nothing.
fn count_tasks(server: &Server) -> io::Result<usize> {
    match server.connect()?.line("TASKS")? {
        Reply::Array(tasks) => Ok(tasks.len()),
        other => Err(unexpected(&other)),
    }
}

/// Waits until only the client that asks is left, nobody waits for a list, and no task is left of those who did.
fn nothing_left(server: &Server, tasks_before: usize) -> io::Result<()> {
    let mut client: Client = server.connect()?;
    let start = Instant::now();
    loop {
        let info = client.line("INFO clients")?;
        let Reply::Bulk(text) = &info else {
            return Err(unexpected(&info));
        };
        let text = String::from_utf8_lossy(text);
        let Reply::Array(tasks) = client.line("TASKS")? else {
            return Err(io::Error::other("no list of tasks"));
        };
        let alone = text.contains("connected_clients:1\r") && text.contains("blocked_clients:0\r");
        if alone && tasks.len() == tasks_before {
            return Ok(());
        }
        if start.elapsed() > Duration::from_secs(20) {
            return Err(io::Error::other(format!(
                "{} tasks, and {text}",
                tasks.len()
            )));
        }
        thread::sleep(Duration::from_millis(20));
    }
}
