//! What no client should say: nonsense, and numbers that mean no good.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::bystander::attack;
use crate::server::{Kv, USE_IS_BOUNDED};

/// Says something and nothing more. Returns the replies: until the end, or a reset if there was more than
/// the server has read.
fn say(kv: &Kv, bytes: &[u8]) -> Vec<u8> {
    let mut wire = kv.connect();
    let socket = wire.socket.get_mut();
    // The server may have hung up in the middle.
    let _ = socket
        .write_all(bytes)
        .and_then(|()| socket.shutdown(Shutdown::Write));
    let mut replies = Vec::new();
    if let Err(error) = socket.read_to_end(&mut replies) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    replies
}

#[test]
fn lengths_that_mean_no_good_end_the_connection() {
    let array = "-ERR Protocol error: invalid multibulk length\r\n";
    let bulk = "-ERR Protocol error: invalid bulk length\r\n";
    let kv = Kv::start(&[]);
    let before = memory(&kv);
    attack(&kv, |kv| {
        for (said, expected) in [
            ("*2147483647\r\n", array),
            ("*2147483648\r\n", array),
            ("*4294967297\r\n", array),
            ("*18446744073709551617\r\n", array),
            ("*-9223372036854775809\r\n", array),
            ("*1048577\r\n", array),
            ("*01\r\n", array),
            ("*+1\r\n", array),
            ("*--1\r\n", array),
            ("*1e3\r\n", array),
            ("*0x1\r\n", array),
            ("*\r\n", array),
            ("*1\r\n$9999999999\r\n", bulk),
            ("*1\r\n$536870913\r\n", bulk),
            ("*1\r\n$4294967296\r\n", bulk),
            ("*1\r\n$18446744073709551616\r\n", bulk),
            ("*1\r\n$-1\r\n", bulk),
            ("*1\r\n$-9223372036854775808\r\n", bulk),
            ("*1\r\n$04\r\nPING\r\n", bulk),
            ("*1\r\n$+4\r\nPING\r\n", bulk),
            ("*1\r\n$\r\n", bulk),
            // The smallest of all numbers is an array of none.
            ("*-2147483648\r\n", ""),
            ("*-9223372036854775808\r\nPING\r\n", "+PONG\r\n"),
        ] {
            assert_eq!(
                String::from_utf8_lossy(&say(kv, said.as_bytes())),
                expected,
                "{said:?}"
            );
        }
        // As much as there may be, but it never comes: nothing is kept for it.
        let open: Vec<_> = (0..100)
            .flat_map(|_| {
                [
                    "*1048576\r\n",
                    "*1\r\n$536870912\r\n",
                    "*1048576\r\n$0\r\n\r\n$3",
                ]
            })
            .map(|said| {
                let mut wire = kv.connect();
                // Both come with one read: who has answered has seen the length, too.
                wire.send(format!("PING\r\n{said}").as_bytes());
                assert_eq!(wire.reply(), r"+PONG\r\n");
                wire
            })
            .collect();
        assert!(!USE_IS_BOUNDED || memory(kv) < before + (32 << 20));
        open
    });
}

#[cfg(target_os = "linux")]
fn memory(kv: &Kv) -> u64 {
    kv.memory()
}

#[cfg(not(target_os = "linux"))]
fn memory(_: &Kv) -> u64 {
    0
}

#[test]
fn arrays_in_arrays_end_the_connection() {
    let kv = Kv::start(&[]);
    attack(&kv, |kv| {
        for depth in [2, 3, 100, 100_000] {
            let replies = say(kv, "*1\r\n".repeat(depth).as_bytes());
            let expected = "-ERR Protocol error: expected '$', got '*'\r\n";
            // If much is left unread, the reply may be lost in a reset.
            assert!(
                replies == expected.as_bytes() || (depth == 100_000 && replies.is_empty()),
                "{depth}: {}",
                replies.escape_ascii()
            );
        }
    });
}

#[test]
fn lines_that_do_not_end_end_the_connection() {
    let kv = Kv::start(&[]);
    attack(&kv, |kv| {
        for (start, expected) in [
            ("", "-ERR Protocol error: too big inline request\r\n"),
            ("*", "-ERR Protocol error: too big mbulk count string\r\n"),
            (
                "*1\r\n$",
                "-ERR Protocol error: too big bulk count string\r\n",
            ),
            (
                "SET a \"",
                "-ERR Protocol error: too big inline request\r\n",
            ),
        ] {
            for len in [70_000, 20_000_000] {
                let replies = say(kv, format!("{start}{}", "1".repeat(len)).as_bytes());
                assert!(
                    replies == expected.as_bytes() || (len > 100_000 && replies.is_empty()),
                    "{start} and {len} bytes: {}",
                    replies.escape_ascii()
                );
            }
        }
    });
}

/// Not in Redis' words, but as long as a word may be.
#[test]
fn errors_are_short_however_long_the_words_are() {
    let kv = Kv::start(&[]);
    let long = "x".repeat(5_000_000);
    attack(&kv, |kv| {
        for words in [
            &[&long[..]][..],
            &["CLIENT", &long],
            &["EXPIRE", "a", "1", &long],
            &["HELLO", "2", &long],
            &["CLIENT", "SETINFO", &long, "x"],
            &["KEYS", &long],
            &["SCAN", "0", "MATCH", &long],
            &["CONFIG", "GET", &long],
            &["SCAN", &long],
            &["INCRBY", "a", &long],
            &["LRANGE", "a", "0", &long],
            &["BLPOP", "a", &long],
            &["SELECT", &long],
        ] {
            let mut command = format!("*{}\r\n", words.len());
            for word in words {
                command += &format!("${}\r\n{word}\r\n", word.len());
            }
            let mut wire = kv.connect();
            wire.send(command.as_bytes());
            let reply = wire.reply();
            assert!(
                reply.starts_with('-') && reply.len() < 1000,
                "{} bytes",
                reply.len()
            );
        }
    });
}

/// A web browser that was tricked into talking to the server.
#[test]
fn a_browser_is_not_served() {
    let kv = Kv::start(&[]);
    attack(&kv, |kv| {
        let request =
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\nFLUSHALL\r\n";
        assert_eq!(say(kv, request.as_bytes()), b"");
        let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nFLUSHALL\r\n";
        let replies = String::from_utf8(say(kv, request.as_bytes())).unwrap();
        assert!(
            replies.starts_with("-ERR wrong number") && !replies.contains("OK"),
            "{replies}"
        );
    });
}

/// Whatever bytes: others are served, and the server is there afterwards.
#[test]
fn random_bytes_harm_nobody() {
    let kv = Kv::start(&[]);
    attack(&kv, |kv| {
        let config = Config {
            cases: 200,
            failure_persistence: None,
            ..Config::default()
        };
        let bytes = vec(
            prop_oneof![any::<u8>(), prop::sample::select(&b"*$\r\n 12-\"'"[..])],
            0..500,
        );
        TestRunner::new(config)
            .run(&bytes, |bytes| {
                say(kv, &bytes);
                Ok(())
            })
            .unwrap();
    });
}
