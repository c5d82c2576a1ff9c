//! Locks.

use std::hint::black_box;
use std::iter::zip;

use corokit_priority::{Priority, PriorityMutex, PrioritySemaphore, TaskNode, scope, scope_as};
use futures_lite::future::{block_on, poll_once};

use crate::clock::Stopwatch;

/// Whose lock it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockOf {
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
/// use corokit_benches::{LockOf, lock_and_unlock};
///
/// assert!(lock_and_unlock(LockOf::Corokit, 10) > 0.0);
/// ```
#[must_use]
pub fn lock_and_unlock(mutex: LockOf, count: u64) -> f64 {
    block_on(async {
        match mutex {
            LockOf::Corokit => scope(Priority::NORMAL, ours(count)).await,
            LockOf::CorokitNoTask => ours(count).await,
            LockOf::AsyncLock => {
                let mutex = async_lock::Mutex::new(0_u64);
                measure(count, async || *mutex.lock().await += black_box(1)).await
            }
            LockOf::Tokio => {
                let mutex = tokio::sync::Mutex::new(0_u64);
                measure(count, async || *mutex.lock().await += black_box(1)).await
            }
            LockOf::Std => {
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

/// Takes one of two permits and gives it back, `count` times: nanoseconds for each.
///
/// # Panics
///
/// Panics for std, which has no semaphores.
///
/// ```
/// use corokit_benches::{LockOf, acquire_and_release};
///
/// assert!(acquire_and_release(LockOf::Corokit, 10) > 0.0);
/// ```
#[must_use]
pub fn acquire_and_release(semaphore: LockOf, count: u64) -> f64 {
    let ours = async || {
        let semaphore = PrioritySemaphore::new(2);
        measure(count, async || drop(black_box(semaphore.acquire().await))).await
    };
    block_on(async {
        match semaphore {
            LockOf::Corokit => scope(Priority::NORMAL, ours()).await,
            LockOf::CorokitNoTask => ours().await,
            LockOf::AsyncLock => {
                let semaphore = async_lock::Semaphore::new(2);
                measure(count, async || drop(black_box(semaphore.acquire().await))).await
            }
            LockOf::Tokio => {
                let semaphore = tokio::sync::Semaphore::new(2);
                measure(count, async || drop(black_box(semaphore.acquire().await))).await
            }
            LockOf::Std => panic!("std has no semaphores"),
        }
    })
}

/// Lets an urgent task wait for the first of `locks` locks, and go away again, `repeat` times: the holder of each
/// waits for the next. Nanoseconds for each time.
///
/// ```
/// assert!(corokit_benches::lend_through_chain(3, 2) > 0.0);
/// ```
#[must_use]
pub fn lend_through_chain(locks: usize, repeat: u64) -> f64 {
    let mutexes: Vec<_> = (0..locks).map(|_| PriorityMutex::new(())).collect();
    let nodes: Vec<_> = (0..locks).map(|_| TaskNode::new(Priority::LOW)).collect();
    block_on(async {
        let mut guards = Vec::new();
        for (node, mutex) in zip(&nodes, &mutexes) {
            guards.push(scope_as(node.clone(), mutex.lock()).await);
        }
        let next = zip(&nodes, &mutexes[1..]);
        let mut waiting: Vec<_> = next
            .map(|(node, mutex)| Box::pin(scope_as(node.clone(), mutex.lock())))
            .collect();
        for waits in &mut waiting {
            assert!(poll_once(waits).await.is_none());
        }
        scope(Priority::HIGH, async {
            let watch = Stopwatch::start();
            for _ in 0..repeat {
                assert!(poll_once(&mut mutexes[0].lock()).await.is_none());
            }
            let time = watch.per_op(repeat);
            let last = nodes.last().map(TaskNode::effective_priority);
            assert_eq!(last, Some(Priority::LOW), "everything is taken back");
            time
        })
        .await
    })
}

/// Hands a lock from one of `waiters` waiters to the next, until each has had it: nanoseconds for each.
///
/// ```
/// use corokit_benches::{LockOf, hand_over};
///
/// assert!(hand_over(LockOf::AsyncLock, 3, 2) > 0.0);
/// ```
#[must_use]
pub fn hand_over(mutex: LockOf, waiters: usize, repeat: u64) -> f64 {
    /// Lets as many futures wait as asked for, and serves them in turn.
    macro_rules! passes {
        ($mutex:expr) => {
            passes!($mutex, |lock| lock)
        };
        ($mutex:expr, |$lock:ident| $waits:expr) => {{
            let mutex = $mutex;
            let mut sum = 0.0;
            for _ in 0..repeat {
                sum += block_on(async {
                    let mut held = Some(mutex.lock().await);
                    let waits = |$lock| $waits;
                    let mut waiting: Vec<_> = (0..waiters)
                        .map(|_| Box::pin(waits(mutex.lock())))
                        .collect();
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
        LockOf::Corokit => passes!(PriorityMutex::new(()), |lock| scope(Priority::NORMAL, lock)),
        LockOf::CorokitNoTask => passes!(PriorityMutex::new(())),
        LockOf::Tokio => passes!(tokio::sync::Mutex::new(())),
        LockOf::AsyncLock | LockOf::Std => passes!(async_lock::Mutex::new(())),
    }
}
