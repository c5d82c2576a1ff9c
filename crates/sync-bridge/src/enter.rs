//! Async functions as blocking ones, and back.
//!
//! Whether a future is driven synchronously is told by the waker that it is polled with: it is that
//! of a drive, lent for the time of the poll. So a task that was spawned during a drive and runs
//! later, on a nested executor or on another thread, does not pass for driven.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use crate::await_sync::{STEP_BUDGET, SynchronousError, drive, is_drive};

/// Makes a blocking function of an async one that has no need to wait: each call is driven as by
/// [`await_sync`](crate::await_sync).
///
/// A function of several arguments takes a tuple. A method is `enter(|it: &It| it.method())`, or
/// just `await_sync(it.method())`.
///
/// # Errors
///
/// The calls of the function fail as [`await_sync`](crate::await_sync) does. The error names the
/// place of the call of `enter`.
///
/// Source: `asynkit.syncfunction`, `asynkit.enterasync`.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::enter;
/// use std::future::pending;
///
/// let half = enter(async |number: u32| match number % 2 {
///     0 => number / 2,
///     _ => pending().await,
/// });
/// assert_eq!(half(84).unwrap(), 42);
/// assert!(half(85).is_err());
/// ```
#[track_caller]
pub fn enter<A, T, F>(function: F) -> impl Fn(A) -> Result<T, SynchronousError>
where
    F: AsyncFn(A) -> T,
{
    let wrapped_at = Location::caller();
    move |argument| drive(pin!(function(argument)), STEP_BUDGET, wrapped_at)
}

/// Makes an async function of a blocking one, for use inside of [`await_sync`](crate::await_sync)
/// and [`enter`] only: there it has the thread to itself, while on an executor it would block all
/// other tasks.
///
/// The future calls the function at its first poll, in place. What is passed on by a combinator
/// that makes wakers of its own, as `FuturesUnordered` does, counts as not driven.
///
/// # Errors
///
/// The future fails with [`NotSyncDriven`], which gives the argument back, if it is polled by
/// anything but a sync drive. The function is not called then.
///
/// Source: `asynkit.asyncfunction`, `asynkit.leavesync`.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::{await_sync, leave};
/// use futures_lite::future::block_on;
///
/// // One async function for both colours: what it reads from is its caller's choice.
/// async fn first_word(read: impl AsyncFn(&'static str) -> String) -> String {
///     read("name").await.split(' ').next().unwrap_or_default().to_owned()
/// }
///
/// let read = leave(|name: &str| format!("{name} of the file"));
/// let word = await_sync(first_word(async |name| read(name).await.unwrap()));
/// assert_eq!(word.unwrap(), "name");
///
/// assert_eq!(block_on(read("name")).unwrap_err().into_argument(), "name");
/// ```
pub fn leave<A, T, F>(function: F) -> impl Fn(A) -> Leave<F, A>
where
    F: FnOnce(A) -> T + Clone,
{
    move |argument| Leave {
        call: Some((function.clone(), argument)),
    }
}

/// The future of a call of a function that was wrapped by [`leave`].
///
/// # Cancel safety
///
/// It is ready at its first poll. Dropped before, it has not called the function.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Leave<F, A> {
    call: Option<(F, A)>,
}

// Nothing in it is pinned.
impl<F, A> Unpin for Leave<F, A> {}

impl<A, T, F: FnOnce(A) -> T> Future for Leave<F, A> {
    type Output = Result<T, NotSyncDriven<A>>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some((function, argument)) = self.call.take() else {
            panic!("a `Leave` was polled after it had completed");
        };
        Poll::Ready(match is_drive(cx.waker()) {
            true => Ok(function(argument)),
            false => Err(NotSyncDriven { argument }),
        })
    }
}

impl<F, A> fmt::Debug for Leave<F, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leave")
            .field("called", &self.call.is_none())
            .finish()
    }
}

/// Makes an async function of a blocking one, for use anywhere: inside of a sync drive it is called
/// in place, as by [`leave`]; elsewhere it runs on the [global pool](crate::Pool::global), and what
/// awaits it waits.
///
/// # Panics
///
/// The future resumes a panic of the function, and panics if the global pool has been closed.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::{await_sync, leave_or_unblock};
/// use futures_lite::future::block_on;
/// use std::thread;
///
/// let whereabouts = leave_or_unblock(|()| thread::current().id());
/// let here = thread::current().id();
/// assert_eq!(await_sync(whereabouts(())).unwrap(), here);
/// assert_ne!(block_on(whereabouts(())), here);
/// ```
#[cfg(feature = "pool")]
pub fn leave_or_unblock<A, T, F>(function: F) -> impl Fn(A) -> LeaveOrUnblock<F, A, T>
where
    F: FnOnce(A) -> T + Clone + Send + 'static,
    A: Send + 'static,
    T: Send + 'static,
{
    move |argument| LeaveOrUnblock {
        call: crate::unblock::Unblock::new(function.clone(), argument),
    }
}

/// The future of a call of a function that was wrapped by [`leave_or_unblock`].
///
/// # Cancel safety
///
/// Dropped before its first poll, it has not called the function; dropped later, what runs on the
/// pool runs on, unless it is still in the queue.
#[cfg(feature = "pool")]
#[must_use = "futures do nothing unless polled or awaited"]
pub struct LeaveOrUnblock<F, A, T> {
    call: crate::unblock::Unblock<F, A, T>,
}

#[cfg(feature = "pool")]
impl<F, A, T> Future for LeaveOrUnblock<F, A, T>
where
    F: FnOnce(A) -> T + Send + 'static,
    A: Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if is_drive(cx.waker()) {
            if let Some((function, argument)) = self.call.take() {
                return Poll::Ready(function(argument));
            }
        }
        Pin::new(&mut self.call).poll(cx)
    }
}

#[cfg(feature = "pool")]
impl<F, A, T> fmt::Debug for LeaveOrUnblock<F, A, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaveOrUnblock")
            .field("call", &self.call)
            .finish()
    }
}

/// Says whether the task that awaits this is driven by [`await_sync`](crate::await_sync) on this
/// thread.
///
/// Source: `asynkit.in_sync_drive`, `asynkit.require_sync_drive`.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::{await_sync, in_sync_drive};
/// use futures_lite::future::block_on;
///
/// assert!(await_sync(in_sync_drive()).unwrap());
/// assert!(!block_on(in_sync_drive()));
///
/// // The tasks of an executor inside of a drive are that executor's.
/// assert!(!await_sync(async { block_on(in_sync_drive()) }).unwrap());
/// ```
pub fn in_sync_drive() -> InSyncDrive {
    InSyncDrive { _private: () }
}

/// The future of [`in_sync_drive`]. It is ready at each poll.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled or awaited"]
pub struct InSyncDrive {
    _private: (),
}

impl Future for InSyncDrive {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        Poll::Ready(is_drive(cx.waker()))
    }
}

/// A function that blocks was to be called where it would have blocked an executor: [`leave`].
///
/// Source: `asynkit.SyncDriveRequiredError`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NotSyncDriven<A> {
    argument: A,
}

impl<A> NotSyncDriven<A> {
    /// The argument of the call that was not made.
    ///
    /// ```
    /// use corokit_sync_bridge::leave;
    /// use futures_lite::future::block_on;
    ///
    /// let error = block_on(leave(|text: String| text.len())("text".to_owned()));
    /// assert_eq!(error.unwrap_err().into_argument(), "text");
    /// ```
    pub fn into_argument(self) -> A {
        self.argument
    }
}

impl<A> fmt::Debug for NotSyncDriven<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotSyncDriven").finish_non_exhaustive()
    }
}

impl<A> fmt::Display for NotSyncDriven<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a blocking function was awaited outside of a synchronous drive, where it would block \
             an executor; use `leave_or_unblock`, or drive the caller by `await_sync`",
        )
    }
}

impl<A> Error for NotSyncDriven<A> {}
