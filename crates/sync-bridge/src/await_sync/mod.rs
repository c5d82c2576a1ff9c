//! A future that has no need to wait, run as a function.

mod drive;
mod error;
mod iter;
#[cfg(feature = "backtrace")]
mod trace;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_lite::Stream;

pub use drive::SyncDrive;
#[cfg(feature = "enter")]
pub(crate) use drive::{drive, is_drive};
pub use error::{SynchronousError, SynchronousErrorKind};
pub use iter::AiterSync;

/// How many times a future may yield in [`await_sync`]: 1,000.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::{STEP_BUDGET, await_sync};
/// use futures_lite::future::yield_now;
///
/// let yields = async |times| {
///     for _ in 0..times {
///         yield_now().await;
///     }
/// };
/// assert!(await_sync(yields(STEP_BUDGET)).is_ok());
/// assert!(await_sync(yields(STEP_BUDGET + 1)).is_err());
/// ```
pub const STEP_BUDGET: usize = 1_000;

/// Runs a future to its end on this thread, without an executor: a function that happens to be
/// async, called from one that is not.
///
/// There is no thread, no reactor and no allocation (but for one in the life of the process, when
/// the first future keeps a waker). A future that only yields to others (it wakes itself and
/// returns pending) is polled again, up to [`STEP_BUDGET`] times; [`SyncDrive`] has other budgets.
/// A wake-up by another thread is no yield: such a future waits for that thread.
///
/// It works anywhere, also inside of a poll. An executor inside of the future works as always.
///
/// # Errors
///
/// If the future waits for anything, or yields too often. It is dropped then;
/// [`try_await_sync`] gives it back, and so does a future that is passed by `&mut`.
///
/// # Panics
///
/// A panic of the future passes through.
///
/// Source: `asynkit.await_sync`.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::await_sync;
/// use std::future::pending;
///
/// async fn answer(cached: Option<u32>) -> u32 {
///     match cached {
///         Some(answer) => answer,
///         None => pending().await,
///     }
/// }
///
/// assert_eq!(await_sync(answer(Some(42))).unwrap(), 42);
/// assert!(await_sync(answer(None)).is_err());
/// ```
#[inline]
#[track_caller]
pub fn await_sync<F: Future>(future: F) -> Result<F::Output, SynchronousError> {
    SyncDrive::new().run(future)
}

/// Runs a future to its end as [`await_sync`] does, or gives it back to go on asynchronously.
///
/// # Errors
///
/// As for [`await_sync`], with the future, which is where it stopped and can be awaited.
///
/// # Panics
///
/// A panic of the future passes through.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::try_await_sync;
/// use futures_lite::future::block_on;
///
/// let (sender, receiver) = async_channel::unbounded();
/// let blocked = try_await_sync(Box::pin(receiver.recv())).unwrap_err();
/// sender.try_send(1).unwrap();
/// assert_eq!(block_on(blocked), Ok(1));
/// ```
#[inline]
#[track_caller]
pub fn try_await_sync<F: Future + Unpin>(future: F) -> Result<F::Output, Blocked<F>> {
    SyncDrive::new().try_run(future)
}

/// Iterates over a stream whose items are there without waiting.
///
/// Each item is got as [`await_sync`] gets it, with a budget of its own. After an error the
/// iterator has ended. The stream is dropped at the end, after an error, and with the iterator; a
/// stream that is passed by `&mut` stays.
///
/// Source: `asynkit.aiter_sync`, which never closes its source.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::aiter_sync;
/// use futures_lite::stream;
///
/// let items: Result<Vec<_>, _> = aiter_sync(stream::iter(1..=3)).collect();
/// assert_eq!(items.unwrap(), [1, 2, 3]);
///
/// let mut waits = aiter_sync(stream::pending::<u32>());
/// assert!(waits.next().unwrap().is_err());
/// assert!(waits.next().is_none());
/// ```
#[track_caller]
pub fn aiter_sync<S: Stream + Unpin>(stream: S) -> AiterSync<S> {
    SyncDrive::new().iter(stream)
}

/// A future that could not be driven to its end without an executor, and why:
/// [`try_await_sync`]. Awaiting it goes on with the future.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::SyncDrive;
/// use futures_lite::future::{block_on, yield_now};
///
/// let blocked = SyncDrive::strict().try_run(Box::pin(yield_now())).unwrap_err();
/// assert_eq!(blocked.error.steps(), 0);
/// block_on(blocked.future);
/// ```
pub struct Blocked<F> {
    /// The future, where it stopped.
    pub future: F,
    /// Why it stopped.
    pub error: SynchronousError,
}

impl<F: Future + Unpin> Future for Blocked<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        Pin::new(&mut self.future).poll(cx)
    }
}

impl<F> fmt::Debug for Blocked<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocked")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl<F> fmt::Display for Blocked<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<F> Error for Blocked<F> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
