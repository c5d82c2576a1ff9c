//! Clients that send as much as they can: how long the others wait for their turn.
//!
//! What is measured is turns of another task: how much happens between two of them does not depend on how
//! fast or busy the machine is.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;

use corokit::bg_utils::shutdown::Shutdown;
use corokit::priority::PriorityQueue;
use corokit::sched_loop::{self, EventLoop};
use smol::Async;
use smol::future::yield_now;

use super::request;
use crate::client::Client;
use crate::commands::execute;
use crate::connection::{self, Socket, TURN};
use crate::options::Options;
use crate::resp::LARGEST;
use crate::server::Server;
use crate::store::Store;

/// Runs a test on a loop like that of the server.
fn run<T>(test: impl Future<Output = T>) -> T {
    let event_loop = EventLoop::builder()
        .queue(PriorityQueue::new())
        .steps_per_round(16)
        .build();
    event_loop.run(test)
}

fn server() -> Rc<Server> {
    let event_loop = sched_loop::current().unwrap();
    let (store, shutdown) = (Store::new(), Shutdown::new());
    Server::new(Options::default(), event_loop, store, None, shutdown)
}

/// Makes a client, which is served from the next turn on. Returns its end.
fn connect(server: &Rc<Server>, id: u64) -> TcpStream {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (theirs, _) = listener.accept().unwrap();
    let theirs = Socket::new(Async::new(theirs).unwrap());
    let client = Client::new(id, server.clone(), Some(theirs.clone()));
    connection::spawn(client, theirs);
    ours.set_nonblocking(true).unwrap();
    ours
}

/// Sends as many whole commands as fit on the way to the server, which takes none of them meanwhile.
fn fill(mut socket: &TcpStream, command: &[u8], most: usize) -> usize {
    let mut sent = 0;
    let bytes = command.repeat(most);
    while sent < bytes.len() {
        match socket.write(&bytes[sent..]) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    sent / command.len()
}

/// Takes all that has come.
fn drain(mut socket: &TcpStream) {
    let mut bytes = [0; 1 << 16];
    while let Ok(1..) = socket.read(&mut bytes) {}
}

/// Runs until so many commands were run. Returns the most that happened between two turns of this task,
/// and how many turns there were.
async fn longest_turn(server: &Server, sockets: &[TcpStream], commands: u64) -> (u64, u64) {
    let (mut longest, mut turns, mut before) = (0, 0, server.commands.get());
    while before < commands {
        yield_now().await;
        sockets.iter().for_each(drain);
        let now = server.commands.get();
        longest = longest.max(now - before);
        turns += u64::from(now > before);
        before = now;
    }
    (longest, turns)
}

#[test]
fn a_client_that_sends_very_much_leaves_the_others_their_turns() {
    // A command for normal clients, one of those that look whether the server is well, and nonsense.
    for command in [&b"ECHO x\r\n"[..], b"PING\r\n", b"x\n"] {
        run(async {
            let server = server();
            let socket = connect(&server, 1);
            let count = fill(&socket, command, 20_000) as u64;
            assert!(count > 10 * TURN as u64, "{count} is not much");
            let (longest, _) = longest_turn(&server, &[socket], count).await;
            // Urgent clients go before others, but not for ever.
            let share = if command == b"PING\r\n" { 16 } else { 1 };
            assert!(
                longest <= share * TURN as u64,
                "{longest} commands in a turn"
            );
        });
    }
}

#[test]
fn many_clients_that_send_very_much_leave_the_others_their_turns() {
    const CLIENTS: u64 = 8;
    run(async {
        let server = server();
        let sockets: Vec<_> = (1..=CLIENTS).map(|id| connect(&server, id)).collect();
        let counts = sockets
            .iter()
            .map(|socket| fill(socket, b"ECHO x\r\n", 10_000));
        let count = counts.sum::<usize>() as u64;
        let (longest, _) = longest_turn(&server, &sockets, count).await;
        assert!(
            longest <= CLIENTS * TURN as u64,
            "{longest} commands in a turn"
        );
    });
}

/// What is sent while a command blocks is kept, and run when it has ended: in turns as well.
#[test]
fn what_was_sent_while_a_command_blocked_is_done_in_turns() {
    run(async {
        let server = server();
        let socket = connect(&server, 1);
        assert_eq!(fill(&socket, b"BLPOP list 0\r\n", 1), 1);
        while server.store.borrow().waiters_len() == 0 {
            yield_now().await;
        }
        let count = fill(&socket, b"ECHO x\r\n", 20_000) as u64;
        assert!(count > 10 * TURN as u64, "{count} is not much");
        // All of it is taken from the socket: the end of it, for one, is seen.
        let other = connect(&server, 2);
        for _ in 0..2 * count * 8 / 4096 {
            let before = server.commands.get();
            assert_eq!(fill(&other, b"ECHO x\r\n", 1), 1);
            while server.commands.get() == before {
                yield_now().await;
            }
        }
        drain(&other);
        let element = Rc::new(Client::new(3, server.clone(), None));
        execute(element, request("RPUSH list x")).await;
        let all = server.commands.get() + count;
        let (longest, turns) = longest_turn(&server, &[socket], all).await;
        assert!(longest <= TURN as u64, "{longest} commands in a turn");
        assert!(turns >= count / TURN as u64);
    });
}

/// A long string is read piece by piece, with the others in between.
#[test]
fn a_long_string_leaves_the_others_their_turns() {
    const LEN: usize = 4_000_000;
    run(async {
        let server = server();
        let mut socket = connect(&server, 1);
        let value = "x".repeat(LEN);
        let bytes = format!("ECHO x\r\n*2\r\n$4\r\nECHO\r\n${LEN}\r\n{value}\r\n");
        let mut rest = bytes.as_bytes();
        let mut turns = 0;
        while server.commands.get() < 2 {
            // There is always more to read.
            while let Ok(count @ 1..) = socket.write(rest) {
                rest = &rest[count..];
            }
            yield_now().await;
            turns += server.commands.get();
        }
        assert!(turns >= (LEN / LARGEST) as u64, "{turns}");
    });
}

/// Comparing a pattern with a key may take the product of their lengths.
#[test]
fn a_hard_pattern_leaves_the_others_their_turns() {
    for (command, arguments) in [("KEYS", ""), ("SCAN 0 MATCH", " COUNT 100")] {
        run(async {
            let server = server();
            let key = "a".repeat(10_000);
            server.store.borrow_mut().set(key.as_bytes(), b"", None);
            let socket = connect(&server, 1);
            // Ten million steps.
            let pattern = format!("*{}b", "a".repeat(1000));
            let line = format!("{command} {pattern}{arguments}\r\n");
            assert_eq!(fill(&socket, line.as_bytes(), 1), 1);
            let mut turns = 0;
            let reply = loop {
                yield_now().await;
                turns += 1;
                let mut bytes = [0; 100];
                if let Ok(count) = (&socket).read(&mut bytes) {
                    break String::from_utf8_lossy(&bytes[..count]).into_owned();
                }
            };
            assert!(reply.ends_with("*0\r\n"), "{reply}");
            assert!(turns >= 100, "{turns}");
        });
    }
}

#[test]
fn a_client_that_is_silent_is_asked_whether_it_is_there() {
    run(async {
        let server = server();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let _ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (theirs, _) = listener.accept().unwrap();
        let theirs = Socket::new(Async::new(theirs).unwrap());
        connection::spawn(
            Client::new(1, server.clone(), Some(theirs.clone())),
            theirs.clone(),
        );
        let socket = socket2::SockRef::from(theirs.as_ref());
        assert!(socket.keepalive().unwrap());
    });
}
