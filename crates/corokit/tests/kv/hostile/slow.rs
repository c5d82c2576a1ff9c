//! Clients that take their time.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::bystander::{attack, state};
use crate::server::{Kv, until};

/// Many clients, each of which sends a byte in each round.
#[test]
fn many_clients_that_send_a_byte_at_a_time() {
    const CLIENTS: usize = 100;
    let command = b"*3\r\n$3\r\nSET\r\n$4\r\nslow\r\n$5\r\nhello\r\nGET slow\r\n";
    let kv = Kv::start(&[]);
    attack(&kv, |kv| {
        let mut wires: Vec<_> = (0..CLIENTS).map(|_| kv.connect()).collect();
        for byte in command {
            for wire in &mut wires {
                wire.socket.get_ref().set_nodelay(true).unwrap();
                wire.send(&[*byte]);
            }
        }
        for wire in &mut wires {
            assert_eq!(wire.reply(), r"+OK\r\n");
            assert_eq!(wire.reply(), r"$5\r\nhello\r\n");
        }
        wires
    });
}

/// Half of the connection is closed: what was asked for comes, whether it comes at once, late or in pieces.
#[test]
fn clients_that_only_listen_any_more() {
    let kv = Kv::start(&[]);
    let mut other = kv.connect();
    for _ in 0..20 {
        other.call(&format!("RPUSH list{}", " x".repeat(1000)));
    }
    attack(&kv, |kv| {
        for (said, replies) in [
            ("", 0),
            ("PING\r\n", 1),
            ("LRANGE list 0 -1\r\n", 20_000),
            ("KEYS *\r\nLRANGE list 0 -1\r\nPING\r\n", 20_001),
            ("LPOP list 20000\r\nPING\r\n", 20_001),
            ("PING\r\nPING\r\n*2\r\n$3\r\nGET", 2),
        ] {
            let mut wire = kv.connect();
            wire.send(said.as_bytes());
            wire.socket.get_ref().shutdown(Shutdown::Write).unwrap();
            let rest = wire.rest();
            let found = rest.windows(2).filter(|w| w == b"x\r" || w == b"+P");
            assert_eq!(found.count(), replies, "{said}");
        }
    });
}

/// With `--timeout` nobody keeps a place who does nothing with it: not by silence, not by a byte now and
/// then, not by not reading. Who waits for an element may wait.
#[test]
fn a_client_that_gets_nothing_done_is_dropped_in_time() {
    let kv = Kv::start(&["--timeout", "1"]);
    let value = "x".repeat(10_000_000);
    let mut other = kv.connect();
    assert!(other.call("CONFIG GET timeout").ends_with(r"$1\r\n1\r\n"));
    other.send(format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$10000000\r\n{value}\r\n").as_bytes());
    assert_eq!(other.reply(), r"+OK\r\n");

    let mut waiting = kv.connect();
    waiting.send(b"BLPOP list 0\r\n");
    // The server counts from when it takes a connection, and that may be before its client knows.
    let start = Instant::now();
    let (mut silent, mut slow, mut full) = (kv.connect(), kv.connect(), kv.connect());
    full.send(b"GET a\r\nGET a\r\n");
    slow.send(b"*1\r\n$100000000\r\n");
    // A byte for each command of another client, until the server has hung up and the system knows.
    let mut sent = 0;
    while std::io::Write::write_all(slow.socket.get_mut(), b"x").is_ok() {
        sent += 1;
        assert_eq!(other.call("PING"), r"+PONG\r\n");
    }
    assert!(sent > 0);
    assert_eq!(silent.rest(), b"");
    assert!(start.elapsed() >= Duration::from_secs(1));
    // One that asks now and then stays, the others have gone but for the one that waits.
    until("only two are left", || {
        // This one may have been silent for too long itself, on a machine that is very busy.
        let mut asks = kv.connect();
        state(&mut asks).clients - 1 <= 2
    });
    let mut pushing = kv.connect();
    assert_eq!(pushing.call("RPUSH list x"), r":1\r\n");
    assert_eq!(waiting.reply(), r"*2\r\n$4\r\nlist\r\n$1\r\nx\r\n");
    drop(full);
}
