//! The runtimes that stand on Linux's io_uring. Their tasks never leave their thread, nor do their wakers.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use glommio::{LocalExecutor, LocalExecutorBuilder, Placement};
use monoio::{FusionDriver, FusionRuntime, IoUringDriver, LegacyDriver, RuntimeBuilder};

use super::Executor;

/// `glommio::LocalExecutor`.
#[derive(Debug)]
pub struct Glommio(LocalExecutor);

impl Glommio {
    /// Tries to make an executor.
    ///
    /// # Errors
    ///
    /// In words, if the system does not give it what it needs: io_uring, and memory that stays where it is.
    pub fn probe() -> Result<(), String> {
        make_glommio().map(drop)
    }
}

fn make_glommio() -> Result<LocalExecutor, String> {
    // It locks this memory for input and output, of which the comparisons have none.
    let builder = LocalExecutorBuilder::new(Placement::Unbound).io_memory(64 << 10);
    builder.make().map_err(|error| error.to_string())
}

impl Executor for Glommio {
    type Join<T: 'static> = glommio::Task<T>;

    fn create() -> Self {
        Self(make_glommio().expect("it could be made before"))
    }

    #[inline]
    fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> glommio::Task<T> {
        glommio::spawn_local(future)
    }

    #[inline]
    fn spawn_detached(&self, future: impl Future<Output = ()> + 'static) {
        drop(glommio::spawn_local(future).detach());
    }

    #[inline]
    fn block_on<T>(&self, main: impl Future<Output = T>) -> T {
        self.0.run(main)
    }
}

type Runtime = FusionRuntime<IoUringDriver, LegacyDriver>;

/// monoio's runtime, on io_uring or, where the system refuses that, on epoll.
pub struct Monoio(RefCell<Runtime>);

impl fmt::Debug for Monoio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monoio").finish_non_exhaustive()
    }
}

impl Monoio {
    /// Tries to make a runtime.
    ///
    /// # Errors
    ///
    /// In words, if the system does not give it what it needs.
    pub fn probe() -> Result<(), String> {
        make_monoio().map(drop)
    }
}

fn make_monoio() -> Result<Runtime, String> {
    let builder = RuntimeBuilder::<FusionDriver>::new();
    builder.build().map_err(|error| error.to_string())
}

impl Executor for Monoio {
    type Join<T: 'static> = MonoioJoin<T>;

    fn create() -> Self {
        Self(RefCell::new(
            make_monoio().expect("it could be made before"),
        ))
    }

    #[inline]
    fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> MonoioJoin<T> {
        MonoioJoin(monoio::spawn(future))
    }

    #[inline]
    fn spawn_detached(&self, future: impl Future<Output = ()> + 'static) {
        drop(monoio::spawn(future));
    }

    #[inline]
    fn block_on<T>(&self, main: impl Future<Output = T>) -> T {
        self.0.borrow_mut().block_on(main)
    }
}

/// monoio's join handle.
pub struct MonoioJoin<T>(monoio::task::JoinHandle<T>);

impl<T> fmt::Debug for MonoioJoin<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MonoioJoin").finish_non_exhaustive()
    }
}

impl<T> Future for MonoioJoin<T> {
    type Output = T;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0).poll(cx)
    }
}
