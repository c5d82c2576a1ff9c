//! What a region waits for when it is interrupted, after it was woken: nothing that was granted is
//! lost (asynkit's I12 to I14).

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use async_channel::{bounded, unbounded};
use async_lock::{Mutex, OnceCell, RwLock, Semaphore};
use corokit_sched_loop::{
    self as sched_loop, Interrupt, Outcome, TaskExt, interruptible, shield, spawn,
    spawn_interruptible, task_interrupt, task_throw,
};
use event_listener::Event;
use futures_lite::future::yield_now;

#[derive(Debug, PartialEq)]
struct Stop;

/// Lets a first task wait for something and then a second one, grants it once, so that the first
/// one is woken, and interrupts that one at once. The second one must get it.
fn the_grant_passes_on<F: Future<Output = ()> + 'static>(
    wait: impl Fn() -> F,
    grant: impl FnOnce(),
) {
    sched_loop::run(async move {
        let first = spawn_interruptible::<Stop, _>(wait());
        yield_now().await;
        let second = spawn(wait());
        yield_now().await;
        grant();
        let handle = sched_loop::current().unwrap();
        assert_eq!(
            handle.with(|executor| executor.ready_ids()),
            Ok(vec![first.id()])
        );
        let outcome = task_interrupt(first.id(), Stop).await;
        assert_eq!(outcome, Ok(Outcome::Delivered));
        assert_eq!(first.await, Err(Interrupt { reason: Stop }));
        second.await;
    });
}

#[test]
fn an_item_for_a_receiver_that_is_interrupted_goes_to_the_next() {
    let (sender, receiver) = unbounded();
    let wait = move || {
        let receiver = receiver.clone();
        async move { assert_eq!(receiver.recv().await, Ok(7)) }
    };
    the_grant_passes_on(wait, || sender.try_send(7).unwrap());
}

/// I12, where nobody else waits.
#[test]
fn an_item_for_a_receiver_that_is_interrupted_stays_in_the_channel() {
    sched_loop::run(async {
        let (sender, receiver) = unbounded();
        let first = {
            let receiver = receiver.clone();
            spawn_interruptible::<Stop, _>(async move { receiver.recv().await })
        };
        yield_now().await;
        sender.send(7).await.unwrap();
        assert_eq!(task_throw(first.id(), Stop), Ok(None));
        assert_eq!(first.await, Err(Interrupt { reason: Stop }));
        assert_eq!(receiver.recv().await, Ok(7));
    });
}

#[test]
fn a_place_for_a_sender_that_is_interrupted_goes_to_the_next() {
    let (sender, receiver) = bounded(1);
    sender.try_send(0).unwrap();
    let wait = move || {
        let sender = sender.clone();
        async move { sender.send(1).await.unwrap() }
    };
    let items = receiver.clone();
    the_grant_passes_on(wait, move || assert_eq!(items.try_recv(), Ok(0)));
    assert_eq!(receiver.try_recv(), Ok(1));
    assert!(receiver.try_recv().is_err());
}

#[test]
fn a_lock_for_a_waiter_that_is_interrupted_goes_to_the_next() {
    let mutex = Arc::new(Mutex::new(()));
    let guard = mutex.try_lock_arc().unwrap();
    let wait = move || {
        let mutex = Arc::clone(&mutex);
        async move { drop(mutex.lock().await) }
    };
    the_grant_passes_on(wait, move || drop(guard));
}

#[test]
fn a_permit_for_a_waiter_that_is_interrupted_goes_to_the_next() {
    let semaphore = Rc::new(Semaphore::new(0));
    let permits = Rc::clone(&semaphore);
    let wait = move || {
        let semaphore = Rc::clone(&semaphore);
        async move { drop(semaphore.acquire().await) }
    };
    the_grant_passes_on(wait, move || permits.add_permits(1));
}

#[test]
fn a_read_or_write_lock_for_a_waiter_that_is_interrupted_goes_to_the_next() {
    let lock = Arc::new(RwLock::new(0));
    let guard = lock.try_write_arc().unwrap();
    let waiting = Arc::clone(&lock);
    let wait = move || {
        let lock = Arc::clone(&waiting);
        async move { *lock.write().await += 1 }
    };
    the_grant_passes_on(wait, move || drop(guard));
    assert_eq!(lock.try_read().as_deref(), Some(&1));
}

#[test]
fn a_notification_for_a_listener_that_is_interrupted_goes_to_the_next() {
    let event = Rc::new(Event::new());
    let listening = Rc::clone(&event);
    the_grant_passes_on(
        move || listening.listen(),
        move || assert_eq!(event.notify(1), 1),
    );
}

#[test]
fn the_initialisation_by_a_task_that_is_interrupted_goes_to_the_next() {
    sched_loop::run(async {
        let cell = Rc::new(OnceCell::new());
        let (sender, receiver) = unbounded();
        let [first, second] = [1, 2].map(|n| {
            let (cell, receiver) = (Rc::clone(&cell), receiver.clone());
            spawn_interruptible::<Stop, _>(async move {
                let init = async move {
                    receiver.recv().await.unwrap();
                    n
                };
                *cell.get_or_init(|| init).await
            })
        });
        yield_now().await;
        sender.send(()).await.unwrap();
        assert_eq!(
            task_interrupt(first.id(), Stop).await,
            Ok(Outcome::Delivered)
        );
        assert_eq!(first.await, Err(Interrupt { reason: Stop }));
        assert_eq!(second.await, Ok(2));
    });
}

/// A condition, made of a listener and a lock. An interrupt ends the wait for the condition,
/// not the wait for the lock: on the way out the lock is held.
#[test]
fn a_condition_waiter_that_is_interrupted_while_it_locks_again_holds_the_lock_on_the_way_out() {
    sched_loop::run(async {
        let mutex = Arc::new(Mutex::new(0));
        let condition = Rc::new(Event::new());
        let waiter = {
            let (mutex, condition) = (Arc::clone(&mutex), Rc::clone(&condition));
            spawn_interruptible::<Stop, _>(async move {
                let guard = mutex.lock().await;
                let notified = condition.listen();
                drop(guard);
                let waited = interruptible::<Stop, _>(notified).await;
                let mut guard = shield(mutex.lock()).await;
                *guard += 1;
                waited
            })
        };
        yield_now().await;
        // It is notified, and interrupted while somebody else has the lock.
        let guard = mutex.lock().await;
        assert_eq!(condition.notify(1), 1);
        yield_now().await;
        assert_eq!(task_throw(waiter.id(), Stop), Ok(None));
        yield_now().await;
        assert!(!waiter.is_finished());
        drop(guard);
        assert_eq!(waiter.await, Ok(Ok(())));
        assert_eq!(*mutex.lock().await, 1);
    });
}

/// I14, interrupted while it waits for the condition.
#[test]
fn a_condition_waiter_that_is_interrupted_locks_again() {
    sched_loop::run(async {
        let mutex = Arc::new(Mutex::new(0));
        let condition = Rc::new(Event::new());
        let waiter = {
            let (mutex, condition) = (Arc::clone(&mutex), Rc::clone(&condition));
            spawn(async move {
                let notified = condition.listen();
                let waited = interruptible::<Stop, _>(notified).await;
                let mut guard = shield(mutex.lock()).await;
                *guard += 1;
                waited
            })
        };
        yield_now().await;
        let guard = mutex.lock().await;
        let other = condition.listen();
        assert_eq!(condition.notify(1), 1);
        assert_eq!(
            task_interrupt(waiter.id(), Stop).await,
            Ok(Outcome::Delivered)
        );
        // The notification went to the next in line.
        other.await;
        assert!(!waiter.is_finished());
        drop(guard);
        assert_eq!(waiter.await, Err(Interrupt { reason: Stop }));
        assert_eq!(*mutex.lock().await, 1);
    });
}
