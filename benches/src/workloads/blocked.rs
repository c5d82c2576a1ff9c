//! One busy task in a crowd that waits.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::countdown::Countdown;
use super::yields::Steps;
use crate::executors::Executor;

/// Lets one task yield `rounds` times while `blocked` others wait: nanoseconds a step.
///
/// ```
/// use corokit_benches::{AsyncExecutor, one_beside_blocked};
///
/// assert!(one_beside_blocked::<AsyncExecutor>(10, 10) > 0.0);
/// ```
#[must_use]
pub fn one_beside_blocked<E: Executor>(blocked: u64, rounds: u64) -> f64 {
    let executor = E::create();
    executor.block_on(async {
        let wakers = Rc::new(RefCell::new(Vec::<Waker>::new()));
        let free = Rc::new(Cell::new(false));
        let (blocking, ended) = (Countdown::new(blocked), Countdown::new(blocked));
        for _ in 0..blocked {
            let (wakers, free) = (Rc::clone(&wakers), Rc::clone(&free));
            let (blocking, ended) = (Rc::clone(&blocking), Rc::clone(&ended));
            executor.spawn_detached(async move {
                blocking.step();
                poll_fn(|cx| {
                    if free.get() {
                        return Poll::Ready(());
                    }
                    wakers.borrow_mut().push(cx.waker().clone());
                    Poll::Pending
                })
                .await;
                ended.step();
            });
        }
        blocking.wait().await;
        let figure = executor
            .spawn(async move { Steps::default().lead(rounds).await })
            .await;
        free.set(true);
        for waker in wakers.take() {
            waker.wake();
        }
        ended.wait().await;
        figure
    })
}
