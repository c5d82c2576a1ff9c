//! tokio's two ways to keep tasks on one thread.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::{Builder, LocalOptions, LocalRuntime, Runtime};
use tokio::task::{JoinHandle, LocalSet};

use super::Executor;

/// A tokio join handle whose task neither panics nor is cancelled.
#[derive(Debug)]
pub struct TokioJoin<T>(JoinHandle<T>);

impl<T> Future for TokioJoin<T> {
    type Output = T;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let joined = Pin::new(&mut self.0).poll(cx);
        joined.map(|result| result.expect("no task of a bench panics"))
    }
}

/// `tokio::task::LocalSet` on a current-thread runtime.
#[derive(Debug)]
pub struct TokioLocalSet {
    tasks: LocalSet,
    runtime: Runtime,
}

impl Executor for TokioLocalSet {
    type Join<T: 'static> = TokioJoin<T>;

    fn create() -> Self {
        let runtime = Builder::new_current_thread().build();
        Self {
            tasks: LocalSet::new(),
            runtime: runtime.expect("a runtime without drivers needs nothing of the system"),
        }
    }

    #[inline]
    fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> TokioJoin<T> {
        TokioJoin(self.tasks.spawn_local(future))
    }

    #[inline]
    fn spawn_detached(&self, future: impl Future<Output = ()> + 'static) {
        drop(self.tasks.spawn_local(future));
    }

    #[inline]
    fn block_on<T>(&self, main: impl Future<Output = T>) -> T {
        self.tasks.block_on(&self.runtime, main)
    }
}

/// `tokio::runtime::LocalRuntime`.
#[derive(Debug)]
pub struct TokioLocalRuntime(LocalRuntime);

impl Executor for TokioLocalRuntime {
    type Join<T: 'static> = TokioJoin<T>;

    fn create() -> Self {
        let runtime = Builder::new_current_thread().build_local(LocalOptions::default());
        Self(runtime.expect("a runtime without drivers needs nothing of the system"))
    }

    #[inline]
    fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> TokioJoin<T> {
        TokioJoin(self.0.spawn_local(future))
    }

    #[inline]
    fn spawn_detached(&self, future: impl Future<Output = ()> + 'static) {
        drop(self.0.spawn_local(future));
    }

    #[inline]
    fn block_on<T>(&self, main: impl Future<Output = T>) -> T {
        self.0.block_on(main)
    }
}
