//! Clients that mean no good, or are broken.

mod bystander;
mod floods;
mod nonsense;
mod slow;
mod vanishing;

use std::io::{ErrorKind, Read, Write};

use crate::server::{Kv, USE_IS_BOUNDED, until};

const LIMIT: &[u8] = b"-ERR max number of clients reached\r\n";

#[test]
fn there_is_a_limit_to_the_number_of_clients() {
    let kv = Kv::start(&["--maxclients", "3"]);
    let mut wires: Vec<_> = (0..3).map(|_| kv.connect()).collect();
    for wire in &mut wires {
        assert_eq!(wire.call("PING"), r"+PONG\r\n");
    }
    for _ in 0..10 {
        assert_eq!(kv.connect().rest(), LIMIT);
    }
    // A place that is given up can be taken.
    wires.pop();
    until("a client is admitted", || {
        let mut socket = kv.connect().socket.into_inner();
        // A client that is not admitted may find the connection closed, or reset, at any point.
        let mut reply = Vec::new();
        let _ = socket
            .write_all(b"QUIT\r\n")
            .and_then(|()| socket.read_to_end(&mut reply));
        assert!(reply.is_empty() || reply == LIMIT || reply == b"+OK\r\n");
        reply == b"+OK\r\n"
    });
    assert_eq!(wires[0].call("PING"), r"+PONG\r\n");
}

#[cfg(target_os = "linux")]
#[test]
fn a_client_that_never_reads_is_not_read_from() {
    const LARGE: u64 = 1 << 20;
    let kv = Kv::start(&[]);
    let mut other = kv.connect();
    let value = "x".repeat(LARGE as usize);
    other.send(format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n${LARGE}\r\n{value}\r\n").as_bytes());
    assert_eq!(other.reply(), r"+OK\r\n");
    let before = kv.memory();

    // Ask for the value as often as the server lets us. Each request is short, each reply long.
    let wire = kv.connect();
    let mut socket = wire.socket.get_ref();
    socket.set_nonblocking(true).unwrap();
    let request = b"GET a\r\n";
    let requests = request.repeat(10_000);
    let mut sent = 0;
    let mut stuck = 0;
    while stuck < 200 {
        match socket.write(&requests[sent % request.len()..]) {
            Ok(count) => {
                sent += count;
                stuck = 0;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => stuck += 1,
            Err(error) => panic!("{error}"),
        }
        // The others are served, in the meantime and for ever.
        assert_eq!(other.call("PING"), r"+PONG\r\n");
        assert!(sent < 256 << 20, "the server reads on and on");
    }
    let used = kv.memory().saturating_sub(before);
    assert!(
        !USE_IS_BOUNDED || used < 16 * LARGE,
        "{used} bytes for a client that does not read"
    );
}

#[test]
fn a_reply_that_is_too_large_ends_the_connection() {
    let kv = Kv::start(&["--output-limit", "100000"]);
    let mut wire = kv.connect();
    let value = "x".repeat(60_000);
    wire.call(&format!("SET a {value}"));
    assert!(wire.call("GET a").contains(&value));
    // The replies before it are whole, this one does not come at all.
    wire.send(b"PING\r\n");
    assert_eq!(wire.reply(), r"+PONG\r\n");
    wire.send(b"MGET a a a a a a a a\r\n");
    assert_eq!(wire.rest(), b"");
    assert_eq!(kv.connect().call("PING"), r"+PONG\r\n");
}

#[test]
fn a_command_that_is_too_large_ends_the_connection() {
    let kv = Kv::start(&["--input-limit", "100000"]);
    let mut wire = kv.connect();
    let value = "x".repeat(90_000);
    assert_eq!(
        wire.call(&format!("*2\r\n$4\r\nECHO\r\n$90000\r\n{value}")),
        format!(r"$90000\r\n{value}\r\n")
    );
    let mut sender = wire.socket.get_ref().try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        // The server closes the connection at some point of this.
        let _ = sender.write_all(b"*2\r\n$4\r\nECHO\r\n$90000000\r\n");
        let _ = sender.write_all(&b"x".repeat(90_000_000));
    });
    // The end, or a reset, as there is more that the server has not read.
    let mut bytes = Vec::new();
    if let Err(error) = wire.socket.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    assert_eq!(bytes, b"");
    sending.join().unwrap();
    assert_eq!(kv.connect().call("PING"), r"+PONG\r\n");
}

#[test]
fn an_error_reaches_a_client_that_sends_on() {
    let kv = Kv::start(&[]);
    let expected = b"-ERR Protocol error: expected '$', got 'n'\r\n";
    // The server stops to understand after the first line, but takes what comes for another second.
    // On a machine that is too slow for that it is tried again.
    until("the client can send it all", || {
        let mut wire = kv.connect();
        let mut sender = wire.socket.get_ref().try_clone().unwrap();
        let sending = std::thread::spawn(move || {
            sender.write_all(b"*1\r\nnonsense\r\n")?;
            sender.write_all(&b"x".repeat(8 << 20))?;
            sender.shutdown(std::net::Shutdown::Write)
        });
        let mut bytes = Vec::new();
        let end = wire.socket.read_to_end(&mut bytes);
        assert!(bytes.is_empty() || bytes == expected);
        sending.join().unwrap().is_ok() && end.is_ok() && bytes == expected
    });
}

#[test]
fn clients_that_vanish_leave_nothing_behind() {
    let kv = Kv::start(&[]);
    let mut other = kv.connect();
    let clients = |other: &mut crate::wire::Wire<std::net::TcpStream>| {
        let info = other.call("INFO clients");
        let (_, rest) = info.split_once("connected_clients:").unwrap();
        rest.split("\\r").next().unwrap().parse::<usize>().unwrap()
    };
    for round in 0..200 {
        let mut wire = kv.connect();
        wire.send(match round % 4 {
            0 => b"".as_slice(),
            1 => b"*3\r\n$3\r\nSET\r\n",
            2 => b"BLPOP none 0\r\n",
            _ => b"GET none\r\nGET none\r\n",
        });
    }
    until("only this client is left", || clients(&mut other) == 1);
    let tasks = other.call("TASKS");
    assert_eq!(tasks.matches("client").count(), 1, "{tasks}");
}
