//! Wakers are code of others: each of these uses, when it is woken and when it is dropped, what it was
//! given to. A lock that is held meanwhile would be a deadlock.
#![cfg(not(loom))]

use std::future::{Future, pending, ready};
use std::num::NonZeroU32;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use corokit_bg_utils::batcher::{Batch, Batcher};
use corokit_bg_utils::cache::Cache;
use corokit_bg_utils::flight::Flight;
use corokit_bg_utils::group::Group;
use corokit_bg_utils::lockout::Lockout;
use corokit_bg_utils::loop_thread::LoopThread;
use corokit_bg_utils::rate_limiter::RateLimiter;
use corokit_bg_utils::scheduler::Scheduler;
use corokit_bg_utils::shutdown::Shutdown;

const HOUR: Duration = Duration::from_secs(3_600);

type Uses = Arc<dyn Fn() + Send + Sync>;

/// Makes wakers that use something, and counts how often they do.
struct Wakers {
    uses: Uses,
    used: Arc<AtomicUsize>,
}

struct Reentrant(Uses);

impl Wake for Reentrant {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

impl Drop for Reentrant {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl Wakers {
    fn new<T>(uses: impl Fn() -> T + Send + Sync + 'static) -> Self {
        let used = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&used);
        let uses: Uses = Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            let _ = uses();
        });
        Wakers { uses, used }
    }

    /// Polls with a waker of its own, so that the one before is dropped.
    fn poll<F: Future + ?Sized>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        let waker: Waker = Arc::new(Reentrant(Arc::clone(&self.uses))).into();
        future.poll(&mut Context::from_waker(&waker))
    }

    /// Polls a future that has to wait, so often that it replaces wakers.
    fn wait<F: Future + ?Sized>(&self, mut future: Pin<&mut F>) {
        for _ in 0..3 {
            assert!(self.poll(future.as_mut()).is_pending());
        }
    }
}

impl Drop for Wakers {
    fn drop(&mut self) {
        assert!(self.used.load(Ordering::Relaxed) > 0);
    }
}

#[test]
fn a_rate_limiter_and_a_lockout_may_be_used() {
    let limiter = Arc::new(RateLimiter::window(NonZeroU32::MIN, HOUR));
    let used = Arc::clone(&limiter);
    let wakers = Wakers::new(move || (used.available(), used.try_acquire()));
    assert!(limiter.try_acquire().is_ok());
    let (mut first, mut second) = (Box::pin(limiter.acquire()), Box::pin(limiter.acquire()));
    wakers.wait(first.as_mut());
    wakers.wait(second.as_mut());
    drop(first);
    wakers.wait(second.as_mut());
    drop(second);

    let lockout = Arc::new(Lockout::new());
    let used = Arc::clone(&lockout);
    let wakers = Wakers::new(move || (used.waiting(), used.locked_until()));
    lockout.lock_for(HOUR);
    let (mut first, mut second) = (Box::pin(lockout.wait()), Box::pin(lockout.wait()));
    wakers.wait(first.as_mut());
    wakers.wait(second.as_mut());
    lockout.clear();
    assert!(wakers.poll(first.as_mut()).is_ready());
    assert!(wakers.poll(second.as_mut()).is_ready());
}

#[test]
fn a_scheduler_may_be_used() {
    let scheduler = Scheduler::new();
    let used = scheduler.clone();
    let wakers = Wakers::new(move || (used.len(), used.try_next(), used.next_due()));
    let key = scheduler.after(HOUR, 1).unwrap();
    let (mut first, mut second) = (Box::pin(scheduler.next()), Box::pin(scheduler.next()));
    let mut idle = Box::pin(scheduler.idle());
    wakers.wait(first.as_mut());
    wakers.wait(second.as_mut());
    wakers.wait(idle.as_mut());
    scheduler.at(Instant::now(), 2).unwrap();
    assert!(matches!(
        wakers.poll(first.as_mut()),
        Poll::Ready(Some((_, 2)))
    ));
    wakers.wait(second.as_mut());
    assert_eq!(scheduler.cancel(key), Some(1));
    assert!(wakers.poll(idle.as_mut()).is_ready());
    scheduler.close();
    assert_eq!(wakers.poll(second.as_mut()), Poll::Ready(None));
}

#[test]
fn a_batcher_may_be_used() {
    let handler = |_: Batch<u32>| ready(Ok::<_, ()>(()));
    let (batcher, driver) = Batcher::builder().max(2).queue(2).build(handler);
    let batcher = Arc::new(batcher);
    let used = Arc::downgrade(&batcher);
    let wakers = Wakers::new(move || {
        if let Some(batcher) = used.upgrade() {
            drop((batcher.len(), batcher.is_closed(), batcher.take_unflushed()));
        }
    });
    let mut driver = Box::pin(driver);
    wakers.wait(driver.as_mut());
    for item in [1, 2] {
        batcher.try_push(item).unwrap();
    }
    let [mut third, mut fourth] = [3, 4].map(|item| Box::pin(batcher.push(item)));
    let mut flush = Box::pin(batcher.flush());
    wakers.wait(third.as_mut());
    wakers.wait(fourth.as_mut());
    wakers.wait(flush.as_mut());
    assert!(wakers.poll(driver.as_mut()).is_pending());
    assert!(wakers.poll(flush.as_mut()).is_ready());
    drop(third);
    batcher.close();
    assert!(matches!(wakers.poll(fourth.as_mut()), Poll::Ready(Err(_))));
    drop(driver);
}

#[test]
fn a_shutdown_may_be_used() {
    let shutdown = Shutdown::new();
    let used = shutdown.clone();
    let wakers = Wakers::new(move || (used.reason(), used.hold(), used.token()));
    let hold = shutdown.hold();
    let (mut wait, mut done) = (Box::pin(shutdown.wait()), Box::pin(shutdown.done()));
    let mut guard = Box::pin(shutdown.token().guard(pending::<()>()));
    wakers.wait(wait.as_mut());
    wakers.wait(done.as_mut());
    wakers.wait(guard.as_mut());
    drop(shutdown.wait());
    shutdown.trigger("enough");
    drop(hold);
    assert!(wakers.poll(wait.as_mut()).is_ready());
    assert!(wakers.poll(done.as_mut()).is_ready());
    assert!(wakers.poll(guard.as_mut()).is_ready());
}

#[test]
fn a_group_may_be_used() {
    let (group, driver) = Group::driven();
    let mut group = group.limit(1);
    let used = group.handle();
    let wakers = Wakers::new(move || used.try_spawn(ready(0)));
    let mut driver = Box::pin(driver);
    let hangs = group.try_spawn(pending()).unwrap();
    wakers.wait(driver.as_mut());
    let handle = group.handle();
    let (mut first, mut second) = (
        Box::pin(handle.spawn(ready(1))),
        Box::pin(handle.spawn(ready(2))),
    );
    wakers.wait(first.as_mut());
    wakers.wait(second.as_mut());
    drop(first);
    group.cancel(hangs);
    wakers.wait(driver.as_mut());
    assert!(matches!(wakers.poll(second.as_mut()), Poll::Ready(Ok(_))));
    wakers.wait(pin!(async { while group.next().await.is_some() {} }).as_mut());
    drop(group);
    drop(driver);
}

#[test]
fn flights_and_caches_may_be_used() {
    let flight = Arc::new(Flight::<u32, u32>::new());
    let used = Arc::clone(&flight);
    let wakers = Wakers::new(move || (used.len(), used.forget(&2)));
    let [mut driver, mut first, mut second] = [0; 3].map(|_| Box::pin(flight.run(1, pending)));
    for caller in [&mut driver, &mut first, &mut second] {
        wakers.wait(caller.as_mut());
    }
    drop(first);
    drop(driver);
    wakers.wait(second.as_mut());

    let cache = Arc::new(Cache::<u32, u32>::new(1));
    let used = Arc::clone(&cache);
    let wakers = Wakers::new(move || (used.insert(2, 2), used.get(&1)));
    let [mut driver, mut waiter] = [0; 2].map(|_| Box::pin(cache.get_or_init(1, pending)));
    wakers.wait(driver.as_mut());
    wakers.wait(waiter.as_mut());
    drop(driver);
    wakers.wait(waiter.as_mut());
    cache.clear();
}

#[test]
fn a_loop_thread_may_be_used() {
    let background = LoopThread::new("background", |main| {
        let executor = smol::LocalExecutor::new();
        smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
    });
    let background = background.unwrap();
    let used = background.handle();
    let wakers = Wakers::new(move || (used.len(), used.cancel_all()));
    let mut task = Box::pin(background.spawn(pending::<()>()).unwrap());
    let mut idle = Box::pin(background.idle());
    // The first waker that is dropped cancels the task.
    let _ = wakers.poll(idle.as_mut());
    let _ = wakers.poll(task.as_mut());
    smol::block_on(async {
        assert!(task.await.is_err());
        idle.await;
    });
    background.finish_blocking();
}
