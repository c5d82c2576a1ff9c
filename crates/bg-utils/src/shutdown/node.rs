//! A tree of what can be shut down.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Weak};
use std::task::Waker;

use corokit_sync_bridge::waiters::WaitList;

use super::reason::Reason;
use crate::sync::{Mutex, MutexGuard, lock};

pub(super) struct Node {
    parent: Option<(Arc<Node>, u64)>,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) reason: Option<Reason>,
    /// Those who wait for it to be triggered.
    pub(super) waiters: WaitList<(), ()>,
    /// Those that are triggered with it, in the order in which they were made.
    children: BTreeMap<u64, Weak<Node>>,
    latest: u64,
    /// How many hold up its end, here and below.
    pub(super) holds: usize,
    /// Those who wait for that to be nobody.
    pub(super) finishers: WaitList<(), ()>,
}

impl Node {
    fn with(parent: Option<(Arc<Node>, u64)>, reason: Option<Reason>) -> Self {
        Node {
            parent,
            state: Mutex::new(State {
                reason,
                waiters: WaitList::new(),
                children: BTreeMap::new(),
                latest: 0,
                holds: 0,
                finishers: WaitList::new(),
            }),
        }
    }

    pub(super) fn root() -> Arc<Self> {
        Arc::new(Node::with(None, None))
    }

    pub(super) fn child(self: &Arc<Self>) -> Arc<Self> {
        let mut state = self.lock();
        if let Some(reason) = state.reason.clone() {
            // It is told at its birth, and needs not be told later.
            drop(state);
            return Arc::new(Node::with(Some((Arc::clone(self), 0)), Some(reason)));
        }
        state.latest += 1;
        let number = state.latest;
        let child = Arc::new(Node::with(Some((Arc::clone(self), number)), None));
        state.children.insert(number, Arc::downgrade(&child));
        child
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Triggers it and all below it, each before those below it, and these in the order in which
    /// they were made. Returns `false` if it was triggered before.
    pub(super) fn trigger(self: &Arc<Self>, reason: &Reason) -> bool {
        let mut wakers = Vec::new();
        let mut nodes = Vec::new();
        let first = self.tell(reason, &mut nodes, &mut wakers);
        while let Some(node) = nodes.pop() {
            // One that was triggered by itself has told its own.
            if let Some(node) = node.upgrade() {
                node.tell(reason, &mut nodes, &mut wakers);
            }
        }
        wakers.into_iter().for_each(Waker::wake);
        first
    }

    fn tell(&self, reason: &Reason, nodes: &mut Vec<Weak<Node>>, wakers: &mut Vec<Waker>) -> bool {
        let reason = reason.clone();
        let mut state = self.lock();
        if state.reason.is_some() {
            return false;
        }
        state.reason = Some(reason);
        let children = mem::take(&mut state.children);
        while let Ok((_, waker)) = state.waiters.grant_front(()) {
            wakers.extend(waker);
        }
        drop(state);
        // The first one is the last to go in and the first to come out.
        nodes.extend(children.into_values().rev());
        true
    }

    /// Counts one more that holds up its end, and that of all above it.
    pub(super) fn hold(&self) {
        let mut node = Some(self);
        while let Some(this) = node {
            this.lock().holds += 1;
            node = this.parent.as_ref().map(|(parent, _)| &**parent);
        }
    }

    pub(super) fn release(&self) {
        let mut wakers = Vec::new();
        let mut node = Some(self);
        while let Some(this) = node {
            let mut state = this.lock();
            state.holds -= 1;
            while state.holds == 0 {
                match state.finishers.grant_front(()) {
                    Ok((_, waker)) => wakers.extend(waker),
                    Err(()) => break,
                }
            }
            drop(state);
            node = this.parent.as_ref().map(|(parent, _)| &**parent);
        }
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // One after the other, not each inside of the one below: the line may be long.
        let mut above = self.parent.take();
        while let Some((parent, number)) = above {
            let gone = parent.lock().children.remove(&number);
            drop(gone);
            above = Arc::into_inner(parent).and_then(|mut parent| parent.parent.take());
        }
    }
}
