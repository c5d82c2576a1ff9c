//! What the checked methods find between threads: every deadlock, and nothing else.
#![cfg(not(loom))]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use corokit_priority::{
    Priority, PriorityMutex, PriorityMutexGuard, PriorityReadGuard, PriorityRwLock,
    PriorityWriteGuard, TaskNode, clear_deadlock_hook, scope, scope_as, set_deadlock_hook,
};
use futures_lite::future::{block_on, poll_once};

/// Runs a function on so many threads, which are to end.
fn on_threads(count: u64, function: impl Fn(u64) + Send + Sync + 'static) {
    let function = Arc::new(function);
    let (ended, ends) = mpsc::channel();
    for index in 0..count {
        let (function, ended) = (Arc::clone(&function), ended.clone());
        thread::spawn(move || {
            function(index);
            ended.send(()).unwrap();
        });
    }
    for _ in 0..count {
        let end = ends.recv_timeout(Duration::from_secs(120));
        end.expect("nobody hangs");
    }
}

/// A lock may be handed to the one who looks while it looks: that is no cycle.
#[test]
fn a_grant_of_ones_own_is_no_deadlock() {
    static REPORTS: AtomicUsize = AtomicUsize::new(0);
    set_deadlock_hook(|_| {
        REPORTS.fetch_add(1, Ordering::Relaxed);
    });
    let mutex = PriorityMutex::new(0);
    let lock = PriorityRwLock::new(0);
    on_threads(3, move |index| {
        for _ in 0..10_000 {
            block_on(scope(Priority::new(index as i32), async {
                *mutex.lock_checked().await.unwrap() += 1;
                *lock.write_checked().await.unwrap() += 1;
                drop(lock.read_checked().await.unwrap());
                *mutex.lock().await += 1;
            }));
        }
    });
    clear_deadlock_hook();
    assert_eq!(REPORTS.load(Ordering::Relaxed), 0);
}

#[derive(Debug)]
enum Held<'l> {
    Mutex(PriorityMutexGuard<'l, ()>),
    Read(PriorityReadGuard<'l, ()>),
    Write(PriorityWriteGuard<'l, ()>),
}

/// Threads that take locks in any order, and give all back when they are told of a deadlock: while one
/// of them does, another may look.
#[test]
fn whoever_always_checks_never_hangs() {
    let mutexes = [PriorityMutex::new(()), PriorityMutex::new(())];
    let locks = [PriorityRwLock::new(()), PriorityRwLock::new(())];
    let found = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&found);
    on_threads(4, move |index| {
        let mut state = 0x9E37_79B9_7F4A_7C15 ^ (index * 7919 + 13);
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        for _ in 0..3_000 {
            block_on(scope(Priority::new(random(5) as i32), async {
                let mut held = Vec::new();
                for _ in 0..2 + random(3) {
                    let which = random(2) as usize;
                    let asked = match random(4) {
                        0 | 1 => mutexes[which].lock_checked().await.map(Held::Mutex),
                        2 => locks[which].read_checked().await.map(Held::Read),
                        _ => locks[which].write_checked().await.map(Held::Write),
                    };
                    match asked {
                        Ok(guard) => held.push(guard),
                        Err(_) => {
                            told.fetch_add(1, Ordering::Relaxed);
                            break;
                        }
                    }
                }
                // Given back in the order in which they were taken.
                held.into_iter().for_each(|held| match held {
                    Held::Mutex(guard) => drop(guard),
                    Held::Read(guard) => drop(guard),
                    Held::Write(guard) => drop(guard),
                });
            }));
        }
    });
    assert!(found.load(Ordering::Relaxed) > 0, "they meet");
}

#[test]
fn the_chain_names_who_waits_for_what() {
    let mutex = PriorityMutex::named((), "cache");
    let task = TaskNode::new(Priority::NORMAL).named("worker");
    let deadlock = block_on(scope_as(task, async {
        let _guard = mutex.lock().await;
        mutex.lock_checked().await.map(drop).unwrap_err()
    }));
    let links = deadlock.chain().iter();
    let names: Vec<_> = links
        .map(|link| (link.task.as_deref(), link.lock.as_deref()))
        .collect();
    assert_eq!(names, [(Some("worker"), Some("cache"))]);
}

/// One that has given up a wait, or has got what it waited for, waits for nobody.
#[test]
fn a_wait_that_is_over_is_no_part_of_a_cycle() {
    let (a, b) = (PriorityMutex::new(()), PriorityMutex::new(()));
    let [one, two] = [1, 2].map(|priority| TaskNode::new(Priority::new(priority)));
    for served in [false, true] {
        let held = block_on(scope_as(two.clone(), a.lock()));
        let other = block_on(scope_as(one.clone(), b.lock()));
        let mut waits = Box::pin(scope_as(one.clone(), a.lock()));
        assert!(block_on(poll_once(&mut waits)).is_none());
        let held = if served {
            drop(held);
            drop(block_on(&mut waits));
            block_on(scope_as(two.clone(), a.lock()))
        } else {
            held
        };
        drop(waits);

        let mut asks = Box::pin(scope_as(two.clone(), b.lock_checked()));
        assert!(block_on(poll_once(&mut asks)).is_none(), "it just waits");
        drop(other);
        assert!(block_on(asks).is_ok());
        drop(held);
    }
}
