//! Queues and channels, within a thread and between threads.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Instant;

use corokit_sync_bridge::queue::Queue;
use futures_lite::future::block_on;

use crate::clock::Stopwatch;

/// Whose channel it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelOf {
    /// Ours, item by item.
    Corokit,
    /// Ours, and what there is is taken at once.
    CorokitMany,
    /// That of async-channel.
    AsyncChannel,
    /// That of flume.
    Flume,
    /// That of kanal. It loses items when a future of its receiver is dropped.
    Kanal,
    /// That of crossfire, for one receiver.
    Crossfire,
    /// That of tokio, for one receiver.
    Tokio,
    /// A deque under a mutex of std, which cannot wait for anything.
    Floor,
}

/// Puts an item and takes it, `count` times in one task, with room for 128: nanoseconds for both.
///
/// ```
/// use corokit_benches::{ChannelOf, put_and_get};
///
/// assert!(put_and_get(ChannelOf::Corokit, 10) > 0.0);
/// ```
#[must_use]
pub fn put_and_get(channel: ChannelOf, count: u64) -> f64 {
    /// Measures a channel by its ends, and the functions that are awaited.
    macro_rules! ready {
        ($ends:expr, $send:ident, $recv:ident) => {{
            let (sender, receiver) = $ends;
            // Some are asked by `&mut`.
            let receiver = &mut { receiver };
            block_on(async {
                for item in 0..count.div_ceil(10) {
                    assert!(sender.$send(item).await.is_ok());
                    black_box(receiver.$recv().await.ok_or_none());
                }
                let watch = Stopwatch::start();
                for item in 0..count {
                    assert!(sender.$send(black_box(item)).await.is_ok());
                    black_box(receiver.$recv().await.ok_or_none());
                }
                watch.per_op(count)
            })
        }};
    }
    match channel {
        ChannelOf::Corokit => {
            let queue = Queue::bounded(128);
            ready!((&queue, &queue), put, get)
        }
        ChannelOf::CorokitMany => put_and_get_many(count),
        ChannelOf::AsyncChannel => ready!(async_channel::bounded(128), send, recv),
        ChannelOf::Flume => ready!(flume::bounded(128), send_async, recv_async),
        ChannelOf::Kanal => ready!(kanal::bounded_async(128), send, recv),
        ChannelOf::Crossfire => ready!(crossfire::mpsc::bounded_async(128), send, recv),
        ChannelOf::Tokio => ready!(tokio::sync::mpsc::channel(128), send, recv),
        ChannelOf::Floor => {
            let deque = Mutex::new(VecDeque::new());
            let lock = || deque.lock().expect("nobody panics");
            let watch = Stopwatch::start();
            for item in 0..count {
                lock().push_back(black_box(item));
                black_box(lock().pop_front());
            }
            watch.per_op(count)
        }
    }
}

/// Puts a hundred items and takes them at once, until there were `count`: nanoseconds for each.
fn put_and_get_many(count: u64) -> f64 {
    const BATCH: u64 = 100;
    let queue = Queue::bounded(128);
    let mut items = Vec::new();
    block_on(async {
        let mut pass = async |count: u64| {
            for first in (0..count).step_by(BATCH as usize) {
                let batch = BATCH.min(count - first);
                for item in 0..batch {
                    assert!(queue.put(black_box(item)).await.is_ok());
                }
                let taken = queue.get_many(&mut items, usize::MAX).await;
                assert_eq!(taken.ok(), usize::try_from(batch).ok());
                black_box(&mut items).clear();
            }
        };
        pass(count.div_ceil(10)).await;
        let watch = Stopwatch::start();
        pass(count).await;
        watch.per_op(count)
    })
}

/// What a receiver answers, as an option.
trait OkOrNone<T> {
    fn ok_or_none(self) -> Option<T>;
}

impl<T, E> OkOrNone<T> for Result<T, E> {
    fn ok_or_none(self) -> Option<T> {
        self.ok()
    }
}

impl<T> OkOrNone<T> for Option<T> {
    fn ok_or_none(self) -> Option<T> {
        self
    }
}

/// Lets `threads` threads send `count` items in all to one task: nanoseconds by the clock on the wall
/// for each. Without a capacity there is no bound.
///
/// ```
/// use corokit_benches::{ChannelOf, threads_to_task};
///
/// assert!(threads_to_task(ChannelOf::Corokit, 2, Some(4), 10) > 0.0);
/// ```
#[must_use]
pub fn threads_to_task(
    channel: ChannelOf,
    threads: u64,
    capacity: Option<usize>,
    count: u64,
) -> f64 {
    /// Measures a channel by its ends, the sender's function that blocks, and the receiver's that is awaited.
    macro_rules! across {
        ($ends:expr, $send:ident, |$receiver:ident| $recv:expr) => {{
            let (sender, receiver) = $ends;
            // Some are asked by `&mut`.
            let $receiver = &mut { receiver };
            across!(sender, $send, async {
                let mut received = 0;
                while let Some(item) = $recv.await.ok_or_none() {
                    black_box(item);
                    received += 1;
                }
                received
            })
        }};
        ($sender:expr, $send:ident, $receive:expr) => {{
            let sender = $sender;
            let barrier = Barrier::new(threads as usize + 1);
            let each = count.div_ceil(threads);
            thread::scope(|scope| {
                for _ in 0..threads {
                    let (sender, barrier) = (sender.clone(), &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        for item in 0..each {
                            assert!(sender.$send(black_box(item)).is_ok());
                        }
                    });
                }
                drop(sender);
                barrier.wait();
                let start = Instant::now();
                let received: u64 = block_on($receive);
                let elapsed = start.elapsed();
                assert_eq!(received, each * threads);
                elapsed.as_nanos() as f64 / received as f64
            })
        }};
    }
    let queue = || match capacity {
        Some(capacity) => Queue::bounded(capacity),
        None => Queue::unbounded(),
    };
    match (channel, capacity) {
        (ChannelOf::Corokit | ChannelOf::Floor, _) => {
            across!(queue().split(), put_blocking, |receiver| receiver.get())
        }
        (ChannelOf::CorokitMany, _) => {
            let (sender, receiver) = queue().split();
            across!(sender, put_blocking, async {
                let (mut received, mut items) = (0, Vec::new());
                while let Ok(taken) = receiver.get_many(&mut items, usize::MAX).await {
                    received += taken as u64;
                    black_box(&items);
                    items.clear();
                }
                received
            })
        }
        (ChannelOf::AsyncChannel, Some(capacity)) => {
            across!(
                async_channel::bounded(capacity),
                send_blocking,
                |receiver| { receiver.recv() }
            )
        }
        (ChannelOf::AsyncChannel, None) => {
            across!(async_channel::unbounded(), send_blocking, |receiver| {
                receiver.recv()
            })
        }
        (ChannelOf::Flume, Some(capacity)) => {
            across!(flume::bounded(capacity), send, |receiver| receiver
                .recv_async())
        }
        (ChannelOf::Flume, None) => {
            across!(flume::unbounded(), send, |receiver| receiver.recv_async())
        }
        (ChannelOf::Kanal, Some(capacity)) => {
            let (sender, receiver) = kanal::bounded(capacity);
            across!((sender, receiver.to_async()), send, |receiver| receiver
                .recv())
        }
        (ChannelOf::Kanal, None) => {
            let (sender, receiver) = kanal::unbounded();
            across!((sender, receiver.to_async()), send, |receiver| receiver
                .recv())
        }
        (ChannelOf::Crossfire, Some(capacity)) => {
            let ends = crossfire::mpsc::bounded_blocking_async(capacity);
            across!(ends, send, |receiver| receiver.recv())
        }
        (ChannelOf::Crossfire, None) => {
            let ends = crossfire::mpsc::unbounded_async();
            across!(ends, send, |receiver| receiver.recv())
        }
        (ChannelOf::Tokio, Some(capacity)) => {
            let ends = tokio::sync::mpsc::channel(capacity);
            across!(ends, blocking_send, |receiver| receiver.recv())
        }
        (ChannelOf::Tokio, None) => {
            let ends = tokio::sync::mpsc::unbounded_channel();
            across!(ends, send, |receiver| receiver.recv())
        }
    }
}
