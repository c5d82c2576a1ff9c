//! What the server promises to every client: order, whole replies, a clean end.

use std::thread;

use crate::server::{Kv, until};

#[test]
fn a_long_pipeline_is_answered_in_order() {
    const COUNT: usize = 20_000;
    let kv = Kv::start(&[]);
    let mut wire = kv.connect();
    let mut sender = wire.socket.get_ref().try_clone().unwrap();
    // Replies are read while commands are still being sent.
    let sending = thread::spawn(move || {
        let all: String = (0..COUNT)
            .map(|n| format!("INCR n\r\nECHO {n}\r\n"))
            .collect();
        std::io::Write::write_all(&mut sender, all.as_bytes()).unwrap();
    });
    for n in 0..COUNT {
        assert_eq!(wire.reply(), format!(":{}\\r\\n", n + 1));
        let text = n.to_string();
        assert_eq!(wire.reply(), format!("${}\\r\\n{text}\\r\\n", text.len()));
    }
    sending.join().unwrap();
}

#[test]
fn half_a_command_harms_nobody() {
    let kv = Kv::start(&[]);
    let mut other = kv.connect();
    let command =
        b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nhello\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\nget a\r\n";
    for cut in 0..command.len() {
        let mut wire = kv.connect();
        wire.send(&command[..cut]);
        // By the time of this reply the first half has arrived.
        assert_eq!(other.call("PING"), r"+PONG\r\n");
        wire.send(&command[cut..]);
        assert_eq!(wire.reply(), r"+OK\r\n", "cut at {cut}");
        assert_eq!(wire.reply(), r"$5\r\nhello\r\n", "cut at {cut}");
        assert_eq!(wire.reply(), r"$5\r\nhello\r\n", "cut at {cut}");

        // Half a command, and then nothing more: the client has gone.
        let mut gone = kv.connect();
        gone.send(&command[..cut]);
    }
    assert_eq!(other.call("PING"), r"+PONG\r\n");
}

#[test]
fn large_values_come_back_whole() {
    let kv = Kv::start(&[]);
    let mut wire = kv.connect();
    for size in [0, 1, 1023, 1024, 16 << 10, (64 << 10) + 1, 5 << 20] {
        let value = "x".repeat(size);
        wire.send(format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n${size}\r\n{value}\r\n").as_bytes());
        assert_eq!(wire.reply(), r"+OK\r\n");
        assert!(
            wire.call("GET a") == format!(r"${size}\r\n{value}\r\n"),
            "{size} bytes"
        );
    }
}

/// How many clients wait for a list.
fn blocked(info: &str) -> usize {
    let (_, rest) = info.split_once("blocked_clients:").unwrap();
    rest.split("\\r").next().unwrap().parse().unwrap()
}

#[test]
fn commands_wait_behind_one_that_blocks() {
    let kv = Kv::start(&[]);
    let (mut wire, mut other) = (kv.connect(), kv.connect());
    wire.send(b"SET a 1\r\nBLPOP list 0\r\nINCR a\r\nGET a\r\n");
    // What came before it is answered at once.
    assert_eq!(wire.reply(), r"+OK\r\n");
    until("the client is blocked", || {
        blocked(&other.call("INFO clients")) == 1
    });
    // What is sent in the meantime waits, too.
    wire.send(b"ECHO later\r\n");
    assert_eq!(other.call("GET a"), r"$1\r\n1\r\n");
    assert_eq!(other.call("RPUSH list x"), r":1\r\n");
    assert_eq!(wire.reply(), r"*2\r\n$4\r\nlist\r\n$1\r\nx\r\n");
    assert_eq!(wire.reply(), r":2\r\n");
    assert_eq!(wire.reply(), r"$1\r\n2\r\n");
    assert_eq!(wire.reply(), r"$5\r\nlater\r\n");
}

#[test]
fn a_client_that_goes_while_it_waits_takes_nothing_with_it() {
    let kv = Kv::start(&[]);
    let mut other = kv.connect();
    for round in 0..100 {
        let mut wire = kv.connect();
        // With nothing, one command and very many behind the one that blocks.
        let behind = "PING\r\n".repeat([0, 1, 30_000][round % 3]);
        wire.send(format!("BLPOP list 0\r\n{behind}").as_bytes());
        until("the client is blocked", || {
            blocked(&other.call("INFO clients")) == 1
        });
        drop(wire);
        // The end shows behind what was sent: that takes its time if it was much.
        if behind.len() > 10_000 {
            until("the client has gone", || {
                blocked(&other.call("INFO clients")) == 0
            });
        }
        assert_eq!(other.call(&format!("RPUSH list {round}")), r":1\r\n");
        let text = round.to_string();
        let expected = format!(r"*2\r\n$4\r\nlist\r\n${}\r\n{text}\r\n", text.len());
        assert_eq!(other.call("BLPOP list 30"), expected);
        assert_eq!(blocked(&other.call("INFO clients")), 0);
    }
}

#[test]
fn waiting_clients_are_served_in_their_order() {
    let kv = Kv::start(&[]);
    let mut other = kv.connect();
    let mut wires: Vec<_> = (0..20).map(|_| kv.connect()).collect();
    for (count, wire) in wires.iter_mut().enumerate() {
        wire.send(b"BLPOP list 0\r\n");
        until("the client is blocked", || {
            blocked(&other.call("INFO clients")) == count + 1
        });
    }
    let elements: Vec<String> = (10..40).map(|n| n.to_string()).collect();
    other.call(&format!("RPUSH list {}", elements.join(" ")));
    for (wire, element) in wires.iter_mut().zip(elements) {
        assert_eq!(
            wire.reply(),
            format!(r"*2\r\n$4\r\nlist\r\n$2\r\n{element}\r\n")
        );
    }
    assert_eq!(other.call("LLEN list"), r":10\r\n");
}

#[test]
fn keys_expire_though_nobody_asks_for_them() {
    let kv = Kv::start(&[]);
    let mut wire = kv.connect();
    for key in 0..200 {
        wire.call(&format!("SET key:{key} 1 PX {}", 1 + key % 20));
    }
    wire.call("SET late 1 PX 100000");
    wire.call("SET stays 1");
    // Counting the keys touches none.
    until("the keys have gone", || wire.call("DBSIZE") == r":2\r\n");
    // A deadline that comes before the one that is waited for is noticed.
    wire.call("SET early 1 PX 5");
    until("the key has gone", || wire.call("DBSIZE") == r":2\r\n");
}

#[test]
fn the_tasks_of_the_loop_can_be_seen() {
    let kv = Kv::start(&[]);
    let (mut wire, mut other) = (kv.connect(), kv.connect());
    let id = |reply: String| {
        reply
            .trim_start_matches(':')
            .trim_end_matches(r"\r\n")
            .to_string()
    };
    let (mine, others) = (id(wire.call("CLIENT ID")), id(other.call("CLIENT ID")));
    other.send(b"BLPOP list 0\r\n");
    until("the client is blocked", || {
        blocked(&wire.call("INFO clients")) == 1
    });
    let tasks = wire.call("TASKS");
    for (name, state) in [
        ("accept", "blocked"),
        ("expiry", "blocked"),
        (&format!("client {mine}"), "running"),
        (&format!("client {others}"), "blocked"),
        (&format!("command of client {others}"), "blocked"),
    ] {
        let expected = format!(r"{name}\r\n${}\r\n{state}\r\n", state.len());
        assert!(
            tasks.contains(&expected),
            "{name} is not {state} in {tasks}"
        );
    }
}

#[test]
fn shutdown_ends_the_server() {
    let kv = Kv::start(&[]);
    let (mut wire, mut other, mut waiting) = (kv.connect(), kv.connect(), kv.connect());
    assert_eq!(other.call("SET a 1"), r"+OK\r\n");
    waiting.send(b"BLPOP list 0\r\n");
    until("the client is blocked", || {
        blocked(&other.call("INFO clients")) == 1
    });
    wire.send(b"GET a\r\nSHUTDOWN\r\nGET a\r\n");
    // The reply before it comes; there is none to it, nor to anything after it.
    assert_eq!(wire.reply(), r"$1\r\n1\r\n");
    assert_eq!(wire.rest(), b"");
    assert_eq!(other.rest(), b"");
    assert_eq!(waiting.rest(), b"");
    let (status, last) = kv.wait();
    assert!(status.success());
    assert_eq!(last, "kv has ended");
}

/// Fills a server with keys. Their names are this long.
fn fill(wire: &mut crate::wire::Wire<std::net::TcpStream>, keys: usize, name_len: usize) {
    // A line has at most 64 KiB.
    for start in (0..keys).step_by(500) {
        let pairs: String = (start..keys.min(start + 500))
            .map(|key| format!(" {key:0>name_len$} x"))
            .collect();
        assert_eq!(wire.call(&format!("MSET{pairs}")), r"+OK\r\n");
    }
}

#[test]
fn a_long_scan_keeps_nobody_waiting() {
    const KEYS: usize = 50_000;
    let kv = Kv::start(&[]);
    let (mut scanning, mut other) = (kv.connect(), kv.connect());
    fill(&mut other, KEYS, 8);
    // While the scan is under way, others are served: one of them sees it.
    until("the scan is seen", || {
        scanning.send(b"KEYS *\r\n");
        let seen = (0..20).any(|_| other.call("TASKS").contains("command of client"));
        assert_eq!(scanning.reply().matches("$8").count(), KEYS);
        seen
    });
    assert_eq!(scanning.call("KEYS 0000000*").matches("$8").count(), 10);
    assert_eq!(
        other.call("SCAN 0 COUNT 1000000").matches("$8").count(),
        1024
    );
}

/// A reply that is longer than what may wait in memory goes out while it is made.
#[test]
fn a_long_reply_needs_little_memory() {
    let kv = Kv::start(&["--output-limit", "1000000"]);
    let mut wire = kv.connect();
    fill(&mut wire, 5_000, 100);
    assert_eq!(wire.call("KEYS *").matches("$100").count(), 5_000);
    let elements = "0123456789".repeat(10);
    for _ in 0..50 {
        let many = format!(" {elements}").repeat(100);
        wire.call(&format!("RPUSH list{many}"));
    }
    assert_eq!(wire.call("LRANGE list 0 -1").matches("$100").count(), 5_000);
}

#[test]
fn what_is_flushed_is_gone_at_once() {
    let kv = Kv::start(&[]);
    let (mut wire, mut scanning) = (kv.connect(), kv.connect());
    fill(&mut wire, 20_000, 8);
    scanning.send(b"KEYS *\r\n");
    assert_eq!(wire.call("FLUSHALL"), r"+OK\r\n");
    assert_eq!(wire.call("DBSIZE"), r":0\r\n");
    // The scan has what it saw, and ends.
    assert!(scanning.reply().starts_with('*'));
    assert_eq!(scanning.call("KEYS *"), r"*0\r\n");
    until("the memory is given back", || {
        !wire.call("TASKS").contains("sweep")
    });
}

/// The one that is over the limit waits until a second has passed since the first; other clients have limits
/// of their own.
#[test]
fn a_client_has_so_many_commands_served_in_a_second() {
    let kv = Kv::start(&["--rate-limit", "5"]);
    let (mut wire, mut other) = (kv.connect(), kv.connect());
    let start = std::time::Instant::now();
    wire.send("PING\r\n".repeat(6).as_bytes());
    for _ in 0..5 {
        assert_eq!(wire.reply(), r"+PONG\r\n");
    }
    assert_eq!(other.call("PING"), r"+PONG\r\n");
    assert_eq!(wire.reply(), r"+PONG\r\n");
    assert!(start.elapsed() >= std::time::Duration::from_secs(1));
}

#[test]
fn a_file_of_commands_is_imported_while_clients_are_served() {
    let file = std::env::temp_dir().join(format!("kv-{}-import", std::process::id()));
    let mut text = String::from("SET a 1\r\n\nRPUSH list \"two words\" b\nNONSENSE\nSET \"\n");
    for line in 0..20_000 {
        text += &format!("SET key:{line} {line}\n");
    }
    text += "INCR a";
    std::fs::write(&file, text).unwrap();
    let mut kv = Kv::start(&["--import", file.to_str().unwrap()]);
    let mut wire = kv.connect();
    assert_eq!(wire.call("PING"), r"+PONG\r\n");
    kv.says("20003 commands imported, 2 failed");
    assert_eq!(wire.call("GET a"), r"$1\r\n2\r\n");
    assert_eq!(wire.call("LPOP list"), r"$9\r\ntwo words\r\n");
    assert_eq!(wire.call("GET key:19999"), r"$5\r\n19999\r\n");
    std::fs::remove_file(&file).unwrap();

    let kv = Kv::start(&["--import", file.to_str().unwrap()]);
    let (status, _) = kv.wait();
    assert!(!status.success());
}

/// Replies that wait for a client that is slow to read, and one that is written as it is made, behind them.
#[test]
fn a_reply_that_goes_out_in_pieces_stays_behind_those_before_it() {
    let kv = Kv::start(&[]);
    let (mut wire, mut other) = (kv.connect(), kv.connect());
    fill(&mut other, 20_000, 100);
    let value = "v".repeat(3 << 20);
    other.send(
        format!(
            "*3\r\n$3\r\nSET\r\n$1\r\na\r\n${}\r\n{value}\r\n",
            value.len()
        )
        .as_bytes(),
    );
    assert_eq!(other.reply(), r"+OK\r\n");
    wire.send("GET a\r\n".repeat(8).as_bytes());
    wire.send(b"KEYS 0*\r\nPING\r\n");
    // Nothing is read until the server is at work on the last of them, or waits for the client.
    until("it has done what it can", || {
        let tasks = other.call("TASKS");
        tasks.contains("client 1") && other.call("PING") == r"+PONG\r\n"
    });
    for _ in 0..8 {
        let reply = wire.reply();
        assert!(
            reply.ends_with("vvv\\r\\n") && !reply.contains('0'.to_string().repeat(50).as_str())
        );
    }
    assert_eq!(wire.reply().matches("$100").count(), 20_000);
    assert_eq!(wire.reply(), r"+PONG\r\n");
}
