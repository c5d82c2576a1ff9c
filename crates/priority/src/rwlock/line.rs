//! Who holds a reader-writer lock, and who waits for it.
//!
//! There are any number of readers, or one writer. Whoever comes first in the order is served as soon
//! as there is room for it, and nobody behind it before that, though there may be room for those: so
//! readers do not starve writers, nor the other way round. A grant makes the waiter a holder at once.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::task::Waker;

use corokit_core::Priority;

use crate::followers::{Follower, Followers, Left};
use crate::node::{Changes, TaskNode};
use crate::sync::{Mutex, MutexGuard};
use crate::wait::{Holders, ListName, Wait, WaitList, WaiterId};

/// The line in front of a lock, and the lock.
pub(super) struct Line {
    list: ListName<Line>,
    name: Option<Arc<str>>,
    state: Mutex<State>,
}

/// Names one that holds the lock: the number of its grant.
pub(super) type Ticket = u64;

/// The ticket of nobody.
pub(super) const SPENT: Ticket = 0;

/// What somebody wants the lock for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

struct State {
    holders: BTreeMap<Ticket, Holder>,
    writing: bool,
    waiters: Followers<Want>,
    grants: u64,
}

struct Holder {
    /// `None` for one that is no task.
    node: Option<TaskNode>,
    /// What is lent to it.
    loan: Option<Priority>,
    /// Whether it knows that it holds the lock.
    knows: bool,
}

struct Want {
    access: Access,
    /// What it has been granted and has not taken up. Then its node is with the holder.
    granted: Option<Ticket>,
}

/// What came of asking for the lock.
pub(super) enum Asked {
    /// The caller has it, by this ticket.
    Acquired(Ticket),
    /// The caller waits, under this number.
    Waits(u32),
}

/// What is left to do when the line is no longer locked.
#[derive(Default)]
#[must_use]
struct After {
    changes: Changes,
    /// To be dropped.
    _waits: Vec<Wait>,
    _waiter: Option<Follower<Want>>,
    _waker: Option<Waker>,
    _holder: Option<Holder>,
    _left: Option<Left>,
}

impl After {
    fn finish(self) {
        // Whoever is woken, or told, finds everything as it will be.
        let After { changes, .. } = self;
        changes.spread();
    }
}

impl Line {
    pub(super) fn new(name: Option<&'static str>) -> Arc<Self> {
        Arc::new_cyclic(|this| Line {
            list: ListName::new(this),
            name: name.map(Arc::from),
            state: Mutex::new(State {
                holders: BTreeMap::new(),
                writing: false,
                waiters: Followers::new(),
                grants: 0,
            }),
        })
    }

    /// Takes the lock if there is room, and nobody waits.
    pub(super) fn try_acquire(&self, access: Access, node: Option<TaskNode>) -> Option<Ticket> {
        let mut state = self.lock();
        if state.waiters.is_empty() && state.has_room(access) {
            return Some(state.hold(access, node, true));
        }
        drop(state);
        None
    }

    /// Takes the lock if there is room, and nobody waits who is as urgent; else waits.
    pub(super) fn acquire(
        &self,
        access: Access,
        node: Option<TaskNode>,
        fixed: Option<Priority>,
        waker: Waker,
    ) -> Asked {
        let mut after = After::default();
        let mut state = self.lock();
        let own = node.as_ref().map(TaskNode::effective_priority);
        let own = fixed.or(own).unwrap_or_default();
        let first = state.waiters.first();
        let is_first = first.is_none_or(|(priority, _)| own < priority);
        let asked = if is_first && state.has_room(access) {
            after._waker = Some(waker);
            let ticket = state.hold(access, node, true);
            self.lend(&mut state, &mut after.changes);
            Asked::Acquired(ticket)
        } else {
            let want = Want {
                access,
                granted: None,
            };
            let number = state.waiters.join(&self.list, node, fixed, waker, want);
            // Its task may have become more urgent in between, so that it comes first after all.
            self.serve(&mut state, &mut after.changes, &mut after._waits);
            Asked::Waits(number)
        };
        drop(state);
        after.finish();
        asked
    }

    /// Returns the ticket of a waiter that has been granted the lock. Otherwise keeps the waker, and
    /// follows the task that polls.
    pub(super) fn poll(
        &self,
        number: u32,
        node: Option<&TaskNode>,
        waker: &Waker,
    ) -> Option<Ticket> {
        let waker = waker.clone();
        let mut after = After::default();
        let mut state = self.lock();
        let waiter = state.waiters.get_mut(number)?;
        let granted = waiter.what.granted;
        let mut adopt = false;
        if let Some(ticket) = granted {
            after._waker = Some(waker);
            after._waiter = state.waiters.remove(number);
            if let Some(holder) = state.holders.get_mut(&ticket) {
                holder.knows = true;
                // Another task may have gone on with the future.
                adopt = match (&holder.node, node) {
                    (None, None) => false,
                    (Some(holder), Some(node)) => !holder.is_same(node),
                    _ => true,
                };
            }
        } else {
            after._waker = waiter.waker.replace(waker);
            after._left = state.waiters.follow(&self.list, number, node);
            if after._left.is_some() {
                self.serve(&mut state, &mut after.changes, &mut after._waits);
            }
        }
        drop(state);
        after.finish();
        if let (Some(ticket), true) = (granted, adopt) {
            self.adopt(ticket, node.cloned());
        }
        granted
    }

    /// Gives the lock back.
    pub(super) fn release(&self, ticket: Ticket) {
        let mut after = After::default();
        {
            let mut state = self.lock();
            self.give_up(&mut state, ticket, &mut after);
            self.serve(&mut state, &mut after.changes, &mut after._waits);
        }
        after.finish();
    }

    /// Takes a waiter out, and passes on what it had been granted.
    pub(super) fn leave(&self, number: u32) {
        let mut after = After::default();
        {
            let mut state = self.lock();
            let Some((waiter, wait)) = state.waiters.part(&self.list, number) else {
                return;
            };
            after._waits.extend(wait);
            if let Some(ticket) = waiter.what.granted {
                self.give_up(&mut state, ticket, &mut after);
            }
            // It may have been the one that kept the others waiting.
            self.serve(&mut state, &mut after.changes, &mut after._waits);
            after._waiter = Some(waiter);
        }
        after.finish();
    }

    /// Makes the writer a reader.
    pub(super) fn downgrade(&self) {
        let mut after = After::default();
        {
            let mut state = self.lock();
            state.writing = false;
            self.serve(&mut state, &mut after.changes, &mut after._waits);
        }
        after.finish();
    }

    /// Makes the holder somebody else: what was lent for it goes to that one.
    pub(super) fn adopt(&self, ticket: Ticket, node: Option<TaskNode>) {
        let mut after = After::default();
        {
            let mut state = self.lock();
            let writing = state.writing;
            self.give_up(&mut state, ticket, &mut after);
            state.writing = writing;
            let holder = Holder {
                node,
                loan: None,
                knows: true,
            };
            state.holders.insert(ticket, holder);
            self.lend(&mut state, &mut after.changes);
        }
        after.finish();
    }

    /// Ends the holding of the lock, and what is lent for it.
    fn give_up(&self, state: &mut State, ticket: Ticket, after: &mut After) {
        let Some(holder) = state.holders.remove(&ticket) else {
            return;
        };
        state.writing = false;
        if let (Some(node), Some(_)) = (&holder.node, holder.loan) {
            // A task may read more than once at a time; what it is lent is lent once.
            let mut others = state.holders.values_mut();
            if !others.any(|other| other.is(node)) {
                let own = node.take_back(self.list.id, &mut after.changes);
                // One that waits in this very line, too, is not to be served by what it was lent here.
                for waiter in own {
                    state.waiters.reread(waiter.number);
                }
            }
        }
        after._holder = Some(holder);
    }

    /// Serves those who come first, as long as there is room, and lends to the holders what the others
    /// lend.
    fn serve(&self, state: &mut State, changes: &mut Changes, ended: &mut Vec<Wait>) {
        loop {
            let first = state.waiters.first();
            let access = first.map(|(_, waiter)| waiter.what.access);
            let Some(access) = access.filter(|access| state.has_room(*access)) else {
                break;
            };
            let ticket = state.grants + 1;
            let Some((number, waiter)) = state.waiters.serve_first() else {
                break;
            };
            waiter.what.granted = Some(ticket);
            changes.wake.extend(waiter.waker.take());
            let node = waiter.node.take();
            let wait = node
                .as_ref()
                .and_then(|node| node.end_wait(self.list.waiter(number)));
            ended.extend(wait);
            state.hold(access, node, false);
        }
        self.lend(state, changes);
    }

    /// Lends each holder the priority of the most urgent waiter that is not itself.
    fn lend(&self, state: &mut State, changes: &mut Changes) {
        for holder in state.holders.values_mut() {
            let Some(node) = &holder.node else {
                continue;
            };
            let lends = |waiter: &Follower<Want>| {
                let own = waiter.node.as_ref();
                own.is_none_or(|own| !own.is_same(node))
            };
            let lender = state.waiters.iter().find(|(_, waiter)| lends(waiter));
            let loan = lender.map(|(priority, _)| priority);
            if loan != holder.loan {
                node.lend(self.list.id, loan, changes);
                holder.loan = loan;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic is called while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaitList for Line {
    fn refresh(&self, waiter: WaiterId, changes: &mut Changes) -> bool {
        let mut state = self.lock();
        state.waiters.reread(waiter.number);
        self.lend(&mut state, changes);
        true
    }

    fn settle(&self, changes: &mut Changes) {
        let mut ended = Vec::new();
        {
            let mut state = self.lock();
            self.serve(&mut state, changes, &mut ended);
        }
        drop(ended);
    }

    fn holders(&self) -> Holders {
        let state = self.lock();
        // One who has been granted the lock and does not know it yet waits for nobody.
        let holders = state.holders.iter().filter(|(_, holder)| holder.knows);
        holders
            .filter_map(|(ticket, holder)| Some((holder.node.clone()?, *ticket)))
            .collect()
    }

    fn name(&self) -> Option<Arc<str>> {
        self.name.clone()
    }
}

impl State {
    fn has_room(&self, access: Access) -> bool {
        match access {
            Access::Read => !self.writing,
            Access::Write => self.holders.is_empty(),
        }
    }

    /// Makes somebody a holder.
    fn hold(&mut self, access: Access, node: Option<TaskNode>, knows: bool) -> Ticket {
        self.grants += 1;
        self.writing = access == Access::Write;
        let holder = Holder {
            node,
            loan: None,
            knows,
        };
        self.holders.insert(self.grants, holder);
        self.grants
    }
}

impl Holder {
    fn is(&self, node: &TaskNode) -> bool {
        self.node.as_ref().is_some_and(|own| own.is_same(node))
    }
}
