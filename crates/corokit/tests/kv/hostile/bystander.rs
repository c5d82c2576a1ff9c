//! A client that means well, while others do not.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::server::{Kv, until};
use crate::wire::Wire;

/// Of a hundred replies, 99 come sooner. Servers of these tests are built without optimization, and share
/// a machine with other tests: what is meant is that a bystander waits for some turns of others, not for
/// all that they send.
const P99: Duration = Duration::from_secs(1);

/// The most memory that a server has at any time of an attack: a multiple of what an attack leaves there on
/// purpose.
#[cfg(target_os = "linux")]
const MOST_MEMORY: u64 = 128 << 20;

/// Attacks a server while another client is served: each of its commands is answered as it must be, and soon,
/// and the server has a bounded memory. When the attack is over, nothing is left of it.
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
            let mut waits = Vec::new();
            // Some rounds after the attack, too: its effects may come late.
            let mut after = 0;
            while after < 100 {
                after += usize::from(done.load(Ordering::Relaxed));
                let round = waits.len();
                for (command, expected) in [
                    (String::from("PING"), String::from(r"+PONG\r\n")),
                    (format!("SET bystander {round}"), String::from(r"+OK\r\n")),
                    (
                        String::from("INCR bystander"),
                        format!(r":{}\r\n", round + 1),
                    ),
                ] {
                    let start = Instant::now();
                    assert_eq!(wire.call(&command), expected);
                    waits.push(start.elapsed());
                }
            }
            waits.sort_unstable();
            let p99 = waits[waits.len() * 99 / 100];
            assert!(
                p99 < P99,
                "of {} replies, the 99th percent took {p99:?}",
                waits.len()
            );
        });
        // It ends in any case, so that the bystander does.
        let end = End(done);
        let kept = attack(kv);
        drop(end);
        bystander.join().unwrap();
        drop(kept);
    });
    #[cfg(target_os = "linux")]
    {
        let peak = kv.peak_memory();
        assert!(peak < MOST_MEMORY, "{peak} bytes");
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
