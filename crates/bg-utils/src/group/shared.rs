//! What a group, its handles and its children share.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use super::admission::Admission;
use super::child::{Finished, Id, Stop, Ticket};
use crate::sync::{Mutex, MutexGuard, lock};

pub(super) struct Shared<T>(Mutex<State<T>>);

struct State<T> {
    /// Whether there may be more children.
    open: bool,
    /// Whether anybody wants to hear of results.
    heard: bool,
    children: Slab<(u64, Arc<Stop>)>,
    next: u64,
    /// The results, in the order of completion.
    finished: VecDeque<Finished<T>>,
    /// Who waits for a result, or for the last one.
    watcher: Option<Waker>,
    admission: Admission,
}

impl<T> Shared<T> {
    pub(super) fn new() -> Self {
        Shared(Mutex::new(State {
            open: true,
            heard: true,
            children: Slab::new(),
            next: 0,
            finished: VecDeque::new(),
            watcher: None,
            admission: Admission::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.0)
    }

    pub(super) fn set_limit(&self, limit: usize) {
        let admitted = self.lock().admission.set_limit(limit);
        admitted.into_iter().for_each(Waker::wake);
    }

    pub(super) fn running(&self) -> usize {
        self.lock().children.len()
    }

    pub(super) fn finished(&self) -> usize {
        self.lock().finished.len()
    }

    pub(super) fn is_open(&self) -> bool {
        self.lock().open
    }

    /// Takes a place for a child, if there is one now.
    pub(super) fn try_admit(&self) -> Result<Place<'_, T>, Refusal> {
        let mut state = self.lock();
        if !state.open {
            return Err(Refusal::Closed);
        }
        if !state.admission.try_enter() {
            return Err(Refusal::Full);
        }
        drop(state);
        Ok(Place { shared: Some(self) })
    }

    /// Makes the ticket of a child that has a place.
    pub(super) fn enrol(self: &Arc<Self>, mut place: Place<'_, T>) -> Option<Ticket<T>> {
        let stop = Arc::new(Stop::default());
        let mut state = self.lock();
        if !state.open {
            return None;
        }
        place.shared = None;
        let number = state.next;
        state.next += 1;
        let slot = state.children.insert((number, Arc::clone(&stop)));
        drop(state);
        Some(Ticket {
            id: Id { number, slot },
            stop,
            shared: Some(Arc::clone(self)),
        })
    }

    /// Notes the end of a child.
    pub(super) fn finish(&self, finished: Finished<T>) {
        let mut state = self.lock();
        let child = state.children.remove(finished.id.slot);
        let unheard = if state.heard {
            state.finished.push_back(finished);
            None
        } else {
            Some(finished)
        };
        let watcher = state.watcher.take();
        let admitted = state.admission.release();
        drop(state);
        // All of this is code of others.
        drop((child, unheard));
        watcher.into_iter().chain(admitted).for_each(Waker::wake);
    }

    /// Returns the next result; nothing if there is none, and no child either.
    pub(super) fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<Finished<T>>> {
        self.watch(cx, |state| match state.finished.pop_front() {
            Some(finished) => Some(Some(finished)),
            None => state.children.is_empty().then_some(None),
        })
    }

    /// Waits until there is no child, then closes, and returns the results.
    pub(super) fn poll_close(&self, cx: &Context<'_>) -> Poll<Vec<Finished<T>>> {
        let polled = self.watch(cx, |state| {
            if !state.children.is_empty() {
                return None;
            }
            state.open = false;
            let wakers = state.admission.take_wakers();
            Some((Vec::from(mem::take(&mut state.finished)), wakers))
        });
        polled.map(|(finished, wakers)| {
            wakers.into_iter().for_each(Waker::wake);
            finished
        })
    }

    /// Asks a question, and leaves the waker if there is no answer yet.
    fn watch<A>(
        &self,
        cx: &Context<'_>,
        mut ask: impl FnMut(&mut State<T>) -> Option<A>,
    ) -> Poll<A> {
        if let Some(answer) = ask(&mut self.lock()) {
            return Poll::Ready(answer);
        }
        // Cloned and dropped without the lock: wakers are code of others.
        let waker = cx.waker().clone();
        let mut state = self.lock();
        if let Some(answer) = ask(&mut state) {
            drop(state);
            return Poll::Ready(answer);
        }
        let old = state.watcher.replace(waker);
        drop(state);
        drop(old);
        Poll::Pending
    }

    /// Lets nobody in any more.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.open = false;
        let wakers = state.admission.take_wakers();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Drops the results, those that are there and those to come.
    pub(super) fn ignore(&self) {
        let mut state = self.lock();
        state.heard = false;
        let finished = mem::take(&mut state.finished);
        let watcher = state.watcher.take();
        drop(state);
        drop((finished, watcher));
    }

    /// Asks all children to end, and returns how many there were.
    pub(super) fn cancel_all(&self) -> usize {
        let children = self
            .lock()
            .children
            .iter()
            .map(|(_, child)| Arc::clone(&child.1))
            .collect();
        let children: Vec<Arc<Stop>> = children;
        for child in &children {
            child.stop();
        }
        children.len()
    }

    /// Asks a child to end, and returns whether there was one.
    pub(super) fn cancel(&self, id: Id) -> bool {
        let found = match self.lock().children.get(id.slot) {
            Some((number, stop)) if *number == id.number => Some(Arc::clone(stop)),
            _ => None,
        };
        found.inspect(|stop| stop.stop()).is_some()
    }
}

/// Why nobody was let in.
pub(super) enum Refusal {
    Full,
    Closed,
}

/// A place for a child. Dropping it passes it on.
pub(super) struct Place<'s, T> {
    /// Nothing once a child has it.
    shared: Option<&'s Shared<T>>,
}

impl<T> Drop for Place<'_, T> {
    fn drop(&mut self) {
        if let Some(shared) = self.shared {
            let admitted = shared.lock().admission.release();
            admitted.into_iter().for_each(Waker::wake);
        }
    }
}

/// Waits for a place. Dropping it is never having waited.
pub(super) struct Admit<'s, T> {
    shared: &'s Shared<T>,
    number: Option<u64>,
}

impl<'s, T> Admit<'s, T> {
    pub(super) fn new(shared: &'s Shared<T>) -> Self {
        Admit {
            shared,
            number: None,
        }
    }

    /// Returns the place, or an error if the group is closed.
    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Poll<Result<Place<'s, T>, ()>> {
        let shared = self.shared;
        if self.number.is_none() {
            match shared.try_admit() {
                Ok(place) => return Poll::Ready(Ok(place)),
                Err(Refusal::Closed) => return Poll::Ready(Err(())),
                Err(Refusal::Full) => {}
            }
        }
        let waker = cx.waker().clone();
        let mut state = shared.lock();
        if !state.open {
            return Poll::Ready(Err(()));
        }
        match self.number {
            None => {
                // A place may have become free since.
                if state.admission.try_enter() {
                    drop(state);
                    return Poll::Ready(Ok(Place {
                        shared: Some(shared),
                    }));
                }
                self.number = Some(state.admission.join(waker));
                Poll::Pending
            }
            Some(number) => match state.admission.poll(number, waker) {
                Ok(()) => {
                    self.number = None;
                    drop(state);
                    Poll::Ready(Ok(Place {
                        shared: Some(shared),
                    }))
                }
                Err(old) => {
                    drop(state);
                    drop(old);
                    Poll::Pending
                }
            },
        }
    }
}

impl<T> Drop for Admit<'_, T> {
    fn drop(&mut self) {
        if let Some(number) = self.number.take() {
            let (left, admitted) = self.shared.lock().admission.leave(number);
            drop(left);
            admitted.into_iter().for_each(Waker::wake);
        }
    }
}
