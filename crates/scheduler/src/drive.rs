//! Driving an executor by hand, or from somebody else's loop.

use std::future::{Future, poll_fn};
use std::task::{Context, Poll};

use corokit_core::ReadyQueue;

use crate::executor::LocalExecutor;

/// Driving by hand.
impl<Q: ReadyQueue> LocalExecutor<'_, Q> {
    /// Runs tasks until none can run any more, and returns how many steps that took.
    ///
    /// Tasks that always can run keep it going for ever. Main futures are passed on to their
    /// runners.
    ///
    /// Source: `LocalPool::run_until_stalled` of futures.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    /// use futures_lite::future::yield_now;
    ///
    /// let executor = LocalExecutor::new();
    /// let done = executor.spawn(async { yield_now().await });
    /// let waits = executor.spawn(std::future::pending::<()>());
    /// assert_eq!(executor.run_until_stalled(), 3);
    /// assert!(done.is_finished() && !waits.is_finished());
    /// ```
    pub fn run_until_stalled(&self) -> usize {
        let mut steps = 0;
        while self.try_tick() {
            steps += 1;
        }
        steps
    }

    /// Returns `Ready` if something can run. Otherwise remembers the waker and wakes it, once, as
    /// soon as something can.
    ///
    /// This is the hook for somebody else's loop, a user interface's say: its waker posts an event,
    /// and when the event comes the loop calls [`run_until_stalled`](LocalExecutor::run_until_stalled)
    /// and asks again. Only the waker of the last call is remembered.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    /// use std::sync::{Arc, mpsc};
    /// use std::task::{Context, Wake, Waker};
    ///
    /// /// The events of a foreign loop.
    /// struct Post(mpsc::Sender<&'static str>);
    ///
    /// impl Wake for Post {
    ///     fn wake(self: Arc<Self>) {
    ///         let _ = self.0.send("run tasks");
    ///     }
    /// }
    ///
    /// let (sender, events) = mpsc::channel();
    /// let waker = Waker::from(Arc::new(Post(sender)));
    /// let executor = LocalExecutor::new();
    /// assert!(executor.poll_ready(&mut Context::from_waker(&waker)).is_pending());
    ///
    /// let task = executor.spawn(async { 1 });
    /// assert_eq!(events.recv(), Ok("run tasks"));
    /// assert_eq!(executor.run_until_stalled(), 1);
    /// assert!(task.is_finished());
    /// ```
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let local = self.local();
        let inbox = &local.shared.inbox;
        inbox.unpark(local.host_key());
        if !local.has_work() {
            inbox.park(local.host_key(), cx.waker());
            if !local.has_work() {
                return Poll::Pending;
            }
            inbox.unpark(local.host_key());
        }
        Poll::Ready(())
    }

    /// Waits until something can run, and runs nothing.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing. Of several at a time only the last that was polled is
    /// woken, see [`poll_ready`](LocalExecutor::poll_ready).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    /// use futures_lite::future;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(async {});
    /// future::block_on(executor.ready());
    /// assert!(!task.is_finished());
    /// ```
    pub fn ready(&self) -> impl Future<Output = ()> + '_ {
        poll_fn(|cx| self.poll_ready(cx))
    }
}
