//! The line in front of a lock, with threads in every order.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use loom::cell::UnsafeCell;
use loom::future::block_on;
use loom::thread;

use corokit_core::Priority;

use super::front::Front;
use super::line::Asked;
use crate::node::TaskNode;
use crate::wait::WaitList as _;

/// Makes what is to be tested. What comes to be at its first use does so here: loom does not see that
/// the others wait for that.
fn front() -> Arc<Front> {
    let front = Arc::new(Front::new(None));
    assert!(front.try_acquire(&mut None));
    front.release();
    front.line();
    front
}

/// Waits for the lock.
fn lock(line: &Arc<Front>, node: &TaskNode) -> impl Future<Output = ()> + use<> {
    let (line, node) = (Arc::clone(line), node.clone());
    let mut number = None;
    poll_fn(move |cx| match number {
        None if line.try_acquire(&mut Some(node.clone())) => Poll::Ready(()),
        None => match line.acquire(Some(node.clone()), None, cx.waker().clone()) {
            Asked::Acquired => Poll::Ready(()),
            Asked::Waits(waits) => {
                number = Some(waits);
                Poll::Pending
            }
        },
        Some(waits) => {
            match line.line().take_up(waits) || line.line().poll(waits, Some(&node), cx.waker()) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        }
    })
}

/// What the lock guards: loom notices when two threads have access at once.
struct Guarded(UnsafeCell<usize>);

// SAFETY is loom's business here: it panics if access is not exclusive.
#[expect(
    unsafe_code,
    reason = "shared between threads, under the lock that is tested"
)]
unsafe impl Sync for Guarded {}

#[expect(unsafe_code, reason = "the data of the lock that is tested")]
fn increase(data: &Guarded) {
    // SAFETY: the caller has the lock; loom checks that nobody else has access.
    data.0.with_mut(|value| unsafe { *value += 1 });
}

fn node(priority: i32) -> TaskNode {
    TaskNode::new(Priority::new(priority))
}

fn check_is_free(line: &Arc<Front>, nodes: &[TaskNode]) {
    assert!(line.line().holders().is_empty());
    assert!(line.try_acquire(&mut None));
    line.release();
    for node in nodes {
        assert_eq!(node.effective_priority(), node.priority());
        assert!(node.waits().is_empty());
    }
}

#[test]
fn one_at_a_time_and_nobody_is_forgotten() {
    loom::model(|| {
        let line = front();
        let data = Arc::new(Guarded(UnsafeCell::new(0)));
        let nodes = [node(0), node(-1)];
        let threads = nodes.clone().map(|node| {
            let (line, data) = (Arc::clone(&line), Arc::clone(&data));
            thread::spawn(move || {
                block_on(lock(&line, &node));
                increase(&data);
                line.release();
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        check_is_free(&line, &nodes);
    });
}

#[test]
fn a_priority_that_changes_meanwhile_is_what_counts_in_the_end() {
    loom::model(|| {
        let line = front();
        let nodes = [node(5), node(3)];
        block_on(lock(&line, &nodes[0]));
        let waiting = {
            let (line, node) = (Arc::clone(&line), nodes[1].clone());
            thread::spawn(move || {
                block_on(lock(&line, &node));
                line.release();
            })
        };
        let changing = {
            let node = nodes[1].clone();
            thread::spawn(move || node.set_priority(Priority::HIGH))
        };
        changing.join().unwrap();
        // By now it waits with the new priority, or does not wait yet.
        let lent = nodes[0].effective_priority();
        assert!(lent == Priority::new(5) || lent == Priority::HIGH, "{lent}");
        line.release();
        waiting.join().unwrap();
        check_is_free(&line, &nodes);
    });
}

#[test]
fn a_grant_and_a_waiter_that_goes_away_may_meet() {
    loom::model(|| {
        let line = front();
        let nodes = [node(0), node(-1), node(1)];
        block_on(lock(&line, &nodes[0]));
        let leaving = {
            let (line, node) = (Arc::clone(&line), nodes[1].clone());
            thread::spawn(move || {
                let waker = std::task::Waker::noop().clone();
                match line.acquire(Some(node), None, waker) {
                    Asked::Acquired => line.release(),
                    Asked::Waits(number) => line.leave(number),
                }
            })
        };
        line.release();
        // Whoever it was granted to, the lock is to be had.
        block_on(lock(&line, &nodes[2]));
        line.release();
        leaving.join().unwrap();
        check_is_free(&line, &nodes);
    });
}

/// Two locks, and a change at the far end of the chain: what is lent goes through while the middle
/// takes its lock and gives it back.
#[test]
fn what_is_lent_through_a_chain_is_taken_back() {
    loom::model(|| {
        let (near, far) = (front(), front());
        let nodes = [node(5), node(3)];
        block_on(lock(&far, &nodes[0]));
        block_on(lock(&near, &nodes[1]));
        let middle = {
            let (near, far, node) = (Arc::clone(&near), Arc::clone(&far), nodes[1].clone());
            thread::spawn(move || {
                block_on(lock(&far, &node));
                far.release();
                near.release();
            })
        };
        let waker = std::task::Waker::noop().clone();
        let urgent = node(-7);
        match near.acquire(Some(urgent.clone()), None, waker) {
            Asked::Acquired => near.release(),
            Asked::Waits(number) => near.leave(number),
        }
        far.release();
        middle.join().unwrap();
        check_is_free(&near, &nodes);
        check_is_free(&far, &[urgent]);
    });
}
