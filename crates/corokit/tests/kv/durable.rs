//! What is kept: nothing that was acknowledged is lost, whenever the server is killed.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::server::Kv;

/// A folder that is gone when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("kv-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn start(journal: &Path, fsync: &str) -> Kv {
    let journal = journal.to_str().unwrap();
    Kv::start(&["--appendonly", journal, "--appendfsync", fsync])
}

/// Twenty times: clients write as fast as they can, the server is killed in the middle of it, and comes
/// back with everything that it has acknowledged.
#[test]
fn a_server_that_is_killed_loses_nothing_that_it_has_acknowledged() {
    const CLIENTS: usize = 4;
    let folder = Folder::new("killed");
    let mut counters = [0; CLIENTS];
    let mut lists = [0; CLIENTS];
    for round in 0..20_u64 {
        let kv = start(&folder.journal(), "always");
        let mut wire = kv.connect();
        for client in 0..CLIENTS {
            let number = |reply: String| -> u64 {
                let digits: String = reply.chars().filter(char::is_ascii_digit).collect();
                digits.parse().unwrap_or(0)
            };
            let counter = wire.call(&format!("INCRBY counter:{client} 0"));
            let len = number(wire.call(&format!("LLEN list:{client}")));
            let counter = number(counter);
            assert!(
                counter >= counters[client],
                "round {round}: {counter} < {}",
                counters[client]
            );
            assert!(
                len >= lists[client],
                "round {round}: {len} < {}",
                lists[client]
            );
            (counters[client], lists[client]) = (counter, len);
        }
        let acknowledged = AtomicU64::new(0);
        let done = thread::scope(|threads| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    let (acknowledged, mut wire) = (&acknowledged, kv.connect());
                    let (mut counter, mut len) = (counters[client], lists[client]);
                    threads.spawn(move || {
                        let commands =
                            format!("INCR counter:{client}\r\nRPUSH list:{client} x\r\n");
                        loop {
                            let sent = wire.socket.get_mut().write_all(commands.as_bytes());
                            let replies =
                                sent.ok().and_then(|()| Some((wire.line()?, wire.line()?)));
                            let Some((counted, pushed)) = replies else {
                                return (counter, len);
                            };
                            let number =
                                |reply: &str| reply[1..].trim_end_matches("\\r\\n").parse();
                            counter = number(&counted).unwrap();
                            len = number(&pushed).unwrap();
                            acknowledged.fetch_add(1, Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            // Each time at another point of their work.
            while acknowledged.load(Ordering::Relaxed) < 20 + 7 * round {
                thread::yield_now();
            }
            drop(kv);
            clients
                .into_iter()
                .map(|client| client.join().unwrap())
                .collect::<Vec<_>>()
        });
        for (client, (counter, len)) in done.into_iter().enumerate() {
            (counters[client], lists[client]) = (counter, len);
        }
    }
}

#[test]
fn a_server_that_ends_keeps_everything_however_often_it_syncs() {
    for fsync in ["always", "everysec", "no"] {
        let folder = Folder::new(fsync);
        let kv = start(&folder.journal(), fsync);
        let mut wire = kv.connect();
        assert_eq!(wire.call("SET a 1"), r"+OK\r\n");
        assert_eq!(wire.call("INCRBY a 41"), r":42\r\n");
        assert_eq!(wire.call("RPUSH list x y z"), r":3\r\n");
        assert_eq!(wire.call("LPOP list"), r"$1\r\nx\r\n");
        assert_eq!(wire.call("SET gone 1"), r"+OK\r\n");
        assert_eq!(wire.call("DEL gone"), r":1\r\n");
        assert_eq!(wire.call("SET short 1 PX 1"), r"+OK\r\n");
        assert_eq!(wire.call("SET long 1 EX 1000000"), r"+OK\r\n");
        wire.send(b"SHUTDOWN\r\n");
        let (status, _) = kv.wait();
        assert!(status.success());

        let kv = start(&folder.journal(), fsync);
        let mut wire = kv.connect();
        assert_eq!(wire.call("GET a"), r"$2\r\n42\r\n");
        assert_eq!(
            wire.call("LRANGE list 0 -1"),
            r"*2\r\n$1\r\ny\r\n$1\r\nz\r\n"
        );
        assert_eq!(wire.call("EXISTS gone short"), r":0\r\n");
        // It goes on by the clock, however long the server was away.
        let ttl = wire.call("TTL long");
        let seconds: u32 = ttl[1..ttl.len() - 4].parse().unwrap();
        assert!((900_000..=1_000_000).contains(&seconds), "{ttl}");
        assert_eq!(wire.call("DBSIZE"), r":3\r\n");
        let journal = folder.journal();
        let expected = format!("{fsync}\\r\\n$10\\r\\nappendonly\\r\\n$3\\r\\nyes\\r\\n");
        assert!(journal.exists() && wire.call("CONFIG GET append*").ends_with(&expected));
    }
}

/// What was granted to a client that waited is journalled when it is granted.
#[test]
fn an_element_that_was_waited_for_is_taken_in_the_journal_as_well() {
    let folder = Folder::new("waited");
    let kv = start(&folder.journal(), "always");
    let (mut waiting, mut wire) = (kv.connect(), kv.connect());
    waiting.send(b"BLPOP list 0\r\n");
    crate::server::until("the client is blocked", || {
        wire.call("INFO clients").contains("blocked_clients:1")
    });
    assert_eq!(wire.call("RPUSH list a b"), r":2\r\n");
    assert_eq!(waiting.reply(), r"*2\r\n$4\r\nlist\r\n$1\r\na\r\n");
    drop(kv);
    let kv = start(&folder.journal(), "always");
    assert_eq!(kv.connect().call("LRANGE list 0 -1"), r"*1\r\n$1\r\nb\r\n");
}

#[test]
fn half_a_command_at_the_end_is_cut_off_and_told() {
    let folder = Folder::new("half");
    let whole = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
    fs::write(folder.journal(), [&whole[..], &whole[..20]].concat()).unwrap();
    let mut kv = start(&folder.journal(), "always");
    kv.says("1 commands of the journal have made 1 keys");
    assert_eq!(kv.connect().call("SET b 2"), r"+OK\r\n");
    drop(kv);
    let kv = start(&folder.journal(), "always");
    assert_eq!(
        kv.connect().call("MGET a b"),
        r"*2\r\n$1\r\n1\r\n$1\r\n2\r\n"
    );
}

/// A signal ends the server in order: whoever waits for a reply gets it, and the journal is whole.
#[test]
fn a_signal_ends_the_server_in_order() {
    for signal in ["-TERM", "-INT"] {
        let folder = Folder::new(&format!("signal{signal}"));
        let mut kv = start(&folder.journal(), "always");
        let (mut idle, mut waiting, mut wire) = (kv.connect(), kv.connect(), kv.connect());
        assert_eq!(idle.call("PING"), r"+PONG\r\n");
        waiting.send(b"BLPOP list 0\r\n");
        crate::server::until("the client is blocked", || {
            wire.call("INFO clients").contains("blocked_clients:1")
        });
        let pipeline = "INCR n\r\n".repeat(500);
        wire.send(pipeline.as_bytes());
        assert_eq!(wire.reply(), r":1\r\n");
        kv.signal(signal);
        kv.says("kv ends");
        // Each reply is whole, and what it says has happened.
        let rest = String::from_utf8(wire.rest()).unwrap();
        let last = rest
            .lines()
            .last()
            .map_or(1, |line| line[1..].parse().unwrap());
        assert!(rest.is_empty() || rest.ends_with("\r\n"));
        assert_eq!((idle.rest(), waiting.rest()), (Vec::new(), Vec::new()));
        let (status, said) = kv.wait();
        assert!(status.success());
        assert_eq!(said, "kv has ended");
        let kv = start(&folder.journal(), "always");
        let counted = kv.connect().call("INCRBY n 0");
        let counted: u64 = counted[1..counted.len() - 4].parse().unwrap();
        assert!(counted >= last, "{counted} < {last}");
    }
}
