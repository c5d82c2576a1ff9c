//! `Inspect`: a future whose state can be seen from outside, wherever it runs.

use alloc::sync::Arc;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicU8, Ordering};
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

#[cfg(feature = "location")]
use crate::location::Place;
use crate::state::CoroState;

pin_project! {
    /// A future that tells its state to all who hold a [`Probe`] of it.
    ///
    /// It does what the future inside does. A probe can be taken before it is spawned, and asked from
    /// anywhere, on any thread, also while the future is being polled and after it is gone. That costs two
    /// stores for each poll, and one allocation; with the feature `location` a lock more.
    ///
    /// The future inside is dropped as soon as it has finished.
    ///
    /// Source: `asynkit.coro_is_new`, `coro_is_suspended`, `coro_is_finished`, `coro_get_frame`.
    ///
    /// # Panics
    ///
    /// Polling panics when the future has finished, and when an earlier poll panicked.
    ///
    /// # Cancel safety
    ///
    /// That of the future inside.
    ///
    /// ```
    /// use corokit_coro_start::{CoroState, Inspect};
    /// use futures_lite::future::{block_on, yield_now};
    ///
    /// let executor = async_executor::LocalExecutor::new();
    /// let future = Inspect::new(async { yield_now().await; 1 });
    /// let probe = future.probe();
    /// let task = executor.spawn(future);
    ///
    /// assert_eq!(probe.state(), CoroState::New);
    /// executor.try_tick();
    /// assert_eq!(probe.state(), CoroState::Suspended);
    /// assert_eq!(block_on(executor.run(task)), 1);
    /// assert!(probe.state().is_finished());
    /// ```
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Inspect<F> {
        #[pin]
        future: Option<F>,
        probe: Probe,
    }

    impl<F> PinnedDrop for Inspect<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _gone = Gone(this.probe);
            this.future.set(None);
        }
    }
}

impl<F: Future> Inspect<F> {
    /// Wraps a future that has not been polled.
    ///
    /// ```
    /// use corokit_coro_start::{CoroState, Inspect};
    ///
    /// assert_eq!(Inspect::new(async {}).probe().state(), CoroState::New);
    /// ```
    pub fn new(future: F) -> Self {
        Inspect {
            future: Some(future),
            probe: Probe(Arc::new(Shared::new())),
        }
    }

    /// Returns a view of the state, which may be cloned and sent to other threads.
    ///
    /// ```
    /// use corokit_coro_start::{CoroState, Inspect};
    ///
    /// let future = Inspect::new(async {});
    /// let probe = future.probe();
    /// drop(future);
    /// assert_eq!(probe.state(), CoroState::Taken);
    /// ```
    #[must_use]
    pub fn probe(&self) -> Probe {
        self.probe.clone()
    }

    /// Returns where the future stands.
    ///
    /// ```
    /// use corokit_coro_start::{CoroState, Inspect};
    ///
    /// let mut future = Box::pin(Inspect::new(std::future::pending::<()>()));
    /// assert!(future.state().is_new());
    /// futures_lite::future::block_on(futures_lite::future::poll_once(&mut future));
    /// assert!(future.state().is_suspended());
    /// ```
    #[must_use]
    pub fn state(&self) -> CoroState {
        self.probe.state()
    }
}

impl<F: Future> Future for Inspect<F> {
    type Output = F::Output;

    #[inline]
    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let state = this.probe.state();
        let future = match this.future.as_mut().as_pin_mut() {
            Some(future) if state != CoroState::Panicked => future,
            _ => panic!("`Inspect` polled after it was {state}"),
        };
        this.probe.set(CoroState::Running);
        let guard = Panics(this.probe);
        #[cfg(feature = "location")]
        let poll = this.probe.0.place.poll(future, cx);
        #[cfg(not(feature = "location"))]
        let poll = future.poll(cx);
        if poll.is_pending() {
            core::mem::forget(guard);
            this.probe.set(CoroState::Suspended);
        } else {
            this.future.set(None);
            core::mem::forget(guard);
            drop(Gone(this.probe));
        }
        poll
    }
}

impl<F> fmt::Debug for Inspect<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspect")
            .field("state", &self.probe.state())
            .finish_non_exhaustive()
    }
}

/// Marks a future whose poll is left by a panic, of the future or of a destructor of one that has finished.
struct Panics<'a>(&'a Probe);

impl Drop for Panics<'_> {
    #[cold]
    fn drop(&mut self) {
        self.0.set(CoroState::Panicked);
    }
}

/// Marks a future as gone when its destructors have run, even if one of them panics.
struct Gone<'a>(&'a Probe);

impl Drop for Gone<'_> {
    #[inline]
    fn drop(&mut self) {
        #[cfg(feature = "location")]
        self.0.0.place.end();
        // What panicked stays known as that.
        if self.0.state() != CoroState::Panicked {
            self.0.set(CoroState::Taken);
        }
    }
}

/// A view of a future that is wrapped by [`Inspect`]; clones see the same.
///
/// It does not keep the future alive.
#[derive(Clone)]
pub struct Probe(Arc<Shared>);

struct Shared {
    state: AtomicU8,
    #[cfg(feature = "location")]
    place: Place,
}

impl Shared {
    fn new() -> Self {
        Shared {
            state: AtomicU8::new(CoroState::New as u8),
            #[cfg(feature = "location")]
            place: Place::default(),
        }
    }
}

impl Probe {
    /// Returns where the future stands, at this moment.
    ///
    /// [`CoroState::Running`] is seen from inside of the future and from other threads.
    /// [`CoroState::Done`] is never seen: the output of a future goes to whoever polls it.
    ///
    /// ```
    /// use corokit_coro_start::{CoroState, Inspect};
    /// use futures_lite::future::block_on;
    /// use std::cell::OnceCell;
    ///
    /// let probe = OnceCell::new();
    /// let future = Inspect::new(async { probe.get().map(corokit_coro_start::Probe::state) });
    /// probe.set(future.probe()).unwrap();
    /// assert_eq!(block_on(future), Some(CoroState::Running));
    /// ```
    #[must_use]
    pub fn state(&self) -> CoroState {
        match self.0.state.load(Ordering::Acquire) {
            0 => CoroState::New,
            1 => CoroState::Suspended,
            2 => CoroState::Running,
            3 => CoroState::Done,
            4 => CoroState::Taken,
            _ => CoroState::Panicked,
        }
    }

    fn set(&self, state: CoroState) {
        self.0.state.store(state as u8, Ordering::Release);
    }

    #[cfg(feature = "location")]
    pub(crate) fn place(&self) -> &Place {
        &self.0.place
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Probe").field(&self.state()).finish()
    }
}
