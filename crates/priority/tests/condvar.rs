//! The condition variable: order, lost and passed notifications, and what it does with the lock.
#![cfg(not(loom))]

mod support;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use corokit_lab::{Lab, cancel_everywhere, panic_everywhere};
use corokit_priority::{
    Priority, PriorityCondvar, PriorityMutex, TaskControl, TaskNode, scope, scope_as,
};
use corokit_sched_loop::{Outcome, TaskExt, interruptible, spawn, task_interrupt};
use futures_lite::future::{block_on, poll_once, yield_now, zip};

use support::{Boxed, node, on_all_executors, poll};

/// A task that waits with this priority, and is in line.
fn waiting<'f>(
    changed: &'f PriorityCondvar,
    mutex: &'f PriorityMutex<Vec<usize>>,
    node: &TaskNode,
    index: usize,
) -> Boxed<'f, ()> {
    let mut waits: Boxed<'f, ()> = Box::pin(scope_as(node.clone(), async move {
        let guard = mutex.lock().await;
        changed.wait(guard).await.push(index);
    }));
    assert!(poll(&mut waits).is_pending());
    waits
}

/// Polls all until nothing changes.
fn settle(waiters: &mut [Boxed<'_, ()>], done: &mut [bool]) {
    loop {
        let before = done.to_vec();
        for (waiter, done) in waiters.iter_mut().zip(done.iter_mut()) {
            *done = *done || poll(waiter).is_ready();
        }
        if before == done {
            return;
        }
    }
}

#[test]
fn how_many_wait_is_shown() {
    let (mutex, changed) = (PriorityMutex::new(Vec::new()), PriorityCondvar::new());
    let shows = |count| {
        let expected = format!("PriorityCondvar {{ waiting: {count} }}");
        assert_eq!(format!("{changed:?}"), expected);
    };
    shows(0);
    let nodes = [1, 1, 1].map(node);
    let mut waiters = nodes
        .iter()
        .enumerate()
        .map(|(index, node)| waiting(&changed, &mutex, node, index))
        .collect::<Vec<_>>();
    shows(3);
    waiters.pop();
    shows(2);
    drop(waiters);
    shows(0);
}

#[test]
fn notifications_go_by_live_priority_and_in_turn_among_equals() {
    let (mutex, changed) = (PriorityMutex::new(Vec::new()), PriorityCondvar::new());
    let nodes = [3, 1, 2, 1, 5].map(node);
    let mut waiters: Vec<_> = nodes
        .iter()
        .enumerate()
        .map(|(index, node)| waiting(&changed, &mutex, node, index))
        .collect();
    let mut done = [false; 5];
    // Not the priorities from when they began to wait.
    nodes[4].set_priority(Priority::HIGH);
    nodes[1].set_priority(Priority::new(2));
    for _ in 0..5 {
        assert!(changed.notify_one());
        settle(&mut waiters, &mut done);
    }
    assert!(!changed.notify_one());
    // The second keeps its arrival, which is before that of the third.
    assert_eq!(*mutex.lock_blocking(), [4, 3, 1, 2, 0]);
}

#[test]
fn so_many_are_notified_as_were_asked_for() {
    let (mutex, changed) = (PriorityMutex::new(Vec::new()), PriorityCondvar::new());
    let node = node(0);
    let mut waiters: Vec<_> = (0..5)
        .map(|index| waiting(&changed, &mutex, &node, index))
        .collect();
    let mut done = [false; 5];
    assert_eq!(changed.notify_many(0), 0);
    assert_eq!(changed.notify_many(2), 2);
    settle(&mut waiters, &mut done);
    assert_eq!(done, [true, true, false, false, false]);
    assert_eq!(changed.notify_all(), 3);
    assert_eq!(changed.notify_all(), 0);
    settle(&mut waiters, &mut done);
    assert_eq!(*mutex.lock_blocking(), [0, 1, 2, 3, 4]);
}

/// asynkit notifies somebody whenever a wait is cancelled.
#[test]
fn one_that_goes_away_unnotified_notifies_nobody() {
    let (mutex, changed) = (PriorityMutex::new(Vec::new()), PriorityCondvar::new());
    let nodes = [node(0), node(1)];
    let first = waiting(&changed, &mutex, &nodes[0], 0);
    let mut second = waiting(&changed, &mutex, &nodes[1], 1);
    drop(first);
    assert!(poll(&mut second).is_pending());
    assert!(changed.notify_one());
    assert!(poll(&mut second).is_ready());
}

#[test]
fn a_notification_of_one_that_goes_away_passes_on() {
    let (mutex, changed) = (PriorityMutex::new(Vec::new()), PriorityCondvar::new());
    let nodes = [node(0), node(1)];
    let first = waiting(&changed, &mutex, &nodes[0], 0);
    let mut second = waiting(&changed, &mutex, &nodes[1], 1);
    assert!(changed.notify_one());
    assert!(poll(&mut second).is_pending());
    drop(first);
    assert!(poll(&mut second).is_ready());
}

/// It has not returned yet while it waits for the lock.
#[test]
fn a_notification_passes_on_from_one_that_waits_for_the_lock_already() {
    let (mutex, changed) = (PriorityMutex::new(Vec::new()), PriorityCondvar::new());
    let nodes = [node(0), node(1)];
    let mut first = waiting(&changed, &mutex, &nodes[0], 0);
    let mut second = waiting(&changed, &mutex, &nodes[1], 1);
    let held = mutex.lock_blocking();
    assert!(changed.notify_one());
    assert!(poll(&mut first).is_pending());
    drop(first);
    drop(held);
    assert!(poll(&mut second).is_ready());
}

#[test]
fn a_wait_that_is_dropped_neither_holds_the_lock_nor_takes_it() {
    let (mutex, changed) = (PriorityMutex::new(Vec::new()), PriorityCondvar::new());
    let node = node(0);
    let waits = waiting(&changed, &mutex, &node, 0);
    assert!(mutex.try_lock().is_some());
    let held = mutex.lock_blocking();
    changed.notify_one();
    drop(waits);
    drop(held);
    assert!(mutex.try_lock().is_some());
    // One that has not been polled has the lock, and gives it back.
    let waits = changed.wait(mutex.lock_blocking());
    assert!(mutex.try_lock().is_none());
    drop(waits);
    assert!(mutex.try_lock().is_some());
    assert!(!changed.notify_one());
}

/// Whoever changes what is waited for after the lock is to be had finds the waiter in line.
#[test]
fn it_is_in_line_before_the_lock_is_to_be_had() {
    let (mutex, changed) = (PriorityMutex::new(false), PriorityCondvar::new());
    let (notified, set) = block_on(zip(
        async {
            let mut guard = mutex.lock().await;
            while !*guard {
                guard = changed.wait(guard).await;
            }
            true
        },
        async {
            *mutex.lock().await = true;
            changed.notify_one()
        },
    ));
    assert!(notified && set);
}

#[test]
fn a_thread_and_a_task_wait_in_one_line() {
    let mutex = Arc::new(PriorityMutex::new(0));
    let changed = Arc::new(PriorityCondvar::new());
    let thread = {
        let (mutex, changed) = (Arc::clone(&mutex), Arc::clone(&changed));
        thread::spawn(move || {
            let mut guard = mutex.lock_blocking();
            *guard += 1;
            while *guard < 10 {
                guard = changed.wait_blocking(guard);
            }
            *guard += 1;
            changed.notify_all();
        })
    };
    let task = async {
        let mut guard = mutex.lock().await;
        *guard += 9;
        changed.notify_all();
        while *guard < 11 {
            guard = changed.wait(guard).await;
        }
        *guard
    };
    assert_eq!(block_on(task), 11);
    thread.join().unwrap();
}

#[test]
fn a_deadline_ends_the_wait_and_a_notification_comes_before_it() {
    let mutex = PriorityMutex::new(());
    let changed = PriorityCondvar::new();
    let (guard, notified) = changed.wait_deadline(mutex.lock_blocking(), Instant::now());
    assert!(!notified && mutex.try_lock().is_none());
    assert!(!changed.notify_one());
    drop(guard);
    thread::scope(|threads| {
        let guard = mutex.lock_blocking();
        threads.spawn(|| {
            drop(mutex.lock_blocking());
            changed.notify_one();
        });
        let far = Instant::now() + Duration::from_secs(3600);
        let (guard, notified) = changed.wait_deadline(guard, far);
        assert!(notified);
        drop(guard);
    });
}

/// One whose deadline has passed waits for the lock only: it takes no notification from another.
#[test]
fn a_notification_reaches_somebody_whatever_passes_first() {
    for _ in 0..200 {
        let (mutex, changed) = (PriorityMutex::new(()), PriorityCondvar::new());
        thread::scope(|threads| {
            let guard = mutex.lock_blocking();
            let timed = threads.spawn(|| {
                let guard = mutex.lock_blocking();
                changed.wait_deadline(guard, Instant::now()).1
            });
            drop(guard);
            let guard = mutex.lock_blocking();
            let mut other = changed.listen();
            assert!(poll(&mut other).is_pending());
            assert!(changed.notify_one());
            drop(guard);
            let notified = timed.join().unwrap();
            assert!(notified || poll(&mut other).is_ready());
        });
    }
}

#[test]
fn guards_that_borrow_nothing_come_back_as_such() {
    let mutex = Arc::new(PriorityMutex::new(1));
    let changed = Arc::new(PriorityCondvar::new());
    let waits = {
        let (mutex, changed) = (Arc::clone(&mutex), Arc::clone(&changed));
        async move {
            let guard = changed.wait(mutex.lock_arc().await).await;
            drop((mutex, changed));
            guard
        }
    };
    let mut waits = Box::pin(waits);
    assert!(poll(&mut waits).is_pending());
    changed.notify_one();
    let Poll::Ready(guard) = poll(&mut waits) else {
        panic!("it was notified");
    };
    assert!(mutex.try_lock().is_none());
    drop(guard);
}

/// The wait for the lock afterwards lends, as any other.
#[test]
fn one_that_is_notified_lends_to_the_holder() {
    let (mutex, changed) = (PriorityMutex::new(Vec::new()), PriorityCondvar::new());
    let (urgent, low) = (node(-5), node(5));
    let mut waits = waiting(&changed, &mutex, &urgent, 0);
    let held = block_on(scope_as(low.clone(), mutex.lock()));
    changed.notify_one();
    // While it only waits for the notification it lends nothing: anybody may notify.
    assert_eq!(low.effective_priority(), Priority::new(5));
    assert!(poll(&mut waits).is_pending());
    assert_eq!(low.effective_priority(), Priority::new(-5));
    drop(held);
    assert_eq!(low.effective_priority(), Priority::new(5));
    assert!(poll(&mut waits).is_ready());
}

/// Python's way: an interrupt ends the wait, and the lock is there all the same.
#[test]
fn one_that_is_interrupted_takes_the_lock_again() {
    let log = corokit_sched_loop::run(async {
        let mutex = Rc::new(PriorityMutex::new(Vec::new()));
        let changed = Rc::new(PriorityCondvar::new());
        let waits = {
            let (mutex, changed) = (Rc::clone(&mutex), Rc::clone(&changed));
            spawn(async move {
                let guard = mutex.lock().await;
                let listen = changed.listen();
                drop(guard);
                let ended = interruptible::<&str, _>(listen).await;
                mutex.lock().await.push(ended.is_err());
            })
        };
        yield_now().await;
        assert_eq!(
            task_interrupt(waits.id(), "enough").await,
            Ok(Outcome::Delivered)
        );
        waits.await;
        assert!(!changed.notify_one());
        mutex.lock().await.clone()
    });
    assert_eq!(log, [true]);
}

/// Producers, consumers, and a consumer that goes away at any point: all items are taken.
#[test]
fn anybody_may_be_dropped_anywhere() {
    let body = |lab: Lab| async move {
        let items = Rc::new(PriorityMutex::new(Vec::new()));
        let changed = Rc::new(PriorityCondvar::new());
        let taken = Rc::new(RefCell::new(0));
        let consume = |node: TaskNode| {
            let (items, changed, taken) =
                (Rc::clone(&items), Rc::clone(&changed), Rc::clone(&taken));
            scope_as(node, async move {
                let empty = |items: &mut Vec<u32>| items.is_empty();
                let mut items = changed.wait_while(items.lock().await, empty).await;
                items.pop();
                *taken.borrow_mut() += 1;
            })
        };
        let victim = spawn(lab.victim("victim", consume(node(-1))));
        let consumers = [0, 1].map(|priority| spawn(consume(node(priority))));
        for _ in 0..3 {
            yield_now().await;
            items.lock().await.push(1);
            changed.notify_one();
        }
        victim.await;
        for consumer in consumers {
            consumer.await;
        }
        assert!(*taken.borrow() >= 2);
        assert!(items.try_lock().is_some() && !changed.notify_one());
    };
    cancel_everywhere(body);
    panic_everywhere(body);
}

#[test]
fn it_works_on_smol_and_on_tokio() {
    async fn meet() -> u32 {
        let mutex = PriorityMutex::new(0);
        let changed = PriorityCondvar::new();
        let add = async {
            for _ in 0..3 {
                *mutex.lock().await += 1;
                changed.notify_one();
                yield_now().await;
            }
        };
        let wait = scope(Priority::HIGH, async {
            *changed.wait_while(mutex.lock().await, |n| *n < 3).await
        });
        zip(wait, add).await.0
    }
    assert_eq!(on_all_executors(meet), 3);
}

#[test]
fn a_notification_that_nobody_waits_for_is_gone() {
    let changed = PriorityCondvar::new();
    assert_eq!(changed.notify_all(), 0);
    assert!(block_on(poll_once(changed.listen())).is_none());
}

/// A wait that is over leaves nothing of its task in the line.
#[test]
fn what_is_over_holds_on_to_nobody() {
    struct Nobody;
    impl TaskControl for Nobody {
        fn priority_changed(&self, _: &TaskNode) {}
    }

    let (mutex, changed) = (PriorityMutex::new(Vec::new()), PriorityCondvar::new());
    let control: Arc<dyn TaskControl> = Arc::new(Nobody);
    for notified in [true, false] {
        let node = node(0).controlled_by(Arc::clone(&control));
        let mut waits = waiting(&changed, &mutex, &node, 0);
        if notified {
            assert!(changed.notify_one());
            assert!(poll(&mut waits).is_ready());
        }
        drop((waits, node));
        assert_eq!(Arc::strong_count(&control), 1);
    }
}
