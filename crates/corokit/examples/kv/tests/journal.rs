//! The journal: what it says makes the same store again, whole or cut off at any byte.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;

use crate::journal::{BACKLOG, Fsync, Journal, recover};
use crate::store::{End, Millis, Store, Value};

/// When the stores of these tests started, by the clock of the wall.
const EPOCH: u64 = 1_700_000_000_000;

#[derive(Clone, Debug)]
enum Op {
    Set(u8, Vec<u8>, Option<u16>),
    Replace(u8, Vec<u8>),
    Remove(u8),
    Deadline(u8, Option<u16>),
    Push(u8, bool, Vec<Vec<u8>>),
    Pop(u8, bool),
    PopMany(u8, bool, u8),
    Expire(u8),
    Later(u16),
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    let key = 0..5_u8;
    let text = || vec(any::<u8>(), 0..20);
    let deadline = || proptest::option::of(1..500_u16);
    prop_oneof![
        4 => (key.clone(), text(), deadline()).prop_map(|(k, t, d)| Op::Set(k, t, d)),
        2 => (key.clone(), text()).prop_map(|(k, t)| Op::Replace(k, t)),
        2 => key.clone().prop_map(Op::Remove),
        2 => (key.clone(), deadline()).prop_map(|(k, d)| Op::Deadline(k, d)),
        4 => (key.clone(), any::<bool>(), vec(text(), 1..4)).prop_map(|(k, l, e)| Op::Push(k, l, e)),
        4 => (key.clone(), any::<bool>()).prop_map(|(k, l)| Op::Pop(k, l)),
        2 => (key, any::<bool>(), 0..6_u8).prop_map(|(k, l, n)| Op::PopMany(k, l, n)),
        1 => (0..5_u8).prop_map(Op::Expire),
        2 => (0..300_u16).prop_map(Op::Later),
        1 => Just(Op::Clear),
    ]
}

fn end(left: bool) -> End {
    if left { End::Left } else { End::Right }
}

fn apply(store: &mut Store, op: Op) {
    let after = |store: &Store, millis: u16| store.now().after(i64::from(millis));
    match op {
        Op::Set(key, text, millis) => {
            let deadline = millis.and_then(|millis| after(store, millis));
            store.set(&[key], &text, deadline);
        }
        Op::Replace(key, text) => {
            if let Ok(Some(_)) = store.string(&[key]) {
                store.replace(&[key], &text);
            }
        }
        Op::Remove(key) => drop(store.remove(&[key])),
        Op::Deadline(key, millis) => {
            let deadline = millis.and_then(|millis| after(store, millis));
            store.set_deadline(&[key], deadline);
        }
        Op::Push(key, left, elements) => {
            let elements = elements.iter().map(Vec::as_slice);
            if store.push(&[key], end(left), elements).is_ok() {
                store.serve(&[key]);
            }
        }
        Op::Pop(key, left) => drop(store.pop(&[key], end(left))),
        Op::PopMany(key, left, count) => {
            drop(store.pop_many(&[key], end(left), count.into()));
        }
        Op::Expire(key) => drop(store.expire(&[key])),
        Op::Later(millis) => {
            let now = after(store, millis).unwrap();
            store.set_now(now);
        }
        Op::Clear => store.clear(),
    }
}

type Content = Vec<(Vec<u8>, Vec<Vec<u8>>, Option<u64>)>;

/// All that is in a store that has not expired, with the moments of expiry by the wall's clock.
fn content(store: &mut Store, epoch: u64) -> Content {
    let mut keys = Vec::new();
    store.scan(0, usize::MAX, |key| keys.push(key.to_vec()));
    keys.sort();
    let with_value = |key: Vec<u8>| {
        let deadline = store.deadline(&key)?;
        let deadline = deadline.map(|deadline| epoch + deadline.since(Millis::START));
        let value = match store.get(&key)? {
            Value::String(string) => vec![string.to_vec()],
            Value::List(list) => list.iter().map(|element| element.to_vec()).collect(),
        };
        Some((key, value, deadline))
    };
    keys.into_iter().filter_map(with_value).collect()
}

/// A file that is gone when this is dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let name = format!("kv-{}-{name}.journal", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, bytes).unwrap();
        Temporary(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_journal_makes_the_same_store_again(ops in vec(op(), 1..60), later in 0..400_u64) {
        let mut store = Store::new();
        store.keep_effects(EPOCH);
        let mut bytes = Vec::new();
        for op in ops {
            apply(&mut store, op);
            bytes.extend(store.take_news().effects);
        }
        // The server is started again a little later, and has another beginning of time.
        let millis = store.now().since(Millis::START) + later;
        let epoch = EPOCH + millis;
        let file = Temporary::new("same", &bytes);
        let mut again = Store::new();
        let recovered = recover(&file.0, &mut again, epoch).unwrap();
        prop_assert_eq!(recovered.cut_off, 0);
        let millis = i64::try_from(millis + 1).unwrap();
        store.set_now(Millis::START.after(millis).unwrap());
        let expected = content(&mut store, EPOCH);
        prop_assert_eq!(content(&mut again, epoch), expected);
    }
}

#[test]
fn a_journal_that_ends_in_the_middle_of_a_command_is_cut_off_there() {
    let mut store = Store::new();
    store.keep_effects(EPOCH);
    let mut ends = vec![0];
    let mut bytes = Vec::new();
    for key in 0..4 {
        store.set(&[b'a' + key], b"value", None);
        bytes.extend(store.take_news().effects);
        ends.push(bytes.len());
    }
    for len in 0..=bytes.len() {
        let file = Temporary::new("cut", &bytes[..len]);
        let mut again = Store::new();
        let recovered = recover(&file.0, &mut again, EPOCH).unwrap();
        let whole = ends.iter().rposition(|end| *end <= len).unwrap();
        assert_eq!(recovered.commands, whole as u64, "{len} bytes");
        assert_eq!(recovered.cut_off, (len - ends[whole]) as u64);
        assert_eq!(again.len(), whole);
        assert_eq!(fs::read(&file.0).unwrap(), &bytes[..ends[whole]]);
    }
}

#[test]
fn what_is_no_journal_is_left_alone() {
    for nonsense in [
        &b"*1\r\n$4\r\nPING\r\n"[..],
        b"*1\r\n$x\r\n",
        b"*2\r\n$3\r\nSET\r\n$1\r\na\r\n",
    ] {
        let file = Temporary::new("nonsense", nonsense);
        let error = recover(&file.0, &mut Store::new(), EPOCH).unwrap_err();
        assert!(
            error.to_string().starts_with("command 1 of the journal is"),
            "{error}"
        );
        assert_eq!(fs::read(&file.0).unwrap(), nonsense);
    }
}

/// A disk that is full: what cannot be written is never safe, and nothing is written after it.
#[cfg(target_os = "linux")]
#[test]
fn a_write_that_fails_ends_the_journal() {
    let ended = corokit::sched_loop::run(async {
        let (journal, writes) = Journal::open(Path::new("/dev/full"), Fsync::Always).unwrap();
        for _ in 0..3 {
            journal.append(b"something".to_vec()).unwrap();
        }
        let safe = async {
            journal.safe(1).await;
            panic!("it cannot be safe");
        };
        smol::future::or(writes, safe).await
    });
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::StorageFull);
}

#[test]
fn no_file_is_an_empty_journal() {
    let path = std::env::temp_dir().join("kv-no-such-file.journal");
    let recovered = recover(&path, &mut Store::new(), EPOCH).unwrap();
    assert_eq!((recovered.commands, recovered.cut_off), (0, 0));
}

/// A disk that is slow: clients wait for it when too much waits already, whatever they were promised.
#[cfg(target_os = "linux")]
#[test]
fn a_slow_disk_holds_the_clients_up() {
    use std::io::Read;
    use std::process::Command;

    let path = std::env::temp_dir().join(format!("kv-{}-slow.journal", std::process::id()));
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    // What is written goes no further than somebody reads it. Both ways, so as not to wait for a writer.
    let disk = fs::OpenOptions::new().read(true).write(true).open(&path);
    let file = Temporary(path);
    let mut disk = disk.unwrap();
    corokit::sched_loop::run(async {
        let (journal, writes) = Journal::open(&file.0, Fsync::No).unwrap();
        let writes = corokit::sched_loop::current().unwrap().spawn(writes);
        let piece = vec![b'x'; BACKLOG / 16];
        for _ in 0..17 {
            smol::future::poll_once(journal.has_room()).await.unwrap();
            journal.append(piece.clone()).unwrap();
        }
        assert_eq!(smol::future::poll_once(journal.has_room()).await, None);
        let reading = std::thread::spawn(move || {
            let mut bytes = vec![0; 17 * piece.len()];
            disk.read_exact(&mut bytes).unwrap();
            disk
        });
        journal.has_room().await;
        journal.close();
        // A pipe cannot be synced, which is an error, but one after everything was written.
        assert!(writes.await.is_err());
        drop(reading.join().unwrap());
    });
}

/// The last moment that there is can be written down, and read again.
#[test]
fn the_latest_deadline_survives_a_restart() {
    let mut latest = i64::MAX;
    while Millis::START.after(latest).is_none() {
        latest -= 1 << 30;
    }
    let mut store = Store::new();
    store.keep_effects(EPOCH);
    store.set(b"a", b"1", Millis::START.after(latest));
    let file = Temporary::new("latest", &store.take_news().effects);
    let mut again = Store::new();
    assert_eq!(recover(&file.0, &mut again, EPOCH).unwrap().commands, 1);
    assert_eq!(content(&mut again, EPOCH), content(&mut store, EPOCH));
}
