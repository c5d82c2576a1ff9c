//! `BLPOP`: who gets what, in which order, and that nothing is lost.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use corokit::sched_loop::{self, LoopHandle};
use smol::future::yield_now;

use super::request;
use corokit::bg_utils::shutdown::Shutdown;

use crate::client::Client;
use crate::commands::execute;
use crate::options::Options;
use crate::server::Server;
use crate::store::Store;

/// Clients without sockets, and what happened.
struct World {
    server: Rc<Server>,
    event_loop: LoopHandle,
    trace: Rc<RefCell<Vec<String>>>,
}

impl World {
    fn new() -> Self {
        let event_loop = sched_loop::current().unwrap();
        World {
            server: Server::new(
                Options::default(),
                event_loop.clone(),
                Store::new(),
                None,
                Shutdown::new(),
            ),
            event_loop,
            trace: Rc::default(),
        }
    }

    /// Returns what a client does that sends one command.
    fn command(&self, id: u64, line: &str) -> impl Future<Output = ()> + 'static {
        let client = Rc::new(Client::new(id, self.server.clone(), None));
        let (input, trace) = (request(line), self.trace.clone());
        async move {
            execute(client.clone(), input).await;
            let reply = client.out.borrow_mut().take();
            let reply = String::from_utf8_lossy(&reply).replace("\r\n", " ");
            trace
                .borrow_mut()
                .push(format!("{id}: {}", reply.trim_end()));
        }
    }

    /// Lets a client begin a command that blocks, as soon as it is this client's turn.
    fn block(&self, id: u64, line: &str) -> sched_loop::Task<()> {
        self.event_loop.spawn(self.command(id, line))
    }

    /// Lets every other task run until it blocks.
    async fn settle(&self) {
        while self.event_loop.ready_len() > 0 {
            yield_now().await;
        }
    }

    fn trace(&self) -> Vec<String> {
        self.trace.take()
    }
}

#[test]
fn first_come_first_served() {
    sched_loop::run(async {
        let world = World::new();
        let _waiters: Vec<_> = (1..=3).map(|id| world.block(id, "blpop k 0")).collect();
        world.settle().await;
        world.command(9, "rpush k a b").await;
        world.settle().await;
        world.command(9, "rpush k c d").await;
        world.settle().await;
        world.command(9, "lrange k 0 -1").await;
        assert_eq!(
            world.trace(),
            [
                "9: :2",
                "1: *2 $1 k $1 a",
                "2: *2 $1 k $1 b",
                "9: :2",
                "3: *2 $1 k $1 c",
                "9: *1 $1 d",
            ]
        );
    });
}

#[test]
fn elements_are_given_away_after_all_are_in() {
    sched_loop::run(async {
        let world = World::new();
        let _waiter = world.block(1, "blpop k 0");
        world.settle().await;
        world.command(9, "lpush k a b c").await;
        world.settle().await;
        world.command(9, "lrange k 0 -1").await;
        assert_eq!(
            world.trace(),
            ["9: :3", "1: *2 $1 k $1 c", "9: *2 $1 b $1 a"]
        );
    });
}

#[test]
fn the_first_key_that_has_an_element_counts() {
    sched_loop::run(async {
        let world = World::new();
        world.command(9, "rpush b x").await;
        world.command(9, "rpush c y").await;
        world.command(1, "blpop a b c 0").await;
        assert_eq!(world.trace(), ["9: :1", "9: :1", "1: *2 $1 b $1 x"]);
    });
}

#[test]
fn who_waits_for_several_keys_gets_one_element() {
    sched_loop::run(async {
        let world = World::new();
        let _first = world.block(1, "blpop a b 0");
        let _second = world.block(2, "blpop b a 0");
        world.settle().await;
        // Both pushes come before any of the waiters runs.
        world.command(9, "rpush a x").await;
        world.command(9, "rpush b y z").await;
        world.settle().await;
        world.command(9, "lrange b 0 -1").await;
        assert_eq!(
            world.trace(),
            [
                "9: :1",
                "9: :2",
                "1: *2 $1 a $1 x",
                "2: *2 $1 b $1 y",
                "9: *1 $1 z"
            ]
        );
        assert_eq!(world.server.store.borrow().waiters_len(), 0);
    });
}

#[test]
fn a_waiter_of_a_key_twice_is_served_once() {
    sched_loop::run(async {
        let world = World::new();
        let _waiter = world.block(1, "blpop k k 0");
        world.settle().await;
        world.command(9, "rpush k x y").await;
        world.settle().await;
        world.command(9, "llen k").await;
        assert_eq!(world.trace(), ["9: :2", "1: *2 $1 k $1 x", "9: :1"]);
    });
}

#[test]
fn a_waiter_that_has_gone_is_passed_over() {
    sched_loop::run(async {
        let world = World::new();
        let first = world.block(1, "blpop k 0");
        let _second = world.block(2, "blpop k 0");
        world.settle().await;
        assert_eq!(first.cancel().await, None);
        assert_eq!(world.server.store.borrow().waiters_len(), 1);
        world.command(9, "rpush k a").await;
        world.settle().await;
        assert_eq!(world.trace(), ["9: :1", "2: *2 $1 k $1 a"]);
    });
}

#[test]
fn what_was_granted_passes_to_the_next() {
    sched_loop::run(async {
        let world = World::new();
        let first = world.block(1, "blpop k 0");
        let _second = world.block(2, "blpop k 0");
        world.settle().await;
        world.command(9, "rpush k a").await;
        // The first waiter has the element, but has not run since.
        drop(first);
        world.settle().await;
        assert_eq!(world.trace(), ["9: :1", "2: *2 $1 k $1 a"]);
    });
}

#[test]
fn what_nobody_else_waits_for_goes_back_to_the_front() {
    sched_loop::run(async {
        let world = World::new();
        let only = world.block(1, "blpop k 0");
        world.settle().await;
        world.command(9, "rpush k a b").await;
        drop(only);
        world.settle().await;
        world.command(9, "lrange k 0 -1").await;
        assert_eq!(world.trace(), ["9: :2", "9: *2 $1 a $1 b"]);
    });
}

#[test]
fn what_was_granted_is_not_put_into_a_string() {
    sched_loop::run(async {
        let world = World::new();
        let only = world.block(1, "blpop k 0");
        world.settle().await;
        world.command(9, "rpush k a").await;
        world.command(9, "set k text").await;
        drop(only);
        world.settle().await;
        world.command(9, "get k").await;
        assert_eq!(world.trace(), ["9: :1", "9: +OK", "9: $4 text"]);
    });
}

#[test]
fn waiting_ends_in_time() {
    sched_loop::run(async {
        let world = World::new();
        world.command(1, "blpop k 0.01").await;
        assert_eq!(world.trace(), ["1: *-1"]);
        assert_eq!(world.server.store.borrow().waiters_len(), 0);
    });
}

#[test]
fn what_was_granted_in_time_counts_even_if_it_is_seen_late() {
    sched_loop::run(async {
        let world = World::new();
        let mut cx = Context::from_waker(Waker::noop());
        let mut waiter = pin!(world.command(1, "blpop k 0.01"));
        assert!(waiter.as_mut().poll(&mut cx).is_pending());
        world.command(9, "rpush k a").await;
        // The waiter is not polled until its time is over, as that of one that came after it is.
        world.command(2, "blpop other 0.01").await;
        waiter.await;
        assert_eq!(world.trace(), ["9: :1", "2: *-1", "1: *2 $1 k $1 a"]);
    });
}

#[test]
fn dropping_it_after_any_poll_loses_nothing() {
    // Polls before and after the push; then the future is dropped, unless it has ended.
    for (before, after) in (0..4).flat_map(|before| (0..4).map(move |after| (before, after))) {
        sched_loop::run(async {
            let world = World::new();
            let mut cx = Context::from_waker(Waker::noop());
            let mut ended = false;
            {
                let mut waiter = pin!(world.command(1, "blpop j k 0"));
                for _ in 0..before {
                    assert_eq!(waiter.as_mut().poll(&mut cx), Poll::Pending);
                }
                world.command(9, "rpush k a").await;
                for _ in 0..after {
                    ended = ended || waiter.as_mut().poll(&mut cx).is_ready();
                }
            }
            assert_eq!(ended, after > 0);
            world.command(9, "lrange k 0 -1").await;
            let expected: &[&str] = if ended {
                &["9: :1", "1: *2 $1 k $1 a", "9: *0"]
            } else {
                &["9: :1", "9: *1 $1 a"]
            };
            assert_eq!(
                world.trace(),
                expected,
                "{before} polls before, {after} after"
            );
            assert_eq!(world.server.store.borrow().waiters_len(), 0);
        });
    }
}

#[test]
fn the_timeout_is_checked() {
    sched_loop::run(async {
        let world = World::new();
        for (timeout, error) in [
            ("x", "-ERR timeout is not a float or out of range"),
            ("nan", "-ERR timeout is not a float or out of range"),
            ("-1", "-ERR timeout is negative"),
            ("inf", "-ERR timeout is negative"),
            ("1e300", "-ERR timeout is negative"),
        ] {
            world.command(1, &format!("blpop k {timeout}")).await;
            assert_eq!(world.trace(), [format!("1: {error}")]);
        }
    });
}
