//! Clients that send as much as they can, or do not read what they are sent.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;

use super::bystander::{attack, state};
use crate::server::{Kv, USE_IS_BOUNDED, until};
use crate::wire::Wire;

/// How many bytes there are in `count` replies of `+PONG`.
fn pongs(count: usize) -> usize {
    count * b"+PONG\r\n".len()
}

/// Sends a pipeline while the replies are read. Returns how many bytes those have.
fn pipeline(wire: Wire<TcpStream>, commands: &[u8]) -> usize {
    let mut socket = wire.socket.into_inner();
    let mut sender = socket.try_clone().unwrap();
    thread::scope(|threads| {
        let sending = threads.spawn(move || {
            sender.write_all(commands).unwrap();
            sender.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let mut buffer = vec![0; 1 << 16];
        let mut received = 0;
        loop {
            match socket.read(&mut buffer).unwrap() {
                0 => break,
                count => received += count,
            }
        }
        sending.join().unwrap();
        received
    })
}

#[test]
fn a_pipeline_of_a_million() {
    const COUNT: usize = 1_000_000;
    let kv = Kv::start(&[]);
    attack(&kv, |kv| {
        let commands = b"PING\r\n".repeat(COUNT);
        assert_eq!(pipeline(kv.connect(), &commands), pongs(COUNT));
    });
}

#[test]
fn many_clients_with_long_pipelines() {
    const COUNT: usize = 20_000;
    let kv = Kv::start(&[]);
    attack(&kv, |kv| {
        let commands = b"PING\r\n".repeat(COUNT);
        thread::scope(|threads| {
            for _ in 0..16 {
                threads.spawn(|| assert_eq!(pipeline(kv.connect(), &commands), pongs(COUNT)));
            }
        });
    });
}

/// While a command blocks, the server reads on, to see the end. What it has read is done in turns.
#[test]
fn a_pipeline_of_a_million_behind_a_command_that_blocks() {
    const COUNT: usize = 1_000_000;
    let kv = Kv::start(&[]);
    let mut other = kv.connect();
    attack(&kv, |kv| {
        let mut wire = kv.connect();
        wire.send(b"BLPOP list 0\r\n");
        wire.send(&b"PING\r\n".repeat(COUNT));
        until("the client waits", || state(&mut other).blocked == 1);
        assert_eq!(other.call("RPUSH list x"), r":1\r\n");
        assert_eq!(wire.reply(), r"*2\r\n$4\r\nlist\r\n$1\r\nx\r\n");
        for _ in 0..COUNT {
            assert_eq!(wire.line().as_deref(), Some(r"+PONG\r\n"));
        }
    });
}

/// Commands of as many strings as there may be.
#[test]
fn commands_of_very_many_strings() {
    const COUNT: usize = 200_000;
    let kv = Kv::start(&[]);
    let keys: String = (0..COUNT)
        .map(|key| format!("$6\r\n{key:06}\r\n"))
        .collect();
    let command = |name: &str, strings: usize, rest: &str| {
        format!("*{}\r\n${}\r\n{name}\r\n{rest}", strings + 1, name.len())
    };
    let mut other = kv.connect();
    attack(&kv, |kv| {
        let mut wire = kv.connect();
        wire.send(command("MSET", COUNT, &keys).as_bytes());
        assert_eq!(wire.reply(), r"+OK\r\n");
        wire.send(command("MGET", COUNT, &keys).as_bytes());
        let values = wire.reply();
        assert_eq!(values.matches("$6").count(), COUNT / 2);
        assert!(values.starts_with(r"*200000\r\n$6\r\n000001\r\n$-1\r\n$6\r\n000003\r\n$-1"));
        wire.send(command("EXISTS", COUNT, &keys).as_bytes());
        assert_eq!(wire.reply(), r":100000\r\n");
        wire.send(command("DEL", COUNT, &keys).as_bytes());
        assert_eq!(wire.reply(), r":100000\r\n");
        let list = format!("$4\r\nlist\r\n{keys}");
        wire.send(command("RPUSH", COUNT + 1, &list).as_bytes());
        assert_eq!(wire.reply(), r":200000\r\n");
        // Popped at one moment, in the order of that end, and told piece by piece.
        let last = wire.call("RPOP list 1000");
        assert!(last.starts_with(r"*1000\r\n$6\r\n199999\r\n$6\r\n199998\r\n"));
        assert!(last.ends_with(r"$6\r\n199000\r\n"));
        let first = wire.call("LPOP list 150000");
        assert!(first.starts_with(r"*150000\r\n$6\r\n000000\r\n$6\r\n000001\r\n"));
        assert!(first.ends_with(r"$6\r\n149999\r\n"));
        let rest = wire.call("LPOP list 9223372036854775807");
        assert!(rest.starts_with(r"*49000\r\n$6\r\n150000\r\n"));
        assert_eq!(wire.call("EXISTS list"), r":0\r\n");
        assert_eq!(wire.call("LPOP list 1000"), r"*-1\r\n");
        // A client that waits for very many keys goes.
        let waiting = format!("{keys}$1\r\n0\r\n");
        wire.send(command("BLPOP", COUNT + 1, &waiting).as_bytes());
        until("it waits", || state(&mut other).blocked == 1);
    });
    assert_eq!(other.call("DBSIZE"), r":1\r\n");
}

/// Clients that never read: little is kept for each of them, and not more the longer it takes.
#[cfg(target_os = "linux")]
#[test]
fn clients_that_never_read() {
    const CLIENTS: usize = 20;
    const VALUE: usize = 100_000;
    let kv = Kv::start(&[]);
    let mut other = kv.connect();
    other.send(
        format!(
            "*3\r\n$3\r\nSET\r\n$1\r\na\r\n${VALUE}\r\n{}\r\n",
            "x".repeat(VALUE)
        )
        .as_bytes(),
    );
    assert_eq!(other.reply(), r"+OK\r\n");
    let elements = format!(" {}", "x".repeat(100)).repeat(500);
    for _ in 0..40 {
        other.call(&format!("RPUSH list{elements}"));
    }
    let before = kv.memory();
    attack(&kv, |kv| {
        let sockets: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let mut socket = kv.connect().socket.into_inner();
                socket.set_nonblocking(true).unwrap();
                let command = [&b"GET a\r\n"[..], b"LRANGE list 0 -1\r\n", b"KEYS *\r\n"];
                let commands = command[number % 3].repeat(100_000);
                // As much as the server takes.
                let mut stuck = 0;
                while stuck < 100 {
                    match socket.write(&commands) {
                        Ok(_) => stuck = 0,
                        Err(error) if error.kind() == ErrorKind::WouldBlock => stuck += 1,
                        Err(error) => panic!("{error}"),
                    }
                    assert_eq!(other.call("PING"), r"+PONG\r\n");
                }
                socket
            })
            .collect();
        // A value, a list of twenty thousand short elements, and what of it is on its way.
        let each = 4 << 20;
        let used = kv.memory().saturating_sub(before);
        assert!(
            !USE_IS_BOUNDED || used < CLIENTS as u64 * each,
            "{used} bytes"
        );
        sockets
    });
}

/// Values that are overwritten at once, again and again: nothing of them stays.
#[cfg(target_os = "linux")]
#[test]
fn large_values_that_come_and_go() {
    const LARGE: usize = 4 << 20;
    let kv = Kv::start(&[]);
    let command = format!(
        "*3\r\n$3\r\nSET\r\n$1\r\na\r\n${LARGE}\r\n{}\r\n",
        "x".repeat(LARGE)
    );
    attack(&kv, |kv| {
        let mut wire = kv.connect();
        for _ in 0..30 {
            wire.send(command.as_bytes());
            // There is always the beginning of another one.
            wire.send(b"*1\r\n$4\r\n");
            assert_eq!(wire.reply(), r"+OK\r\n");
            wire.send(b"PING\r\n");
            assert_eq!(wire.reply(), r"+PONG\r\n");
        }
        let used = kv.memory();
        assert!(!USE_IS_BOUNDED || used < 10 * LARGE as u64, "{used} bytes");
    });
}

/// Long keys, and patterns that compare for long with them.
#[test]
fn patterns_that_take_very_long() {
    let kv = Kv::start(&[]);
    let mut wire = kv.connect();
    let key = "a".repeat(20_000);
    for number in 0..3 {
        assert_eq!(wire.call(&format!("SET {number}{key} x")), r"+OK\r\n");
    }
    attack(&kv, |kv| {
        let mut wire = kv.connect();
        for pattern in [
            format!("*{}b", "a".repeat(300)),
            format!("*[{}]", "x".repeat(300)),
        ] {
            assert_eq!(wire.call(&format!("KEYS {pattern}")), r"*0\r\n");
            let scanned = wire.call(&format!("SCAN 0 COUNT 1000 MATCH {pattern}"));
            assert_eq!(scanned, r"*2\r\n$1\r\n0\r\n*0\r\n");
        }
        // One that gives up in the middle.
        let pattern = format!("*{}b", "a".repeat(1000));
        wire.send(format!("KEYS {pattern}\r\n").as_bytes());
    });
    let pattern = format!("*{}", "a".repeat(1000));
    assert_eq!(
        wire.call(&format!("KEYS {pattern}"))
            .matches("$20001")
            .count(),
        3
    );
}
