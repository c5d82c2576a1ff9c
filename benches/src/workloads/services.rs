//! What long-running programs need, beside what others have for it.

use std::cell::RefCell;
use std::future::Future;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use async_executor::LocalExecutor;
use corokit_bg_utils::batcher::{Batch, Batcher};
use corokit_bg_utils::rate_limiter::RateLimiter;
use corokit_bg_utils::scheduler::Scheduler;
use futures::StreamExt;
use futures_batch::ChunksTimeoutStreamExt;
use futures_lite::future::{block_on, zip};
use governor::{DefaultDirectRateLimiter, Quota};

use crate::{Stopwatch, per_op, thread_cpu_ns};

/// Whose rate limiter.
#[derive(Clone, Copy, Debug)]
pub enum Limiter {
    /// Ours, with a window that slides.
    Window,
    /// Ours, paced.
    Paced,
    /// governor's.
    Governor,
    /// governor's, and one look at the clock of the standard library, which is not governor's own.
    GovernorAndClock,
    /// None: one look at the clock, which none of them can do without.
    Clock,
}

/// Asks a limiter that has room, again and again: nanoseconds for each.
///
/// ```
/// use corokit_benches::{Limiter, limiter_below};
///
/// assert!(limiter_below(Limiter::Window, 100) > 0.0);
/// ```
#[must_use]
pub fn limiter_below(limiter_of: Limiter, count: u64) -> f64 {
    let many = NonZeroU32::new(1_000).expect("it is not zero");
    let period = Duration::from_nanos(1_000);
    match limiter_of {
        Limiter::Window => {
            let limiter = RateLimiter::window(many, Duration::from_nanos(1));
            measure(count, || assert!(limiter.try_acquire().is_ok()))
        }
        Limiter::Paced => {
            let limiter = RateLimiter::paced_with_burst(many, period, many);
            measure(count, || assert!(limiter.try_acquire().is_ok()))
        }
        Limiter::Governor | Limiter::GovernorAndClock => {
            let quota = Quota::with_period(Duration::from_nanos(1)).expect("it is not zero");
            let limiter = DefaultDirectRateLimiter::direct(quota.allow_burst(many));
            let looks = matches!(limiter_of, Limiter::GovernorAndClock);
            measure(count, || {
                assert!(limiter.check().is_ok());
                if looks {
                    black_box(Instant::now());
                }
            })
        }
        Limiter::Clock => measure(count, || {
            black_box(Instant::now());
        }),
    }
}

fn measure(count: u64, mut once: impl FnMut()) -> f64 {
    for _ in 0..count.div_ceil(10) {
        once();
    }
    let watch = Stopwatch::start();
    for _ in 0..count {
        once();
    }
    watch.per_op(count)
}

/// Lets so many tasks wait for a limiter that admits one each 100 microseconds: nanoseconds of the
/// executor's thread for each, and how many pairs of them were admitted in the wrong order.
///
/// ```
/// use corokit_benches::{Limiter, limiter_crowd};
///
/// assert_eq!(limiter_crowd(Limiter::Window, 10)[1], 0.0);
/// ```
#[must_use]
pub fn limiter_crowd(limiter: Limiter, waiters: usize) -> Vec<f64> {
    let each = Duration::from_micros(100);
    let governor = || {
        let quota = Quota::with_period(each).expect("it is not zero");
        DefaultDirectRateLimiter::direct(quota.allow_burst(NonZeroU32::MIN))
    };
    match limiter {
        Limiter::Governor | Limiter::GovernorAndClock => {
            let limiter = Rc::new(governor());
            crowd(waiters, || {
                let limiter = Rc::clone(&limiter);
                async move { limiter.until_ready().await }
            })
        }
        Limiter::Paced => {
            let limiter = Rc::new(RateLimiter::paced(NonZeroU32::MIN, each));
            crowd(waiters, || {
                let limiter = Rc::clone(&limiter);
                async move { limiter.acquire().await }
            })
        }
        Limiter::Window | Limiter::Clock => {
            let limiter = Rc::new(RateLimiter::window(NonZeroU32::MIN, each));
            crowd(waiters, || {
                let limiter = Rc::clone(&limiter);
                async move { limiter.acquire().await }
            })
        }
    }
}

fn crowd<Fut: Future<Output = ()> + 'static>(
    waiters: usize,
    acquire: impl Fn() -> Fut,
) -> Vec<f64> {
    let executor = LocalExecutor::new();
    let order = Rc::new(RefCell::new(Vec::with_capacity(waiters)));
    let watch = Stopwatch::start();
    block_on(executor.run(async {
        let tasks: Vec<_> = (0..waiters)
            .map(|waiter| {
                let (acquire, order) = (acquire(), Rc::clone(&order));
                executor.spawn(async move {
                    acquire.await;
                    order.borrow_mut().push(waiter);
                })
            })
            .collect();
        for task in tasks {
            task.await;
        }
    }));
    let each = watch.per_op(waiters as u64);
    let order = order.take();
    let mut inversions = 0;
    for (index, first) in order.iter().enumerate() {
        inversions += order[index..]
            .iter()
            .filter(|&second| second < first)
            .count();
    }
    vec![each, inversions as f64]
}

/// Whose batches.
#[derive(Clone, Copy, Debug)]
pub enum Batches {
    /// Ours.
    Corokit,
    /// tokio's channel, and the chunks of tokio-stream.
    TokioStream,
    /// A channel of async-channel, and futures-batch.
    FuturesBatch,
    /// A vector under a mutex, which nobody waits for.
    Floor,
}

const BATCH: usize = 100;
const WAIT: Duration = Duration::from_millis(10);
const QUEUE: usize = 1_024;

/// Collects items into batches of a hundred, on one thread: nanoseconds for each item.
///
/// ```
/// use corokit_benches::{Batches, batch_items};
///
/// assert!(batch_items(Batches::Corokit, 1_000) > 0.0);
/// ```
#[must_use]
pub fn batch_items(batches: Batches, count: u64) -> f64 {
    let mut handled = 0;
    let watch = Stopwatch::start();
    match batches {
        Batches::Corokit => {
            let builder = Batcher::builder().max(BATCH).wait(WAIT).queue(QUEUE);
            let (batcher, driver) = builder.build(|batch: Batch<u64>| {
                handled += batch.len() as u64;
                async { Ok::<_, ()>(()) }
            });
            let push = async move {
                for item in 0..count {
                    batcher.push(item).await.expect("it is open");
                }
            };
            block_on(zip(push, driver));
        }
        Batches::TokioStream => tokio().block_on(async {
            let (sender, receiver) = tokio::sync::mpsc::channel(QUEUE);
            let push = async move {
                for item in 0..count {
                    sender.send(item).await.expect("it is open");
                }
            };
            let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
            let stream = tokio_stream::StreamExt::chunks_timeout(stream, BATCH, WAIT);
            let handle = drain(stream, &mut handled);
            zip(push, handle).await;
        }),
        Batches::FuturesBatch => {
            let (sender, receiver) = async_channel::bounded(QUEUE);
            let push = async move {
                for item in 0..count {
                    sender.send(item).await.expect("it is open");
                }
            };
            let handle = drain(receiver.chunks_timeout(BATCH, WAIT), &mut handled);
            block_on(zip(push, handle));
        }
        Batches::Floor => {
            let items = Mutex::new(Vec::with_capacity(BATCH));
            for item in 0..count {
                let mut items = items.lock().expect("nobody panics");
                items.push(item);
                if items.len() == BATCH {
                    let full = std::mem::replace(&mut *items, Vec::with_capacity(BATCH));
                    handled += black_box(full).len() as u64;
                }
            }
            handled += items.into_inner().expect("nobody panics").len() as u64;
        }
    }
    let each = watch.per_op(count);
    assert_eq!(handled, count);
    each
}

async fn drain(stream: impl futures::Stream<Item = Vec<u64>>, handled: &mut u64) {
    let mut stream = std::pin::pin!(stream);
    while let Some(batch) = stream.next().await {
        *handled += batch.len() as u64;
    }
}

fn tokio() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.expect("a runtime of one thread needs nothing")
}

/// Collects the items of four threads into batches of a hundred: nanoseconds of all five threads for
/// each item.
///
/// ```
/// use corokit_benches::{Batches, batch_of_threads};
///
/// assert!(batch_of_threads(Batches::Corokit, 400) > 0.0);
/// ```
#[must_use]
pub fn batch_of_threads(batches: Batches, count: u64) -> f64 {
    let share = count / 4;
    let mut handled = 0;
    let start = thread_cpu_ns();
    let producers = match batches {
        Batches::Corokit => {
            let builder = Batcher::builder().max(BATCH).wait(WAIT).queue(QUEUE);
            let (batcher, driver) = builder.build(|batch: Batch<u64>| {
                handled += batch.len() as u64;
                async { Ok::<_, ()>(()) }
            });
            let threads = producers(
                move || {
                    let batcher = batcher.clone();
                    move |item| batcher.push_blocking(item).expect("it is open")
                },
                share,
            );
            block_on(driver);
            threads
        }
        Batches::TokioStream => {
            let (sender, receiver) = tokio::sync::mpsc::channel(QUEUE);
            let threads = producers(
                move || {
                    let sender = sender.clone();
                    move |item| sender.blocking_send(item).expect("it is open")
                },
                share,
            );
            tokio().block_on(async {
                let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
                let stream = tokio_stream::StreamExt::chunks_timeout(stream, BATCH, WAIT);
                drain(stream, &mut handled).await;
            });
            threads
        }
        Batches::FuturesBatch => {
            let (sender, receiver) = async_channel::bounded(QUEUE);
            let threads = producers(
                move || {
                    let sender = sender.clone();
                    move |item| sender.send_blocking(item).expect("it is open")
                },
                share,
            );
            block_on(drain(receiver.chunks_timeout(BATCH, WAIT), &mut handled));
            threads
        }
        Batches::Floor => {
            let items = Arc::new(Mutex::new(Vec::with_capacity(BATCH)));
            let threads = producers(
                move || {
                    let items = Arc::clone(&items);
                    move |item| {
                        let mut items = items.lock().expect("nobody panics");
                        items.push(item);
                        if items.len() == BATCH {
                            black_box(std::mem::replace(&mut *items, Vec::with_capacity(BATCH)));
                        }
                    }
                },
                share,
            );
            handled = share * 4;
            threads
        }
    };
    let theirs: u64 = producers
        .into_iter()
        .map(|thread| thread.join().expect("it ended"))
        .sum();
    assert_eq!(handled, share * 4);
    per_op(thread_cpu_ns() - start + theirs, share * 4)
}

/// Starts four threads that push. Each returns its processor time.
fn producers<P: FnMut(u64) + Send + 'static>(
    make: impl Fn() -> P,
    share: u64,
) -> Vec<thread::JoinHandle<u64>> {
    let threads = (0..4).map(|_| {
        let mut push = make();
        thread::spawn(move || {
            let start = thread_cpu_ns();
            (0..share).for_each(&mut push);
            drop(push);
            thread_cpu_ns() - start
        })
    });
    threads.collect()
}

/// Whose schedule.
#[derive(Clone, Copy, Debug)]
pub enum Schedule {
    /// Ours.
    Corokit,
    /// The delay queue of tokio-util.
    DelayQueue,
    /// A timer of async-io for each.
    Timer,
}

/// Inserts something that is due at a random time, and cancels it, beside so many others: nanoseconds
/// for both.
///
/// ```
/// use corokit_benches::{Schedule, insert_and_cancel};
///
/// assert!(insert_and_cancel(Schedule::Corokit, 10, 100) > 0.0);
/// ```
#[must_use]
pub fn insert_and_cancel(schedule: Schedule, others: usize, count: u64) -> f64 {
    let mut random = fastrand::Rng::with_seed(1);
    let mut after = move || Duration::from_millis(random.u64(60_000..3_600_000));
    match schedule {
        Schedule::Corokit => {
            let scheduler = Scheduler::new();
            let start = Instant::now();
            for _ in 0..others {
                scheduler.at(start + after(), 0).expect("it is open");
            }
            measure(count, || {
                let key = scheduler.at(start + after(), 1).expect("it is open");
                assert_eq!(scheduler.cancel(key), Some(1));
            })
        }
        Schedule::DelayQueue => tokio().block_on(async {
            let mut queue = tokio_util::time::DelayQueue::new();
            let start = tokio::time::Instant::now();
            for _ in 0..others {
                queue.insert_at(0, start + after());
            }
            measure(count, || {
                let key = queue.insert_at(1, start + after());
                assert_eq!(queue.remove(&key).into_inner(), 1);
            })
        }),
        Schedule::Timer => {
            let start = Instant::now();
            let mut cx = Context::from_waker(Waker::noop());
            let mut armed = |instant| {
                let mut timer = async_io::Timer::at(instant);
                assert!(Pin::new(&mut timer).poll(&mut cx).is_pending());
                timer
            };
            let _others: Vec<_> = (0..others).map(|_| armed(start + after())).collect();
            measure(count, || drop(armed(start + after())))
        }
    }
}
