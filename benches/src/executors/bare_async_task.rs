//! async-task with a ring buffer and nothing else: what no executor on async-task can get below.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use async_task::{Runnable, Task};
use futures_lite::future::block_on;

use super::Executor;

thread_local! {
    static QUEUE: RefCell<VecDeque<Runnable>> = const { RefCell::new(VecDeque::new()) };
}

fn schedule(runnable: Runnable) {
    QUEUE.with_borrow_mut(|queue| queue.push_back(runnable));
}

/// Tasks of async-task in a thread-local ring buffer: one executor a thread, and no wakes from other threads.
#[derive(Debug)]
pub struct BareAsyncTask;

impl Executor for BareAsyncTask {
    type Join<T: 'static> = Task<T>;

    fn create() -> Self {
        Self
    }

    #[inline]
    fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T> {
        let (runnable, task) = async_task::spawn_local(future, schedule);
        runnable.schedule();
        task
    }

    #[inline]
    fn spawn_detached(&self, future: impl Future<Output = ()> + 'static) {
        self.spawn(future).detach();
    }

    fn block_on<T>(&self, main: impl Future<Output = T>) -> T {
        // As many turns between two looks at the main future as async-executor takes.
        const TURNS: usize = 200;
        let mut main = pin!(main);
        block_on(poll_fn(|cx| {
            if let Poll::Ready(output) = main.as_mut().poll(cx) {
                return Poll::Ready(output);
            }
            for _ in 0..TURNS {
                let Some(runnable) = QUEUE.with_borrow_mut(VecDeque::pop_front) else {
                    return Poll::Pending;
                };
                runnable.run();
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }))
    }
}
