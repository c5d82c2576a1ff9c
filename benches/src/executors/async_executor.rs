//! async-executor's `LocalExecutor`, the one that ours replaces.

use std::future::Future;

use async_executor::{LocalExecutor, Task};

use super::Executor;

/// `async_executor::LocalExecutor` under `futures_lite::future::block_on`.
#[derive(Debug)]
pub struct AsyncExecutor(LocalExecutor<'static>);

impl Executor for AsyncExecutor {
    type Join<T: 'static> = Task<T>;

    fn create() -> Self {
        Self(LocalExecutor::new())
    }

    #[inline]
    fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T> {
        self.0.spawn(future)
    }

    #[inline]
    fn spawn_detached(&self, future: impl Future<Output = ()> + 'static) {
        self.0.spawn(future).detach();
    }

    #[inline]
    fn block_on<T>(&self, main: impl Future<Output = T>) -> T {
        futures_lite::future::block_on(self.0.run(main))
    }
}
