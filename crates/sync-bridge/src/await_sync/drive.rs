//! Polling without an executor.
//!
//! The waker of a drive lives on the stack and is known by its observer. All that it does is count:
//! how often a drive's waker was woken on a thread. Clones of it are one and the same waker for the
//! whole process, which counts likewise.
//!
//! Nothing is set up before a poll and nothing restored after it, so a future that is ready costs
//! what a call costs, and a panic leaves nothing behind.

use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};

#[cfg(feature = "enter")]
use corokit_core::observed;
use corokit_core::{WakerObserver, observe_waker};
use futures_lite::Stream;

use super::error::{SynchronousError, SynchronousErrorKind, Where};
use super::iter::AiterSync;
use super::{Blocked, STEP_BUDGET};

thread_local! {
    /// How often the waker of a drive was woken on this thread.
    static WAKES: Cell<usize> = const { Cell::new(0) };
}

/// How to drive a future without an executor: [`await_sync`](super::await_sync) with a budget of
/// one's own.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::SyncDrive;
/// use futures_lite::future::yield_now;
///
/// let strict = SyncDrive::strict();
/// assert_eq!(strict.run(async { 1 }).unwrap(), 1);
/// assert!(strict.run(yield_now()).is_err());
/// assert!(SyncDrive::new().run(yield_now()).is_ok());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SyncDrive {
    budget: usize,
}

impl SyncDrive {
    /// Steps over at most [`STEP_BUDGET`] yields.
    ///
    /// ```
    /// use corokit_sync_bridge::{STEP_BUDGET, SyncDrive};
    ///
    /// assert_eq!(SyncDrive::new(), SyncDrive::new().budget(STEP_BUDGET));
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        SyncDrive {
            budget: STEP_BUDGET,
        }
    }

    /// Takes a yield for blocking: a budget of 0.
    ///
    /// Source: `asynkit.await_sync(.., ignore_nullsleep=False)`.
    ///
    /// ```
    /// use corokit_sync_bridge::SyncDrive;
    ///
    /// assert_eq!(SyncDrive::strict(), SyncDrive::new().budget(0));
    /// ```
    #[must_use]
    pub const fn strict() -> Self {
        SyncDrive { budget: 0 }
    }

    /// Sets how many times the future may yield, that is wake itself and return pending. It is
    /// polled at most once more than that, and once again to tell where it blocks, with the feature
    /// `backtrace`.
    ///
    /// ```
    /// use corokit_sync_bridge::SyncDrive;
    /// use futures_lite::future::yield_now;
    ///
    /// let twice = async || {
    ///     yield_now().await;
    ///     yield_now().await;
    /// };
    /// assert!(SyncDrive::new().budget(2).run(twice()).is_ok());
    /// assert_eq!(SyncDrive::new().budget(1).run(twice()).unwrap_err().steps(), 1);
    /// ```
    #[must_use]
    pub const fn budget(mut self, yields: usize) -> Self {
        self.budget = yields;
        self
    }

    /// Runs a future to its end, as [`await_sync`](super::await_sync) does.
    ///
    /// # Errors
    ///
    /// If the future waits for anything, or yields more often than the budget says.
    ///
    /// ```
    /// use corokit_sync_bridge::SyncDrive;
    /// use std::future::{pending, ready};
    ///
    /// assert_eq!(SyncDrive::new().run(ready(1)).unwrap(), 1);
    /// assert!(SyncDrive::new().run(pending::<()>()).is_err());
    /// ```
    #[inline]
    #[track_caller]
    pub fn run<F: Future>(self, future: F) -> Result<F::Output, SynchronousError> {
        drive(pin!(future), self.budget, Location::caller())
    }

    /// Runs a future to its end, or gives it back: [`try_await_sync`](super::try_await_sync).
    ///
    /// # Errors
    ///
    /// As for [`run`](SyncDrive::run), with the future.
    ///
    /// ```
    /// use corokit_sync_bridge::SyncDrive;
    /// use futures_lite::future::{block_on, yield_now};
    ///
    /// let blocked = SyncDrive::strict().try_run(Box::pin(yield_now())).unwrap_err();
    /// block_on(blocked);
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_run<F: Future + Unpin>(self, mut future: F) -> Result<F::Output, Blocked<F>> {
        match drive(Pin::new(&mut future), self.budget, Location::caller()) {
            Ok(output) => Ok(output),
            Err(error) => Err(Blocked { future, error }),
        }
    }

    /// Iterates over a stream, as [`aiter_sync`](super::aiter_sync) does. The budget is that of one
    /// item.
    ///
    /// ```
    /// use corokit_sync_bridge::SyncDrive;
    /// use futures_lite::stream;
    ///
    /// let items: Result<Vec<_>, _> = SyncDrive::strict().iter(stream::iter([1, 2])).collect();
    /// assert_eq!(items.unwrap(), [1, 2]);
    /// ```
    #[track_caller]
    pub fn iter<S: Stream + Unpin>(self, stream: S) -> AiterSync<S> {
        AiterSync::new(stream, self.budget, Location::caller())
    }
}

impl Default for SyncDrive {
    fn default() -> Self {
        SyncDrive::new()
    }
}

/// Drives a future on this thread.
#[inline]
pub(crate) fn drive<F: Future + ?Sized>(
    mut future: Pin<&mut F>,
    budget: usize,
    called_at: &'static Location<'static>,
) -> Result<F::Output, SynchronousError> {
    match step(future.as_mut(), &Plain) {
        (Poll::Ready(output), _) => Ok(output),
        (Poll::Pending, woken) => go_on(future, woken, budget, called_at),
    }
}

/// Drives a future that was pending at its first poll.
fn go_on<F: Future + ?Sized>(
    mut future: Pin<&mut F>,
    mut woken: bool,
    budget: usize,
    called_at: &'static Location<'static>,
) -> Result<F::Output, SynchronousError> {
    let mut steps = 0;
    while woken && steps < budget {
        steps += 1;
        let polled = step(future.as_mut(), &Plain);
        woken = polled.1;
        if let Poll::Ready(output) = polled.0 {
            return Ok(output);
        }
    }
    if woken {
        let kind = SynchronousErrorKind::Yielded;
        return Err(SynchronousError::new(
            kind,
            steps,
            called_at,
            Where::default(),
        ));
    }
    let place = match locate(future) {
        // Another thread has brought what the future waited for.
        Ok(output) => return Ok(output),
        Err(place) => place,
    };
    let kind = SynchronousErrorKind::Blocked;
    Err(SynchronousError::new(kind, steps, called_at, place))
}

/// Finds out where a future blocks: polls it once more, with a waker that records the stack at
/// which it is cloned. A stray poll changes nothing that may matter.
#[cfg(feature = "backtrace")]
#[cold]
#[inline(never)]
fn locate<F: Future + ?Sized>(future: Pin<&mut F>) -> Result<F::Output, Where> {
    let recorder = super::trace::Recorder::default();
    match step(future, &recorder).0 {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => Err(recorder.into_where()),
    }
}

#[cfg(not(feature = "backtrace"))]
fn locate<F: Future + ?Sized>(_: Pin<&mut F>) -> Result<F::Output, Where> {
    Err(Where::default())
}

/// Polls once, and says whether the future was woken on this thread meanwhile.
///
/// The wakers of all drives count alike. So what was woken in a drive inside of this one may have
/// been this one's, and counts: a poll too many does no harm, one too few would.
#[inline]
fn step<F: Future + ?Sized>(
    future: Pin<&mut F>,
    observer: &dyn WakerObserver,
) -> (Poll<F::Output>, bool) {
    observe_waker(Waker::noop(), observer, |waker| {
        let before = WAKES.get();
        let polled = future.poll(&mut Context::from_waker(waker));
        (polled, WAKES.get() != before)
    })
}

/// Whether `waker` is that of a drive, lent to a poll. Executors poll their tasks with wakers of
/// their own, nested in a drive or not, and a clone of a drive's waker is not it, either. An
/// observer in between changes nothing.
#[cfg(feature = "enter")]
pub(crate) fn is_drive(mut waker: &Waker) -> bool {
    while let Some((real, observer)) = observed(waker) {
        if observer.as_any().is_some_and(is_driver) {
            return true;
        }
        waker = real;
    }
    false
}

#[cfg(feature = "enter")]
fn is_driver(observer: &dyn Any) -> bool {
    #[cfg(feature = "backtrace")]
    if observer.is::<super::trace::Recorder>() {
        return true;
    }
    observer.is::<Plain>()
}

/// The usual observer: it looks for wake-ups, not for clones.
struct Plain;

impl WakerObserver for Plain {
    fn clone_waker(&self, _: &Waker) -> Waker {
        kept_waker()
    }

    fn wake_by_ref(&self, _: &Waker) {
        note_wake();
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

/// Counts a wake-up of a drive's waker, on the thread that it happens on.
#[inline]
pub(super) fn note_wake() {
    WAKES.set(WAKES.get().wrapping_add(1));
}

/// The clone of a drive's waker. There is one in the process, so that to keep it allocates once.
pub(super) fn kept_waker() -> Waker {
    struct Kept;

    impl Wake for Kept {
        fn wake(self: Arc<Self>) {
            note_wake();
        }

        fn wake_by_ref(self: &Arc<Self>) {
            note_wake();
        }
    }

    // Not a waker, which would point behind the counts: there is nothing behind them, so that checkers of leaks
    // would not know whose pointer that is.
    static KEPT: OnceLock<Arc<Kept>> = OnceLock::new();
    Waker::from(Arc::clone(KEPT.get_or_init(|| Arc::new(Kept))))
}
