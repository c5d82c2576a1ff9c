//! The mutex among tasks, in many orders, and with tasks that are dropped anywhere.
#![cfg(not(loom))]

use std::cell::Cell;
use std::rc::Rc;

use corokit_lab::{Lab, Options, Strategy, cancel_everywhere, panic_everywhere};
use corokit_priority::{Priority, PriorityMutex, TaskNode, scope_as};
use corokit_sched_loop::spawn;
use futures_lite::future::yield_now;

fn nodes<const N: usize>(priorities: [i32; N]) -> [TaskNode; N] {
    priorities.map(|priority| TaskNode::new(Priority::new(priority)))
}

/// One at a time, everybody gets it, and all that was lent is back in the end.
#[test]
fn in_every_order_everybody_gets_the_lock_alone() {
    let body = |_| async {
        let mutex = Rc::new(PriorityMutex::new(0));
        let inside = Rc::new(Cell::new(false));
        let nodes = nodes([3, -3, 0, 0]);
        let tasks = nodes.clone().map(|node| {
            let (mutex, inside) = (Rc::clone(&mutex), Rc::clone(&inside));
            spawn(scope_as(node, async move {
                for _ in 0..2 {
                    let mut count = mutex.lock().await;
                    assert!(!inside.replace(true));
                    yield_now().await;
                    *count += 1;
                    inside.set(false);
                }
            }))
        });
        nodes[2].set_priority(Priority::HIGH);
        for task in tasks {
            task.await;
        }
        assert_eq!(*mutex.try_lock().unwrap(), 8);
        for node in &nodes {
            assert_eq!(node.effective_priority(), node.priority());
        }
    };
    for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
        let options = Options::new().strategy(strategy).spurious_wakes(true);
        if let Err(failure) = options.try_check(500, body) {
            panic!("{failure}");
        }
    }
}

/// Whoever goes away, before it asks, while it waits, after it was granted the lock, or while it
/// holds it: the others get it, and nothing that was lent stays.
#[test]
fn anybody_may_be_dropped_anywhere() {
    let body = |lab: Lab| async move {
        let mutexes = Rc::new([PriorityMutex::new(()), PriorityMutex::new(())]);
        let nodes = nodes([5, 1, -1]);
        let take_both = |node: &TaskNode| {
            let mutexes = Rc::clone(&mutexes);
            scope_as(node.clone(), async move {
                let first = mutexes[0].lock().await;
                yield_now().await;
                let second = mutexes[1].lock().await;
                yield_now().await;
                drop(first);
                yield_now().await;
                drop(second);
            })
        };
        let victim = spawn(lab.victim("victim", take_both(&nodes[0])));
        let others = [1, 2].map(|index| spawn(take_both(&nodes[index])));
        victim.await;
        for other in others {
            other.await;
        }
        for node in &nodes {
            assert_eq!(node.effective_priority(), node.priority());
        }
        assert!(mutexes.iter().all(|mutex| mutex.try_lock().is_some()));
    };
    assert!(cancel_everywhere(body).schedules() > 5);
    panic_everywhere(body);
}
