//! Clients that go, at any point, in any way.

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use super::bystander::{attack, state};
use crate::server::{Kv, until};

/// All sorts of commands, as a client library sends them, and as people type them.
const CONVERSATION: &[u8] = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nhello\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n\
    INCR n\r\nRPUSH l 1 2 3\r\nLRANGE l 0 -1\r\nLPOP l 3\r\nSET \"b c\" 1 PX 100\r\nKEYS *\r\n\
    *5\r\n$4\r\nMSET\r\n$1\r\nc\r\n$1\r\n1\r\n$1\r\nd\r\n$1\r\n2\r\nDEL c d\r\nBLPOP l 0\r\nPING\r\n";

#[test]
fn a_client_may_go_after_each_byte() {
    let kv = Kv::start(&[]);
    attack(&kv, |kv| {
        for end in 0..=CONVERSATION.len() {
            kv.connect().send(&CONVERSATION[..end]);
        }
    });
}

/// With unread replies in it, a socket that is closed resets the connection.
#[test]
fn a_client_may_break_the_connection_after_each_byte() {
    let kv = Kv::start(&[]);
    attack(&kv, |kv| {
        for end in 0..=CONVERSATION.len() {
            let mut wire = kv.connect();
            wire.send(b"PING\r\n");
            wire.send(&CONVERSATION[..end]);
            // The first reply is there, and nobody reads it.
            wire.socket.get_ref().peek(&mut [0]).unwrap();
        }
    });
}

/// A client that has said all it has to say gets all replies, and then the end.
#[test]
fn a_client_may_stop_to_send_after_each_byte() {
    let kv = Kv::start(&[]);
    let mut other = kv.connect();
    // The last but one blocks: until there, each whole command has a reply.
    let talk = &CONVERSATION[..CONVERSATION.len() - b"BLPOP l 0\r\nPING\r\n".len()];
    attack(&kv, |kv| {
        for end in 0..=talk.len() {
            other.call("DEL a n l c d \"b c\"");
            let mut wire = kv.connect();
            wire.send(&talk[..end]);
            wire.socket.get_ref().shutdown(Shutdown::Write).unwrap();
            let replies = wire.rest();
            assert!(
                replies.is_empty() || replies.ends_with(b"\r\n"),
                "{end} bytes"
            );
            if end == talk.len() {
                assert!(
                    replies.starts_with(b"+OK\r\n$5\r\nhello\r\n:1\r\n:3\r\n*3\r\n$1\r\n1\r\n")
                );
                assert!(replies.ends_with(b"+OK\r\n:2\r\n"));
            }
        }
    });
}

/// A client that has gone while it waited is passed over: no element is lost, none is doubled.
#[test]
fn what_a_client_waited_for_is_not_lost_with_it() {
    const WAITING: usize = 50;
    let kv = Kv::start(&[]);
    let mut other = kv.connect();
    attack(&kv, |kv| {
        for round in 0..10 {
            let commands = ["BLPOP list 0", "BLPOP none list none 0", "BLPOP list 1000"];
            let mut waiting: Vec<_> = (0..WAITING).map(|_| kv.connect()).collect();
            for (number, wire) in waiting.iter_mut().enumerate() {
                wire.send(format!("{}\r\n", commands[number % 3]).as_bytes());
            }
            until("all wait", || state(&mut other).blocked == WAITING as u64);
            // Half of them go, from among the others.
            let staying = waiting.split_off(WAITING / 2);
            drop(waiting);
            until("half of them have gone", || {
                state(&mut other).blocked == (WAITING - WAITING / 2) as u64
            });
            let elements: String = (0..WAITING).map(|n| format!(" {round}:{n}")).collect();
            assert_eq!(
                other.call(&format!("RPUSH list{elements}")),
                format!(r":{WAITING}\r\n")
            );
            // Who has gone has got nothing, who stays has got one each of the first, and the rest is left.
            let mut got: Vec<_> = staying.into_iter().map(|mut wire| wire.reply()).collect();
            let mut expected: Vec<_> = (0..got.len())
                .map(|n| {
                    let text = format!("{round}:{n}");
                    format!(r"*2\r\n$4\r\nlist\r\n${}\r\n{text}\r\n", text.len())
                })
                .collect();
            got.sort();
            expected.sort();
            assert_eq!(got, expected);
            let left = other.call(&format!("LPOP list {WAITING}"));
            assert_eq!(left.matches('$').count(), WAITING / 2, "{left}");
        }
    });
}

/// Connections that are opened and dropped, many at a time.
#[test]
fn connections_that_are_only_opened_leave_nothing() {
    let kv = Kv::start(&[]);
    attack(&kv, |kv| {
        for _ in 0..20 {
            let sockets: Vec<_> = (0..100).map(|_| kv.connect()).collect();
            drop(sockets);
            // Now they have been taken: the system keeps but so many that have not.
            assert_eq!(kv.connect().call("PING"), r"+PONG\r\n");
        }
    });
}

/// Connections that stay open and silent, up to the limit and beyond.
#[test]
fn connections_that_say_nothing_keep_nobody_out_but_by_number() {
    let kv = Kv::start(&["--maxclients", "300"]);
    attack(&kv, |kv| {
        let silent: Vec<_> = (0..298).map(|_| kv.connect()).collect();
        let mut late = kv.connect();
        // The last of those may not have been let in yet when this one asks.
        let reply = late.rest();
        assert_eq!(reply, b"-ERR max number of clients reached\r\n");
        silent
    });
}

/// Without file descriptors nobody can be let in, until somebody goes.
#[cfg(target_os = "linux")]
#[test]
fn a_server_without_file_descriptors_goes_on() {
    let kv = Kv::start_limited("ulimit -n 64", &[]);
    let mut other = kv.connect();
    attack(&kv, |kv| {
        // The system lets them in; the server cannot.
        let open: Vec<_> = (0..100)
            .map(|_| TcpStream::connect(kv.address).unwrap())
            .collect();
        let mut late = kv.connect();
        late.send(b"PING\r\n");
        until("it has let in whom it can", || {
            state(&mut other).clients > 40
        });
        for _ in 0..100 {
            assert!(state(&mut other).clients < 64);
        }
        drop(open);
        // Whoever came last has its turn.
        assert_eq!(late.reply(), r"+PONG\r\n");
    });
}

/// A reply that is longer than the way to the client: it goes while that is written.
#[test]
fn a_client_may_go_in_the_middle_of_a_long_reply() {
    let kv = Kv::start(&[]);
    let mut other = kv.connect();
    let value = "x".repeat(50_000);
    for _ in 0..100 {
        other.call(&format!("RPUSH list {value}"));
    }
    attack(&kv, |kv| {
        for command in [
            "LRANGE list 0 -1\r\n",
            "LRANGE list 0 -1\r\nLRANGE list 0 -1\r\n",
        ] {
            for _ in 0..5 {
                let mut wire = kv.connect();
                wire.socket.get_mut().write_all(command.as_bytes()).unwrap();
                wire.socket.get_ref().peek(&mut [0]).unwrap();
            }
        }
    });
    assert_eq!(other.call("LLEN list"), r":100\r\n");
}
