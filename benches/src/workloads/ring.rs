//! A token that tasks pass on to each other.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::countdown::Countdown;
use crate::clock::{per_op, thread_cpu_ns};
use crate::executors::Executor;

/// The place of one task in the ring.
#[derive(Default)]
struct Seat {
    has_token: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Seat {
    /// Takes the token as soon as it is here.
    async fn receive(&self) {
        poll_fn(|cx| {
            if self.has_token.replace(false) {
                return Poll::Ready(());
            }
            // As locks and channels do: the waker is kept and cloned only if it is another one.
            let kept = self.waker.take();
            let same = kept.filter(|waker| waker.will_wake(cx.waker()));
            self.waker
                .set(Some(same.unwrap_or_else(|| cx.waker().clone())));
            Poll::Pending
        })
        .await;
    }

    /// Lays the token down here and wakes whoever waits for it.
    fn give(&self) {
        self.has_token.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake_by_ref();
            self.waker.set(Some(waker));
        }
    }
}

/// Sends a token round a ring of `tasks` tasks until it has made `hops` hops: nanoseconds a hop.
///
/// ```
/// use corokit_benches::{AsyncExecutor, token_ring};
///
/// assert!(token_ring::<AsyncExecutor>(3, 30) > 0.0);
/// ```
#[must_use]
pub fn token_ring<E: Executor>(tasks: usize, hops: u64) -> f64 {
    let executor = E::create();
    executor.block_on(async {
        let seats: Rc<Vec<Seat>> = Rc::new((0..tasks).map(|_| Seat::default()).collect());
        let stop = Rc::new(Cell::new(false));
        let ended = Countdown::new(tasks as u64);
        let figure = Rc::new(Cell::new(0.0));
        let laps = hops.div_ceil(tasks as u64).max(1);
        for index in 0..tasks {
            let seats = Rc::clone(&seats);
            let (stop, ended) = (Rc::clone(&stop), Rc::clone(&ended));
            let next = (index + 1) % tasks;
            if index == 0 {
                let figure = Rc::clone(&figure);
                executor.spawn_detached(async move {
                    // The first lap lets every task begin to wait.
                    seats[next].give();
                    seats[0].receive().await;
                    let start = thread_cpu_ns();
                    for _ in 0..laps {
                        seats[next].give();
                        seats[0].receive().await;
                    }
                    let elapsed = thread_cpu_ns() - start;
                    figure.set(per_op(elapsed, laps * seats.len() as u64));
                    stop.set(true);
                    seats[next].give();
                    ended.step();
                });
            } else {
                executor.spawn_detached(async move {
                    while !stop.get() {
                        seats[index].receive().await;
                        seats[next].give();
                    }
                    ended.step();
                });
            }
        }
        ended.wait().await;
        figure.get()
    })
}
