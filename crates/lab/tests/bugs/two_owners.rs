//! A lock with two owners: the lock is free from its release until the waiter that was woken runs,
//! and a third party who leaves the queue meanwhile wakes a second waiter.
//!
//! Source: `asynkit.PriorityLock`.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use corokit_lab::Lab;
use corokit_sched_loop::{sleep, spawn};

/// A lock for the most urgent of those that wait.
struct Lock {
    /// Gives the lock to the one that it wakes, in place of waking it to take the lock.
    hands_over: bool,
    locked: Cell<bool>,
    waiters: RefCell<Vec<Rc<Waiter>>>,
}

struct Waiter {
    urgency: u32,
    woken: Cell<bool>,
    waker: RefCell<Waker>,
}

impl Lock {
    fn acquire(&self, urgency: u32) -> Acquire<'_> {
        Acquire {
            lock: self,
            urgency,
            waiter: None,
        }
    }

    fn release(&self) {
        self.locked.set(false);
        self.wake_first();
    }

    fn wake_first(&self) {
        let waiters = self.waiters.borrow();
        let Some(first) = waiters.iter().max_by_key(|waiter| waiter.urgency) else {
            return;
        };
        let first = Rc::clone(first);
        drop(waiters);
        first.woken.set(true);
        if self.hands_over {
            self.locked.set(true);
            self.remove(&first);
        }
        let waker = first.waker.replace(Waker::noop().clone());
        waker.wake();
    }

    fn remove(&self, waiter: &Rc<Waiter>) {
        let is_other = |other: &Rc<Waiter>| !Rc::ptr_eq(other, waiter);
        self.waiters.borrow_mut().retain(is_other);
    }
}

struct Acquire<'l> {
    lock: &'l Lock,
    urgency: u32,
    waiter: Option<Rc<Waiter>>,
}

struct Guard<'l>(&'l Lock);

impl<'l> Future for Acquire<'l> {
    type Output = Guard<'l>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Guard<'l>> {
        let lock = self.lock;
        match &self.waiter {
            Some(waiter) if waiter.woken.get() => {
                lock.remove(waiter);
                self.waiter = None;
            }
            Some(waiter) => {
                waiter.waker.replace(cx.waker().clone());
                return Poll::Pending;
            }
            None if lock.locked.get() || !lock.waiters.borrow().is_empty() => {
                let waiter = Rc::new(Waiter {
                    urgency: self.urgency,
                    woken: Cell::new(false),
                    waker: RefCell::new(cx.waker().clone()),
                });
                lock.waiters.borrow_mut().push(Rc::clone(&waiter));
                self.waiter = Some(waiter);
                return Poll::Pending;
            }
            None => {}
        }
        lock.locked.set(true);
        Poll::Ready(Guard(lock))
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        let Some(waiter) = self.waiter.take() else {
            return;
        };
        self.lock.remove(&waiter);
        if self.lock.hands_over {
            // What was given to the one that leaves goes to the next.
            if waiter.woken.get() {
                self.lock.release();
            }
        } else if !self.lock.locked.get() {
            // This one may have been woken. Or another one was, and has not run yet.
            self.lock.wake_first();
        }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// Counts who is inside, also if they are cancelled there.
struct Inside(Rc<Cell<u32>>);

impl Inside {
    fn enter(owners: &Rc<Cell<u32>>) -> Self {
        owners.set(owners.get() + 1);
        Inside(Rc::clone(owners))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

async fn program(hands_over: bool) {
    let lock = Rc::new(Lock {
        hands_over,
        locked: Cell::new(false),
        waiters: RefCell::default(),
    });
    let owners = Rc::new(Cell::new(0));
    let work = |urgency| {
        let (lock, owners) = (Rc::clone(&lock), Rc::clone(&owners));
        async move {
            let _guard = lock.acquire(urgency).await;
            let _inside = Inside::enter(&owners);
            assert_eq!(owners.get(), 1, "two owners");
            sleep(Duration::from_secs(1)).await;
        }
    };
    let guard = lock.acquire(1).await;
    let (patient, gives_up) = (spawn(work(1)), spawn(work(0)));
    sleep(Duration::from_secs(1)).await;
    drop(guard);
    let urgent = spawn(work(9));
    gives_up.cancel().await;
    patient.await;
    urgent.await;
}

pub(crate) async fn buggy(_: Lab) {
    program(false).await;
}

pub(crate) async fn fixed(_: Lab) {
    program(true).await;
}
