//! The handle: triggering, waiting, holding up.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use corokit_sync_bridge::waiters::Key;
use pin_project_lite::pin_project;

use super::node::Node;
use super::reason::Reason;
use crate::TimedOut;
use crate::clock::{block_on, block_on_until};

/// Tells everybody that it is time to end: see the [module](super).
///
/// Clones are handles of the same shutdown.
///
/// Source: `async_utils.sig_service.SignalService`.
#[derive(Clone)]
pub struct Shutdown {
    node: Arc<Node>,
}

impl Shutdown {
    /// Makes one that has not been triggered.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::shutdown::Shutdown;
    ///
    /// let shutdown = Shutdown::new();
    /// assert!(!shutdown.is_triggered());
    /// ```
    pub fn new() -> Self {
        Shutdown { node: Node::root() }
    }

    /// Makes one for a part: it is triggered together with this one, and can be triggered alone.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::shutdown::Shutdown;
    ///
    /// let shutdown = Shutdown::new();
    /// let [connection, other] = [shutdown.token(), shutdown.token()];
    /// connection.trigger("the client said goodbye");
    /// assert!(!shutdown.is_triggered());
    /// shutdown.trigger("enough");
    /// assert_eq!(other.reason().unwrap().to_string(), "enough");
    /// assert_eq!(connection.reason().unwrap().to_string(), "the client said goodbye");
    /// ```
    pub fn token(&self) -> Self {
        Shutdown {
            node: self.node.child(),
        }
    }

    /// Tells everybody, unless that has been done. Only the first reason counts.
    ///
    /// Those who wait for it are woken in the order in which they came, and then those of its
    /// [parts](Self::token), in the order in which these were made.
    ///
    /// Returns whether this was the first.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::shutdown::Shutdown;
    ///
    /// let shutdown = Shutdown::new();
    /// assert!(shutdown.trigger("the disk is full"));
    /// assert!(!shutdown.trigger("it is late"));
    /// assert_eq!(shutdown.reason(), Some("the disk is full".into()));
    /// ```
    pub fn trigger(&self, reason: impl Into<Reason>) -> bool {
        self.node.trigger(&reason.into())
    }

    /// Returns whether it has been triggered.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!corokit_bg_utils::shutdown::Shutdown::new().is_triggered());
    /// ```
    pub fn is_triggered(&self) -> bool {
        self.node.lock().reason.is_some()
    }

    /// Returns why it was triggered, if it has been.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(corokit_bg_utils::shutdown::Shutdown::new().reason(), None);
    /// ```
    pub fn reason(&self) -> Option<Reason> {
        self.node.lock().reason.clone()
    }

    /// Waits until it is triggered, and returns why. If it has been, that is at once.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::shutdown::Shutdown;
    ///
    /// let shutdown = Shutdown::new();
    /// let other = shutdown.clone();
    /// std::thread::spawn(move || other.trigger("done"));
    /// let reason = futures_lite::future::block_on(shutdown.wait());
    /// assert_eq!(reason.to_string(), "done");
    /// ```
    pub fn wait(&self) -> Wait {
        Wait {
            node: Arc::clone(&self.node),
            key: None,
        }
    }

    /// Blocks the thread until it is triggered.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::shutdown::Shutdown;
    ///
    /// let shutdown = Shutdown::new();
    /// shutdown.trigger("done");
    /// assert_eq!(shutdown.wait_blocking(), "done".into());
    /// ```
    pub fn wait_blocking(&self) -> Reason {
        block_on(self.wait())
    }

    /// Blocks the thread until it is triggered, at most until the deadline.
    ///
    /// # Errors
    ///
    /// [`TimedOut`] if it was not triggered in time.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::{TimedOut, shutdown::Shutdown};
    /// use std::time::Instant;
    ///
    /// assert_eq!(Shutdown::new().wait_deadline(Instant::now()), Err(TimedOut));
    /// ```
    pub fn wait_deadline(&self, deadline: Instant) -> Result<Reason, TimedOut> {
        block_on_until(deadline, self.wait()).ok_or(TimedOut)
    }

    /// Runs a future until it completes, or until it is triggered: then the future is dropped.
    ///
    /// A future that is ready completes.
    ///
    /// # Errors
    ///
    /// The [`Reason`], if the future was dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::shutdown::Shutdown;
    /// use futures_lite::future;
    ///
    /// let shutdown = Shutdown::new();
    /// assert_eq!(future::block_on(shutdown.guard(async { 1 })), Ok(1));
    /// shutdown.trigger("enough");
    /// let guarded = shutdown.guard(future::pending::<()>());
    /// assert_eq!(future::block_on(guarded), Err("enough".into()));
    /// ```
    pub fn guard<F: Future>(&self, future: F) -> Guard<F> {
        Guard {
            future: Some(future),
            wait: self.wait(),
        }
    }

    /// Holds up the end of the process, or of this part and all that it is a part of, until the hold
    /// is dropped: see [`done`](Self::done).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::shutdown::Shutdown;
    ///
    /// let shutdown = Shutdown::new();
    /// let hold = shutdown.token().hold();
    /// assert_eq!(shutdown.holds(), 1);
    /// drop(hold);
    /// assert_eq!(shutdown.holds(), 0);
    /// ```
    pub fn hold(&self) -> Hold {
        self.node.hold();
        Hold {
            node: Arc::clone(&self.node),
        }
    }

    /// Returns how many holds there are, here and in all parts.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(corokit_bg_utils::shutdown::Shutdown::new().holds(), 0);
    /// ```
    pub fn holds(&self) -> usize {
        self.node.lock().holds
    }

    /// Waits until nobody [holds it up](Self::hold), whether or not it has been triggered.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::shutdown::Shutdown;
    ///
    /// let shutdown = Shutdown::new();
    /// let hold = shutdown.hold();
    /// std::thread::spawn(move || drop(hold));
    /// futures_lite::future::block_on(shutdown.done());
    /// ```
    pub fn done(&self) -> Done {
        Done {
            node: Arc::clone(&self.node),
            key: None,
        }
    }

    /// Blocks the thread until nobody holds it up.
    ///
    /// # Examples
    ///
    /// ```
    /// corokit_bg_utils::shutdown::Shutdown::new().done_blocking();
    /// ```
    pub fn done_blocking(&self) {
        block_on(self.done());
    }

    /// Blocks the thread until nobody holds it up, at most until the deadline.
    ///
    /// # Errors
    ///
    /// [`TimedOut`] if somebody still did then.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::{TimedOut, shutdown::Shutdown};
    /// use std::time::Instant;
    ///
    /// let shutdown = Shutdown::new();
    /// let hold = shutdown.hold();
    /// assert_eq!(shutdown.done_deadline(Instant::now()), Err(TimedOut));
    /// # drop(hold);
    /// ```
    pub fn done_deadline(&self, deadline: Instant) -> Result<(), TimedOut> {
        block_on_until(deadline, self.done()).ok_or(TimedOut)
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Shutdown::new()
    }
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shutdown")
            .field("reason", &self.reason())
            .field("holds", &self.holds())
            .finish_non_exhaustive()
    }
}

/// Waits for a [`Shutdown`] to be triggered.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Wait {
    node: Arc<Node>,
    key: Option<Key>,
}

impl Future for Wait {
    type Output = Reason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reason> {
        let this = &mut *self;
        let mut waker = Some(cx.waker().clone());
        let mut old = None;
        let mut state = this.node.lock();
        let reason = state.reason.clone();
        match (&reason, this.key) {
            (Some(_), Some(key)) => {
                let _ = state.waiters.cancel(key, &mut old);
                this.key = None;
            }
            (Some(_), None) => {}
            (None, Some(key)) => {
                let _ = state.waiters.poll(key, &mut waker);
            }
            (None, None) => this.key = Some(state.waiters.push_back((), waker.take())),
        }
        drop(state);
        drop((old, waker));
        reason.map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let mut waker = None;
            let mut state = self.node.lock();
            let _ = state.waiters.cancel(key, &mut waker);
            drop(state);
        }
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").finish_non_exhaustive()
    }
}

pin_project! {
    /// Runs a future until a [`Shutdown`] is triggered.
    ///
    /// # Panics
    ///
    /// Polling it after it has completed panics.
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct Guard<F> {
        #[pin]
        future: Option<F>,
        wait: Wait,
    }
}

impl<F: Future> Future for Guard<F> {
    type Output = Result<F::Output, Reason>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let future = this.future.as_mut().as_pin_mut();
        if let Poll::Ready(output) = future.expect("polled after completion").poll(cx) {
            this.future.set(None);
            return Poll::Ready(Ok(output));
        }
        let Poll::Ready(reason) = Pin::new(this.wait).poll(cx) else {
            return Poll::Pending;
        };
        // It is gone before anybody hears that it was told to go.
        this.future.set(None);
        Poll::Ready(Err(reason))
    }
}

impl<F> fmt::Debug for Guard<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

/// Holds up the end of something, until it is dropped: see [`Shutdown::hold`].
///
/// A clone holds it up as well.
#[must_use = "it holds up nothing once it is dropped"]
pub struct Hold {
    node: Arc<Node>,
}

impl Clone for Hold {
    fn clone(&self) -> Self {
        self.node.hold();
        Hold {
            node: Arc::clone(&self.node),
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.node.release();
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}

/// Waits until nobody holds up a [`Shutdown`].
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Done {
    node: Arc<Node>,
    key: Option<Key>,
}

impl Future for Done {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut waker = Some(cx.waker().clone());
        let mut state = this.node.lock();
        let done = match this.key {
            None if state.holds == 0 => true,
            None => {
                this.key = Some(state.finishers.push_back((), waker.take()));
                false
            }
            Some(key) => {
                let done = state.finishers.poll(key, &mut waker).is_ready();
                if done {
                    this.key = None;
                }
                done
            }
        };
        drop(state);
        drop(waker);
        match done {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let mut waker = None;
            let mut state = self.node.lock();
            let _ = state.finishers.cancel(key, &mut waker);
            drop(state);
        }
    }
}

impl fmt::Debug for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Done").finish_non_exhaustive()
    }
}
