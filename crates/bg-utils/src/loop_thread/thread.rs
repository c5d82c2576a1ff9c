//! The thread that the loop runs in.

use std::error::Error;
use std::fmt;
use std::io;
use std::ops::Deref;
use std::panic::resume_unwind;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::handle::{LoopHandle, Main};
use crate::clock::{block_on, now, sleep_until};

/// An event loop in a thread of its own. **Dropping it blocks** until that thread has ended: for the
/// poll that is in progress there, and for the drop of all its tasks.
///
/// It is a [`LoopHandle`] as well. See the [module](super).
///
/// Source: `async_utils.bg_loop.threaded_loop`.
pub struct LoopThread {
    handle: LoopHandle,
    thread: Option<JoinHandle<()>>,
}

impl LoopThread {
    /// Starts a thread of this name, and a loop in it.
    ///
    /// `run` makes the loop, runs the [`Main`] on it until that completes, and drops the loop. It is
    /// called on the thread, so nothing of the loop needs to be `Send`.
    ///
    /// # Errors
    ///
    /// If the operating system has no thread for it.
    ///
    /// # Examples
    ///
    /// With a loop of corokit:
    ///
    /// ```
    /// use corokit_bg_utils::loop_thread::LoopThread;
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let background = LoopThread::new("background", |main| {
    ///     let event_loop = EventLoop::new();
    ///     let handle = event_loop.handle();
    ///     event_loop.run(main.run(|task| handle.spawn(task).detach()));
    /// })
    /// .unwrap();
    /// let task = background.spawn(async { 1 + 1 }).unwrap();
    /// assert_eq!(task.wait_blocking().unwrap(), 2);
    /// ```
    pub fn new(name: &str, run: impl FnOnce(Main) + Send + 'static) -> io::Result<Self> {
        let (handle, main) = LoopHandle::new();
        let builder = thread::Builder::new().name(name.to_owned());
        let thread = builder.spawn(move || run(main))?;
        let thread = Some(thread);
        Ok(LoopThread { handle, thread })
    }

    /// Returns a handle, which may go anywhere.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::loop_thread::LoopThread;
    ///
    /// # let background = LoopThread::new("background", |main| {
    /// #     let executor = smol::LocalExecutor::new();
    /// #     smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
    /// # }).unwrap();
    /// let handle = background.handle();
    /// // A task of the loop spawns another one.
    /// let outer = background.spawn(async move { handle.spawn(async { 5 }).unwrap().await });
    /// assert_eq!(outer.unwrap().wait_blocking().unwrap().unwrap(), 5);
    /// ```
    pub fn handle(&self) -> LoopHandle {
        self.handle.clone()
    }

    /// Waits until all tasks have ended that were spawned through handles, those that they spawned
    /// meanwhile among them; then ends the loop and its thread.
    ///
    /// Tasks that were spawned on the loop by its own means are not waited for; they are dropped
    /// with the loop. A task that was spawned through a handle waits for ever if it waits for this:
    /// for its own end.
    ///
    /// In the end it blocks, as dropping the `LoopThread` does, for the poll that is in progress in
    /// the thread.
    ///
    /// # Panics
    ///
    /// With what the loop panicked with, if it did. Tasks that panic do not make it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the `LoopThread`, which cancels its tasks, and blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::loop_thread::LoopThread;
    ///
    /// # let background = LoopThread::new("background", |main| {
    /// #     let executor = smol::LocalExecutor::new();
    /// #     smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
    /// # }).unwrap();
    /// let task = background.spawn(async { 5 }).unwrap();
    /// futures_lite::future::block_on(async {
    ///     background.finish().await;
    ///     assert_eq!(task.await.unwrap(), 5);
    /// });
    /// ```
    pub async fn finish(mut self) {
        loop {
            self.handle.idle().await;
            // Somebody may have spawned another one by now.
            if self.handle.shared.stop(true) {
                break;
            }
        }
        self.join();
    }

    /// Blocks the thread as [`finish`](Self::finish) waits: what leaving Python's context manager
    /// does.
    ///
    /// # Panics
    ///
    /// As [`finish`](Self::finish); and on the thread of the loop itself, unless it has no tasks: it
    /// would wait for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::loop_thread::LoopThread;
    ///
    /// # let background = LoopThread::new("background", |main| {
    /// #     let executor = smol::LocalExecutor::new();
    /// #     smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
    /// # }).unwrap();
    /// background.spawn(async { println!("done") }).unwrap().detach();
    /// background.finish_blocking();
    /// ```
    #[track_caller]
    pub fn finish_blocking(self) {
        assert!(
            self.handle.is_empty() || !self.handle.shared.is_here(),
            "the loop would be blocked by waiting for its own tasks",
        );
        block_on(self.finish());
    }

    /// As [`finish`](Self::finish), for so long at most: then all tasks that are left are cancelled.
    ///
    /// # Errors
    ///
    /// [`Unfinished`] with how many had to be cancelled. The thread has ended in any case.
    ///
    /// # Panics
    ///
    /// As [`finish`](Self::finish).
    ///
    /// # Cancel safety
    ///
    /// As [`finish`](Self::finish).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::loop_thread::LoopThread;
    /// use futures_lite::future;
    /// use std::time::Duration;
    ///
    /// # let background = LoopThread::new("background", |main| {
    /// #     let executor = smol::LocalExecutor::new();
    /// #     smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
    /// # }).unwrap();
    /// background.spawn(future::pending::<()>()).unwrap().detach();
    /// let finished = future::block_on(background.finish_within(Duration::from_millis(1)));
    /// assert_eq!(finished.unwrap_err().cancelled, 1);
    /// ```
    pub async fn finish_within(mut self, duration: Duration) -> Result<(), Unfinished> {
        let mut timer = now().checked_add(duration).map(sleep_until);
        loop {
            let mut idle = self.handle.idle();
            let in_time = std::future::poll_fn(|cx| {
                use std::future::Future;
                use std::pin::Pin;
                use std::task::Poll;

                if Pin::new(&mut idle).poll(cx).is_ready() {
                    return Poll::Ready(true);
                }
                match &mut timer {
                    Some(timer) => Pin::new(timer).poll(cx).map(|()| false),
                    None => Poll::Pending,
                }
            });
            if !in_time.await {
                let cancelled = self.handle.running().len();
                self.handle.shared.stop(false);
                self.join();
                return match cancelled {
                    0 => Ok(()),
                    cancelled => Err(Unfinished { cancelled }),
                };
            }
            if self.handle.shared.stop(true) {
                self.join();
                return Ok(());
            }
        }
    }

    /// Blocks the thread as [`finish_within`](Self::finish_within) waits.
    ///
    /// # Errors
    ///
    /// As [`finish_within`](Self::finish_within).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::loop_thread::LoopThread;
    /// use std::time::Duration;
    ///
    /// # let background = LoopThread::new("background", |main| {
    /// #     let executor = smol::LocalExecutor::new();
    /// #     smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
    /// # }).unwrap();
    /// assert!(background.finish_within_blocking(Duration::from_secs(1)).is_ok());
    /// ```
    pub fn finish_within_blocking(self, duration: Duration) -> Result<(), Unfinished> {
        block_on(self.finish_within(duration))
    }

    /// Waits for the thread, which has been told to end.
    fn join(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        if thread.thread().id() == thread::current().id() {
            // It cannot wait for itself; it ends when this task lets it.
            return;
        }
        if let Err(panic) = thread.join() {
            if !thread::panicking() {
                resume_unwind(panic);
            }
        }
    }
}

impl Deref for LoopThread {
    type Target = LoopHandle;

    fn deref(&self) -> &LoopHandle {
        &self.handle
    }
}

impl Drop for LoopThread {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.handle.shared.stop(false);
            if thread.thread().id() != thread::current().id() {
                // Those who want to hear of a panic call finish.
                drop(thread.join());
            }
        }
    }
}

impl fmt::Debug for LoopThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopThread")
            .field("tasks", &self.handle.len())
            .finish_non_exhaustive()
    }
}

/// Tasks had to be cancelled, because they did not end in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unfinished {
    /// How many.
    pub cancelled: usize,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} tasks did not end in time and were cancelled",
            self.cancelled
        )
    }
}

impl Error for Unfinished {}
