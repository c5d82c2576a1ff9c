//! Programs with locks beside a naive model that calculates everything anew.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use corokit_priority::{Lock, Priority, PriorityMutex, PriorityMutexGuard, TaskNode, scope_as};

pub(crate) const TASKS: usize = 5;
pub(crate) const LOCKS: usize = 4;

#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// A task asks for a lock, with its own priority or another one.
    Ask(usize, usize, Option<i32>),
    Try(usize, usize),
    /// A waiter is polled, by its own task or by another one.
    Poll(usize, Option<usize>),
    Cancel(usize),
    Release(usize),
    SetPriority(usize, i32),
    /// A guard goes to another task.
    Adopt(usize, usize),
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Waiter<'m> {
    future: Pin<Box<Lock<'m, ()>>>,
    wakes: Arc<Wakes>,
    /// In the model.
    number: usize,
}

/// What the model knows of a waiter.
#[derive(Clone, Debug)]
struct Waits {
    number: usize,
    task: usize,
    lock: usize,
    fixed: Option<Priority>,
    arrival: usize,
    woken: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Holds {
    task: usize,
    granted: Option<usize>,
}

struct Model {
    base: [Priority; TASKS],
    holders: [Option<Holds>; LOCKS],
    waits: Vec<Waits>,
    arrivals: usize,
}

impl Model {
    /// Calculates how urgent everybody is, from nothing.
    fn effective(&self) -> [Priority; TASKS] {
        let mut effective = self.base;
        loop {
            let before = effective;
            for (lock, holder) in self.holders.iter().enumerate() {
                let Some(holder) = holder else { continue };
                for waits in self.waits.iter().filter(|waits| waits.lock == lock) {
                    if waits.task == holder.task || holder.granted == Some(waits.number) {
                        continue;
                    }
                    let priority = waits.fixed.unwrap_or(before[waits.task]);
                    effective[holder.task] = effective[holder.task].min(priority);
                }
            }
            if effective == before {
                return effective;
            }
        }
    }

    fn priority(&self, waits: &Waits) -> Priority {
        waits.fixed.unwrap_or(self.effective()[waits.task])
    }

    /// Gives a lock that has become free to whoever comes first.
    fn grant(&mut self, lock: usize) {
        self.holders[lock] = None;
        let first = self
            .waits
            .iter()
            .filter(|waits| waits.lock == lock)
            .min_by_key(|waits| (self.priority(waits), waits.arrival))
            .map(|waits| (waits.number, waits.task));
        if let Some((number, task)) = first {
            let granted = Some(number);
            self.holders[lock] = Some(Holds { task, granted });
            let waits = self.waits.iter_mut().find(|waits| waits.number == number);
            waits.unwrap().woken = true;
        }
    }

    /// Returns `true` if a task that asks for this lock cannot close a cycle, now or later: it waits
    /// for one lock at a time, and takes them in the order of their numbers.
    fn may_ask(&self, task: usize, lock: usize) -> bool {
        let holds = |(number, holder): (usize, &Option<Holds>)| {
            number >= lock && holder.is_some_and(|holder| holder.task == task)
        };
        let waits = |waits: &Waits| waits.task == task;
        !self.holders.iter().enumerate().any(holds) && !self.waits.iter().any(waits)
    }

    /// Takes the lock for somebody who has just asked, if that can be.
    fn acquire(&mut self, task: usize, lock: usize, fixed: Option<Priority>) -> bool {
        let taken = match self.holders[lock] {
            None => true,
            Some(Holds { granted: None, .. }) => false,
            Some(Holds { granted, .. }) => {
                let robbed = self
                    .waits
                    .iter()
                    .find(|waits| Some(waits.number) == granted);
                let own = fixed.unwrap_or(self.effective()[task]);
                own < self.priority(robbed.unwrap())
            }
        };
        if taken {
            let granted = None;
            self.holders[lock] = Some(Holds { task, granted });
        }
        taken
    }
}

/// Does the same with locks and with the model, and compares after each step.
pub(crate) fn run(ops: impl IntoIterator<Item = Op>) {
    let mutexes: [PriorityMutex<()>; LOCKS] = Default::default();
    let nodes: [TaskNode; TASKS] = std::array::from_fn(|_| TaskNode::new(Priority::NORMAL));
    let mut model = Model {
        base: [Priority::NORMAL; TASKS],
        holders: [None; LOCKS],
        waits: Vec::new(),
        arrivals: 0,
    };
    let mut waiters: Vec<Waiter<'_>> = Vec::new();
    let mut guards: Vec<(usize, PriorityMutexGuard<'_, ()>)> = Vec::new();
    for op in ops {
        match op {
            Op::Ask(task, lock, fixed) if model.may_ask(task, lock) => {
                let fixed = fixed.map(Priority::new);
                let mut waiter = Waiter {
                    future: Box::pin(match fixed {
                        Some(priority) => mutexes[lock].lock_at(priority),
                        None => mutexes[lock].lock(),
                    }),
                    wakes: Arc::default(),
                    number: model.arrivals,
                };
                model.arrivals += 1;
                let polled = poll_as(&nodes[task], &mut waiter);
                if model.acquire(task, lock, fixed) {
                    let Poll::Ready(guard) = polled else {
                        panic!("the lock is to be had");
                    };
                    guards.push((lock, guard));
                } else {
                    assert!(polled.is_pending());
                    model.waits.push(Waits {
                        number: waiter.number,
                        task,
                        lock,
                        fixed,
                        arrival: waiter.number,
                        woken: false,
                    });
                    waiters.push(waiter);
                }
            }
            Op::Ask(..) => {}
            Op::Try(task, lock) if model.may_ask(task, lock) => {
                let mut tried = Box::pin(scope_as(nodes[task].clone(), async {
                    mutexes[lock].try_lock()
                }));
                let Poll::Ready(guard) = tried.as_mut().poll(&mut noop()) else {
                    panic!("this does not wait");
                };
                assert_eq!(guard.is_some(), model.holders[lock].is_none());
                if let Some(guard) = guard {
                    model.holders[lock] = Some(Holds {
                        task,
                        granted: None,
                    });
                    guards.push((lock, guard));
                }
            }
            Op::Try(..) => {}
            Op::Poll(index, by) if index < waiters.len() => {
                let number = waiters[index].number;
                let found = model.waits.iter().position(|waits| waits.number == number);
                let found = found.unwrap();
                let Waits { task, lock, .. } = model.waits[found];
                // Another task may go on with it, if that closes no cycle.
                let granted = model.holders[lock].and_then(|holder| holder.granted);
                let by = by.filter(|by| granted != Some(number) && model.may_ask(*by, lock));
                let task = by.unwrap_or(task);
                let polled = poll_as(&nodes[task], &mut waiters[index]);
                if granted == Some(number) {
                    let Poll::Ready(guard) = polled else {
                        panic!("the lock was granted");
                    };
                    model.holders[lock].as_mut().unwrap().granted = None;
                    model.waits.remove(found);
                    drop(waiters.remove(index));
                    guards.push((lock, guard));
                } else {
                    assert!(polled.is_pending());
                    model.waits[found].task = task;
                    model.waits[found].woken = false;
                    waiters[index].wakes.0.store(0, Ordering::Relaxed);
                }
            }
            Op::Poll(..) => {}
            Op::Cancel(index) if index < waiters.len() => {
                let waiter = waiters.remove(index);
                let found = model
                    .waits
                    .iter()
                    .position(|waits| waits.number == waiter.number);
                let Waits { number, lock, .. } = model.waits.remove(found.unwrap());
                drop(waiter);
                if model.holders[lock].is_some_and(|holder| holder.granted == Some(number)) {
                    model.grant(lock);
                }
            }
            Op::Cancel(_) => {}
            Op::Release(index) if index < guards.len() => {
                let (lock, guard) = guards.remove(index);
                drop(guard);
                model.grant(lock);
            }
            Op::Release(_) => {}
            Op::SetPriority(task, priority) => {
                nodes[task].set_priority(Priority::new(priority));
                model.base[task] = Priority::new(priority);
            }
            Op::Adopt(index, task) if index < guards.len() => {
                let (lock, guard) = &guards[index];
                if model.may_ask(task, *lock) {
                    let mut adopt = Box::pin(scope_as(nodes[task].clone(), async {
                        guard.adopt();
                    }));
                    assert!(adopt.as_mut().poll(&mut noop()).is_ready());
                    model.holders[*lock] = Some(Holds {
                        task,
                        granted: None,
                    });
                }
            }
            Op::Adopt(..) => {}
        }
        let effective = nodes.each_ref().map(TaskNode::effective_priority);
        assert_eq!(effective, model.effective());
        for waiter in &waiters {
            let waits = model
                .waits
                .iter()
                .find(|waits| waits.number == waiter.number);
            let woken = waiter.wakes.0.load(Ordering::Relaxed) > 0;
            assert_eq!(woken, waits.unwrap().woken, "{:?}", waits);
        }
    }
    drop((guards, waiters));
    let effective = nodes.each_ref().map(TaskNode::effective_priority);
    assert_eq!(effective, model.base);
    for mutex in &mutexes {
        assert!(mutex.try_lock().is_some());
    }
}

/// Polls a waiter as this task.
fn poll_as<'m>(node: &TaskNode, waiter: &mut Waiter<'m>) -> Poll<PriorityMutexGuard<'m, ()>> {
    let waker = Waker::from(Arc::clone(&waiter.wakes));
    let mut scoped = Box::pin(scope_as(node.clone(), waiter.future.as_mut()));
    scoped.as_mut().poll(&mut Context::from_waker(&waker))
}

fn noop() -> Context<'static> {
    Context::from_waker(Waker::noop())
}
