//! Programs with reader-writer locks beside a naive model that calculates everything anew.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use corokit_priority::{
    Priority, PriorityReadGuard, PriorityRwLock, PriorityWriteGuard, TaskNode, scope_as,
};

pub(crate) const TASKS: usize = 5;
pub(crate) const LOCKS: usize = 3;

#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// A task asks for a lock, to write or to read, with its own priority or another one.
    Ask(usize, usize, bool, Option<i32>),
    Poll(usize),
    Cancel(usize),
    Release(usize),
    Downgrade(usize),
    SetPriority(usize, i32),
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

enum Guard<'l> {
    Read(PriorityReadGuard<'l, ()>),
    Write(PriorityWriteGuard<'l, ()>),
}

struct Waiter<'l> {
    future: Pin<Box<dyn Future<Output = Guard<'l>> + 'l>>,
    wakes: Arc<Wakes>,
    number: usize,
}

/// One who waits, or has been granted the lock and does not know it.
#[derive(Clone, Debug)]
struct Waits {
    number: usize,
    task: usize,
    lock: usize,
    write: bool,
    fixed: Option<Priority>,
    granted: bool,
}

#[derive(Clone, Debug)]
struct Holds {
    number: usize,
    task: usize,
    lock: usize,
    write: bool,
}

struct Model {
    base: [Priority; TASKS],
    holds: Vec<Holds>,
    waits: Vec<Waits>,
}

impl Model {
    /// Calculates how urgent everybody is, from nothing.
    fn effective(&self) -> [Priority; TASKS] {
        let mut effective = self.base;
        loop {
            let before = effective;
            for holds in &self.holds {
                for waits in self.waits.iter().filter(|waits| !waits.granted) {
                    if waits.lock == holds.lock && waits.task != holds.task {
                        let priority = waits.fixed.unwrap_or(before[waits.task]);
                        effective[holds.task] = effective[holds.task].min(priority);
                    }
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

    fn has_room(&self, lock: usize, write: bool) -> bool {
        let mut holds = self.holds.iter().filter(|holds| holds.lock == lock);
        holds.all(|holds| !write && !holds.write)
    }

    fn first(&self, lock: usize) -> Option<usize> {
        let waiting = self.waits.iter().enumerate();
        waiting
            .filter(|(_, waits)| waits.lock == lock && !waits.granted)
            .min_by_key(|(_, waits)| (self.priority(waits), waits.number))
            .map(|(index, _)| index)
    }

    /// Serves those who come first, as long as there is room, in all locks: what is served in one may
    /// change who comes first in another.
    fn serve(&mut self) {
        while let Some(index) = (0..LOCKS)
            .filter_map(|lock| self.first(lock))
            .find(|index| self.has_room(self.waits[*index].lock, self.waits[*index].write))
        {
            self.waits[index].granted = true;
            let Waits {
                number,
                task,
                lock,
                write,
                ..
            } = self.waits[index];
            self.holds.push(Holds {
                number,
                task,
                lock,
                write,
            });
        }
    }

    /// Returns `true` if a task that asks for this lock cannot close a cycle, now or later: it waits
    /// for one lock at a time, and takes them in the order of their numbers.
    fn may_ask(&self, task: usize, lock: usize) -> bool {
        let holds = |holds: &Holds| holds.task == task && holds.lock >= lock;
        let waits = |waits: &Waits| waits.task == task;
        !self.holds.iter().any(holds) && !self.waits.iter().any(waits)
    }

    /// Takes the lock for somebody who has just asked, if that can be.
    fn acquire(&mut self, waits: &Waits) -> bool {
        let own = self.priority(waits);
        let first = self
            .first(waits.lock)
            .map(|first| self.priority(&self.waits[first]));
        let taken = self.has_room(waits.lock, waits.write) && first.is_none_or(|first| own < first);
        if taken {
            let Waits {
                number,
                task,
                lock,
                write,
                ..
            } = *waits;
            self.holds.push(Holds {
                number,
                task,
                lock,
                write,
            });
        }
        taken
    }

    fn release(&mut self, number: usize) {
        self.holds.retain(|holds| holds.number != number);
        self.serve();
    }
}

/// Does the same with locks and with the model, and compares after each step.
pub(crate) fn run(ops: impl IntoIterator<Item = Op>) {
    let locks: [PriorityRwLock<()>; LOCKS] = Default::default();
    let nodes: [TaskNode; TASKS] = std::array::from_fn(|_| TaskNode::new(Priority::NORMAL));
    let mut model = Model {
        base: [Priority::NORMAL; TASKS],
        holds: Vec::new(),
        waits: Vec::new(),
    };
    let mut waiters: Vec<Waiter<'_>> = Vec::new();
    let mut guards: Vec<(usize, Guard<'_>)> = Vec::new();
    for (number, op) in ops.into_iter().enumerate() {
        match op {
            Op::Ask(task, lock, write, fixed) if model.may_ask(task, lock) => {
                let fixed = fixed.map(Priority::new);
                let target = &locks[lock];
                let mut waiter = Waiter {
                    future: Box::pin(async move {
                        match (write, fixed) {
                            (false, None) => Guard::Read(target.read().await),
                            (false, Some(fixed)) => Guard::Read(target.read_at(fixed).await),
                            (true, None) => Guard::Write(target.write().await),
                            (true, Some(fixed)) => Guard::Write(target.write_at(fixed).await),
                        }
                    }),
                    wakes: Arc::default(),
                    number,
                };
                let polled = poll_as(&nodes[task], &mut waiter);
                let waits = Waits {
                    number,
                    task,
                    lock,
                    write,
                    fixed,
                    granted: false,
                };
                if model.acquire(&waits) {
                    let Poll::Ready(guard) = polled else {
                        panic!("the lock is to be had");
                    };
                    guards.push((number, guard));
                } else {
                    assert!(polled.is_pending());
                    model.waits.push(waits);
                    model.serve();
                    waiters.push(waiter);
                }
            }
            Op::Poll(index) if index < waiters.len() => {
                let number = waiters[index].number;
                let found = model.waits.iter().position(|waits| waits.number == number);
                let Waits { task, granted, .. } = model.waits[found.unwrap()];
                let polled = poll_as(&nodes[task], &mut waiters[index]);
                assert_eq!(polled.is_ready(), granted);
                if let Poll::Ready(guard) = polled {
                    model.waits.remove(found.unwrap());
                    drop(waiters.remove(index));
                    guards.push((number, guard));
                }
            }
            Op::Cancel(index) if index < waiters.len() => {
                let Waiter { number, .. } = waiters.remove(index);
                model.waits.retain(|waits| waits.number != number);
                model.release(number);
            }
            Op::Release(index) if index < guards.len() => {
                let (number, guard) = guards.remove(index);
                match guard {
                    Guard::Read(guard) => drop(guard),
                    Guard::Write(guard) => drop(guard),
                }
                model.release(number);
            }
            Op::Downgrade(index) if index < guards.len() => {
                let (number, guard) = guards.remove(index);
                let guard = match guard {
                    Guard::Write(guard) => Guard::Read(guard.downgrade()),
                    guard => guard,
                };
                guards.push((number, guard));
                let holds = model.holds.iter_mut().find(|holds| holds.number == number);
                holds.unwrap().write = false;
                model.serve();
            }
            Op::SetPriority(task, priority) => {
                nodes[task].set_priority(Priority::new(priority));
                model.base[task] = Priority::new(priority);
                model.serve();
            }
            _ => {}
        }
        let effective = nodes.each_ref().map(TaskNode::effective_priority);
        assert_eq!(effective, model.effective());
        for waiter in &waiters {
            let waits = model
                .waits
                .iter()
                .find(|waits| waits.number == waiter.number);
            let woken = waiter.wakes.0.load(Ordering::Relaxed) > 0;
            assert_eq!(woken, waits.unwrap().granted, "{:?}", waits);
        }
    }
    drop((guards, waiters));
    let effective = nodes.each_ref().map(TaskNode::effective_priority);
    assert_eq!(effective, model.base);
    for lock in &locks {
        assert!(lock.try_write().is_some());
    }
}

/// Polls a waiter as this task.
fn poll_as<'l>(node: &TaskNode, waiter: &mut Waiter<'l>) -> Poll<Guard<'l>> {
    let waker = Waker::from(Arc::clone(&waiter.wakes));
    let mut scoped = Box::pin(scope_as(node.clone(), waiter.future.as_mut()));
    scoped.as_mut().poll(&mut Context::from_waker(&waker))
}
