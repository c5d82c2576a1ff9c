//! The semaphore: order, cancellation, and random programs against a naive model.
#![cfg(not(loom))]

#[path = "models/semaphore.rs"]
mod model;
mod support;

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use corokit_lab::{Lab, cancel_everywhere, panic_everywhere};
use corokit_priority::{Priority, PrioritySemaphore, TaskNode, scope, scope_as};

use corokit_sched_loop::spawn;
use futures_lite::future::yield_now;
use model::{Op, TASKS, Wakes};
use proptest::prelude::*;

use support::{on_all_executors, poll, ready};

#[test]
fn permits_go_to_the_most_urgent_and_in_turn_among_equals() {
    let semaphore = PrioritySemaphore::new(1);
    let held = semaphore.try_acquire().unwrap();
    let priorities = [3, 1, 2, 1, 3, -4, 2];
    let mut waiters: Vec<_> = priorities
        .map(|priority| Some(semaphore.acquire_at(priority)))
        .into();
    for waiter in waiters.iter_mut().flatten() {
        assert!(poll(waiter).is_pending());
    }
    drop(held);
    let mut order = Vec::new();
    for _ in 0..priorities.len() {
        let mut served = waiters
            .iter_mut()
            .enumerate()
            .filter_map(|(index, waiter)| match poll(waiter.as_mut()?) {
                Poll::Ready(permit) => Some((index, permit)),
                Poll::Pending => None,
            });
        let (index, permit) = served.next().expect("somebody has it");
        assert!(served.next().is_none());
        waiters[index] = None;
        order.push(index);
        drop(permit);
    }
    assert_eq!(order, [5, 1, 3, 2, 6, 0, 4]);
    assert_eq!(semaphore.permits(), 1);
}

#[test]
fn the_earliest_deadline_comes_first() {
    let semaphore = PrioritySemaphore::new(0);
    let now = Instant::now();
    let mut late = semaphore.acquire_at(now + Duration::from_secs(2));
    let mut soon = semaphore.acquire_at(now + Duration::from_secs(1));
    assert!(poll(&mut late).is_pending() && poll(&mut soon).is_pending());
    semaphore.add_permits(1);
    assert!(poll(&mut late).is_pending());
    drop(ready(&mut soon));
    drop(ready(&mut late));
}

#[test]
fn nobody_overtakes_those_who_wait() {
    let semaphore = PrioritySemaphore::new(0);
    let mut first = semaphore.acquire_at(5);
    assert!(poll(&mut first).is_pending());
    semaphore.add_permits(1);
    // Granted, and not taken up.
    assert!(semaphore.try_acquire().is_none());
    assert!(poll(&mut semaphore.acquire_at(-5)).is_pending());
    drop(ready(&mut first));
    assert_eq!(semaphore.permits(), 1);
}

#[test]
fn a_waiter_that_goes_away_passes_its_permit_on() {
    for granted in [false, true] {
        let semaphore = PrioritySemaphore::new(0);
        let [mut one, mut two] = [1, 2].map(|priority| semaphore.acquire_at(priority));
        assert!(poll(&mut one).is_pending() && poll(&mut two).is_pending());
        if granted {
            semaphore.add_permits(1);
            drop(one);
        } else {
            drop(one);
            semaphore.add_permits(1);
        }
        ready(&mut two).forget();
        assert_eq!(semaphore.permits(), 0);
    }
}

#[test]
fn a_waiter_follows_the_task_that_waits() {
    let semaphore = PrioritySemaphore::new(0);
    let nodes = [1, 2].map(|priority| TaskNode::new(Priority::new(priority)));
    let mut waiters = nodes
        .each_ref()
        .map(|node| Box::pin(scope_as(node.clone(), semaphore.acquire())));
    for waiter in &mut waiters {
        assert!(poll(waiter).is_pending());
    }
    nodes[1].set_priority(Priority::HIGH);
    semaphore.add_permits(1);
    assert!(poll(&mut waiters[0]).is_pending());
    ready(&mut waiters[1]).forget();
    // Another task goes on with what one has begun.
    let mut moved = semaphore.acquire();
    assert!(poll(&mut Box::pin(scope(Priority::LOW, &mut moved))).is_pending());
    let mut moved = Box::pin(scope(Priority::HIGH, moved));
    assert!(poll(&mut moved).is_pending());
    semaphore.add_permits(1);
    assert!(poll(&mut waiters[0]).is_pending());
    drop(ready(&mut moved));
}

#[test]
fn a_waiter_may_change_its_mind_before_and_while_it_waits() {
    let semaphore = PrioritySemaphore::new(0);
    let mut waiters = [1, 2, 3].map(|priority| semaphore.acquire_at(priority));
    waiters[2].set_priority(0);
    for waiter in &mut waiters {
        assert!(poll(waiter).is_pending());
    }
    waiters[1].set_priority(-1);
    let order = [1, 2, 0];
    for (turn, next) in order.into_iter().enumerate() {
        semaphore.add_permits(1);
        for later in &order[turn + 1..] {
            assert!(poll(&mut waiters[*later]).is_pending());
        }
        ready(&mut waiters[next]).forget();
    }
}

#[test]
fn threads_share_permits() {
    let semaphore = PrioritySemaphore::new(2);
    let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for priority in 0..4 {
            let (semaphore, inside, most) = (&semaphore, &inside, &most);
            scope.spawn(move || {
                for _ in 0..500 {
                    let permit = semaphore.acquire_blocking_at(priority);
                    let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                }
            });
        }
    });
    assert!(most.into_inner() <= 2);
    assert_eq!(semaphore.permits(), 2);
}

#[test]
fn a_deadline_that_passes_leaves_the_line() {
    let semaphore = PrioritySemaphore::new(0);
    assert!(semaphore.acquire_deadline_at(1, Instant::now()).is_err());
    semaphore.add_permits(1);
    assert!(semaphore.acquire_deadline_at(1, Instant::now()).is_ok());
}

/// Somebody who blocks a thread, and a task: one line, by priority.
#[test]
fn threads_and_tasks_wait_in_one_line() {
    let semaphore = PrioritySemaphore::new(0);
    let mut task = semaphore.acquire_at(1);
    assert!(poll(&mut task).is_pending());
    thread::scope(|threads| {
        let blocked = threads.spawn(|| semaphore.acquire_blocking_at(0).forget());
        // Whoever is last of these is in line behind the thread, or before it, and has its turn.
        while !format!("{semaphore:?}").contains("waiting: 2") {
            thread::yield_now();
        }
        semaphore.add_permits(1);
        blocked.join().unwrap();
        assert!(poll(&mut task).is_pending());
    });
    semaphore.add_permits(1);
    drop(ready(&mut task));
}

#[test]
fn permits_that_are_added_wake_as_many_as_they_serve() {
    for (added, waiting) in [(0, 2), (1, 3), (3, 3), (5, 2)] {
        let semaphore = PrioritySemaphore::new(0);
        let wakes: Vec<_> = (0..waiting).map(|_| Arc::new(Wakes::default())).collect();
        let mut waiters: Vec<_> = wakes
            .iter()
            .map(|wakes| {
                let mut waits = semaphore.acquire_at(0);
                let waker = Waker::from(Arc::clone(wakes));
                let polled = Pin::new(&mut waits).poll(&mut Context::from_waker(&waker));
                assert!(polled.is_pending());
                waits
            })
            .collect();
        semaphore.add_permits(added);
        let woken = wakes.iter().map(|wakes| wakes.0.load(Ordering::Relaxed));
        assert_eq!(woken.sum::<usize>(), added.min(waiting));
        assert_eq!(semaphore.permits(), added.saturating_sub(waiting));
        let served = waiters.iter_mut().map(poll).filter(Poll::is_ready);
        // Each is given back at once, so all are served if there is any.
        assert_eq!(served.count(), if added > 0 { waiting } else { 0 });
    }
}

#[test]
fn it_works_on_smol_and_on_tokio() {
    async fn meet() -> usize {
        let semaphore = PrioritySemaphore::new(1);
        let twice = async || {
            for _ in 0..2 {
                let permit = semaphore.acquire().await;
                yield_now().await;
                drop(permit);
            }
        };
        let urgent = scope(Priority::HIGH, twice());
        futures_lite::future::zip(urgent, twice()).await;
        semaphore.permits()
    }
    assert_eq!(on_all_executors(meet), 1);
}

#[test]
fn a_permit_may_outlive_everything_else() {
    let semaphore = Arc::new(PrioritySemaphore::new(1));
    let permit = ready(&mut semaphore.acquire_at_arc(1));
    let mut waits = semaphore.acquire_at_arc(2);
    assert!(poll(&mut waits).is_pending());
    drop(semaphore);
    thread::spawn(move || drop(permit)).join().unwrap();
    drop(ready(&mut waits));
}

#[test]
#[should_panic(expected = "more permits than can be counted")]
fn too_many_permits_are_refused() {
    let semaphore: PrioritySemaphore = PrioritySemaphore::new(1);
    semaphore.add_permits(usize::MAX);
}

/// Whoever goes away, at whatever point: no permit is lost, and nobody is forgotten.
#[test]
fn anybody_may_be_dropped_anywhere() {
    let body = |lab: Lab| async move {
        let semaphore = Rc::new(PrioritySemaphore::new(1));
        let work = |priority: i32| {
            let semaphore = Rc::clone(&semaphore);
            scope(Priority::new(priority), async move {
                for _ in 0..2 {
                    let permit = semaphore.acquire().await;
                    yield_now().await;
                    drop(permit);
                }
            })
        };
        let victim = spawn(lab.victim("victim", work(-1)));
        let others = [0, 1].map(|priority| spawn(work(priority)));
        victim.await;
        for other in others {
            other.await;
        }
        assert_eq!(semaphore.permits(), 1);
    };
    assert!(cancel_everywhere(body).schedules() > 5);
    panic_everywhere(body);
}

fn op() -> impl Strategy<Value = Op> {
    let ask = prop_oneof![(-3..4i32).prop_map(Ok), (0..TASKS).prop_map(Err)];
    prop_oneof![
        6 => ask.prop_map(Op::Ask),
        5 => (0..8usize).prop_map(Op::Poll),
        2 => (0..8usize).prop_map(Op::Cancel),
        4 => (0..8usize).prop_map(Op::Release),
        1 => (0..8usize).prop_map(Op::Forget),
        1 => (0..3usize).prop_map(Op::Add),
        3 => (0..TASKS, -3..4i32).prop_map(|(task, priority)| Op::SetPriority(task, priority)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn permits_go_where_the_model_says(ops in prop::collection::vec(op(), 1..150)) {
        model::run(ops);
    }
}

#[test]
fn a_permit_of_its_own_is_had_when_there_is_one() {
    let semaphore: Arc<PrioritySemaphore> = Arc::new(PrioritySemaphore::new(1));
    let permit = semaphore.try_acquire_arc().unwrap();
    assert!(semaphore.try_acquire_arc().is_none());
    drop(permit);
    assert!(semaphore.try_acquire_arc().is_some());
}
