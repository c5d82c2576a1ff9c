//! Ours.

use std::future::Future;

use corokit_scheduler::{LocalExecutor, Task};

use super::Executor;

/// `corokit_scheduler::LocalExecutor` under `futures_lite::future::block_on`.
#[derive(Debug)]
pub struct Corokit(LocalExecutor<'static>);

impl Executor for Corokit {
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
