//! A client that means well, while others do not.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::server::{Kv, USE_IS_BOUNDED, until};
use crate::wire::Wire;

/// Of a hundred replies, 99 cost the server less work than this, its work for others included, between the
/// request and the reply; or less than a part of its work for the whole attack, on a machine that is slow. It
/// is the server's work that counts, and not the time, which is whatever else the machine has to do. Servers of
/// these tests are built without optimization: what is meant is that a bystander waits for some turns of
/// others, not for all that they send. How long the longest turn is, in commands, is for the tests of the
/// example to count.
const P99: Duration = Duration::from_secs(1);
const PART: u32 = 4;

/// The most memory that a server has at any time of an attack: a multiple of what an attack leaves there on
/// purpose.
#[cfg(target_os = "linux")]
const MOST_MEMORY: u64 = 128 << 20;

/// The most that it has asked the system for, though it never touched it: far more than threads and allocators
/// set aside, and far less than what clients announce together.
#[cfg(target_os = "linux")]
const MOST_ADDRESSES: u64 = 4 << 30;

/// Attacks a server while another client is served: each of its commands is answered as it must be, and in its
/// turn, and the server has a bounded memory. When the attack is over, nothing is left of it.
///
/// The attack returns what is to be kept until the others have been served.
pub(super) fn attack<T>(kv: &Kv, attack: impl FnOnce(&Kv) -> T) {
    let (mut first, mut wire) = (kv.connect(), kv.connect());
    assert_eq!(wire.call("PING"), r"+PONG\r\n");
    let before = state(&mut first);
    let done = AtomicBool::new(false);
    thread::scope(|threads| {
        let (done, wire) = (&done, &mut wire);
        let bystander = threads.spawn(move || {
            // Those during the attack are looked at by themselves, so that many quick ones after it hide none.
            let (mut during, mut later) = (Vec::new(), Vec::new());
            let begin = kv.work();
            // Its effects may come late.
            while later.len() < 300 {
                let is_over = done.load(Ordering::Relaxed);
                let round = during.len() + later.len();
                for (command, expected) in [
                    (String::from("PING"), String::from(r"+PONG\r\n")),
                    (format!("SET bystander {round}"), String::from(r"+OK\r\n")),
                    (
                        String::from("INCR bystander"),
                        format!(r":{}\r\n", round + 1),
                    ),
                ] {
                    let start = kv.work();
                    assert_eq!(wire.call(&command), expected);
                    let waits = if is_over { &mut later } else { &mut during };
                    waits.push(kv.work() - start);
                }
            }
            let bound = P99.max((kv.work() - begin) / PART);
            for mut waits in [during, later] {
                waits.sort_unstable();
                let p99 = waits.get(waits.len() * 99 / 100).copied();
                assert!(
                    !USE_IS_BOUNDED || p99.unwrap_or_default() < bound,
                    "of {} replies, the 99th percent took {p99:?} of the server's work",
                    waits.len()
                );
            }
        });
        // It ends in any case, so that the bystander does.
        let end = End(done);
        let kept = attack(kv);
        drop(end);
        bystander.join().unwrap();
        drop(kept);
    });
    #[cfg(target_os = "linux")]
    if USE_IS_BOUNDED {
        let peak = kv.peak_memory();
        assert!(peak < MOST_MEMORY, "{peak} bytes");
        let asked = kv.peak_addresses();
        assert!(asked < MOST_ADDRESSES, "{asked} bytes were asked for");
    }
    until("nothing is left of the attack", || {
        state(&mut first) == before
    });
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How many clients there are, how many of them wait, and how many tasks there are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) clients: u64,
    pub(super) blocked: u64,
    pub(super) tasks: u64,
}

/// Asks a server for its state.
pub(super) fn state(wire: &mut Wire<TcpStream>) -> State {
    let info = wire.call("INFO clients");
    let tasks = wire.call("TASKS");
    State {
        clients: field(&info, "connected_clients:"),
        blocked: field(&info, "blocked_clients:"),
        tasks: field(&tasks, "*"),
    }
}

/// Finds a number in a reply.
fn field(reply: &str, name: &str) -> u64 {
    let (_, rest) = reply.split_once(name).unwrap();
    rest.split("\\r").next().unwrap().parse().unwrap()
}
