//! Another source of time for a thread: what virtual clocks of tests are built on.

use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

thread_local! {
    static SOURCE: RefCell<Option<Arc<dyn TimeSource>>> = const { RefCell::new(None) };
}

/// A clock with timers, which a thread may use in place of the monotonic clock and async-io.
///
/// Its timers may be polled and dropped on other threads than its own.
pub trait TimeSource: fmt::Debug + Send + Sync {
    /// Returns the current instant. It never goes back.
    fn now(&self) -> Instant;

    /// Registers a timer that wakes `waker` at `deadline`, which is in the future, and returns its
    /// key. `previous` is the key of the same timer's registration before, which this one
    /// replaces.
    fn register(&self, deadline: Instant, waker: &Waker, previous: Option<u64>) -> u64;

    /// Takes the registration of a timer back. It may have woken its waker already.
    fn cancel(&self, deadline: Instant, key: u64);

    /// Lets time pass until the next timer is due, because a [`block_on`](super::block_on) on this
    /// thread has nothing to do before that. Returns `false` if no timer will wake anything: then
    /// the thread sleeps.
    fn advance(&self) -> bool;
}

/// Makes a source the one of this thread, until the guard is dropped.
///
/// Timers keep the source that was installed when they were made.
///
/// # Examples
///
/// ```
/// use corokit_core::time::{self, TimeSource};
/// use std::sync::Arc;
/// use std::task::Waker;
/// use std::time::{Duration, Instant};
///
/// /// A clock that stands still.
/// #[derive(Debug)]
/// struct Stopped(Instant);
///
/// impl TimeSource for Stopped {
///     fn now(&self) -> Instant {
///         self.0
///     }
///
///     fn register(&self, _: Instant, _: &Waker, _: Option<u64>) -> u64 {
///         0
///     }
///
///     fn cancel(&self, _: Instant, _: u64) {}
///
///     fn advance(&self) -> bool {
///         false
///     }
/// }
///
/// let instant = Instant::now() - Duration::from_secs(1);
/// let installed = time::install(Arc::new(Stopped(instant)));
/// assert_eq!(time::now(), instant);
/// drop(installed);
/// assert!(time::now() > instant);
/// ```
pub fn install(source: Arc<dyn TimeSource>) -> Installed {
    Installed {
        outer: SOURCE.replace(Some(source)),
        thread: PhantomData,
    }
}

/// Keeps a source of time installed: see [`install`].
///
/// Guards are to be dropped in the reverse order of their making; dropping one restores what was
/// there when it was made.
#[must_use = "dropping it restores the source before"]
#[derive(Debug)]
pub struct Installed {
    outer: Option<Arc<dyn TimeSource>>,
    thread: PhantomData<Rc<()>>,
}

impl Drop for Installed {
    fn drop(&mut self) {
        let outer = self.outer.take();
        // While the thread ends there is nothing to restore. The source is dropped outside of the
        // borrow.
        drop(SOURCE.try_with(|source| source.replace(outer)));
    }
}

/// Returns this thread's source, if it has been given one.
pub(super) fn installed() -> Option<Arc<dyn TimeSource>> {
    SOURCE
        .try_with(|source| source.borrow().clone())
        .ok()
        .flatten()
}

/// Blocks the thread on a future, and lets the source pass the time for which nothing happens.
pub(super) fn block_on<T>(source: &dyn TimeSource, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    async_io::block_on(poll_fn(|cx| {
        let notice = Arc::new(Notice {
            woken: AtomicBool::new(false),
            sleeper: cx.waker().clone(),
        });
        let waker = Waker::from(Arc::clone(&notice));
        loop {
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            if polled.is_ready() {
                return polled;
            }
            while !notice.woken.swap(false, Ordering::Acquire) {
                if !source.advance() {
                    return Poll::Pending;
                }
            }
        }
    }))
}

/// Notes a wake-up, so that time does not pass while there is something to do.
struct Notice {
    woken: AtomicBool,
    sleeper: Waker,
}

impl Wake for Notice {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.sleeper.wake_by_ref();
    }
}

/// A timer of a [`TimeSource`].
pub(super) struct VirtualTimer {
    source: Arc<dyn TimeSource>,
    deadline: Instant,
    /// The registration, if there is one.
    key: Option<u64>,
}

impl VirtualTimer {
    pub(super) fn new(source: Arc<dyn TimeSource>, deadline: Instant) -> Self {
        VirtualTimer {
            source,
            deadline,
            key: None,
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.source.now() >= self.deadline {
            self.cancel();
            return Poll::Ready(());
        }
        let key = self
            .source
            .register(self.deadline, cx.waker(), self.key.take());
        self.key = Some(key);
        Poll::Pending
    }

    fn cancel(&mut self) {
        if let Some(key) = self.key.take() {
            self.source.cancel(self.deadline, key);
        }
    }
}

impl Drop for VirtualTimer {
    fn drop(&mut self) {
        self.cancel();
    }
}
