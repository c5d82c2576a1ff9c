//! Coroutines that are started by hand, that ask their driver, and that yield values.

use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::rc::Rc;

use corokit_coro_start::{CoroStart, EagerPool, Inspect, eager};
use corokit_monitor::{
    Generator, Handle, Monitor, MonitorExt, Port, SendHandle, SendYielder, StackHandle,
    StackYielder, Step, Yielder,
};
use futures_lite::future::{block_on, yield_now};
use futures_lite::{Stream, StreamExt};

use crate::alloc::Allocations;
use crate::clock::Stopwatch;

/// Runs a piece of work: nanoseconds for each operation, and allocations for each when it is under way.
///
/// Allocations are counted in programs whose global allocator is [`CountingAllocator`](crate::CountingAllocator).
///
/// ```
/// use corokit_benches::{Started, start_and_await, with_allocations};
///
/// let figures = with_allocations(100, |count| start_and_await(Started::InPlace, count));
/// assert_eq!(figures.len(), 2);
/// ```
pub fn with_allocations(count: u64, work: impl Fn(u64) -> f64) -> Vec<f64> {
    let time = work(count);
    // What the work needs to begin is the same for any number of operations.
    let counted = |count| {
        let allocations = Allocations::count();
        work(count);
        allocations.get() as f64
    };
    let (few, many) = (counted(1_000), counted(2_000));
    vec![time, (many - few) / 1_000.0]
}

/// How a future is started and awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// Not at all: it is awaited.
    Awaited,
    /// By [`CoroStart`], where it stands.
    InPlace,
    /// By [`eager`], whose rest would be a task of async-executor's.
    Eager,
    /// By [`EagerPool`], with the same rest.
    Pooled,
    /// As a task of an `async_executor::LocalExecutor`.
    AsyncExecutor,
    /// As a task of a tokio `LocalSet`.
    Tokio,
}

/// A future with a real suspension point, which is taken if it blocks. Without one, the compiler would take away
/// what is measured.
async fn body(blocks: bool) -> u64 {
    if black_box(blocks) {
        yield_now().await;
    }
    black_box(7)
}

/// Starts a future that might block and does not, and awaits it, `count` times: nanoseconds for each.
///
/// ```
/// use corokit_benches::{Started, start_and_await};
///
/// assert!(start_and_await(Started::Eager, 10) > 0.0);
/// ```
#[must_use]
pub fn start_and_await(started: Started, count: u64) -> f64 {
    let executor = Rc::new(async_executor::LocalExecutor::new());
    match started {
        Started::Awaited => block_on(measure(count, async || body(false).await)),
        Started::InPlace => block_on(measure(count, async || {
            let mut coro = pin!(CoroStart::new(body(false)));
            coro.as_mut().start();
            coro.await
        })),
        Started::Eager => {
            let spawner = executor.clone();
            block_on(executor.run(measure(count, async || {
                eager(body(false), |rest| spawner.spawn(rest)).await
            })))
        }
        Started::Pooled => {
            let spawner = executor.clone();
            let pool = std::cell::RefCell::new(EagerPool::new());
            block_on(executor.run(measure(count, async || {
                let child = pool
                    .borrow_mut()
                    .eager(body(false), |rest| spawner.spawn(rest));
                child.await
            })))
        }
        Started::AsyncExecutor => {
            let spawner = executor.clone();
            block_on(executor.run(measure(count, async || spawner.spawn(body(false)).await)))
        }
        Started::Tokio => on_tokio(measure(count, async || {
            let task = tokio::task::spawn_local(body(false));
            task.await.expect("it does not panic")
        })),
    }
}

/// Starts a future that first waits for a channel, feeds that, and awaits the future, `count` times: nanoseconds for
/// each.
///
/// ```
/// use corokit_benches::{Started, start_and_feed};
///
/// assert!(start_and_feed(Started::Eager, 10) > 0.0);
/// ```
#[must_use]
pub fn start_and_feed(started: Started, count: u64) -> f64 {
    async fn receives(receiver: async_channel::Receiver<u64>) -> u64 {
        receiver.recv().await.expect("the sender is there")
    }
    let executor = Rc::new(async_executor::LocalExecutor::new());
    let spawner = executor.clone();
    block_on(executor.run(measure(count, async || {
        let (sender, receiver) = async_channel::bounded(1);
        let child = receives(receiver);
        let feed = async || {
            // The child has blocked by now, whichever way it was started.
            yield_now().await;
            sender.try_send(black_box(7)).expect("there is room");
        };
        if started == Started::Eager {
            let child = eager(child, |rest| spawner.spawn(rest));
            feed().await;
            child.await
        } else {
            let child = spawner.spawn(child);
            feed().await;
            child.await
        }
    })))
}

fn on_tokio<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime can be made");
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

async fn measure(count: u64, once: impl AsyncFn() -> u64) -> f64 {
    // As often whatever the count is, so that allocations can be told apart.
    for _ in 0..100 {
        black_box(once().await);
    }
    let watch = Stopwatch::start();
    for _ in 0..count {
        black_box(once().await);
    }
    watch.per_op(count)
}

/// How a coroutine asks whoever drives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// By a monitor whose port is on the stack.
    Stack,
    /// By a monitor with a port of its own.
    Monitor,
    /// By the same, ten async functions deep.
    TenDeep,
    /// By a monitor that may go to other threads.
    Send,
    /// By a coroutine of genawaiter's on one thread.
    Genawaiter,
    /// By a coroutine of genawaiter's for threads.
    GenawaiterSync,
    /// By a pair of channels of capacity one, between two tasks of async-executor.
    Channels,
}

/// Lets a coroutine ask `count` times and get its reply: nanoseconds for a round trip.
///
/// ```
/// use corokit_benches::{Asks, ask_and_reply};
///
/// assert!(ask_and_reply(Asks::Monitor, 10) > 0.0);
/// ```
#[must_use]
pub fn ask_and_reply(asks: Asks, count: u64) -> f64 {
    /// Drives a pinned monitor to its end.
    macro_rules! drive {
        ($monitor:expr) => {
            block_on(async {
                let watch = Stopwatch::start();
                let mut step = $monitor.start().await;
                let sum: u64 = loop {
                    match step {
                        Step::Oob(number) => step = $monitor.resume(number + 1).await,
                        Step::Done(sum) => break sum,
                    }
                };
                black_box(sum);
                watch.per_op(count)
            })
        };
    }
    /// Makes the body that asks through `$ask`.
    macro_rules! body {
        ($handle:ident => $ask:expr) => {{
            let mut sum = 0_u64;
            for round in 0..count {
                let $handle = &$handle;
                let ask = $ask;
                sum = sum.wrapping_add(ask(black_box(round)).await);
            }
            sum
        }};
    }
    match asks {
        Asks::Stack => {
            let mut port = Port::<u64, u64>::new();
            let body = async |handle: StackHandle<'_, u64, u64>| body!(handle => |n| handle.oob(n));
            let mut monitor = pin!(Monitor::on(&mut port, body));
            drive!(monitor)
        }
        Asks::Monitor => {
            let body = async |handle: Handle<u64, u64>| body!(handle => |n| handle.oob(n));
            let mut monitor = pin!(Monitor::new(body));
            drive!(monitor)
        }
        Asks::TenDeep => {
            let body = async |handle: Handle<u64, u64>| body!(handle => |n| ten_deep(handle, n));
            let mut monitor = pin!(Monitor::new(body));
            drive!(monitor)
        }
        Asks::Send => {
            let body =
                |handle: SendHandle<u64, u64>| async move { body!(handle => |n| handle.oob(n)) };
            let mut monitor = pin!(Monitor::new_send(body));
            drive!(monitor)
        }
        Asks::Genawaiter => {
            let mut coroutine =
                genawaiter::rc::Gen::new(|co: genawaiter::rc::Co<u64, u64>| async move {
                    body!(co => |n| co.yield_(n))
                });
            drive_genawaiter(count, |reply| coroutine.resume_with(reply))
        }
        Asks::GenawaiterSync => {
            let mut coroutine =
                genawaiter::sync::Gen::new(|co: genawaiter::sync::Co<u64, u64>| async move {
                    body!(co => |n| co.yield_(n))
                });
            drive_genawaiter(count, |reply| coroutine.resume_with(reply))
        }
        Asks::Channels => channels(count),
    }
}

fn drive_genawaiter(
    count: u64,
    mut resume: impl FnMut(u64) -> genawaiter::GeneratorState<u64, u64>,
) -> f64 {
    let watch = Stopwatch::start();
    let mut state = resume(0);
    let sum = loop {
        match state {
            genawaiter::GeneratorState::Yielded(number) => state = resume(number + 1),
            genawaiter::GeneratorState::Complete(sum) => break sum,
        }
    };
    black_box(sum);
    watch.per_op(count)
}

/// Asks through ten calls of async functions.
async fn ten_deep(handle: &Handle<u64, u64>, number: u64) -> u64 {
    async fn leaf(handle: &Handle<u64, u64>, number: u64) -> u64 {
        handle.oob(number).await
    }
    async fn nine(handle: &Handle<u64, u64>, number: u64) -> u64 {
        leaf(handle, number).await
    }
    async fn eight(handle: &Handle<u64, u64>, number: u64) -> u64 {
        nine(handle, number).await
    }
    async fn seven(handle: &Handle<u64, u64>, number: u64) -> u64 {
        eight(handle, number).await
    }
    async fn six(handle: &Handle<u64, u64>, number: u64) -> u64 {
        seven(handle, number).await
    }
    async fn five(handle: &Handle<u64, u64>, number: u64) -> u64 {
        six(handle, number).await
    }
    async fn four(handle: &Handle<u64, u64>, number: u64) -> u64 {
        five(handle, number).await
    }
    async fn three(handle: &Handle<u64, u64>, number: u64) -> u64 {
        four(handle, number).await
    }
    async fn two(handle: &Handle<u64, u64>, number: u64) -> u64 {
        three(handle, number).await
    }
    async fn one(handle: &Handle<u64, u64>, number: u64) -> u64 {
        two(handle, number).await
    }
    one(handle, number).await
}

fn channels(count: u64) -> f64 {
    let executor = Rc::new(async_executor::LocalExecutor::new());
    let (asks, asked) = async_channel::bounded::<u64>(1);
    let (replies, replied) = async_channel::bounded::<u64>(1);
    let body = executor.spawn(async move {
        let mut sum = 0_u64;
        for round in 0..count {
            asks.send(black_box(round))
                .await
                .expect("the driver is there");
            sum = sum.wrapping_add(replied.recv().await.expect("the driver is there"));
        }
        sum
    });
    block_on(executor.run(async {
        let watch = Stopwatch::start();
        while let Ok(number) = asked.recv().await {
            if replies.send(number + 1).await.is_err() {
                break;
            }
        }
        black_box(body.await);
        watch.per_op(count)
    }))
}

/// What yields values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yields {
    /// A generator whose port is on the stack.
    Stack,
    /// A generator with a port of its own.
    Generator,
    /// A generator that may go to other threads.
    Send,
    /// `async_stream::stream!`.
    AsyncStream,
    /// A stream of async-fn-stream.
    AsyncFnStream,
    /// A generator of genawaiter on one thread.
    Genawaiter,
    /// A generator of genawaiter for threads.
    GenawaiterSync,
    /// A task of async-executor that sends into a channel of capacity one.
    Channel,
}

/// Takes `count` values, each yielded at once or after a real wait: nanoseconds for each.
///
/// ```
/// use corokit_benches::{Yields, yield_values};
///
/// assert!(yield_values(Yields::Generator, false, 10) > 0.0);
/// assert!(yield_values(Yields::AsyncStream, true, 10) > 0.0);
/// ```
///
/// # Panics
///
/// Panics for genawaiter where values are to be waited for: its generators are iterators.
#[must_use]
pub fn yield_values(yields: Yields, waits: bool, count: u64) -> f64 {
    /// Makes the body that yields by `$give`.
    macro_rules! body {
        ($give:expr) => {
            for number in 0..count {
                if black_box(waits) {
                    yield_now().await;
                }
                let give = $give;
                give(black_box(number)).await;
            }
        };
    }
    match yields {
        Yields::Stack => {
            let mut port = Port::<u64, ()>::new();
            let body = async |y: StackYielder<'_, u64>| body!(|n| y.yield_(n));
            let generator = pin!(Generator::on(&mut port, body));
            take_all(count, generator)
        }
        Yields::Generator => {
            let body = async |y: Yielder<u64>| body!(|n| y.yield_(n));
            take_all(count, pin!(Generator::new(body)))
        }
        Yields::Send => {
            let body = |y: SendYielder<u64>| async move { body!(|n| y.yield_(n)) };
            take_all(count, pin!(Generator::new_send(body)))
        }
        Yields::AsyncStream => {
            let stream = async_stream::stream! {
                for number in 0..count {
                    if black_box(waits) {
                        yield_now().await;
                    }
                    yield black_box(number);
                }
            };
            take_all(count, pin!(stream))
        }
        Yields::AsyncFnStream => {
            let stream =
                async_fn_stream::fn_stream(|emitter| async move { body!(|n| emitter.emit(n)) });
            take_all(count, pin!(stream))
        }
        Yields::Genawaiter => {
            assert!(!waits, "a generator of genawaiter does not wait");
            let generator = genawaiter::rc::Gen::new(|co: genawaiter::rc::Co<u64>| async move {
                body!(|n| co.yield_(n));
            });
            iterate(count, generator.into_iter())
        }
        Yields::GenawaiterSync => {
            assert!(!waits, "a generator of genawaiter does not wait");
            let generator =
                genawaiter::sync::Gen::new(|co: genawaiter::sync::Co<u64>| async move {
                    body!(|n| co.yield_(n));
                });
            iterate(count, generator.into_iter())
        }
        Yields::Channel => {
            let executor = Rc::new(async_executor::LocalExecutor::new());
            let (sender, receiver) = async_channel::bounded(1);
            let task = executor.spawn(async move {
                body!(async |n| sender.send(n).await.expect("the receiver is there"));
            });
            let figure = block_on(executor.run(take(count, pin!(receiver))));
            drop(task);
            figure
        }
    }
}

fn take_all(count: u64, stream: Pin<&mut impl Stream<Item = u64>>) -> f64 {
    block_on(take(count, stream))
}

async fn take(count: u64, mut stream: Pin<&mut impl Stream<Item = u64>>) -> f64 {
    let watch = Stopwatch::start();
    let mut sum = 0_u64;
    while let Some(number) = stream.next().await {
        sum = sum.wrapping_add(number);
    }
    black_box(sum);
    watch.per_op(count)
}

fn iterate(count: u64, values: impl Iterator<Item = u64>) -> f64 {
    let watch = Stopwatch::start();
    black_box(values.fold(0_u64, u64::wrapping_add));
    watch.per_op(count)
}

/// Polls a future that gives way `count` times, inspected or not: nanoseconds for a poll.
///
/// ```
/// assert!(corokit_benches::poll_inspected(true, 10) > 0.0);
/// ```
#[must_use]
pub fn poll_inspected(inspected: bool, count: u64) -> f64 {
    async fn gives_way(count: u64) {
        for _ in 0..count {
            futures_lite::future::poll_fn({
                let mut polled = false;
                move |_| match std::mem::replace(&mut polled, true) {
                    true => std::task::Poll::Ready(()),
                    false => std::task::Poll::Pending,
                }
            })
            .await;
        }
    }
    fn poll_all(count: u64, mut future: Pin<&mut impl Future<Output = ()>>) -> f64 {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let watch = Stopwatch::start();
        while black_box(future.as_mut().poll(&mut cx)).is_pending() {}
        watch.per_op(count)
    }
    if inspected {
        poll_all(count, pin!(Inspect::new(gives_way(count))))
    } else {
        poll_all(count, pin!(gives_way(count)))
    }
}
