//! Either colour of function for either colour of caller.
//!
//! a_sync guesses the colour of what it is given. Here it is in the type: `task(f)` is a function
//! that gives a future, `blocking(f)` one that blocks. Arguments come by the closure.

mod blocked;

use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::Location;

use crate::pool::{Job, Pool};
use crate::unblock::Unblock;

/// A function of the async colour, made by [`task`]: it gives a future.
///
/// It can be awaited, and given to [`run`], [`block`] and [`queue_background_thread`].
#[derive(Clone, Copy)]
#[must_use = "a function does nothing unless it is called"]
pub struct Task<F>(F);

/// A function of the blocking colour, made by [`blocking`].
///
/// It can be awaited, and given to [`run`], [`block`] and [`queue_background_thread`].
#[derive(Clone, Copy)]
#[must_use = "a function does nothing unless it is called"]
pub struct Blocking<F>(F);

/// Says that a function is async.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::{block, task};
///
/// async fn add(a: u32, b: u32) -> u32 {
///     a + b
/// }
///
/// assert_eq!(block(task(|| add(40, 2))), 42);
/// ```
pub fn task<F, Fut>(function: F) -> Task<F>
where
    F: FnOnce() -> Fut,
    Fut: Future,
{
    Task(function)
}

/// Says that a function blocks.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::blocking;
/// use futures_lite::future::block_on;
///
/// let text = "six";
/// let length = block_on(async { blocking(move || text.len()).await });
/// assert_eq!(length, 3);
/// ```
pub fn blocking<F, T>(function: F) -> Blocking<F>
where
    F: FnOnce() -> T,
{
    Blocking(function)
}

impl<F, Fut> IntoFuture for Task<F>
where
    F: FnOnce() -> Fut,
    Fut: Future,
{
    type Output = Fut::Output;
    type IntoFuture = Fut;

    fn into_future(self) -> Fut {
        (self.0)()
    }
}

impl<F, T> IntoFuture for Blocking<F>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = T;
    type IntoFuture = Unblock<fn(F) -> T, F, T>;

    fn into_future(self) -> Self::IntoFuture {
        Unblock::new(|function| function(), self.0)
    }
}

/// What a thread can run to its end, of whichever colour: a [`Task`], or a [`Blocking`] function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether it is a task or blocks",
    note = "write `task(|| future)` for what is to be awaited, and `blocking(function)` for what blocks"
)]
pub trait Block {
    /// What it gives.
    type Output;

    /// Runs it on this thread.
    ///
    /// ```
    /// use corokit_sync_bridge::{Block, blocking, task};
    ///
    /// assert_eq!(task(|| async { 1 }).block(), 1);
    /// assert_eq!(blocking(|| 1).block(), 1);
    /// ```
    #[track_caller]
    fn block(self) -> Self::Output;
}

impl<F, Fut> Block for Task<F>
where
    F: FnOnce() -> Fut,
    Fut: Future,
{
    type Output = Fut::Output;

    #[track_caller]
    fn block(self) -> Fut::Output {
        blocked::block_on((self.0)(), Location::caller())
    }
}

impl<F, T> Block for Blocking<F>
where
    F: FnOnce() -> T,
{
    type Output = T;

    fn block(self) -> T {
        (self.0)()
    }
}

impl<F> fmt::Debug for Task<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Task(..)")
    }
}

impl<F> fmt::Debug for Blocking<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blocking(..)")
    }
}

/// Makes an async function of a blocking one: each call runs on the [global pool](Pool::global).
///
/// It takes one argument; several come as a tuple, or by the closure. Nothing runs before the
/// future is polled. For an async function there is nothing to do: call it.
///
/// # Panics
///
/// The future resumes a panic of the function, and panics if the global pool has been closed.
///
/// # Cancel safety
///
/// A call whose future is dropped never begins if it has not begun; otherwise it runs on.
///
/// Source: `a_sync.to_async`, which takes callables with an async `__call__` for blocking ones.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::to_async;
/// use futures_lite::future::block_on;
///
/// let length = to_async(|text: &str| text.len());
/// assert_eq!(block_on(length("four")), 4);
/// ```
pub fn to_async<A, T, F>(function: F) -> impl Fn(A) -> Unblock<F, A, T>
where
    F: FnOnce(A) -> T + Clone + Send + 'static,
    A: Send + 'static,
    T: Send + 'static,
{
    move |argument| Unblock::new(function.clone(), argument)
}

/// Makes a blocking function of an async one: each call blocks its thread until the future is
/// ready, with timers and I/O at work.
///
/// It may be called anywhere, also inside of a poll, where a_sync fails. What it waits for must not
/// be a task of the very loop that it blocks: such a call never ends. In debug builds a loop of
/// corokit whose debug mode is on reports every call that blocks it, and a call panics that nobody
/// can ever end, since nobody keeps its waker.
///
/// # Panics
///
/// The function passes a panic of the future on.
///
/// Source: `a_sync.to_blocking`.
///
/// # Examples
///
/// ```
/// use corokit_core::time::sleep;
/// use corokit_sync_bridge::to_blocking;
/// use std::time::Duration;
///
/// let late = to_blocking(async |milliseconds| {
///     sleep(Duration::from_millis(milliseconds)).await;
///     "late"
/// });
/// assert_eq!(late(1), "late");
/// ```
#[track_caller]
pub fn to_blocking<A, T, F>(function: F) -> impl Fn(A) -> T
where
    F: AsyncFn(A) -> T,
{
    let wrapped_at = Location::caller();
    move |argument| blocked::block_on(function(argument), wrapped_at)
}

/// Calls a function of either colour, to be awaited: an async one in place, a blocking one on the
/// [global pool](Pool::global).
///
/// # Panics
///
/// The future resumes a panic of the function.
///
/// Source: `a_sync.run`.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::{blocking, run, task};
/// use futures_lite::future::block_on;
///
/// block_on(async {
///     assert_eq!(run(blocking(|| 1)).await, 1);
///     assert_eq!(run(task(|| async { 2 })).await, 2);
/// });
/// ```
pub fn run<C: IntoFuture>(call: C) -> C::IntoFuture {
    call.into_future()
}

/// Calls a function of either colour, and blocks this thread until it has ended: as
/// [`to_blocking`] does for an async one, in place for a blocking one.
///
/// # Panics
///
/// A panic of the function passes through.
///
/// Source: `a_sync.block`.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::{block, blocking, task};
///
/// assert_eq!(block(blocking(|| 1)), 1);
/// assert_eq!(block(task(|| async { block(task(|| async { 2 })) })), 2);
/// ```
#[track_caller]
pub fn block<C: Block>(call: C) -> C::Output {
    call.block()
}

/// Calls a function of either colour on a thread of the [global pool](Pool::global), beginning at
/// once.
///
/// The job is cancelled if it is dropped before it has begun: [`detach`](Job::detach) it to let it
/// go.
///
/// Source: `a_sync.queue_background_thread`. How busy the pool is tells [`Pool::stats`]; to have an
/// error rather than a place in the queue, use [`Pool::try_run`].
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::{blocking, queue_background_thread, task};
///
/// let sums = [
///     queue_background_thread(blocking(|| 1)),
///     queue_background_thread(blocking(|| 2)),
/// ];
/// assert_eq!(sums.map(|sum| sum.join_blocking()), [Ok(1), Ok(2)]);
/// assert_eq!(queue_background_thread(task(|| async { 3 })).join_blocking(), Ok(3));
/// ```
#[track_caller]
pub fn queue_background_thread<C>(call: C) -> Job<C::Output>
where
    C: Block + Send + 'static,
    C::Output: Send + 'static,
{
    Pool::global().run(move || call.block())
}
