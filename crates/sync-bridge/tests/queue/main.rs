//! Queues of two colours.
#![cfg(not(loom))]
#![cfg(feature = "queue")]

mod batches;
mod closing;
mod ends;
mod explored;
mod going_away;
mod joining;
mod model;
mod naive;
mod order;
mod threads;
mod user_code;
mod waiting;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll_with<T>(future: &mut (impl Future<Output = T> + Unpin), count: &Arc<Count>) -> Poll<T> {
    let waker = Waker::from(Arc::clone(count));
    Pin::new(future).poll(&mut Context::from_waker(&waker))
}

fn poll<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Poll<T> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[track_caller]
fn ready<T>(future: &mut (impl Future<Output = T> + Unpin)) -> T {
    match poll(future) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// Checks that a future waits.
#[track_caller]
fn waits<T>(future: &mut (impl Future<Output = T> + Unpin)) {
    assert!(poll(future).is_pending());
}
