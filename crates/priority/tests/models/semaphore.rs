//! Programs with a semaphore beside a naive model: a number, and a list of those who wait.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use corokit_priority::{Acquire, Priority, PriorityPermit, PrioritySemaphore, TaskNode, scope_as};

#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// Asks with this priority, or as a task.
    Ask(Result<i32, usize>),
    Poll(usize),
    Cancel(usize),
    Release(usize),
    Forget(usize),
    Add(usize),
    SetPriority(usize, i32),
}

pub(crate) const TASKS: usize = 3;

/// Counts how often it is woken.
#[derive(Default)]
pub(crate) struct Wakes(pub(crate) AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Waiter<'s> {
    future: Pin<Box<Acquire<'s>>>,
    wakes: Arc<Wakes>,
    who: Result<i32, usize>,
    arrival: usize,
    granted: bool,
}

impl<'s> Waiter<'s> {
    fn poll(&mut self, nodes: &[TaskNode]) -> Poll<PriorityPermit<'s>> {
        let waker = Waker::from(Arc::clone(&self.wakes));
        let mut cx = Context::from_waker(&waker);
        match self.who {
            Ok(_) => self.future.as_mut().poll(&mut cx),
            Err(task) => {
                let scoped = scope_as(nodes[task].clone(), self.future.as_mut());
                Box::pin(scoped).as_mut().poll(&mut cx)
            }
        }
    }
}

/// Grants permits as the model would.
fn grant(waiters: &mut [Waiter<'_>], nodes: &[TaskNode], permits: &mut usize) {
    while *permits > 0 {
        let key = |waiter: &&mut Waiter<'_>| {
            let priority = match waiter.who {
                Ok(priority) => Priority::new(priority),
                Err(task) => nodes[task].priority(),
            };
            (priority, waiter.arrival)
        };
        let waiting = waiters.iter_mut().filter(|waiter| !waiter.granted);
        match waiting.min_by_key(key) {
            Some(first) => first.granted = true,
            None => return,
        }
        *permits -= 1;
    }
}

/// Does the same with a semaphore and with the model, and compares after each step.
pub(crate) fn run(ops: impl IntoIterator<Item = Op>) {
    let semaphore = PrioritySemaphore::new(2);
    let mut permits = 2;
    let nodes: [TaskNode; TASKS] = std::array::from_fn(|_| TaskNode::new(Priority::NORMAL));
    let mut waiters: Vec<Waiter<'_>> = Vec::new();
    let mut held = Vec::new();
    let mut arrivals = 0;
    for op in ops {
        match op {
            Op::Ask(who) => {
                arrivals += 1;
                let mut waiter = Waiter {
                    future: Box::pin(match who {
                        Ok(priority) => semaphore.acquire_at(Priority::new(priority)),
                        Err(_) => semaphore.acquire(),
                    }),
                    wakes: Arc::default(),
                    who,
                    arrival: arrivals,
                    granted: false,
                };
                match waiter.poll(&nodes) {
                    Poll::Ready(permit) => {
                        assert!(permits > 0);
                        permits -= 1;
                        held.push(permit);
                    }
                    Poll::Pending => {
                        assert_eq!(permits, 0);
                        waiters.push(waiter);
                    }
                }
            }
            Op::Poll(index) if index < waiters.len() => match waiters[index].poll(&nodes) {
                Poll::Ready(permit) => {
                    assert!(waiters.remove(index).granted);
                    held.push(permit);
                }
                Poll::Pending => assert!(!waiters[index].granted),
            },
            Op::Cancel(index) if index < waiters.len() => {
                let waiter = waiters.remove(index);
                permits += usize::from(waiter.granted);
                drop(waiter);
                grant(&mut waiters, &nodes, &mut permits);
            }
            Op::Release(index) if index < held.len() => {
                drop(held.remove(index));
                permits += 1;
                grant(&mut waiters, &nodes, &mut permits);
            }
            Op::Forget(index) if index < held.len() => held.remove(index).forget(),
            Op::Add(count) => {
                semaphore.add_permits(count);
                permits += count;
                grant(&mut waiters, &nodes, &mut permits);
            }
            Op::SetPriority(task, priority) => nodes[task].set_priority(Priority::new(priority)),
            Op::Poll(_) | Op::Cancel(_) | Op::Release(_) | Op::Forget(_) => {}
        }
        assert_eq!(semaphore.permits(), permits);
        for waiter in &waiters {
            assert_eq!(waiter.wakes.0.load(Ordering::Relaxed) > 0, waiter.granted);
        }
    }
}
