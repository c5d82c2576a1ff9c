//! Whatever a client sends: the server does not panic, each of its replies is whole, and when the client has
//! gone nobody waits any more.

use std::rc::Rc;

use corokit::bg_utils::shutdown::Shutdown;
use corokit::monitor::{Monitor, MonitorExt, Step};
use corokit::sched_loop;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use smol::future::{self, yield_now};

use super::parse_replies;
use crate::client::{After, Client};
use crate::commands::execute;
use crate::options::Options;
use crate::resp::{self, Ask};
use crate::server::Server;
use crate::store::Store;

/// How often others have their turn before a client that waits goes.
const PATIENCE: usize = 4;

/// Lets a client say this, in pieces of a size, and then go. Returns the replies.
fn converse(bytes: &[u8], size: usize) -> Vec<u8> {
    sched_loop::run(async {
        let event_loop = sched_loop::current().unwrap();
        let (store, shutdown) = (Store::new(), Shutdown::new());
        let server = Server::new(Options::default(), event_loop, store, None, shutdown);
        let client = Rc::new(Client::new(1, server.clone(), None));
        let mut pieces = bytes.chunks(size);
        let mut replies = Vec::new();
        let mut parser = Monitor::boxed(resp::requests);
        let mut step = parser.start().await;
        loop {
            let input = match step {
                Step::Oob(Ask::More(mut input)) => match pieces.next() {
                    Some(piece) => {
                        input.append(piece);
                        input
                    }
                    None => break,
                },
                Step::Oob(Ask::Frame(input)) => {
                    let command = async { Some(execute(client.clone(), input).await) };
                    let gone = async {
                        for _ in 0..PATIENCE {
                            yield_now().await;
                        }
                        None
                    };
                    let input = future::or(command, gone).await;
                    match (input, client.after.get()) {
                        (Some(input), After::Continue) => input,
                        _ => break,
                    }
                }
                Step::Done(error) => {
                    let error = format!("ERR {error}");
                    client.out.borrow_mut().error(error);
                    break;
                }
            };
            step = parser.resume(input).await;
        }
        replies.append(&mut client.out.borrow_mut().take());
        drop(client);
        let store = server.store.borrow();
        assert_eq!((store.waiters_len(), store.awaited_keys()), (0, 0));
        assert_eq!(server.clients.get(), 0);
        replies
    })
}

/// Checks that replies are whole, but for the last one of a client that has gone while it was written.
fn check(bytes: &[u8], size: usize) {
    let replies = converse(bytes, size);
    let (_, error) = parse_replies([&replies[..]]);
    assert_eq!(
        error,
        None,
        "{} is answered {}",
        bytes.escape_ascii(),
        replies.escape_ascii()
    );
}

/// A conversation that has everything in it: a bit of each command, in both forms.
const CONVERSATION: &[&str] = &[
    "PING\r\n",
    "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nhello\r\n",
    "SET a 1 PX 100000 NX\r\n",
    "SET a 1 EX 10 XX\r\n",
    "*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
    "INCR a\r\nDECRBY a 5\r\nINCRBY a -9223372036854775808\r\n",
    "MSET b 2 c 3\r\nMGET a b c d\r\nDEL a b\r\nEXISTS a b c\r\n",
    "*4\r\n$5\r\nRPUSH\r\n$1\r\nl\r\n$1\r\nx\r\n$1\r\ny\r\n",
    "LPUSH l 1 2 3\r\nLRANGE l 0 -1\r\nLPOP l 2\r\nRPOP l\r\nLLEN l\r\nLPOP l 1000\r\n",
    "EXPIRE c 100 GT\r\nTTL c\r\nPTTL c\r\nPERSIST c\r\n",
    "KEYS *\r\nKEYS [a-c]?*\\*\r\nSCAN 0 MATCH * COUNT 10\r\n",
    "BLPOP l c 0.001\r\n",
    "HELLO 2 AUTH default x SETNAME me\r\nCLIENT SETNAME me\r\nCLIENT GETNAME\r\nCLIENT ID\r\n",
    "CONFIG GET *\r\nCOMMAND INFO get set\r\nCOMMAND COUNT\r\nINFO everything\r\nTASKS\r\n",
    "SELECT 0\r\nECHO \"\\x41 b\"\r\nECHO 'it\\'s'\r\nDBSIZE\r\nFLUSHALL ASYNC\r\n",
    "BLPOP l m 0\r\n",
];

/// What somebody may do to a conversation.
#[derive(Clone, Debug)]
enum Change {
    Replace(Index, u8),
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    Double(Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    const PIECES: &[&str] = &[
        "-1",
        "0",
        "00",
        "+1",
        "-0",
        "2147483647",
        "2147483648",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "99999999999999999999",
        "*1048577\r\n",
        "$536870913\r\n",
        "*-1\r\n",
        "$-1\r\n",
        "*1\r\n*1\r\n",
        "\r\n",
        "\"",
        "'",
        "\\x",
        "\0",
    ];
    let piece = prop_oneof![
        vec(any::<u8>(), 1..6),
        select(PIECES).prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (any::<Index>(), 1..20_usize).prop_map(|(at, count)| Change::Remove(at, count)),
        (any::<Index>(), piece).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (any::<Index>(), 1..60_usize).prop_map(|(at, count)| Change::Double(at, count)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: Change) {
    if bytes.is_empty() {
        return;
    }
    match change {
        Change::Replace(at, byte) => {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        Change::Remove(at, count) => {
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + count);
            bytes.drain(at..end);
        }
        Change::Insert(at, piece) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, piece);
        }
        Change::Double(at, count) => {
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + count);
            bytes.extend_from_within(at..end);
        }
    }
}

#[test]
fn the_conversation_itself_is_understood() {
    let bytes = CONVERSATION.concat().into_bytes();
    let replies = converse(&bytes, bytes.len());
    let (replies, error) = parse_replies([&replies[..]]);
    // All but the last one, which waits for ever.
    assert_eq!((replies.len(), error), (41, None));
}

#[test]
fn a_client_may_go_after_each_byte() {
    let bytes = CONVERSATION.concat().into_bytes();
    for end in 0..bytes.len() {
        check(&bytes[..end], bytes.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_harm_nobody(bytes in vec(any::<u8>(), 0..400), size in 1_usize..50) {
        check(&bytes, size);
    }

    #[test]
    fn random_lines_harm_nobody(
        words in vec(vec(select(&[
            "*", "$", "\r\n", "\n", " ", "0", "1", "-1", "3", "16", "SET", "get", "BLPOP", "a", "\"", "'",
            "\\", "[", "KEYS", "RPUSH", "LPOP", "SCAN", "\0", "COUNT", "MATCH", "config", "command",
        ][..]), 1..12), 0..12),
        size in 1_usize..50,
    ) {
        let bytes = words.concat().concat().into_bytes();
        check(&bytes, size);
    }

    #[test]
    fn a_conversation_that_was_changed_harms_nobody(
        changes in vec(change(), 1..8),
        size in 1_usize..200,
    ) {
        let mut bytes = CONVERSATION.concat().into_bytes();
        for change in changes {
            apply(&mut bytes, change);
        }
        check(&bytes, size);
    }
}
