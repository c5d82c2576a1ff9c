//! Who has a contended lock, and who waits for it.
//!
//! ```text
//!          somebody has to wait             release, nobody waits
//!     Free, or  ------------------->  Held  ------------------------->  Free
//!     held by one for whom            |  ^
//!     nobody waits:                   |  |  the waiter takes it up,
//!     see `Word`                      v  |  or one who is more urgent does
//!                                   Granted
//!                           (release, somebody waits)
//! ```
//!
//! Somebody is the holder here if and only if the word says that the lock is contended. A release
//! hands the lock over at once: from then on it is held on behalf of the waiter that comes first,
//! which so inherits from the others before it has run. Only a strictly more urgent arrival may take
//! a grant that has not been taken up; the one that is robbed keeps its place.
//!
//! A grant is in an atomic number, out of which exactly one takes it: its waiter, without locking the
//! line, or a robber. So a lock that goes from one to the next locks the line once. That the waiter has
//! taken it up the line notices when somebody locks it again.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, PoisonError};
use std::task::Waker;

use corokit_core::Priority;

use super::word::{Contended, Word};
use crate::followers::{Follower, Followers, Left};
use crate::node::{Changes, TaskNode};
use crate::sync::{AtomicU64, Mutex, MutexGuard};
use crate::wait::{Holders, ListName, Wait, WaitList, WaiterId};

/// The line in front of a lock.
pub(crate) struct Line {
    list: ListName<Line>,
    name: Option<Arc<str>>,
    /// The waiter that has been granted the lock and has not taken it up, plus one, or [`NOBODY`]. Set
    /// while the line is locked, and taken at any time.
    granted: AtomicU64,
    /// The number of the task that it was granted to, or [`NOBODY`]: for the one who has taken it up.
    grantee: AtomicU64,
    state: Mutex<State>,
}

/// The number of no task, and of no waiter that has a grant.
const NOBODY: u64 = 0;

struct State {
    /// Who holds the lock, or has been granted it; nobody if the word knows it.
    holder: Option<Holder>,
    /// The holder has the node of the waiter that has been granted the lock.
    waiters: Followers<()>,
    /// What is lent to the holder.
    loan: Option<Priority>,
    /// How many times the lock has changed hands.
    grants: u64,
}

struct Holder {
    /// `None` for one that is no task.
    node: Option<TaskNode>,
    /// The waiter that has been granted the lock, and was not seen to have taken it up.
    granted: Option<u32>,
}

/// What came of asking for the lock.
pub(crate) enum Asked {
    /// The caller has it.
    Acquired,
    /// The caller waits, under this number.
    Waits(u32),
}

/// What is left to do when the line is no longer locked.
#[derive(Default)]
#[must_use]
struct After {
    wake: Option<Waker>,
    changes: Changes,
    /// To be dropped.
    _wait: Option<Wait>,
    _waiter: Option<Follower<()>>,
    _waker: Option<Waker>,
    _holder: Option<Holder>,
    _left: Option<Left>,
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
            list: ListName::new(this),
            name,
            granted: AtomicU64::new(NOBODY),
            grantee: AtomicU64::new(NOBODY),
            state: Mutex::new(State {
                holder: None,
                waiters: Followers::new(),
                loan: None,
                grants: 0,
            }),
        })
    }

    /// Takes the lock, or the grant of one who is less urgent; else waits.
    pub(crate) fn acquire(
        &self,
        word: &Word,
        node: Option<TaskNode>,
        fixed: Option<Priority>,
        waker: Waker,
    ) -> Asked {
        let mut after = After::default();
        let asked = self.acquire_locked(word, node, fixed, waker, &mut after);
        after.finish();
        asked
    }

    fn acquire_locked(
        &self,
        word: &Word,
        mut node: Option<TaskNode>,
        fixed: Option<Priority>,
        waker: Waker,
        after: &mut After,
    ) -> Asked {
        let mut state = self.lock();
        self.notice(&mut state);
        match &state.holder {
            None => match word.contend(&mut node) {
                Contended::Acquired => {
                    after._waker = Some(waker);
                    return Asked::Acquired;
                }
                Contended::By(holder) => state.hold(holder),
            },
            Some(holder) if holder.granted.is_some() => {
                let own = node.as_ref().map(TaskNode::effective_priority);
                let own = fixed.or(own).unwrap_or_default();
                if self.rob(&mut state, own, &mut node, after) {
                    after._waker = Some(waker);
                    return Asked::Acquired;
                }
            }
            Some(_) => {}
        }
        let number = state.waiters.join(&self.list, node, fixed, waker, ());
        self.lend(&mut state, &mut after.changes);
        Asked::Waits(number)
    }

    /// Takes a grant over that its waiter has not taken up, if that one is less urgent.
    fn rob(
        &self,
        state: &mut State,
        own: Priority,
        node: &mut Option<TaskNode>,
        after: &mut After,
    ) -> bool {
        let Some(holder) = &state.holder else {
            return false;
        };
        let Some((number, waiter)) = holder
            .granted
            .and_then(|number| Some((number, state.waiters.get(number)?)))
        else {
            return false;
        };
        let effective = holder.node.as_ref().map(TaskNode::effective_priority);
        let robbed = waiter.fixed.or(effective).unwrap_or_default();
        // It may be taken up at this moment.
        if own >= robbed || !self.take_up(number) {
            return false;
        }
        let holder = self.give_up(state, &mut after.changes);
        self.put_back(state, number, holder.and_then(|holder| holder.node));
        state.hold(node.take());
        self.lend(state, &mut after.changes);
        true
    }

    /// Lets a waiter wait again that had been granted the lock. It keeps its arrival.
    fn put_back(&self, state: &mut State, number: u32, node: Option<TaskNode>) {
        let effective = node
            .as_ref()
            .map(|node| node.begin_wait(self.list.wait(number)));
        if let Some(waiter) = state.waiters.get_mut(number) {
            waiter.node = node;
            let priority = waiter.fixed.or(effective).unwrap_or_default();
            state.waiters.requeue(number, priority);
            state.waiters.put_back(number);
        }
    }

    /// Takes up what a waiter has been granted, if it has, for the waiter or for one that robs it.
    #[inline]
    pub(crate) fn take_up(&self, number: u32) -> bool {
        let granted = grant_to(number);
        // What was written under the lock before is seen.
        self.granted.load(Relaxed) == granted
            && self
                .granted
                .compare_exchange(granted, NOBODY, Acquire, Relaxed)
                .is_ok()
    }

    /// Returns `true` if what the caller has taken up was granted to this task.
    #[inline]
    pub(crate) fn was_granted_to(&self, node: Option<&TaskNode>) -> bool {
        // It was written before the grant, and is not changed before the caller gives the lock back.
        self.grantee.load(Relaxed) == node.map_or(NOBODY, TaskNode::number)
    }

    /// As [`take_up`](Line::take_up), and otherwise keeps the waker, and follows the task that polls.
    pub(crate) fn poll(&self, number: u32, node: Option<&TaskNode>, waker: &Waker) -> bool {
        let waker = waker.clone();
        let mut after = After::default();
        let taken = self.poll_locked(number, node, waker, &mut after);
        after.finish();
        taken
    }

    fn poll_locked(
        &self,
        number: u32,
        node: Option<&TaskNode>,
        waker: Waker,
        after: &mut After,
    ) -> bool {
        let mut state = self.lock();
        let state = &mut *state;
        if self.take_up(number) {
            after._waker = Some(waker);
            return true;
        }
        let Some(waiter) = state.waiters.get_mut(number) else {
            return false;
        };
        after._waker = waiter.waker.replace(waker);
        after._left = state.waiters.follow(&self.list, number, node);
        if after._left.is_some() {
            self.lend(state, &mut after.changes);
        }
        false
    }

    /// Gives the contended lock back: to the waiter that comes first, if there is one.
    pub(crate) fn release(&self, word: &Word) {
        let mut after = After::default();
        {
            let mut state = self.lock();
            self.notice(&mut state);
            after._holder = self.give_up(&mut state, &mut after.changes);
            self.grant(word, &mut state, &mut after);
        }
        after.finish();
    }

    /// Takes a waiter out, and passes on what it had been granted.
    pub(crate) fn leave(&self, word: &Word, number: u32) {
        let mut after = After::default();
        {
            let mut state = self.lock();
            let Some((waiter, wait)) = state.waiters.part(&self.list, number) else {
                return;
            };
            after._wait = wait;
            if self.take_up(number) {
                after._holder = self.give_up(&mut state, &mut after.changes);
                self.grant(word, &mut state, &mut after);
            } else {
                self.lend(&mut state, &mut after.changes);
            }
            after._waiter = Some(waiter);
        }
        after.finish();
    }

    /// Makes the holder somebody else: what was lent for it goes to that one.
    pub(crate) fn adopt(&self, word: &Word, node: Option<TaskNode>) {
        let mut after = After::default();
        {
            let mut state = self.lock();
            self.notice(&mut state);
            if state.holder.is_none() {
                match word.contend(&mut None) {
                    Contended::By(holder) => state.hold(holder),
                    Contended::Acquired => unreachable!("there is a guard"),
                }
            }
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
            let own = node.take_back(self.list.id, changes);
            // One that waits in this very line, too, is not to be served by what it was lent here.
            for waiter in own {
                state.waiters.reread(waiter.number);
            }
        }
        Some(holder)
    }

    /// Grants the lock, which nobody holds, to the waiter that comes first.
    fn grant(&self, word: &Word, state: &mut State, after: &mut After) {
        let Some((number, waiter)) = state.waiters.serve_first() else {
            word.set_free();
            return;
        };
        after.wake = waiter.waker.take();
        let node = waiter.node.take();
        // The end of its wait and what it is lent from now on go together.
        state.loan = node.as_ref().and_then(|node| state.loan_for(node));
        if let Some(node) = &node {
            // This very list is what it names, and is in use: so nothing but a count is dropped.
            drop(node.serve(self.list.waiter(number), state.loan, &mut after.changes));
        }
        let grantee = node.as_ref().map_or(NOBODY, TaskNode::number);
        self.grantee.store(grantee, Relaxed);
        state.hold(node);
        if let Some(holder) = &mut state.holder {
            holder.granted = Some(number);
        }
        // Whoever takes it up sees what was written under the lock.
        self.granted.store(grant_to(number), Release);
    }

    /// Lets a waiter go that has taken up what it was granted.
    fn notice(&self, state: &mut State) {
        let granted = state.holder.as_mut().map(|holder| &mut holder.granted);
        if let (Some(granted), NOBODY) = (granted, self.granted.load(Relaxed)) {
            if let Some(number) = granted.take() {
                // The holder has its node, and its waker has been woken: nothing of it is dropped here.
                state.waiters.remove(number);
            }
        }
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
        let loan = state.loan_for(node);
        if loan != state.loan {
            node.lend(self.list.id, loan, changes);
            state.loan = loan;
        }
    }

    /// Returns how urgent the first in line is.
    pub(super) fn waiting_priority(&self) -> Option<Priority> {
        let state = self.lock();
        let first = state.waiters.first();
        first.map(|(priority, _)| priority)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic is called while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns how the atomic number names the waiter that has a grant.
fn grant_to(number: u32) -> u64 {
    u64::from(number) + 1
}

impl WaitList for Line {
    fn refresh(&self, waiter: WaiterId, changes: &mut Changes) -> bool {
        let mut state = self.lock();
        state.waiters.reread(waiter.number);
        self.lend(&mut state, changes);
        false
    }

    fn holders(&self) -> Holders {
        let mut state = self.lock();
        self.notice(&mut state);
        // One who has been granted the lock and does not know it yet waits for nobody.
        let holder = state.holder.as_ref();
        let holder = holder.filter(|holder| holder.granted.is_none());
        let node = holder.and_then(|holder| holder.node.clone());
        node.map(|node| (node, state.grants)).into_iter().collect()
    }

    fn name(&self) -> Option<Arc<str>> {
        self.name.clone()
    }
}

impl State {
    /// Returns what the waiters lend to a holder: the priority of the most urgent one.
    fn loan_for(&self, node: &TaskNode) -> Option<Priority> {
        // A task may wait for what it holds itself, in another branch of a join.
        let lends =
            |waiter: &Follower<()>| waiter.node.as_ref().is_none_or(|own| !own.is_same(node));
        let mut waiters = self.waiters.iter();
        let lender = waiters.find(|(_, waiter)| lends(waiter));
        lender.map(|(priority, _)| priority)
    }

    /// Makes somebody the holder.
    fn hold(&mut self, node: Option<TaskNode>) {
        debug_assert!(self.holder.is_none());
        self.grants += 1;
        self.holder = Some(Holder {
            node,
            granted: None,
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::task::Waker;

    use super::Asked;
    use crate::mutex::front::Front;

    fn wait(front: &Front) -> u32 {
        match front.acquire(None, None, Waker::noop().clone()) {
            Asked::Waits(number) => number,
            Asked::Acquired => panic!("it is held"),
        }
    }

    /// The line notices that a grant was taken up, though nobody locked it for that.
    #[test]
    fn places_of_those_who_have_the_lock_are_used_again() {
        let front = Front::new(None);
        assert!(front.try_acquire(&mut None));
        let mut next = wait(&front);
        for _ in 0..100 {
            let after = wait(&front);
            assert!(after < 3, "{after} of three at a time");
            front.release();
            assert!(!front.line().take_up(after), "it is for the other one");
            assert!(front.line().take_up(next));
            assert!(!front.line().take_up(next), "only once");
            next = after;
        }
        front.release();
        front.leave(next);
        assert!(
            front.try_acquire(&mut None),
            "what was granted was passed on"
        );
        front.release();
    }
}
