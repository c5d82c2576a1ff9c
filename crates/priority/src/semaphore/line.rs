//! Who waits for permits.

use std::sync::{Arc, OnceLock, PoisonError};
use std::task::Waker;

use corokit_core::Priority;

use super::permits::{IsContended, Permits};
use crate::node::{Changes, TaskNode};
use crate::sync::{Mutex, MutexGuard};
use crate::urgency::Urgency;
use crate::wait::{Holders, ListName, Wait, WaitList, WaiterId};
use crate::waiters::Waiters;

/// What a semaphore is: permits, which is enough while nobody waits, and from the first wait on a line.
pub(super) struct Front<P: Urgency> {
    permits: Permits,
    line: OnceLock<Arc<Line<P>>>,
}

/// The line of those who wait. There are permits, or somebody has not been granted one, but never
/// both.
pub(super) struct Line<P: Urgency> {
    list: ListName<Line<P>>,
    waiters: Mutex<Waiters<P, Waiter>>,
}

struct Waiter {
    /// The task whose priority it follows, if it follows one.
    node: Option<TaskNode>,
    waker: Option<Waker>,
    granted: bool,
}

impl<P: Urgency> Front<P> {
    pub(super) const fn new(permits: usize) -> Self {
        Front {
            permits: Permits::new(permits),
            line: OnceLock::new(),
        }
    }

    pub(super) fn permits(&self) -> usize {
        self.permits.count()
    }

    /// Returns how many wait.
    pub(super) fn waiting(&self) -> usize {
        self.line.get().map_or(0, |line| line.lock().len())
    }

    /// Takes a permit, if there is one.
    #[inline]
    pub(super) fn try_acquire(&self) -> bool {
        self.permits.try_take()
    }

    /// Gets in line with a fixed priority; `None` if there was a permit after all.
    pub(super) fn wait_at(&self, priority: P, waker: Waker) -> Option<u32> {
        let line = self.line();
        let mut waiters = line.lock();
        if self.permits.take_or_contend() {
            drop(waiters);
            return None;
        }
        Some(waiters.enter(priority, Waiter::new(None, waker)))
    }

    /// Takes the permit that a waiter has been granted, or keeps its waker.
    pub(super) fn poll(&self, number: u32, waker: &Waker) -> bool {
        let waker = waker.clone();
        let line = self.line();
        let mut waiters = line.lock();
        // What is left over is dropped without the lock.
        let (left, former);
        match waiters.get_mut(number) {
            Some(waiter) if !waiter.granted => {
                left = None;
                former = waiter.waker.replace(waker);
            }
            _ => {
                left = line.remove(&mut waiters, number);
                former = Some(waker);
            }
        }
        drop(waiters);
        drop(former);
        left.is_some()
    }

    /// Gives a waiter another priority, which follows no task. It keeps its arrival.
    pub(super) fn requeue(&self, number: u32, priority: P) {
        let line = self.line();
        let mut waiters = line.lock();
        let node = waiters
            .get_mut(number)
            .and_then(|waiter| waiter.node.take());
        let ended = node
            .as_ref()
            .and_then(|node| node.end_wait(line.list.waiter(number)));
        waiters.requeue(number, priority);
        drop(waiters);
        drop((node, ended));
    }

    /// Takes a waiter out of the line. A permit that it was granted goes on.
    pub(super) fn leave(&self, number: u32) {
        let line = self.line();
        let mut waiters = line.lock();
        let last = waiters.len() == 1;
        let left = line.remove(&mut waiters, number);
        let granted = left.as_ref().is_some_and(|(waiter, _)| waiter.granted);
        if last && waiters.is_empty() {
            self.permits.settle(0);
        }
        drop(waiters);
        drop(left);
        if granted {
            self.release(1);
        }
    }

    /// Gives permits to those who come first, and keeps the rest.
    #[inline]
    pub(super) fn release(&self, permits: usize) {
        if let Err(IsContended) = self.permits.try_give(permits) {
            self.release_contended(permits);
        }
    }

    #[cold]
    fn release_contended(&self, permits: usize) {
        let line = self.line();
        let mut waiters = line.lock();
        if waiters.is_empty() {
            // The last one has left in between.
            drop(waiters);
            return self.release(permits);
        }
        let mut left = permits;
        // One permit is what nearly everybody gives.
        let mut woken = Woken::default();
        while left > 0 {
            let Some((_, waiter)) = waiters.serve_first() else {
                break;
            };
            left -= 1;
            waiter.granted = true;
            woken.push(waiter.waker.take());
        }
        if waiters.is_empty() {
            self.permits.settle(left);
        }
        drop(waiters);
        woken.wake();
    }

    fn line(&self) -> &Arc<Line<P>> {
        self.line.get_or_init(Line::new)
    }
}

impl Front<Priority> {
    /// Gets in line with the priority of a task, which it follows; `None` if there was a permit after
    /// all.
    pub(super) fn wait_as(&self, node: Option<TaskNode>, waker: Waker) -> Option<u32> {
        let Some(node) = node else {
            return self.wait_at(Priority::NORMAL, waker);
        };
        let line = self.line();
        let mut waiters = line.lock();
        if self.permits.take_or_contend() {
            drop(waiters);
            return None;
        }
        let waiter = Waiter::new(Some(node.clone()), waker);
        let number = waiters.enter(Priority::NORMAL, waiter);
        // The priority is read together with the entry, so that no change falls in between.
        let priority = node.begin_wait(line.list.wait(number));
        waiters.requeue(number, priority);
        Some(number)
    }

    /// Lets a waiter follow another task, which goes on with it.
    pub(super) fn follow(&self, number: u32, node: Option<&TaskNode>) {
        let line = self.line();
        let mut waiters = line.lock();
        let Some(waiter) = waiters.get_mut(number) else {
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
            .and_then(|former| former.end_wait(line.list.waiter(number)));
        let begun = node.map(|node| node.begin_wait(line.list.wait(number)));
        waiters.requeue(number, begun.unwrap_or_default());
        drop(waiters);
        drop((former, ended));
    }
}

impl<P: Urgency> Line<P> {
    fn new() -> Arc<Self> {
        Arc::new_cyclic(|this| Line {
            list: ListName::new(this),
            waiters: Mutex::new(Waiters::new()),
        })
    }

    fn remove(
        &self,
        waiters: &mut Waiters<P, Waiter>,
        number: u32,
    ) -> Option<(Waiter, Option<Wait>)> {
        let waiter = waiters.remove(number)?;
        let node = waiter.node.as_ref();
        let wait = node.and_then(|node| node.end_wait(self.list.waiter(number)));
        Some((waiter, wait))
    }

    fn lock(&self) -> MutexGuard<'_, Waiters<P, Waiter>> {
        // Nothing that can panic is called while it is locked.
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaitList for Line<Priority> {
    fn refresh(&self, waiter: WaiterId, _: &mut Changes) -> bool {
        let mut waiters = self.lock();
        let waiting = waiters.get(waiter.number);
        if let Some(node) = waiting.and_then(|waiting| waiting.node.as_ref()) {
            let priority = node.effective_priority();
            waiters.requeue(waiter.number, priority);
        }
        false
    }

    fn holders(&self) -> Holders {
        // Permits have no owners.
        Holders::new()
    }

    fn name(&self) -> Option<Arc<str>> {
        None
    }
}

impl Waiter {
    fn new(node: Option<TaskNode>, waker: Waker) -> Self {
        Waiter {
            node,
            waker: Some(waker),
            granted: false,
        }
    }
}

/// Whom to wake: usually one.
#[derive(Default)]
struct Woken {
    first: Option<Waker>,
    others: Vec<Waker>,
}

impl Woken {
    fn push(&mut self, waker: Option<Waker>) {
        match self.first {
            None => self.first = waker,
            Some(_) => self.others.extend(waker),
        }
    }

    fn wake(self) {
        self.first
            .into_iter()
            .chain(self.others)
            .for_each(Waker::wake);
    }
}
