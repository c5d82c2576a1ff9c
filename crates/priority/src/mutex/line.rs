//! Who has a lock, and who waits for it.
//!
//! ```text
//!               try / acquire, free             release, nobody waits
//!     Free  ------------------------->  Held  ------------------------->  Free
//!                                       |  ^
//!              release, somebody waits  |  |  the waiter takes it up,
//!                                       v  |  or one who is more urgent does
//!                                     Granted
//! ```
//!
//! A release hands the lock over at once: from then on it is held on behalf of the waiter that comes
//! first, which so inherits from the others before it has run. Only a strictly more urgent arrival
//! may take a grant that has not been taken up; the one that is robbed keeps its place.

use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::sync::{Arc, PoisonError, Weak};
use std::task::Waker;

use corokit_core::Priority;

use crate::node::{Changes, LenderId, TaskNode, Wait, WaitList, WaiterId};
use crate::sync::{Mutex, MutexGuard};

/// The line in front of a lock.
pub(crate) struct Line {
    id: LenderId,
    this: Weak<Line>,
    name: Option<Arc<str>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Who holds the lock, or has been granted it.
    holder: Option<Holder>,
    /// The waiters by number.
    waiters: HashMap<u64, Waiter>,
    /// The waiters that have not been granted anything, in the order in which they will be.
    order: BTreeMap<(Priority, u64), ()>,
    /// What is lent to the holder.
    loan: Option<Priority>,
    /// How many waiters there have been: their numbers are their arrivals.
    arrivals: u64,
    /// How many times the lock has changed hands.
    grants: u64,
}

struct Holder {
    /// `None` for one that is no task.
    node: Option<TaskNode>,
    /// The waiter that has not taken the lock up.
    granted: Option<u64>,
}

struct Waiter {
    node: Option<TaskNode>,
    /// A priority that does not follow the task's.
    fixed: Option<Priority>,
    /// Its key in the order.
    priority: Priority,
    waker: Option<Waker>,
}

/// What came of asking for the lock.
pub(crate) enum Asked {
    /// The caller has it.
    Acquired,
    /// The caller waits, under this number.
    Waits(u64),
}

/// What is left to do when the line is no longer locked.
#[derive(Default)]
#[must_use]
struct After {
    wake: Option<Waker>,
    changes: Changes,
    /// To be dropped.
    _wait: Option<Wait>,
    _waiter: Option<Waiter>,
    _waker: Option<Waker>,
    _holder: Option<Holder>,
    _node: Option<TaskNode>,
}

impl After {
    fn finish(self) {
        // Whoever is woken, or told, finds everything as it will be.
        let After { wake, changes, .. } = self;
        changes.spread();
        if let Some(waker) = wake {
            waker.wake();
        }
    }
}

impl Line {
    pub(crate) fn new(name: Option<Arc<str>>) -> Arc<Self> {
        Arc::new_cyclic(|this| Line {
            id: LenderId::new(),
            this: this.clone(),
            name,
            state: Mutex::new(State::default()),
        })
    }

    /// Takes the lock if it is free, and nobody is about to get it.
    #[inline]
    pub(crate) fn try_acquire(&self, node: &mut Option<TaskNode>) -> bool {
        let mut state = self.lock();
        if state.holder.is_some() {
            return false;
        }
        state.hold(node.take());
        true
    }

    /// Takes the lock, or the grant of one who is less urgent; else waits.
    pub(crate) fn acquire(
        &self,
        node: Option<TaskNode>,
        fixed: Option<Priority>,
        waker: Waker,
    ) -> Asked {
        let mut after = After::default();
        let asked = self.acquire_locked(node, fixed, waker, &mut after);
        after.finish();
        asked
    }

    fn acquire_locked(
        &self,
        node: Option<TaskNode>,
        fixed: Option<Priority>,
        waker: Waker,
        after: &mut After,
    ) -> Asked {
        let mut state = self.lock();
        match &state.holder {
            None => {
                state.hold(node);
                after._waker = Some(waker);
                return Asked::Acquired;
            }
            Some(holder) if holder.granted.is_some() => {
                let own = node.as_ref().map(TaskNode::effective_priority);
                let own = fixed.or(own).unwrap_or_default();
                if self.rob(&mut state, own, node.clone(), after) {
                    after._waker = Some(waker);
                    return Asked::Acquired;
                }
            }
            Some(_) => {}
        }
        state.arrivals += 1;
        let number = state.arrivals;
        let mut waiter = Waiter {
            node: node.clone(),
            fixed,
            priority: fixed.unwrap_or_default(),
            waker: Some(waker),
        };
        if let Some(node) = node {
            // The priority is read together with the entry, so that no change falls in between.
            let effective = node.begin_wait(self.wait(number));
            waiter.priority = fixed.unwrap_or(effective);
        }
        state.order.insert((waiter.priority, number), ());
        state.waiters.insert(number, waiter);
        self.lend(&mut state, &mut after.changes);
        Asked::Waits(number)
    }

    /// Takes a grant over that its waiter has not taken up, if that one is less urgent.
    fn rob(
        &self,
        state: &mut State,
        own: Priority,
        node: Option<TaskNode>,
        after: &mut After,
    ) -> bool {
        let granted = state.holder.as_ref().and_then(|holder| holder.granted);
        let Some((number, robbed)) =
            granted.and_then(|number| Some((number, state.waiters.get(&number)?)))
        else {
            return false;
        };
        // What others lend it while it holds the lock comes from this very line; without that it is
        // as urgent as its task is for other reasons.
        if own >= robbed.priority {
            return false;
        }
        let key = (robbed.priority, number);
        state.order.insert(key, ());
        after._holder = self.give_up(state, &mut after.changes);
        state.hold(node);
        self.lend(state, &mut after.changes);
        true
    }

    /// Returns `true` if a waiter has been granted the lock, and takes it up. Otherwise keeps the
    /// waker, and follows the task that polls.
    pub(crate) fn poll(&self, number: u64, node: Option<&TaskNode>, waker: &Waker) -> bool {
        let waker = waker.clone();
        let mut after = After::default();
        let taken = self.poll_locked(number, node, waker, &mut after);
        after.finish();
        taken
    }

    fn poll_locked(
        &self,
        number: u64,
        node: Option<&TaskNode>,
        waker: Waker,
        after: &mut After,
    ) -> bool {
        let mut state = self.lock();
        let state = &mut *state;
        let granted = state.holder.as_mut().is_some_and(|holder| {
            let granted = holder.granted == Some(number);
            if granted {
                holder.granted = None;
            }
            granted
        });
        if granted {
            after._waker = Some(waker);
            after._waiter = state.waiters.remove(&number);
            let own = after
                ._waiter
                .as_ref()
                .and_then(|waiter| waiter.node.as_ref());
            after._wait = own.and_then(|own| own.end_wait(self.waiter(number)));
            return true;
        }
        let Some(waiter) = state.waiters.get_mut(&number) else {
            return false;
        };
        after._waker = waiter.waker.replace(waker);
        let same = match (&waiter.node, node) {
            (None, None) => true,
            (Some(own), Some(node)) => own.is_same(node),
            _ => false,
        };
        if !same {
            after._node = mem::replace(&mut waiter.node, node.cloned());
            let former = after._node.as_ref();
            after._wait = former.and_then(|former| former.end_wait(self.waiter(number)));
            let effective = node.map(|node| node.begin_wait(self.wait(number)));
            let priority = waiter.fixed.or(effective).unwrap_or_default();
            state.requeue(number, priority);
            self.lend(state, &mut after.changes);
        }
        false
    }

    /// Gives the lock back: to the waiter that comes first, if there is one.
    #[inline]
    pub(crate) fn release(&self) {
        let mut state = self.lock();
        if state.order.is_empty() && state.loan.is_none() {
            let holder = state.holder.take();
            drop(state);
            drop(holder);
            return;
        }
        self.hand_over(state);
    }

    #[cold]
    fn hand_over(&self, mut state: MutexGuard<'_, State>) {
        let mut after = After::default();
        after._holder = self.give_up(&mut state, &mut after.changes);
        after.wake = self.grant(&mut state, &mut after.changes);
        drop(state);
        after.finish();
    }

    /// Takes a waiter out, and passes on what it had been granted.
    pub(crate) fn leave(&self, number: u64) {
        let mut after = After::default();
        {
            let mut state = self.lock();
            let Some(waiter) = state.waiters.remove(&number) else {
                return;
            };
            let own = waiter.node.as_ref();
            after._wait = own.and_then(|own| own.end_wait(self.waiter(number)));
            let granted = state.holder.as_ref().and_then(|holder| holder.granted);
            if granted == Some(number) {
                after._holder = self.give_up(&mut state, &mut after.changes);
                after.wake = self.grant(&mut state, &mut after.changes);
            } else {
                state.order.remove(&(waiter.priority, number));
                self.lend(&mut state, &mut after.changes);
            }
            after._waiter = Some(waiter);
        }
        after.finish();
    }

    /// Makes the holder somebody else: what was lent for it goes to that one.
    pub(crate) fn adopt(&self, node: Option<TaskNode>) {
        let mut after = After::default();
        {
            let mut state = self.lock();
            after._holder = self.give_up(&mut state, &mut after.changes);
            state.hold(node);
            self.lend(&mut state, &mut after.changes);
        }
        after.finish();
    }

    /// Ends the holding of the lock, and what is lent for it.
    fn give_up(&self, state: &mut State, changes: &mut Changes) -> Option<Holder> {
        let holder = state.holder.take()?;
        if let (Some(node), Some(_)) = (&holder.node, state.loan.take()) {
            node.lend(self.id, None, changes);
            // One that waits in this very line, too, is not to be served by what it was lent here.
            let own = node.waits().into_iter().map(|wait| wait.waiter);
            for waiter in own.filter(|waiter| waiter.list == self.id) {
                self.reread(state, waiter.number);
            }
        }
        Some(holder)
    }

    /// Grants the free lock to the waiter that comes first. Returns how to wake it.
    fn grant(&self, state: &mut State, changes: &mut Changes) -> Option<Waker> {
        let ((_, number), ()) = state.order.pop_first()?;
        let waiter = state.waiters.get_mut(&number)?;
        let (node, waker) = (waiter.node.clone(), waiter.waker.take());
        state.hold(node);
        if let Some(holder) = &mut state.holder {
            holder.granted = Some(number);
        }
        self.lend(state, changes);
        waker
    }

    /// Lends the holder the priority of the most urgent waiter that is not itself.
    fn lend(&self, state: &mut State, changes: &mut Changes) {
        let Some(node) = state
            .holder
            .as_ref()
            .and_then(|holder| holder.node.as_ref())
        else {
            state.loan = None;
            return;
        };
        let lenders = state.order.keys().find(|(_, number)| {
            let waiter = state.waiters.get(number);
            let own = waiter.and_then(|waiter| waiter.node.as_ref());
            // A task may wait for what it holds itself, in another branch of a join.
            own.is_none_or(|own| !own.is_same(node))
        });
        let loan = lenders.map(|(priority, _)| *priority);
        if loan != state.loan {
            node.lend(self.id, loan, changes);
            state.loan = loan;
        }
    }

    /// Looks at the priority of a waiter again.
    fn reread(&self, state: &mut State, number: u64) {
        let Some(waiter) = state.waiters.get(&number) else {
            return;
        };
        if let (None, Some(node)) = (waiter.fixed, &waiter.node) {
            let priority = node.effective_priority();
            state.requeue(number, priority);
        }
    }

    /// Returns how a task names its place in this line.
    fn wait(&self, number: u64) -> Wait {
        let list = self.this.upgrade();
        Wait {
            list: list.expect("the line is in use"),
            waiter: self.waiter(number),
        }
    }

    fn waiter(&self, number: u64) -> WaiterId {
        WaiterId {
            list: self.id,
            number,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic is called while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaitList for Line {
    fn refresh(&self, waiter: WaiterId, changes: &mut Changes) {
        let mut state = self.lock();
        self.reread(&mut state, waiter.number);
        self.lend(&mut state, changes);
    }

    fn holder(&self) -> Option<(TaskNode, u64)> {
        let state = self.lock();
        let holder = state.holder.as_ref()?;
        Some((holder.node.clone()?, state.grants))
    }

    fn name(&self) -> Option<Arc<str>> {
        self.name.clone()
    }
}

impl State {
    /// Makes somebody the holder.
    fn hold(&mut self, node: Option<TaskNode>) {
        debug_assert!(self.holder.is_none());
        self.grants += 1;
        self.holder = Some(Holder {
            node,
            granted: None,
        });
    }

    /// Gives a waiter another priority. It keeps its arrival.
    fn requeue(&mut self, number: u64, priority: Priority) {
        if let Some(waiter) = self.waiters.get_mut(&number) {
            let former = mem::replace(&mut waiter.priority, priority);
            // One that has been granted the lock is not in the order.
            if self.order.remove(&(former, number)).is_some() {
                self.order.insert((priority, number), ());
            }
        }
    }
}
