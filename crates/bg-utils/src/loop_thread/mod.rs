//! An event loop in a background thread: a home for futures that are not `Send`, and for all that a
//! program of threads wants to do asynchronously.
//!
//! ```
//! use corokit_bg_utils::loop_thread::LoopThread;
//! use corokit_sched_loop::EventLoop;
//! use std::rc::Rc;
//!
//! let background = LoopThread::new("background", |main| {
//!     let event_loop = EventLoop::new();
//!     let handle = event_loop.handle();
//!     event_loop.run(main.run(|task| handle.spawn(task).detach()));
//! })
//! .unwrap();
//!
//! let task = background.spawn_local(|| async {
//!     let not_send = Rc::new(5);
//!     corokit_sched_loop::sleep(std::time::Duration::from_millis(1)).await;
//!     *not_send
//! });
//! assert_eq!(task.unwrap().wait_blocking().unwrap(), 5);
//! background.finish_blocking();
//! ```
//!
//! # The model
//!
//! - **Loop**: any that can spawn a future that is not `Send`. The closure given to
//!   [`LoopThread::new`] makes it, and runs [`Main`] on it; nothing else is known of it.
//! - **Spawning**: from any thread, and from the tasks of the loop, through a [`LoopHandle`]. The
//!   [`LoopTask`] can be awaited on any executor, or [blocked on](LoopTask::wait_blocking).
//! - **Cancelling**: dropping a `LoopTask` cancels the task, and [`cancel_all`](LoopHandle::cancel_all)
//!   does so for all. A future is always dropped on the loop's thread.
//! - **Panics** of a task reach whoever awaits it, and nobody else; the loop goes on.
//! - **End**: [`finish`](LoopThread::finish) waits for all tasks,
//!   [`finish_within`](LoopThread::finish_within) for so long, and dropping the `LoopThread` cancels
//!   them all. When the thread has ended, spawning is an error.
//!
//! Source: `async_utils.bg_loop`.

mod handle;
#[cfg(all(test, loom))]
mod loom_tests;
mod task;
mod thread;

pub use handle::{Idle, LocalTask, LoopHandle, Main};
pub use task::{LoopTask, TaskError};
pub use thread::{LoopThread, Unfinished};
