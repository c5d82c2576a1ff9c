//! Wakes that come from other threads as fast as they can, while the executor runs.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Instant;

use super::countdown::Countdown;
use crate::affinity::Apart;
use crate::clock::{Stopwatch, per_op};
use crate::executors::Executor;

/// How many tasks each thread has to wake.
const TASKS_OF_A_THREAD: usize = 256;

/// What a flood of foreign wakes costs, each in nanoseconds a wake.
#[derive(Clone, Copy, Debug)]
pub struct Flood {
    /// Time by the clock on the wall.
    pub wall: f64,
    /// Processor time of the threads that wake, looking for a task to wake included.
    pub waking: f64,
    /// Processor time of the executor's thread, going to sleep and getting up included.
    pub home: f64,
}

/// A task as the thread that wakes it sees it; on a cache line of its own.
#[repr(align(64))]
#[derive(Default)]
struct Sleeper {
    /// Set by the waking thread, cleared by the task: a wake is sent only when the one before has arrived.
    woken: AtomicBool,
    waker: OnceLock<Waker>,
}

/// What the executor's thread and the others share.
struct Scene {
    sleepers: Vec<Sleeper>,
    /// Tells the tasks to end.
    stop: AtomicBool,
    /// How many threads have not sent all their wakes yet.
    running: AtomicUsize,
    main: Mutex<Option<Waker>>,
    /// Processor time of the waking threads that have ended.
    waking: AtomicU64,
    start: Barrier,
}

/// Lets `threads` threads wake `wakes` times in all, as fast as they can, while the executor runs.
///
/// No wake falls together with another one: each is a poll of its own. Where the executor is faster than the threads, it runs
/// dry again and again, and going to sleep and getting up is part of the figures.
///
/// ```
/// use corokit_benches::{AsyncExecutor, foreign_flood};
///
/// let flood = foreign_flood::<AsyncExecutor>(2, 100);
/// assert!(flood.wall > 0.0 && flood.waking > 0.0 && flood.home > 0.0);
/// ```
#[must_use]
pub fn foreign_flood<E: Executor>(threads: usize, wakes: u64) -> Flood {
    let executor = E::create();
    let wakes_of_a_thread = wakes.div_ceil(threads as u64);
    let total = wakes_of_a_thread * threads as u64;
    let mut sleepers = Vec::new();
    sleepers.resize_with(threads * TASKS_OF_A_THREAD, Sleeper::default);
    let scene = Arc::new(Scene {
        sleepers,
        stop: AtomicBool::new(false),
        running: AtomicUsize::new(threads),
        main: Mutex::new(None),
        waking: AtomicU64::new(0),
        start: Barrier::new(threads + 1),
    });
    executor.block_on(async {
        let ended = spawn_sleepers(&executor, &scene).await;

        let apart = Apart::keep();
        let handles = (0..threads).map(|thread| {
            let scene = Arc::clone(&scene);
            let move_away = apart.mover();
            thread::spawn(move || {
                move_away();
                let mine = thread * TASKS_OF_A_THREAD..(thread + 1) * TASKS_OF_A_THREAD;
                scene.start.wait();
                let watch = Stopwatch::start();
                hammer(&scene.sleepers[mine], wakes_of_a_thread);
                scene
                    .waking
                    .fetch_add(watch.elapsed_ns(), Ordering::Relaxed);
                scene.leave();
            })
        });
        let handles: Vec<_> = handles.collect();

        scene.start.wait();
        let (wall, cpu) = (Instant::now(), Stopwatch::start());
        scene.wait_for_threads().await;
        let wall = u64::try_from(wall.elapsed().as_nanos()).expect("some seconds");
        let home = cpu.per_op(total);
        for handle in handles {
            handle.join().expect("a waking thread does not panic");
        }

        scene.stop.store(true, Ordering::Relaxed);
        for sleeper in &scene.sleepers {
            sleeper.wake();
        }
        ended.wait().await;
        Flood {
            wall: per_op(wall, total),
            waking: per_op(scene.waking.load(Ordering::Relaxed), total),
            home,
        }
    })
}

/// Spawns the tasks, waits until all of them wait, and returns what counts their ends.
async fn spawn_sleepers<E: Executor>(executor: &E, scene: &Arc<Scene>) -> Rc<Countdown> {
    let count = scene.sleepers.len();
    let (started, ended) = (Countdown::new(count as u64), Countdown::new(count as u64));
    for index in 0..count {
        let scene = Arc::clone(scene);
        let (started, ended) = (Rc::clone(&started), Rc::clone(&ended));
        executor.spawn_detached(async move {
            poll_fn(|cx| {
                let sleeper = &scene.sleepers[index];
                if sleeper.waker.get().is_none() {
                    sleeper.waker.get_or_init(|| cx.waker().clone());
                    started.step();
                }
                sleeper.woken.store(false, Ordering::Release);
                if scene.stop.load(Ordering::Relaxed) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
            ended.step();
        });
    }
    started.wait().await;
    ended
}

/// Wakes the tasks in turn, each only when it has run since its last wake, `wakes` times in all.
fn hammer(sleepers: &[Sleeper], wakes: u64) {
    let mut left = wakes;
    while left > 0 {
        let before = left;
        for sleeper in sleepers {
            if left > 0 && !sleeper.woken.load(Ordering::Acquire) {
                sleeper.woken.store(true, Ordering::Relaxed);
                sleeper.wake();
                left -= 1;
            }
        }
        // All are on their way: leave the core to others, perhaps to the executor.
        if left == before {
            thread::yield_now();
        }
    }
}

impl Sleeper {
    fn wake(&self) {
        let waker = self.waker.get();
        waker.expect("set at the first poll").wake_by_ref();
    }
}

impl Scene {
    /// Notes that a thread has sent all its wakes; the last one wakes the main future.
    fn leave(&self) {
        if self.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            let waker = self.main.lock().expect("nobody panics with it").take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    async fn wait_for_threads(&self) {
        poll_fn(|cx| {
            *self.main.lock().expect("nobody panics with it") = Some(cx.waker().clone());
            if self.running.load(Ordering::Acquire) == 0 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}
