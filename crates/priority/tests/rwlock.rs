//! The reader-writer lock: order, inheritance, the ways to ask for it.
#![cfg(not(loom))]

mod support;

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use corokit_lab::{Lab, Options, Strategy, cancel_everywhere, panic_everywhere};
use corokit_priority::{Priority, PriorityRwLock, TaskNode, scope, scope_as};
use corokit_sched_loop::spawn;
use futures_lite::future::{block_on, yield_now};

use support::{node, on_all_executors, poll, ready};

#[test]
fn readers_share_and_writers_are_alone() {
    let lock = PriorityRwLock::new(0);
    let readers = [lock.try_read().unwrap(), lock.try_read().unwrap()];
    assert!(lock.try_write().is_none());
    drop(readers);
    let writer = lock.try_write().unwrap();
    assert!(lock.try_read().is_none() && lock.try_write().is_none());
    drop(writer);
    assert!(lock.try_read().is_some());
}

/// A reader behind a writer waits, though there is room: so writers do not starve. When the writer
/// goes away, it waits for nothing any more.
#[test]
fn nobody_overtakes_who_is_not_more_urgent() {
    let lock = PriorityRwLock::new(0);
    let reading = lock.try_read().unwrap();
    let mut writer = lock.write();
    assert!(poll(&mut writer).is_pending());
    let mut reader = lock.read();
    assert!(poll(&mut reader).is_pending());
    assert!(lock.try_read().is_none());
    let urgent = ready(&mut lock.read_at(Priority::HIGH));
    drop((urgent, writer));
    let second = ready(&mut reader);
    drop((reading, second));
    assert!(lock.try_write().is_some());
}

#[test]
fn the_line_is_served_by_priority_and_in_turn_among_equals() {
    let lock = PriorityRwLock::new(());
    let held = lock.try_write().unwrap();
    let mut writers = [
        lock.write_at(Priority::new(1)),
        lock.write_at(Priority::new(0)),
    ];
    let mut readers = [
        lock.read_at(Priority::new(0)),
        lock.read_at(Priority::new(-1)),
        lock.read_at(Priority::new(-1)),
        lock.read_at(Priority::new(1)),
    ];
    for writer in &mut writers {
        assert!(poll(writer).is_pending());
    }
    for reader in &mut readers {
        assert!(poll(reader).is_pending());
    }
    drop(held);
    // The two most urgent readers together, then the writer before the reader of its priority.
    let first = [1, 2].map(|index| ready(&mut readers[index]));
    assert!(poll(&mut readers[0]).is_pending() && poll(&mut writers[1]).is_pending());
    drop(first);
    let second = ready(&mut writers[1]);
    assert!(poll(&mut readers[0]).is_pending());
    drop(second);
    let third = ready(&mut readers[0]);
    assert!(poll(&mut writers[0]).is_pending() && poll(&mut readers[3]).is_pending());
    drop(third);
    drop(ready(&mut writers[0]));
    drop(ready(&mut readers[3]));
}

#[test]
fn all_readers_and_the_writer_are_as_urgent_as_who_waits() {
    let lock = PriorityRwLock::new(0);
    let nodes = [node(1), node(2), node(-3)];
    let [one, two, urgent] = &nodes;
    let read = |node: &TaskNode| block_on(scope_as(node.clone(), lock.read()));
    let readers = (read(one), read(two), read(two));
    let mut writer = Box::pin(scope_as(urgent.clone(), lock.write()));
    assert!(poll(&mut writer).is_pending());
    let effective = || nodes.each_ref().map(|node| node.effective_priority());
    assert_eq!(effective(), [-3, -3, -3].map(Priority::new));
    urgent.set_priority(Priority::new(-7));
    assert_eq!(effective(), [-7, -7, -7].map(Priority::new));
    // A task that reads twice gets nothing less when it gives one back.
    drop(readers.1);
    assert_eq!(effective(), [-7, -7, -7].map(Priority::new));
    drop(readers.2);
    assert_eq!(effective(), [-7, 2, -7].map(Priority::new));
    drop(readers.0);
    let guard = ready(&mut writer);
    assert_eq!(effective(), [1, 2, -7].map(Priority::new));
    urgent.set_priority(Priority::new(9));
    let mut reader = Box::pin(scope_as(two.clone(), lock.read()));
    assert!(poll(&mut reader).is_pending());
    assert_eq!(effective(), [1, 2, 2].map(Priority::new));
    drop(reader);
    assert_eq!(effective(), [1, 2, 9].map(Priority::new));
    drop(guard);
}

#[test]
fn a_grant_that_another_task_takes_up_is_held_by_that_one() {
    let lock = PriorityRwLock::new(());
    let nodes = [node(5), node(6)];
    let held = lock.try_write().unwrap();
    let mut read = lock.read();
    assert!(poll(&mut Box::pin(scope_as(nodes[0].clone(), &mut read))).is_pending());
    drop(held);
    let guard = ready(&mut Box::pin(scope_as(nodes[1].clone(), &mut read)));
    let mut urgent = lock.write_at(Priority::HIGH);
    assert!(poll(&mut urgent).is_pending());
    assert_eq!(nodes[0].effective_priority(), Priority::new(5));
    assert_eq!(nodes[1].effective_priority(), Priority::HIGH);
    drop(guard);
    assert_eq!(nodes[1].effective_priority(), Priority::new(6));
}

/// Raised above the writer that it waits behind, a reader is let in at once, and woken.
#[test]
fn a_priority_that_changes_serves_who_has_room_now() {
    let lock = PriorityRwLock::new(0);
    let reading = lock.try_read().unwrap();
    let mut writer = lock.write();
    assert!(poll(&mut writer).is_pending());
    let (late, wakes) = (node(5), Arc::new(Wakes::default()));
    let mut reader = Box::pin(scope_as(late.clone(), lock.read()));
    let waker = Waker::from(Arc::clone(&wakes));
    assert!(
        reader
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    late.set_priority(Priority::HIGH);
    assert_eq!(wakes.0.load(std::sync::atomic::Ordering::Relaxed), 1);
    let second = ready(&mut reader);
    assert_eq!(*second, *reading);
}

#[derive(Default)]
struct Wakes(std::sync::atomic::AtomicUsize);

impl std::task::Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn a_writer_that_goes_on_as_a_reader_lets_readers_in_and_writers_not() {
    let lock = Arc::new(PriorityRwLock::new(1));
    let mut guard = lock.try_write().unwrap();
    *guard += 1;
    let mut reader = lock.read();
    let mut writer = lock.write();
    assert!(poll(&mut reader).is_pending() && poll(&mut writer).is_pending());
    let guard = guard.downgrade();
    let other = ready(&mut reader);
    assert_eq!((*guard, *other), (2, 2));
    assert!(poll(&mut writer).is_pending());
    drop((guard, other));
    drop(ready(&mut writer));
    // Those that borrow nothing, too.
    let guard = lock.try_write_arc().unwrap().downgrade();
    assert!(lock.try_read_arc().is_some() && lock.try_write_arc().is_none());
    drop(guard);
    assert_eq!(Arc::strong_count(&lock), 1);
}

#[test]
fn a_reader_that_would_wait_for_itself_is_told() {
    let lock = PriorityRwLock::named(0, "table");
    let (reader, other) = (node(0).named("reader"), node(0).named("writer"));
    let mut twice = Box::pin(scope_as(reader, async {
        let first = lock.read_checked().await.unwrap();
        yield_now().await;
        // Behind a writer, which waits for the first.
        let deadlock = lock.read_checked().await.map(drop).unwrap_err();
        drop(first);
        deadlock.to_string()
    }));
    assert!(poll(&mut twice).is_pending());
    let mut writer = Box::pin(scope_as(other, lock.write()));
    assert!(poll(&mut writer).is_pending());
    assert_eq!(
        ready(&mut twice),
        "deadlock: reader waits for table, held by reader"
    );
    drop(ready(&mut writer));
}

#[test]
fn threads_share_it() {
    let lock = Arc::new(PriorityRwLock::new((0, 0)));
    let threads: Vec<_> = (0..4)
        .map(|index| {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                for _ in 0..200 {
                    if index == 0 {
                        let mut pair = lock.write_blocking();
                        pair.0 += 1;
                        pair.1 += 1;
                    } else {
                        let pair = lock.read_blocking();
                        assert_eq!(pair.0, pair.1);
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(*lock.read_blocking(), (200, 200));
}

#[test]
fn a_deadline_that_passes_leaves_the_line() {
    let lock = PriorityRwLock::new(0);
    let guard = lock.try_read().unwrap();
    let soon = Instant::now() + Duration::from_millis(1);
    assert!(lock.write_deadline(soon).is_err());
    // Nobody keeps others waiting any more.
    assert!(lock.read_deadline(soon).is_ok());
    drop(guard);
    assert!(lock.try_write().is_some());
}

/// In every order: a writer is alone, everybody gets the lock, and what was lent is back in the end.
#[test]
fn in_every_order_everybody_gets_it() {
    let body = |_| async {
        let lock = Rc::new(PriorityRwLock::new(0));
        let inside = Rc::new(Cell::new((0, 0)));
        let nodes = [3, -3, 0, 0].map(node);
        let mut tasks = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let (lock, inside) = (Rc::clone(&lock), Rc::clone(&inside));
            let count = move |readers: i32, writers: i32| {
                let (r, w) = inside.get();
                inside.set((r + readers, w + writers));
                let (r, w) = inside.get();
                assert!(w == 0 || (r, w) == (0, 1), "{r} readers, {w} writers");
            };
            tasks.push(spawn(scope_as(node.clone(), async move {
                for _ in 0..2 {
                    if index % 2 == 0 {
                        let mut guard = lock.write().await;
                        count(0, 1);
                        yield_now().await;
                        *guard += 1;
                        count(0, -1);
                    } else {
                        let guard = lock.read().await;
                        count(1, 0);
                        yield_now().await;
                        assert!(*guard <= 4);
                        count(-1, 0);
                    }
                }
            })));
        }
        nodes[2].set_priority(Priority::HIGH);
        for task in tasks {
            task.await;
        }
        assert_eq!(*lock.try_write().unwrap(), 4);
        for node in &nodes {
            assert_eq!(node.effective_priority(), node.priority());
        }
    };
    for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
        let options = Options::new().strategy(strategy).spurious_wakes(true);
        if let Err(failure) = options.try_check(300, body) {
            panic!("{failure}");
        }
    }
}

#[test]
fn anybody_may_be_dropped_anywhere() {
    let body = |lab: Lab| async move {
        let lock = Rc::new(PriorityRwLock::new(()));
        let nodes = [5, 1, -1].map(node);
        let work = |node: &TaskNode| {
            let lock = Rc::clone(&lock);
            scope_as(node.clone(), async move {
                let guard = lock.read().await;
                yield_now().await;
                drop(guard);
                let guard = lock.write().await;
                yield_now().await;
                let guard = guard.downgrade();
                yield_now().await;
                drop(guard);
            })
        };
        let victim = spawn(lab.victim("victim", work(&nodes[0])));
        let others = [1, 2].map(|index| spawn(work(&nodes[index])));
        victim.await;
        for other in others {
            other.await;
        }
        for node in &nodes {
            assert_eq!(node.effective_priority(), node.priority());
        }
        assert!(lock.try_write().is_some());
    };
    cancel_everywhere(body);
    panic_everywhere(body);
}

#[test]
fn it_works_on_smol_and_on_tokio() {
    async fn meet() -> u32 {
        let lock = Arc::new(PriorityRwLock::new(0));
        let writer = {
            let lock = Arc::clone(&lock);
            scope(Priority::LOW, async move {
                for _ in 0..3 {
                    *lock.write().await += 1;
                    yield_now().await;
                }
            })
        };
        writer.await;
        *scope(Priority::HIGH, lock.read()).await
    }
    assert_eq!(on_all_executors(meet), 3);
}

#[test]
fn debug_says_whether_it_is_locked() {
    let lock = PriorityRwLock::new(1);
    assert_eq!(format!("{lock:?}"), "PriorityRwLock { data: 1 }");
    let guard = lock.try_write().unwrap();
    assert_eq!(
        format!("{lock:?} {guard:?}"),
        "PriorityRwLock { data: <locked> } 1"
    );
}
