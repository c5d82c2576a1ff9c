//! From blocking code to async code and back.

use std::future::poll_fn;
use std::hint::black_box;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Instant;

use corokit_sync_bridge::{Domain, Pool, await_sync, unblock_iter};
use futures::FutureExt;
use futures_lite::future::{block_on, yield_now};
use futures_lite::{Stream, StreamExt};

use crate::clock::{Stopwatch, per_op};

/// Who drives a future on a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverOf {
    /// `await_sync`.
    Corokit,
    /// `block_on` of futures-lite.
    FuturesLite,
    /// `block_on` of pollster.
    Pollster,
    /// `now_or_never` of futures, which never polls twice.
    NowOrNever,
    /// Nobody: the future is awaited inside of another.
    PlainAwait,
}

async fn add(number: u64) -> u64 {
    black_box(number) + 1
}

/// Drives a future that never waits, `count` times: nanoseconds for each.
///
/// ```
/// use corokit_benches::{DriverOf, drive_ready};
///
/// assert!(drive_ready(DriverOf::Corokit, 1_000) >= 0.0);
/// ```
#[must_use]
pub fn drive_ready(driver: DriverOf, count: u64) -> f64 {
    macro_rules! each {
        ($number:ident => $drive:expr) => {{
            let watch = Stopwatch::start();
            for $number in 0..count {
                black_box($drive);
            }
            watch.per_op(count)
        }};
    }
    match driver {
        DriverOf::Corokit => each!(number => await_sync(add(number)).is_ok()),
        DriverOf::FuturesLite => each!(number => block_on(add(number))),
        DriverOf::Pollster => each!(number => pollster::block_on(add(number))),
        DriverOf::NowOrNever => each!(number => add(number).now_or_never()),
        DriverOf::PlainAwait => block_on(async { each!(number => add(number).await) }),
    }
}

/// Drives a future that yields once, `count` times: nanoseconds for each.
///
/// # Panics
///
/// For who never polls twice.
///
/// ```
/// use corokit_benches::{DriverOf, drive_self_wake};
///
/// assert!(drive_self_wake(DriverOf::Corokit, 1_000) > 0.0);
/// ```
#[must_use]
pub fn drive_self_wake(driver: DriverOf, count: u64) -> f64 {
    let watch = Stopwatch::start();
    for _ in 0..count {
        match driver {
            DriverOf::Corokit => black_box(await_sync(yield_now()).is_ok()),
            DriverOf::FuturesLite => black_box(block_on(yield_now().map(|()| true))),
            DriverOf::Pollster => black_box(pollster::block_on(yield_now().map(|()| true))),
            DriverOf::NowOrNever | DriverOf::PlainAwait => panic!("it cannot be polled twice"),
        };
    }
    watch.per_op(count)
}

/// Gets the error of a future that blocks, `count` times: nanoseconds for each. The future keeps the waker, or
/// not; with it the error has a backtrace, which is printed, or not.
///
/// ```
/// use corokit_benches::blocked_error;
///
/// assert!(blocked_error(true, false, 10) > 0.0);
/// ```
#[must_use]
pub fn blocked_error(keeps_waker: bool, printed: bool, count: u64) -> f64 {
    let mut kept = None;
    let watch = Stopwatch::start();
    for _ in 0..count {
        let blocks = poll_fn(|cx| {
            if keeps_waker {
                kept = Some(cx.waker().clone());
            }
            Poll::<()>::Pending
        });
        let error = await_sync(blocks);
        if let (true, Err(error)) = (printed, &error) {
            black_box(error.to_string());
        }
        drop(black_box(error));
    }
    watch.per_op(count)
}

/// Whose stream runs the iterator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BridgeOf {
    /// `unblock_iter` with so many items ahead.
    Corokit(usize),
    /// `blocking::Unblock` with a channel of that capacity.
    Unblock(usize),
}

/// Gets `count` items of an iterator from another thread: nanoseconds of wall time for each.
///
/// ```
/// use corokit_benches::{BridgeOf, iterator_items};
///
/// assert!(iterator_items(BridgeOf::Corokit(0), 10) > 0.0);
/// ```
#[must_use]
pub fn iterator_items(bridge: BridgeOf, count: u64) -> f64 {
    async fn sum(items: impl Stream<Item = u64>, count: u64) -> f64 {
        let start = Instant::now();
        let sum = items.fold(0, |sum, item| sum + item).await;
        let elapsed = elapsed_ns(start);
        assert_eq!(sum, count * (count - 1) / 2);
        per_op(elapsed, count)
    }
    block_on(async {
        match bridge {
            BridgeOf::Corokit(ahead) => sum(unblock_iter(0..count).ahead(ahead), count).await,
            BridgeOf::Unblock(capacity) => {
                let items = blocking::Unblock::with_capacity(capacity, 0..count);
                sum(items, count).await
            }
        }
    })
}

/// Whose threads run the jobs.
#[derive(Debug)]
pub enum PoolOf {
    /// The elastic pool.
    Corokit(Pool),
    /// `unblock` of blocking.
    Blocking,
    /// `spawn_blocking` of tokio.
    Tokio(tokio::runtime::Runtime),
    /// A pool of so many threads.
    Threadpool(threadpool::ThreadPool),
    /// The global pool of rayon.
    Rayon,
}

/// Runs `count` empty jobs that are all in flight at once: nanoseconds of wall time for each.
///
/// ```
/// use corokit_benches::{PoolOf, jobs_in_flight};
/// use corokit_sync_bridge::Pool;
///
/// assert!(jobs_in_flight(&PoolOf::Corokit(Pool::new()), 10) > 0.0);
/// ```
#[must_use]
pub fn jobs_in_flight(pool: &PoolOf, count: u64) -> f64 {
    let start = Instant::now();
    let numbers = 0..count;
    match pool {
        PoolOf::Corokit(pool) => {
            let jobs: Vec<_> = numbers.map(|number| pool.run(move || number)).collect();
            block_on(async {
                for job in jobs {
                    black_box(job.await.is_ok());
                }
            });
        }
        PoolOf::Blocking => {
            let jobs: Vec<_> = numbers
                .map(|number| blocking::unblock(move || number))
                .collect();
            block_on(async {
                for job in jobs {
                    black_box(job.await);
                }
            });
        }
        PoolOf::Tokio(runtime) => {
            let jobs: Vec<_> = numbers
                .map(|number| runtime.spawn_blocking(move || number))
                .collect();
            block_on(async {
                for job in jobs {
                    black_box(job.await.is_ok());
                }
            });
        }
        PoolOf::Threadpool(pool) => {
            let (sender, receiver) = mpsc::channel();
            for number in numbers {
                let sender = sender.clone();
                pool.execute(move || {
                    let _ = sender.send(number);
                });
            }
            drop(sender);
            black_box(receiver.into_iter().count());
        }
        PoolOf::Rayon => {
            let (sender, receiver) = mpsc::channel();
            for number in numbers {
                let sender = sender.clone();
                rayon::spawn(move || {
                    let _ = sender.send(number);
                });
            }
            drop(sender);
            black_box(receiver.into_iter().count());
        }
    }
    per_op(elapsed_ns(start), count)
}

/// Polls a member of a domain that never has to wait, `count` times: nanoseconds for each poll. Without a domain the
/// same future by itself.
///
/// ```
/// use corokit_benches::turns;
///
/// assert!(turns(true, 100) > 0.0);
/// ```
#[must_use]
pub fn turns(in_a_domain: bool, count: u64) -> f64 {
    let yields = async {
        for _ in 0..count {
            yield_now().await;
        }
    };
    block_on(async {
        let watch = Stopwatch::start();
        match in_a_domain {
            true => Domain::new().wrap(yields).await,
            false => yields.await,
        }
        watch.per_op(count)
    })
}

fn elapsed_ns(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
