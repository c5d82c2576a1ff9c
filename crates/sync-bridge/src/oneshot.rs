//! One value, sent once, from one side to the other: either side may be a thread or a task.
//!
//! ```
//! use corokit_sync_bridge::oneshot;
//! use std::thread;
//!
//! let (sender, receiver) = oneshot::channel();
//! let thread = thread::spawn(move || sender.send(6 * 7));
//! assert_eq!(futures_lite::future::block_on(receiver), Ok(42));
//! thread.join().unwrap().unwrap();
//! ```
//!
//! Source: `asyncio.Future`, `concurrent.futures.Future`.

use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
#[cfg(not(loom))]
use std::time::Instant;

use crate::park::block_on;
use crate::sync::{Mutex, lock};
#[cfg(not(loom))]
use crate::{TimedOut, deadline::block_on_until};

/// Makes a channel for one value.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::oneshot;
///
/// let (sender, receiver) = oneshot::channel();
/// sender.send("the answer").unwrap();
/// assert_eq!(receiver.recv_blocking(), Ok("the answer"));
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Mutex::new(State {
        value: None,
        open: true,
        sender: None,
        receiver: None,
    }));
    let sender = Sender {
        shared: Arc::clone(&shared),
    };
    (sender, Receiver { shared })
}

struct State<T> {
    value: Option<T>,
    /// Neither has the sender sent or gone, nor has the receiver closed the channel or gone.
    open: bool,
    /// The wakers of the sides, if they wait.
    sender: Option<Waker>,
    receiver: Option<Waker>,
}

/// The side that sends: see [`channel`].
///
/// Dropping it without sending tells the receiver that there will be no value.
#[must_use = "without a sender there will be no value"]
pub struct Sender<T> {
    shared: Arc<Mutex<State<T>>>,
}

impl<T> Sender<T> {
    /// Sends the value, and never waits.
    ///
    /// # Errors
    ///
    /// If the receiver has gone, or has closed the channel, the value comes back.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::oneshot;
    ///
    /// let (sender, receiver) = oneshot::channel();
    /// drop(receiver);
    /// assert_eq!(sender.send(5), Err(5));
    /// ```
    pub fn send(self, value: T) -> Result<(), T> {
        let mut state = lock(&self.shared);
        if !state.open {
            return Err(value);
        }
        state.value = Some(value);
        state.open = false;
        let receiver = state.receiver.take();
        drop(state);
        if let Some(receiver) = receiver {
            receiver.wake();
        }
        Ok(())
    }

    /// Returns `true` if nobody will receive the value.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::oneshot;
    ///
    /// let (sender, receiver) = oneshot::channel::<()>();
    /// assert!(!sender.is_closed());
    /// drop(receiver);
    /// assert!(sender.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        !lock(&self.shared).open
    }

    /// Waits until nobody will receive the value any more, so that the work for it can be given up.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is the same as never having waited.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::oneshot;
    /// use futures_lite::future;
    ///
    /// let (mut sender, receiver) = oneshot::channel::<()>();
    /// future::block_on(async {
    ///     assert!(future::poll_once(sender.closed()).await.is_none());
    ///     drop(receiver);
    ///     sender.closed().await;
    /// });
    /// ```
    pub fn closed(&mut self) -> impl Future<Output = ()> + use<'_, T> {
        poll_fn(|cx| {
            // Cloned, and the one that it replaces dropped, outside of the lock.
            let waker = cx.waker().clone();
            let mut state = lock(&self.shared);
            if !state.open {
                return Poll::Ready(());
            }
            let former = state.sender.replace(waker);
            drop(state);
            drop(former);
            Poll::Pending
        })
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let (own, receiver) = {
            let mut state = lock(&self.shared);
            let own = state.sender.take();
            // What has been sent already is still to be received.
            let open = mem::replace(&mut state.open, false);
            (own, if open { state.receiver.take() } else { None })
        };
        drop(own);
        if let Some(receiver) = receiver {
            receiver.wake();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// The side that receives: see [`channel`]. It is a future of the value.
///
/// # Cancel safety
///
/// Waiting on `&mut receiver`, and giving that up, loses nothing.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Receiver<T> {
    shared: Arc<Mutex<State<T>>>,
}

impl<T> Receiver<T> {
    /// Takes the value if it has been sent.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if it has not been sent yet, and [`TryRecvError::Closed`] if it will
    /// not be any more, or has been received already.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::oneshot::{self, TryRecvError};
    ///
    /// let (sender, mut receiver) = oneshot::channel();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.send(5).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(5));
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let mut state = lock(&self.shared);
        match state.value.take() {
            Some(value) => Ok(value),
            None if state.open => Err(TryRecvError::Empty),
            None => Err(TryRecvError::Closed),
        }
    }

    /// Blocks the thread until the value is there.
    ///
    /// # Errors
    ///
    /// [`Closed`], if the sender has gone without sending.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::oneshot;
    /// use std::thread;
    ///
    /// let (sender, receiver) = oneshot::channel();
    /// let thread = thread::spawn(move || sender.send(5).unwrap());
    /// assert_eq!(receiver.recv_blocking(), Ok(5));
    /// thread.join().unwrap();
    /// ```
    pub fn recv_blocking(self) -> Result<T, Closed> {
        block_on(self)
    }

    /// Blocks the thread until the value is there, or until `deadline`. One may go on waiting after
    /// that.
    ///
    /// # Errors
    ///
    /// [`RecvDeadlineError::TimedOut`], if the deadline passed first, and
    /// [`RecvDeadlineError::Closed`] if the sender has gone without sending.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::oneshot::{self, RecvDeadlineError};
    /// use std::time::Instant;
    ///
    /// let (sender, mut receiver) = oneshot::channel();
    /// let now = Instant::now();
    /// assert_eq!(receiver.recv_deadline(now), Err(RecvDeadlineError::TimedOut));
    /// sender.send(5).unwrap();
    /// assert_eq!(receiver.recv_deadline(now), Ok(5));
    /// ```
    #[cfg(not(loom))]
    pub fn recv_deadline(&mut self, deadline: Instant) -> Result<T, RecvDeadlineError> {
        match block_on_until(deadline, self) {
            Ok(received) => received.map_err(|Closed| RecvDeadlineError::Closed),
            Err(TimedOut) => Err(RecvDeadlineError::TimedOut),
        }
    }

    /// Lets the sender know that its value is not wanted any more. What it has sent already can
    /// still be received.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::oneshot;
    ///
    /// let (sender, mut receiver) = oneshot::channel();
    /// receiver.close();
    /// assert_eq!(sender.send(5), Err(5));
    /// ```
    pub fn close(&mut self) {
        let sender = {
            let mut state = lock(&self.shared);
            state.open = false;
            state.sender.take()
        };
        if let Some(sender) = sender {
            sender.wake();
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, Closed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, Closed>> {
        // Cloned, and the one that it replaces dropped, outside of the lock.
        let waker = cx.waker().clone();
        let mut state = lock(&self.shared);
        if let Some(value) = state.value.take() {
            return Poll::Ready(Ok(value));
        }
        if !state.open {
            return Poll::Ready(Err(Closed));
        }
        let former = state.receiver.replace(waker);
        drop(state);
        drop(former);
        Poll::Pending
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let (sender, own, value) = {
            let mut state = lock(&self.shared);
            state.open = false;
            let sender = state.sender.take();
            (sender, state.receiver.take(), state.value.take())
        };
        if let Some(sender) = sender {
            sender.wake();
        }
        drop((own, value));
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("closed", &!lock(&self.shared).open)
            .finish_non_exhaustive()
    }
}

/// There will be no value: the sender has gone, or the channel has been closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sender has gone without sending a value")
    }
}

impl Error for Closed {}

/// Why [`Receiver::try_recv`] has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TryRecvError {
    /// It has not been sent yet.
    Empty,
    /// There will be none.
    Closed,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryRecvError::Empty => f.write_str("no value has been sent yet"),
            TryRecvError::Closed => Closed.fmt(f),
        }
    }
}

impl Error for TryRecvError {}

/// Why [`Receiver::recv_deadline`] has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecvDeadlineError {
    /// The deadline passed first.
    TimedOut,
    /// There will be none.
    Closed,
}

impl fmt::Display for RecvDeadlineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvDeadlineError::TimedOut => f.write_str("no value was sent before the deadline"),
            RecvDeadlineError::Closed => Closed.fmt(f),
        }
    }
}

impl Error for RecvDeadlineError {}
