//! A scope works on any executor, since it is installed by whoever polls or drops it.
#![cfg(feature = "context")]

use std::future::Future;
use std::sync::mpsc::{self, Sender};

use corokit_core::context::{Context, ContextVar};
use futures_lite::future::{block_on, yield_now};

static VAR: ContextVar<u32> = ContextVar::new();

/// Reports the variable when it is dropped.
struct Report(Sender<Option<u32>>);

impl Drop for Report {
    fn drop(&mut self) {
        let _ = self.0.send(VAR.get());
    }
}

/// A task that has its own value between many suspensions, beside others like it.
fn body(n: u32) -> impl Future<Output = u32> + Send {
    Context::current().with_value(&VAR, n).scope(async move {
        for step in 0..50 {
            assert_eq!(VAR.get(), Some(n + step));
            VAR.set(n + step + 1);
            yield_now().await;
        }
        VAR.get().unwrap()
    })
}

/// A task that never ends, and reports what its destructors see.
fn endless(n: u32, sender: Sender<Option<u32>>) -> impl Future<Output = ()> + Send {
    let report = Report(sender);
    Context::new().with_value(&VAR, n).scope(async move {
        let _report = report;
        loop {
            yield_now().await;
        }
    })
}

fn check(outputs: &[u32]) {
    let expected: Vec<u32> = (0..outputs.len() as u32).map(|n| n * 1000 + 50).collect();
    assert_eq!(outputs, expected);
    assert_eq!(VAR.get(), Some(7));
}

#[test]
fn on_async_executor() {
    VAR.set(7);
    let executor = async_executor::LocalExecutor::new();
    let (sender, receiver) = mpsc::channel();
    let endless = executor.spawn(endless(3, sender));
    let tasks: Vec<_> = (0..8).map(|n| executor.spawn(body(n * 1000))).collect();
    let outputs = block_on(executor.run(async {
        let mut outputs = Vec::new();
        for task in tasks {
            outputs.push(task.await);
        }
        outputs
    }));
    check(&outputs);
    drop((endless, executor));
    assert_eq!(receiver.recv(), Ok(Some(3)));
}

#[test]
fn on_smol_whose_threads_take_turns() {
    VAR.set(7);
    let tasks: Vec<_> = (0..8).map(|n| smol::spawn(body(n * 1000))).collect();
    let (sender, receiver) = mpsc::channel();
    drop(smol::spawn(endless(3, sender)));
    let outputs = block_on(async {
        let mut outputs = Vec::new();
        for task in tasks {
            outputs.push(task.await);
        }
        outputs
    });
    check(&outputs);
    assert_eq!(receiver.recv(), Ok(Some(3)));
}

fn on_tokio(runtime: tokio::runtime::Runtime) {
    VAR.set(7);
    let (sender, receiver) = mpsc::channel();
    let outputs = runtime.block_on(async {
        let endless = tokio::spawn(endless(3, sender));
        let tasks: Vec<_> = (0..8).map(|n| tokio::spawn(body(n * 1000))).collect();
        let mut outputs = Vec::new();
        for task in tasks {
            outputs.push(task.await.unwrap());
        }
        endless.abort();
        outputs
    });
    check(&outputs);
    drop(runtime);
    assert_eq!(receiver.recv(), Ok(Some(3)));
}

#[test]
fn on_tokio_with_one_thread() {
    on_tokio(
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap(),
    );
}

#[test]
fn on_tokio_with_threads() {
    on_tokio(
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap(),
    );
}
