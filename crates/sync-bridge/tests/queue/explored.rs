//! Queues among tasks, in many orders, and with tasks that are dropped anywhere.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use corokit_lab::{Lab, Options, Strategy, cancel_everywhere, panic_everywhere};
use corokit_sched_loop::{Task, spawn};
use corokit_sync_bridge::queue::{Fifo, Lifo, Order, Priority, Queue};
use futures_lite::StreamExt;
use futures_lite::future::yield_now;

/// What tasks have put, or had.
type Log = Rc<RefCell<Vec<u32>>>;

type Boxed = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Putter,
    Getter,
    Joiner,
}

#[derive(Clone, Copy, Debug)]
enum How {
    Get,
    Stream,
    Many,
    Tracked,
}

fn getter<D: Order<u32>>(queue: Queue<u32, D>, how: How, had: Log) -> Boxed {
    Box::pin(async move {
        match how {
            How::Get => {
                while let Ok(item) = queue.get().await {
                    had.borrow_mut().push(item);
                    yield_now().await;
                }
            }
            How::Stream => {
                let mut stream = queue.stream();
                while let Some(item) = stream.next().await {
                    had.borrow_mut().push(item);
                }
            }
            How::Many => {
                let mut items = Vec::new();
                while queue.get_many(&mut items, 2).await.is_ok() {
                    had.borrow_mut().append(&mut items);
                }
            }
            How::Tracked => {
                while let Ok(item) = queue.get_tracked().await {
                    had.borrow_mut().push(*item);
                    yield_now().await;
                }
            }
        }
    })
}

/// One puts, two get, and one joins; one of them may be dropped anywhere. What was put has been had,
/// or is in the queue.
async fn nothing_is_lost<D: Order<u32>>(lab: Lab, victim: Option<Role>, order: D, how: How) {
    let queue = Queue::bounded_by(order, 1);
    let (put, had) = (Log::default(), Log::default());
    let start = |role, number, future: Boxed| -> Task<()> {
        if victim == Some(role) && number == 0 {
            let future = lab.victim("victim", future);
            return spawn(async move {
                let _dropped = future.await.is_none();
            });
        }
        spawn(future)
    };
    let putter = {
        let (queue, put) = (queue.clone(), Rc::clone(&put));
        async move {
            for item in 0..4 {
                queue.put(item).await.unwrap();
                put.borrow_mut().push(item);
            }
        }
    };
    let getters = [0, 1].map(|number| {
        let future = getter(queue.clone(), how, Rc::clone(&had));
        start(Role::Getter, number, future)
    });
    let joiner = {
        let queue = queue.clone();
        async move { queue.join().await }
    };
    let joiner = start(Role::Joiner, 0, Box::pin(joiner));
    start(Role::Putter, 0, Box::pin(putter)).await;
    queue.join().await;
    queue.close();
    for getter in getters {
        getter.await;
    }
    joiner.await;
    let (put, mut had) = (put.take(), had.take());
    had.sort();
    // The last item of a putter that was dropped may have been taken before that one knew.
    let unknown =
        usize::from(victim == Some(Role::Putter)).min(had.len().saturating_sub(put.len()));
    assert_eq!(had[..had.len() - unknown], put);
    let counts = (queue.len(), queue.unfinished(), queue.getters_waiting());
    assert_eq!(counts, (0, 0, 0));
}

const ALL: [How; 4] = [How::Get, How::Stream, How::Many, How::Tracked];

#[test]
fn in_every_order_nothing_is_lost() {
    for how in ALL {
        for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
            let options = Options::new().strategy(strategy).spurious_wakes(true);
            let body = |lab| nothing_is_lost(lab, None, Fifo, how);
            if let Err(failure) = options.try_check(150, body) {
                panic!("{failure}");
            }
        }
    }
}

#[test]
fn getters_may_be_dropped_anywhere() {
    for how in ALL {
        cancel_everywhere(|lab| nothing_is_lost(lab, Some(Role::Getter), Fifo, how));
        panic_everywhere(|lab| nothing_is_lost(lab, Some(Role::Getter), Fifo, how));
    }
    cancel_everywhere(|lab| nothing_is_lost(lab, Some(Role::Getter), Lifo, How::Get));
    cancel_everywhere(|lab| nothing_is_lost(lab, Some(Role::Getter), Priority, How::Get));
}

#[test]
fn putters_may_be_dropped_anywhere() {
    cancel_everywhere(|lab| nothing_is_lost(lab, Some(Role::Putter), Fifo, How::Get));
    cancel_everywhere(|lab| nothing_is_lost(lab, Some(Role::Putter), Lifo, How::Many));
    cancel_everywhere(|lab| nothing_is_lost(lab, Some(Role::Putter), Priority, How::Stream));
}

#[test]
fn those_who_join_may_be_dropped_anywhere() {
    cancel_everywhere(|lab| nothing_is_lost(lab, Some(Role::Joiner), Fifo, How::Tracked));
}
