//! The loop that runs on this thread, and the functions that act on it.

use std::cell::RefCell;
use std::future::Future;
use std::panic::Location;

use corokit_core::{TaskId, time};
use corokit_scheduler::{LocalExecutor, Task};

use crate::event_loop::EventLoop;
use crate::handle::{LoopHandle, TaskBuilder};

thread_local! {
    /// The innermost running loop of this thread.
    static CURRENT: RefCell<Option<LoopHandle>> = const { RefCell::new(None) };
}

/// Restores the loop that was current before.
pub(crate) struct Entered {
    outer: Option<LoopHandle>,
}

/// Makes a loop the current one until the guard is dropped.
pub(crate) fn enter(handle: LoopHandle) -> Entered {
    // The hook finds the loop by itself, so there is nothing to undo.
    time::set_block_hook(Some(report_blocking_wait));
    // During the destruction of thread-locals there is no current loop any more.
    let outer = CURRENT.try_with(|current| current.replace(Some(handle)));
    Entered {
        outer: outer.ok().flatten(),
    }
}

impl Entered {
    /// Returns the loop that was current before.
    pub(crate) fn outer(&self) -> Option<&LoopHandle> {
        self.outer.as_ref()
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let outer = self.outer.take();
        let _ = CURRENT.try_with(|current| current.replace(outer));
    }
}

/// Tells the debug mode of the current loop that its thread is about to be blocked.
fn report_blocking_wait(location: &'static Location<'static>) {
    if let Some(handle) = current() {
        // A loop that is being dropped is current, too, but blocks no task.
        let _ = handle.with(|executor| executor.report_blocking_wait(location));
    }
}

/// Returns the task, or main future, of the current loop that is being polled.
pub(crate) fn running_task() -> Option<TaskId> {
    // Nothing in here can get at the current loop, so it may stay borrowed.
    let id = CURRENT.try_with(|current| {
        let current = current.borrow();
        let running = current.as_ref()?.with(LocalExecutor::current_task);
        running.ok().flatten()
    });
    id.ok().flatten()
}

/// Runs a future on a new event loop on this thread, and returns its output.
///
/// When the future completes, the loop is dropped: tasks that have not finished are cancelled.
///
/// Source: `asyncio.run`.
///
/// # Panics
///
/// A panic of the future goes to the caller, after the tasks have been cancelled.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop as sched_loop;
///
/// assert_eq!(sched_loop::run(async { 1 + 1 }), 2);
/// ```
#[track_caller]
pub fn run<T>(future: impl Future<Output = T>) -> T {
    EventLoop::new().run(future)
}

/// Returns a handle to the loop that runs on this thread, the innermost one if loops are nested,
/// or `None` outside of any loop.
///
/// Source: `asyncio.get_running_loop`.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop as sched_loop;
///
/// assert!(sched_loop::current().is_none());
/// assert!(sched_loop::run(async { sched_loop::current().is_some() }));
/// ```
pub fn current() -> Option<LoopHandle> {
    // During the destruction of thread-locals there is no running loop any more.
    CURRENT
        .try_with(|current| current.borrow().clone())
        .ok()
        .flatten()
}

/// Spawns a task on the current loop.
///
/// Source: `asyncio.create_task`.
///
/// # Panics
///
/// Panics outside of any loop.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop as sched_loop;
///
/// let result = sched_loop::run(async { sched_loop::spawn(async { 1 }).await });
/// assert_eq!(result, 1);
/// ```
#[track_caller]
pub fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Task<T> {
    task().spawn(future)
}

/// Starts to describe a task for the current loop: its name.
///
/// # Panics
///
/// Panics outside of any loop.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop as sched_loop;
///
/// let result = sched_loop::run(async {
///     sched_loop::task().name("adder").spawn(async { 1 + 1 }).await
/// });
/// assert_eq!(result, 2);
/// ```
#[track_caller]
pub fn task() -> TaskBuilder {
    match current() {
        Some(handle) => handle.task(),
        None => panic!("there is no running event loop on this thread: call this inside of `run`"),
    }
}
