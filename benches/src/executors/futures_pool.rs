//! futures' `LocalPool`.

use std::cell::RefCell;
use std::future::Future;

use futures::executor::{LocalPool, LocalSpawner};
use futures::future::RemoteHandle;
use futures::task::LocalSpawnExt;

use super::Executor;

/// `futures::executor::LocalPool`.
#[derive(Debug)]
pub struct FuturesLocalPool {
    pool: RefCell<LocalPool>,
    spawner: LocalSpawner,
}

impl Executor for FuturesLocalPool {
    type Join<T: 'static> = RemoteHandle<T>;

    fn create() -> Self {
        let pool = LocalPool::new();
        let spawner = pool.spawner();
        Self {
            pool: RefCell::new(pool),
            spawner,
        }
    }

    #[inline]
    fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> RemoteHandle<T> {
        self.spawner
            .spawn_local_with_handle(future)
            .expect("the pool is alive as long as its spawner is used")
    }

    #[inline]
    fn spawn_detached(&self, future: impl Future<Output = ()> + 'static) {
        self.spawner
            .spawn_local(future)
            .expect("the pool is alive as long as its spawner is used");
    }

    #[inline]
    fn block_on<T>(&self, main: impl Future<Output = T>) -> T {
        self.pool.borrow_mut().run_until(main)
    }
}
