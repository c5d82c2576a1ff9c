//! Wakes that come from other threads, each side measured while the other one waits.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::task::{Poll, Waker};
use std::thread;

use super::countdown::Countdown;
use super::yields::yield_in;
use crate::affinity::Apart;
use crate::clock::{Stopwatch, per_op};
use crate::executors::Executor;

/// What foreign wakes cost on either side, each in nanoseconds a wake.
#[derive(Clone, Copy, Debug)]
pub struct ForeignWakes {
    /// Processor time of the threads that wake.
    pub waking: f64,
    /// Processor time of the executor's thread: taking in, queueing, polling.
    pub home: f64,
}

impl ForeignWakes {
    /// Returns both sides together.
    #[must_use]
    pub fn both(&self) -> f64 {
        self.waking + self.home
    }
}

/// Spawns tasks that wait until they are woken, step the countdown and wait again, until `stop` is set.
///
/// Returns a waker of each once all of them wait.
async fn spawn_sleepers<E: Executor>(
    executor: &E,
    tasks: usize,
    polled: &Rc<Countdown>,
    stop: &Rc<Cell<bool>>,
) -> Vec<Waker> {
    let wakers = Rc::new(RefCell::new(Vec::new()));
    polled.reset(tasks as u64);
    for _ in 0..tasks {
        let (polled, stop, wakers) = (Rc::clone(polled), Rc::clone(stop), Rc::clone(&wakers));
        executor.spawn_detached(async move {
            let mut first = true;
            poll_fn(|cx| {
                if first {
                    first = false;
                    wakers.borrow_mut().push(cx.waker().clone());
                }
                polled.step();
                if stop.get() {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        });
    }
    polled.wait().await;
    wakers.take()
}

/// Wakes `tasks` tasks from `threads` other threads, then runs them, `rounds` times in lockstep: neither side works while
/// the other is measured.
///
/// ```
/// use corokit_benches::{AsyncExecutor, foreign_lockstep};
///
/// let cost = foreign_lockstep::<AsyncExecutor>(2, 10, 3);
/// assert!(cost.waking > 0.0 && cost.home > 0.0);
/// ```
#[must_use]
pub fn foreign_lockstep<E: Executor>(threads: usize, tasks: usize, rounds: u64) -> ForeignWakes {
    let executor = E::create();
    executor.block_on(async {
        let (polled, stop) = (Countdown::new(0), Rc::new(Cell::new(false)));
        let wakers = spawn_sleepers(&executor, tasks, &polled, &stop).await;

        // Each thread measures its own part between the two barriers of a round.
        let apart = Apart::keep();
        let barrier = Arc::new(Barrier::new(threads + 1));
        let waking = Arc::new(AtomicU64::new(0));
        let share = tasks.div_ceil(threads);
        let handles = wakers.chunks(share).map(|part| {
            let part = part.to_vec();
            let (barrier, waking) = (Arc::clone(&barrier), Arc::clone(&waking));
            let move_away = apart.mover();
            thread::spawn(move || {
                move_away();
                let mut elapsed = 0;
                for _ in 0..rounds {
                    barrier.wait();
                    let watch = Stopwatch::start();
                    for waker in &part {
                        waker.wake_by_ref();
                    }
                    elapsed += watch.elapsed_ns();
                    barrier.wait();
                }
                waking.fetch_add(elapsed, Ordering::Relaxed);
            })
        });
        let handles: Vec<_> = handles.collect();
        assert_eq!(handles.len(), threads, "each thread has a part");

        let mut home = 0;
        for _ in 0..rounds {
            polled.reset(tasks as u64);
            barrier.wait();
            barrier.wait();
            let watch = Stopwatch::start();
            polled.wait().await;
            home += watch.elapsed_ns();
        }
        for handle in handles {
            handle.join().expect("a waking thread does not panic");
        }

        // Let the tasks end.
        stop.set(true);
        polled.reset(tasks as u64);
        for waker in wakers {
            waker.wake();
        }
        polled.wait().await;
        let wakes = tasks as u64 * rounds;
        ForeignWakes {
            waking: per_op(waking.load(Ordering::Relaxed), wakes),
            home: per_op(home, wakes),
        }
    })
}

/// Lets `tasks` tasks yield `rounds` times each while another thread holds wakers of the same executor and sleeps:
/// nanoseconds a step, to be compared with [`yield_among`](super::yield_among).
///
/// ```
/// use corokit_benches::{AsyncExecutor, yield_beside_idle_thread};
///
/// assert!(yield_beside_idle_thread::<AsyncExecutor>(10, 10) > 0.0);
/// ```
#[must_use]
pub fn yield_beside_idle_thread<E: Executor>(tasks: u64, rounds: u64) -> f64 {
    let executor = E::create();
    executor.block_on(async {
        let (polled, stop) = (Countdown::new(0), Rc::new(Cell::new(false)));
        let wakers = spawn_sleepers(&executor, 1, &polled, &stop).await;

        // The thread has woken a task once, so that whatever the executor sets up for it is there.
        let (sender, receiver) = mpsc::channel::<()>();
        polled.reset(1);
        let thread = thread::spawn(move || {
            wakers[0].wake_by_ref();
            let closed = receiver.recv();
            assert!(closed.is_err(), "nothing is ever sent");
            wakers
        });
        polled.wait().await;
        let figure = yield_in(&executor, tasks, rounds).await;

        drop(sender);
        let wakers = thread.join().expect("the idle thread does not panic");
        stop.set(true);
        polled.reset(1);
        wakers[0].wake_by_ref();
        polled.wait().await;
        figure
    })
}
