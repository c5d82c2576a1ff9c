//! Who waits for permits.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, Weak};
use std::task::Waker;

use corokit_core::Priority;

use crate::node::{Changes, LenderId, TaskNode, Wait, WaitList, WaiterId};
use crate::sync::{Mutex, MutexGuard};
use crate::urgency::Urgency;

/// The permits that are there, and the line of those who wait for one.
pub(super) struct Line<P: Urgency> {
    id: LenderId,
    this: Weak<Line<P>>,
    state: Mutex<State<P>>,
}

struct State<P> {
    /// While there are any, nobody waits who has not been granted one.
    permits: usize,
    /// The waiters that have not been granted a permit, in the order in which they will be.
    order: BTreeMap<(P, u64), ()>,
    /// All waiters, by number. The numbers are their arrivals.
    waiters: BTreeMap<u64, Waiter<P>>,
    arrivals: u64,
}

struct Waiter<P> {
    /// Its key in the order.
    priority: P,
    /// The task whose priority that is, if it follows one.
    node: Option<TaskNode>,
    waker: Option<Waker>,
    granted: bool,
}

impl<P: Urgency> Line<P> {
    pub(super) fn new(permits: usize) -> Arc<Self> {
        Arc::new_cyclic(|this| Line {
            id: LenderId::new(),
            this: this.clone(),
            state: Mutex::new(State {
                permits,
                order: BTreeMap::new(),
                waiters: BTreeMap::new(),
                arrivals: 0,
            }),
        })
    }

    pub(super) fn permits(&self) -> usize {
        self.lock().permits
    }

    /// Takes a permit, if there is one.
    pub(super) fn try_acquire(&self) -> bool {
        let mut state = self.lock();
        match state.permits.checked_sub(1) {
            Some(left) => {
                state.permits = left;
                true
            }
            None => false,
        }
    }

    /// Gets in line with a fixed priority; `None` if there was a permit after all.
    pub(super) fn wait_at(&self, priority: P, waker: Waker) -> Option<u64> {
        let mut state = self.lock();
        if let Some(left) = state.permits.checked_sub(1) {
            state.permits = left;
            drop(state);
            return None;
        }
        Some(state.enter(priority, None, waker))
    }

    /// Takes the permit that a waiter has been granted, or keeps its waker.
    pub(super) fn poll(&self, number: u64, waker: &Waker) -> bool {
        let waker = waker.clone();
        let mut state = self.lock();
        let granted = state
            .waiters
            .get(&number)
            .is_some_and(|waiter| waiter.granted);
        // What is left over is dropped without the lock.
        let (left, former);
        if granted {
            left = self.remove(&mut state, number);
            former = Some(waker);
        } else {
            left = None;
            let waiter = state.waiters.get_mut(&number);
            former = waiter.and_then(|waiter| waiter.waker.replace(waker));
        }
        drop(state);
        drop((left, former));
        granted
    }

    /// Takes a waiter out of the line. A permit that it was granted goes on.
    pub(super) fn leave(&self, number: u64) {
        let mut state = self.lock();
        let left = self.remove(&mut state, number);
        let granted = left.as_ref().is_some_and(|(waiter, _)| waiter.granted);
        let woken = match granted {
            true => state.grant(1),
            false => Vec::new(),
        };
        drop(state);
        drop(left);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Gives permits to those who come first, and keeps the rest.
    pub(super) fn release(&self, permits: usize) {
        let woken = self.lock().grant(permits);
        woken.into_iter().for_each(Waker::wake);
    }

    fn remove(&self, state: &mut State<P>, number: u64) -> Option<(Waiter<P>, Option<Wait>)> {
        let waiter = state.waiters.remove(&number)?;
        if !waiter.granted {
            state.order.remove(&(waiter.priority, number));
        }
        let node = waiter.node.as_ref();
        let wait = node.and_then(|node| node.end_wait(self.waiter(number)));
        Some((waiter, wait))
    }

    fn waiter(&self, number: u64) -> WaiterId {
        WaiterId {
            list: self.id,
            number,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<P>> {
        // Nothing that can panic is called while it is locked, but for what adds too many permits, and
        // that changes nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line<Priority> {
    /// Gets in line with the priority of a task, which it follows; `None` if there was a permit after
    /// all.
    pub(super) fn wait_as(&self, node: Option<TaskNode>, waker: Waker) -> Option<u64> {
        let Some(node) = node else {
            return self.wait_at(Priority::NORMAL, waker);
        };
        let mut state = self.lock();
        if let Some(left) = state.permits.checked_sub(1) {
            state.permits = left;
            drop(state);
            return None;
        }
        // The priority is read together with the entry, so that no change falls in between.
        let wait = self.wait(state.arrivals + 1);
        let priority = node.begin_wait(wait);
        Some(state.enter(priority, Some(node), waker))
    }

    /// Lets a waiter follow another task, which goes on with it.
    pub(super) fn follow(&self, number: u64, node: Option<&TaskNode>) {
        let mut state = self.lock();
        let Some(waiter) = state.waiters.get_mut(&number) else {
            return;
        };
        let same = match (&waiter.node, node) {
            (None, None) => true,
            (Some(own), Some(node)) => own.is_same(node),
            _ => false,
        };
        if same || waiter.granted {
            return;
        }
        let former = std::mem::replace(&mut waiter.node, node.cloned());
        let ended = former
            .as_ref()
            .and_then(|former| former.end_wait(self.waiter(number)));
        let begun = node.map(|node| node.begin_wait(self.wait(number)));
        state.requeue(number, begun.unwrap_or_default());
        drop(state);
        drop((former, ended));
    }

    /// Returns how a task names its place in this line.
    fn wait(&self, number: u64) -> Wait {
        let list = self.this.upgrade();
        Wait {
            list: list.expect("the line is in use"),
            waiter: self.waiter(number),
        }
    }
}

impl WaitList for Line<Priority> {
    fn refresh(&self, waiter: WaiterId, _: &mut Changes) {
        let mut state = self.lock();
        let waiting = state.waiters.get(&waiter.number);
        if let Some(node) = waiting.and_then(|waiting| waiting.node.as_ref()) {
            let priority = node.effective_priority();
            state.requeue(waiter.number, priority);
        }
    }

    fn holder(&self) -> Option<(TaskNode, u64)> {
        // Permits have no owners.
        None
    }

    fn name(&self) -> Option<Arc<str>> {
        None
    }
}

impl<P: Urgency> State<P> {
    /// Adds a waiter behind those that are as urgent.
    fn enter(&mut self, priority: P, node: Option<TaskNode>, waker: Waker) -> u64 {
        self.arrivals += 1;
        let number = self.arrivals;
        self.order.insert((priority, number), ());
        let waiter = Waiter {
            priority,
            node,
            waker: Some(waker),
            granted: false,
        };
        self.waiters.insert(number, waiter);
        number
    }

    /// Gives a waiter another priority. It keeps its arrival.
    fn requeue(&mut self, number: u64, priority: P) {
        if let Some(waiter) = self.waiters.get_mut(&number) {
            let former = std::mem::replace(&mut waiter.priority, priority);
            if self.order.remove(&(former, number)).is_some() {
                self.order.insert((priority, number), ());
            }
        }
    }

    /// Grants permits to those who come first, and keeps the rest. Returns whom to wake.
    fn grant(&mut self, mut permits: usize) -> Vec<Waker> {
        let kept = permits.saturating_sub(self.order.len());
        let sum = self.permits.checked_add(kept);
        self.permits = sum.expect("more permits than can be counted");
        permits -= kept;
        let mut woken = Vec::new();
        for _ in 0..permits {
            if let Some(((_, number), ())) = self.order.pop_first() {
                if let Some(waiter) = self.waiters.get_mut(&number) {
                    waiter.granted = true;
                    woken.extend(waiter.waker.take());
                }
            }
        }
        woken
    }
}
