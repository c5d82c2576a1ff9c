//! The mutex: order, inheritance, the ways to ask for it.
#![cfg(not(loom))]

mod support;

use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use corokit_priority::{
    Priority, PriorityMutex, PriorityMutexGuard, TaskNode, current, scope, scope_as,
};
use futures_lite::future::{block_on, poll_once, yield_now, zip};

use support::{Boxed, node, poll, ready};

/// A task that asks for a lock, with this priority.
fn ask<'m, T>(
    mutex: &'m PriorityMutex<T>,
    node: &TaskNode,
) -> Boxed<'m, PriorityMutexGuard<'m, T>> {
    Box::pin(scope_as(node.clone(), mutex.lock()))
}

#[test]
fn waiters_get_the_lock_by_priority_and_in_turn_among_equals() {
    let mutex = PriorityMutex::new(Vec::new());
    let held = mutex.lock_blocking();
    let priorities = [3, 1, 2, 1, 3, -4, 2];
    let nodes = priorities.map(node);
    let mut waiters: Vec<_> = nodes.iter().map(|node| Some(ask(&mutex, node))).collect();
    for waiter in waiters.iter_mut().flatten() {
        assert!(poll(waiter).is_pending());
    }
    drop(held);
    for _ in 0..priorities.len() {
        let mut served = waiters
            .iter_mut()
            .enumerate()
            .filter_map(|(index, waiter)| match poll(waiter.as_mut()?) {
                Poll::Ready(guard) => Some((index, guard)),
                Poll::Pending => None,
            });
        let (index, mut guard) = served.next().expect("somebody has it");
        guard.push(index);
        waiters[index] = None;
        drop(guard);
    }
    assert_eq!(*mutex.lock_blocking(), [5, 1, 3, 2, 6, 0, 4]);
}

/// The fault of asynkit's lock: one waiter is woken, a more urgent one asks, a third is cancelled,
/// and two have the lock.
#[test]
fn there_is_one_holder_whatever_comes_between_a_grant_and_its_taking_up() {
    let mutex = PriorityMutex::new(());
    let held = mutex.lock_blocking();
    let nodes = [node(0), node(-1), node(1)];
    let [mut first, mut urgent, mut third] = nodes.each_ref().map(|node| ask(&mutex, node));
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut third).is_pending());
    drop(held);
    // Granted to the first; the urgent one takes it before that has run.
    let guard = ready(&mut urgent);
    drop(third);
    assert!(poll(&mut first).is_pending());
    assert!(mutex.try_lock().is_none());
    drop(guard);
    drop(ready(&mut first));
    assert!(mutex.try_lock().is_some());
}

#[test]
fn nobody_of_the_same_priority_overtakes() {
    let mutex = PriorityMutex::new(());
    let held = mutex.lock_blocking();
    let nodes = [node(0), node(0)];
    let [mut first, mut second] = nodes.each_ref().map(|node| ask(&mutex, node));
    assert!(poll(&mut first).is_pending());
    drop(held);
    assert!(poll(&mut second).is_pending());
    assert!(mutex.try_lock().is_none());
    drop(ready(&mut first));
    drop(ready(&mut second));
}

#[test]
fn a_waiter_that_goes_away_passes_its_grant_on() {
    for granted in [false, true] {
        let mutex = PriorityMutex::new(());
        let held = mutex.lock_blocking();
        let nodes = [node(-1), node(0), node(1)];
        let [mut one, mut two, mut three] = nodes.each_ref().map(|node| ask(&mutex, node));
        for waiter in [&mut one, &mut two, &mut three] {
            assert!(poll(waiter).is_pending());
        }
        if granted {
            drop(held);
            drop(one);
        } else {
            drop(one);
            drop(held);
        }
        drop(ready(&mut two));
        drop(ready(&mut three));
    }
}

#[test]
fn a_holder_is_as_urgent_as_the_most_urgent_who_waits() {
    let mutex = PriorityMutex::new(());
    let holder = node(5);
    let guard = ready(&mut ask(&mutex, &holder));
    let nodes = [node(3), node(-2), node(0)];
    let mut waiters = nodes.each_ref().map(|node| ask(&mutex, node));
    let mut seen = Vec::new();
    for waiter in &mut waiters {
        assert!(poll(waiter).is_pending());
        seen.push(holder.effective_priority().value());
    }
    assert_eq!(seen, [3.0, -2.0, -2.0]);
    // A waiter that becomes less urgent, more urgent, or goes away, is followed at once.
    nodes[1].set_priority(Priority::LOW);
    assert_eq!(holder.effective_priority(), Priority::new(0));
    nodes[0].set_priority(Priority::HIGH);
    assert_eq!(holder.effective_priority(), Priority::HIGH);
    let [first, second, third] = waiters;
    drop(first);
    assert_eq!(holder.effective_priority(), Priority::new(0));
    drop((second, third));
    assert_eq!(holder.effective_priority(), Priority::new(5));
    assert_eq!(holder.priority(), Priority::new(5));
    drop(guard);
}

#[test]
fn a_lock_says_how_urgent_the_first_in_line_is() {
    let mutex = PriorityMutex::new(());
    let held = mutex.lock_blocking();
    assert_eq!(mutex.effective_priority(), None);
    let nodes = [node(4), node(-2)];
    let mut waiters = nodes.each_ref().map(|node| ask(&mutex, node));
    let mut anybody = Box::pin(mutex.lock());
    for (waiter, expected) in waiters.iter_mut().zip([4, -2]) {
        assert!(poll(waiter).is_pending());
        assert_eq!(mutex.effective_priority(), Some(Priority::new(expected)));
    }
    assert!(poll(&mut anybody).is_pending());
    nodes[0].set_priority(Priority::HIGH);
    assert_eq!(mutex.effective_priority(), Some(Priority::HIGH));
    let [high, low] = waiters;
    drop(high);
    assert_eq!(mutex.effective_priority(), Some(Priority::new(-2)));
    drop(low);
    // One that is no task is normal.
    assert_eq!(mutex.effective_priority(), Some(Priority::NORMAL));
    drop(anybody);
    assert_eq!(mutex.effective_priority(), None);
    drop(held);
}

#[test]
fn a_grant_makes_the_waiter_the_heir_before_it_runs() {
    let mutex = PriorityMutex::new(());
    let held = mutex.lock_blocking();
    let nodes = [node(-1), node(0)];
    let [mut first, mut second] = nodes.each_ref().map(|node| ask(&mutex, node));
    assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
    drop(held);
    nodes[1].set_priority(Priority::HIGH);
    assert_eq!(nodes[0].effective_priority(), Priority::HIGH);
    drop(ready(&mut first));
    assert_eq!(nodes[0].effective_priority(), Priority::new(-1));
    drop(ready(&mut second));
}

/// Each holds a lock and waits for the next one: what is lent goes through, and comes back.
#[test]
fn priorities_go_through_chains_of_any_length() {
    const LENGTH: usize = 1_000;
    let mutexes: Vec<PriorityMutex<()>> = (0..LENGTH).map(|_| PriorityMutex::new(())).collect();
    let nodes: Vec<TaskNode> = (0..LENGTH).map(|_| node(7)).collect();
    let mut guards = Vec::new();
    for (mutex, node) in mutexes.iter().zip(&nodes) {
        guards.push(ready(&mut ask(mutex, node)));
    }
    let mut waiters = Vec::new();
    for (mutex, node) in mutexes[1..].iter().zip(&nodes) {
        let mut waiter = ask(mutex, node);
        assert!(poll(&mut waiter).is_pending());
        waiters.push(waiter);
    }
    let urgent = node(-3);
    let mut waiter = ask(&mutexes[0], &urgent);
    assert!(poll(&mut waiter).is_pending());
    let all = |priority| {
        let all = nodes
            .iter()
            .all(|node| node.effective_priority() == priority);
        assert!(all);
    };
    all(Priority::new(-3));
    urgent.set_priority(Priority::HIGH);
    all(Priority::HIGH);
    drop(waiter);
    all(Priority::new(7));
    drop(waiters);
}

/// A task may wait in several lines at once, and in the line of a lock that it holds itself.
#[test]
fn a_task_waits_in_several_lines_and_lends_itself_nothing() {
    let (one, two) = (PriorityMutex::new(()), PriorityMutex::new(()));
    let holders = [node(5), node(5)];
    let guards = (
        ready(&mut ask(&one, &holders[0])),
        ready(&mut ask(&two, &holders[1])),
    );
    let both = node(1);
    let mut waits = Box::pin(scope_as(both.clone(), zip(one.lock(), two.lock())));
    assert!(poll(&mut waits).is_pending());
    let effective = || {
        holders
            .each_ref()
            .map(|node| node.effective_priority().value())
    };
    assert_eq!(effective(), [1.0, 1.0]);
    both.set_priority(Priority::HIGH);
    assert_eq!(effective(), [-10.0, -10.0]);
    drop(guards.0);
    assert_eq!(effective(), [5.0, -10.0]);
    // It has been granted one, and waits for it in another branch as well.
    let mut again = ask(&one, &both);
    assert!(poll(&mut again).is_pending());
    assert_eq!(both.effective_priority(), Priority::HIGH);
    drop(guards.1);
    drop(ready(&mut waits));
    drop(ready(&mut again));
}

/// A task that waits for what it holds itself, in another branch, lends itself nothing: else what it
/// once was would never end.
#[test]
fn what_a_task_lends_itself_does_not_count() {
    let mutex = PriorityMutex::new(());
    let own = node(3);
    let guard = ready(&mut ask(&mutex, &own));
    let mut again = ask(&mutex, &own);
    assert!(poll(&mut again).is_pending());
    own.set_priority(Priority::HIGH);
    own.set_priority(Priority::LOW);
    assert_eq!(own.effective_priority(), Priority::LOW);
    // What it was lent for the lock does not help it to get the lock again.
    let other = node(-1);
    let mut waits = ask(&mutex, &other);
    assert!(poll(&mut waits).is_pending());
    assert_eq!(own.effective_priority(), Priority::new(-1));
    drop(guard);
    assert!(poll(&mut again).is_pending());
    drop(ready(&mut waits));
    drop(ready(&mut again));
}

#[test]
fn a_fixed_priority_is_what_counts_and_what_is_lent() {
    let mutex = PriorityMutex::new(());
    let holder = node(5);
    let guard = ready(&mut ask(&mutex, &holder));
    let own = node(9);
    let mut waiter = Box::pin(scope_as(own.clone(), mutex.lock_at(Priority::new(2))));
    assert!(poll(&mut waiter).is_pending());
    own.set_priority(Priority::HIGH);
    assert_eq!(holder.effective_priority(), Priority::new(2));
    drop(guard);
    drop(ready(&mut waiter));
}

#[test]
fn a_future_that_another_task_goes_on_with_follows_that_one() {
    let mutex = PriorityMutex::new(());
    let holder = node(5);
    let guard = ready(&mut ask(&mutex, &holder));
    let (first, second) = (node(1), node(-1));
    let mut lock = mutex.lock();
    assert!(poll(&mut Box::pin(scope_as(first.clone(), &mut lock))).is_pending());
    assert_eq!(holder.effective_priority(), Priority::new(1));
    assert!(poll(&mut Box::pin(scope_as(second.clone(), &mut lock))).is_pending());
    assert_eq!(holder.effective_priority(), Priority::new(-1));
    first.set_priority(Priority::HIGH);
    assert_eq!(holder.effective_priority(), Priority::new(-1));
    // And somebody who is no task is normal.
    assert!(poll(&mut lock).is_pending());
    assert_eq!(holder.effective_priority(), Priority::NORMAL);
    drop((lock, guard));
    assert_eq!(holder.effective_priority(), Priority::new(5));
}

/// Also when it had been granted the lock already.
#[test]
fn a_grant_that_another_task_takes_up_is_held_by_that_one() {
    let mutex = PriorityMutex::new(());
    let nodes = [node(5), node(6)];
    let held = mutex.try_lock().unwrap();
    let mut lock = mutex.lock();
    assert!(poll(&mut Box::pin(scope_as(nodes[0].clone(), &mut lock))).is_pending());
    drop(held);
    let guard = ready(&mut Box::pin(scope_as(nodes[1].clone(), &mut lock)));
    let mut urgent = mutex.lock_at(Priority::HIGH);
    assert!(poll(&mut urgent).is_pending());
    assert_eq!(nodes[0].effective_priority(), Priority::new(5));
    assert_eq!(nodes[1].effective_priority(), Priority::HIGH);
    drop(guard);
    assert_eq!(nodes[1].effective_priority(), Priority::new(6));
}

#[test]
fn a_cycle_is_reported_by_the_one_who_asks() {
    let locks = ["cache", "log", "config"].map(|name| PriorityMutex::named((), name));
    let nodes = ["task0", "task1", "task2"].map(|name| node(0).named(name));
    let guards: Vec<_> = locks
        .iter()
        .zip(&nodes)
        .map(|(lock, node)| ready(&mut ask(lock, node)))
        .collect();
    let mut first = ask(&locks[1], &nodes[0]);
    let mut second = ask(&locks[2], &nodes[1]);
    assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
    let mut closing = Box::pin(scope_as(nodes[2].clone(), locks[0].lock_checked()));
    let deadlock = ready(&mut closing).map(drop).unwrap_err();
    assert_eq!(
        deadlock.to_string(),
        "deadlock: task2 waits for cache, held by task0 waits for log, held by task1 waits for \
         config, held by task2"
    );
    // It does not wait, so nothing is lent in a circle.
    nodes[2].set_priority(Priority::HIGH);
    assert_eq!(nodes[0].effective_priority(), Priority::NORMAL);
    drop((first, second, guards));
}

/// Waiting in a circle without being asked to look ends in nothing worse than waiting.
#[test]
fn a_cycle_that_nobody_looks_for_only_waits() {
    let locks = [PriorityMutex::new(()), PriorityMutex::new(())];
    let nodes = [node(1), node(2)];
    let guards = [0, 1].map(|i| ready(&mut ask(&locks[i], &nodes[i])));
    let mut waiters = [0, 1].map(|i| ask(&locks[1 - i], &nodes[i]));
    for waiter in &mut waiters {
        assert!(poll(waiter).is_pending());
    }
    nodes[0].set_priority(Priority::HIGH);
    assert_eq!(nodes[1].effective_priority(), Priority::HIGH);
    let [first, second] = waiters;
    drop(second);
    drop(guards);
    drop(first);
    let effective = nodes
        .each_ref()
        .map(|node| node.effective_priority().value());
    assert_eq!(effective, [-10.0, 2.0]);
}

#[test]
fn a_lock_that_can_be_had_is_no_deadlock() {
    let mutex = PriorityMutex::new(());
    let nodes = [node(0), node(0)];
    let guard = ready(&mut ask(&mutex, &nodes[0]));
    let mut waits = Box::pin(scope_as(nodes[1].clone(), mutex.lock_checked()));
    assert!(poll(&mut waits).is_pending());
    drop(guard);
    assert!(ready(&mut waits).is_ok());
    // Without a task there is nobody to wait for.
    let guard = block_on(mutex.lock_checked());
    assert!(block_on(poll_once(mutex.lock_checked())).is_none());
    drop(guard);
}

#[test]
fn a_guard_may_go_to_another_task_and_be_dropped_on_another_thread() {
    let mutex = Arc::new(PriorityMutex::new(0));
    let node = node(5);
    let mut guard = block_on(scope_as(node.clone(), mutex.lock_arc()));
    *guard += 1;
    let mut waiter = Box::pin(scope(Priority::HIGH, mutex.lock_arc()));
    assert!(poll(&mut waiter).is_pending());
    assert_eq!(node.effective_priority(), Priority::HIGH);
    thread::spawn(move || drop(guard)).join().unwrap();
    assert_eq!(node.effective_priority(), Priority::new(5));
    assert_eq!(*ready(&mut waiter), 1);
}

#[test]
fn threads_take_turns() {
    let mutex = PriorityMutex::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    *mutex.lock_blocking() += 1;
                }
            });
        }
    });
    assert_eq!(mutex.into_inner(), 4_000);
}

#[test]
fn a_deadline_that_passes_leaves_the_line() {
    let mutex = PriorityMutex::new(());
    let guard = mutex.lock_blocking();
    let start = Instant::now();
    let limit = Duration::from_millis(2);
    assert!(mutex.lock_deadline(start + limit).is_err());
    assert!(start.elapsed() >= limit);
    drop(guard);
    assert!(mutex.try_lock().is_some());
    assert!(mutex.lock_deadline(start).is_ok());
}

#[test]
fn the_current_task_is_the_innermost_and_is_restored_after_a_panic() {
    block_on(scope(Priority::LOW, async {
        let inner = scope(Priority::HIGH, async { current().unwrap().priority() });
        assert_eq!(inner.await, Priority::HIGH);
        assert_eq!(current().unwrap().priority(), Priority::LOW);
        let panics = std::panic::AssertUnwindSafe(scope(Priority::HIGH, async { panic!("mine") }));
        let caught: Result<(), _> = futures_lite::FutureExt::catch_unwind(panics).await;
        assert!(caught.is_err());
        assert_eq!(current().unwrap().priority(), Priority::LOW);
        yield_now().await;
        assert_eq!(current().unwrap().priority(), Priority::LOW);
    }));
    assert!(current().is_none());
}

/// Whoever is told of a change may use the lock, and everything else.
#[test]
fn what_is_told_may_look_at_everything() {
    struct Looks(Arc<PriorityMutex<()>>, std::sync::Mutex<Vec<f64>>);
    impl corokit_priority::TaskControl for Looks {
        fn priority_changed(&self, node: &TaskNode) {
            drop(self.0.try_lock());
            self.1
                .lock()
                .unwrap()
                .push(node.effective_priority().value());
        }
    }
    let mutex = Arc::new(PriorityMutex::new(()));
    let looks = Arc::new(Looks(Arc::clone(&mutex), Default::default()));
    let holder = node(5).controlled_by(looks.clone());
    let guard = ready(&mut ask(&mutex, &holder));
    let mut urgent = Box::pin(mutex.lock_at(Priority::HIGH));
    assert!(poll(&mut urgent).is_pending());
    drop(guard);
    assert_eq!(*looks.1.lock().unwrap(), [-10.0, 5.0]);
    drop(ready(&mut urgent));
}

#[test]
fn debug_says_whether_it_is_locked() {
    let mutex = PriorityMutex::new(1);
    assert_eq!(format!("{mutex:?}"), "PriorityMutex { data: 1 }");
    let guard = mutex.lock_blocking();
    assert_eq!(format!("{mutex:?}"), "PriorityMutex { data: <locked> }");
    assert_eq!(format!("{guard:?}"), "1");
}

#[test]
fn it_works_on_smol_and_on_tokio() {
    async fn program() {
        let mutex = Rc::new(PriorityMutex::new(Vec::new()));
        let log = Rc::clone(&mutex);
        let held = mutex.lock().await;
        let spawn = |priority, name| {
            let mutex = Rc::clone(&log);
            scope(Priority::new(priority), async move {
                mutex.lock().await.push(name);
            })
        };
        let tasks = zip(zip(spawn(2, "low"), spawn(-2, "high")), spawn(0, "normal"));
        let release = async {
            yield_now().await;
            drop(held);
        };
        zip(release, tasks).await;
        assert_eq!(*mutex.lock().await, ["high", "normal", "low"]);
    }
    smol::block_on(program());
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(program());
    corokit_sched_loop::run(program());
}

#[test]
fn a_guard_of_its_own_is_had_when_the_mutex_is_free() {
    let mutex = Arc::new(PriorityMutex::new(1));
    let guard = mutex.try_lock_arc().unwrap();
    assert!(mutex.try_lock_arc().is_none());
    drop(guard);
    assert_eq!(mutex.try_lock_arc().as_deref(), Some(&1));
}
