//! What the tests of the locks share.
#![allow(dead_code, reason = "no test needs all of it")]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use corokit_priority::{Priority, TaskNode};

pub(crate) type Boxed<'f, T> = Pin<Box<dyn Future<Output = T> + 'f>>;

pub(crate) fn node(priority: i32) -> TaskNode {
    TaskNode::new(Priority::new(priority))
}

/// Polls once, and is not woken.
pub(crate) fn poll<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Poll<T> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Returns the output of a future that does not wait.
#[track_caller]
pub(crate) fn ready<T>(future: &mut (impl Future<Output = T> + Unpin)) -> T {
    match poll(future) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// Returns what a future gives on smol, on tokio and on corokit: three times the same.
pub(crate) fn on_all_executors<T: Send + PartialEq + std::fmt::Debug + 'static, F>(
    future: impl Fn() -> F,
) -> T
where
    F: Future<Output = T> + Send + 'static,
{
    let output = smol::block_on(smol::spawn(future()));
    let tokio = tokio::runtime::Builder::new_current_thread().build();
    let on_tokio = async { tokio::spawn(future()).await.unwrap() };
    assert_eq!(tokio.unwrap().block_on(on_tokio), output);
    let on_corokit = async { corokit_sched_loop::spawn(future()).await };
    assert_eq!(corokit_sched_loop::run(on_corokit), output);
    output
}
