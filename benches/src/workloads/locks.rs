//! Locks.

use std::hint::black_box;

use corokit_priority::{Priority, PriorityMutex, scope};
use futures_lite::future::{block_on, poll_once};

use crate::clock::Stopwatch;

/// Whose mutex it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MutexOf {
    /// Ours, in a task with a priority.
    Corokit,
    /// Ours, outside of any task.
    CorokitNoTask,
    /// That of async-lock.
    AsyncLock,
    /// That of tokio.
    Tokio,
    /// That of std, which blocks the thread.
    Std,
}

/// Takes a free lock and gives it back, `count` times: nanoseconds for each.
///
/// ```
/// use corokit_benches::{MutexOf, lock_and_unlock};
///
/// assert!(lock_and_unlock(MutexOf::Corokit, 10) > 0.0);
/// ```
#[must_use]
pub fn lock_and_unlock(mutex: MutexOf, count: u64) -> f64 {
    block_on(async {
        match mutex {
            MutexOf::Corokit => scope(Priority::NORMAL, ours(count)).await,
            MutexOf::CorokitNoTask => ours(count).await,
            MutexOf::AsyncLock => {
                let mutex = async_lock::Mutex::new(0_u64);
                measure(count, async || *mutex.lock().await += black_box(1)).await
            }
            MutexOf::Tokio => {
                let mutex = tokio::sync::Mutex::new(0_u64);
                measure(count, async || *mutex.lock().await += black_box(1)).await
            }
            MutexOf::Std => {
                let mutex = std::sync::Mutex::new(0_u64);
                let once = async || *mutex.lock().expect("nobody panics") += black_box(1);
                measure(count, once).await
            }
        }
    })
}

async fn ours(count: u64) -> f64 {
    let mutex = PriorityMutex::new(0_u64);
    measure(count, async || *mutex.lock().await += black_box(1)).await
}

async fn measure(count: u64, once: impl AsyncFn()) -> f64 {
    for _ in 0..count.div_ceil(10) {
        once().await;
    }
    let watch = Stopwatch::start();
    for _ in 0..count {
        once().await;
    }
    watch.per_op(count)
}

/// Hands a lock from one of `waiters` waiters to the next, until each has had it: nanoseconds for each.
///
/// ```
/// use corokit_benches::{MutexOf, hand_over};
///
/// assert!(hand_over(MutexOf::AsyncLock, 3, 2) > 0.0);
/// ```
#[must_use]
pub fn hand_over(mutex: MutexOf, waiters: usize, repeat: u64) -> f64 {
    /// Lets as many futures wait as asked for, and serves them in turn.
    macro_rules! passes {
        ($mutex:expr) => {{
            let mutex = $mutex;
            let mut sum = 0.0;
            for _ in 0..repeat {
                sum += block_on(async {
                    let mut held = Some(mutex.lock().await);
                    let mut waiting: Vec<_> =
                        (0..waiters).map(|_| Box::pin(mutex.lock())).collect();
                    for waiter in &mut waiting {
                        assert!(poll_once(waiter).await.is_none());
                    }
                    let watch = Stopwatch::start();
                    for waiter in &mut waiting {
                        drop(held.take());
                        held = Some(waiter.await);
                    }
                    drop(held);
                    watch.per_op(waiters as u64)
                });
            }
            sum / repeat as f64
        }};
    }
    match mutex {
        MutexOf::Corokit | MutexOf::CorokitNoTask => passes!(PriorityMutex::new(())),
        MutexOf::Tokio => passes!(tokio::sync::Mutex::new(())),
        MutexOf::AsyncLock | MutexOf::Std => passes!(async_lock::Mutex::new(())),
    }
}
