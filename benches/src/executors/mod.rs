//! The contestants, all behind one trait, so that each does the very same work.

mod async_executor;
mod bare_async_task;
mod corokit;
mod futures_pool;
mod tokio_local;
#[cfg(all(feature = "uring", target_os = "linux"))]
mod uring;

use std::future::Future;

pub use self::async_executor::AsyncExecutor;
pub use self::bare_async_task::BareAsyncTask;
pub use self::corokit::Corokit;
pub use self::futures_pool::FuturesLocalPool;
pub use self::tokio_local::{TokioLocalRuntime, TokioLocalSet};
#[cfg(all(feature = "uring", target_os = "linux"))]
pub use self::uring::{Glommio, Monoio, MonoioJoin};

/// A single-threaded executor, as far as the comparisons need it.
pub trait Executor: Sized {
    /// What `spawn` returns: the output of the task.
    type Join<T: 'static>: Future<Output = T>;

    /// Makes an executor, with the runtime it needs around it.
    fn create() -> Self;

    /// Spawns a task whose output somebody waits for.
    fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Self::Join<T>;

    /// Spawns a task that nobody waits for.
    fn spawn_detached(&self, future: impl Future<Output = ()> + 'static);

    /// Runs the tasks and `main` on this thread until `main` is ready.
    fn block_on<T>(&self, main: impl Future<Output = T>) -> T;
}
