//! Waiters that are as urgent as the tasks that wait.

use std::mem;
use std::task::Waker;

use corokit_core::Priority;

use crate::node::TaskNode;
use crate::wait::{ListName, Wait, WaitList};
use crate::waiters::Waiters;

/// A waiter that follows its task, and what else its list knows of it.
pub(crate) struct Follower<W> {
    pub(crate) node: Option<TaskNode>,
    /// A priority that does not follow the task's.
    pub(crate) fixed: Option<Priority>,
    pub(crate) waker: Option<Waker>,
    pub(crate) what: W,
}

/// Those who wait, each as urgent as its task is, and becomes.
pub(crate) type Followers<W> = Waiters<Priority, Follower<W>>;

/// What a waiter no longer has, to be dropped when no list is locked.
pub(crate) type Left = (Option<TaskNode>, Option<Wait>);

impl<W> Followers<W> {
    /// Adds a waiter behind those that are as urgent. Returns its number.
    pub(crate) fn join<L: WaitList + 'static>(
        &mut self,
        list: &ListName<L>,
        node: Option<TaskNode>,
        fixed: Option<Priority>,
        waker: Waker,
        what: W,
    ) -> u32 {
        let follower = Follower {
            node: node.clone(),
            fixed,
            waker: Some(waker),
            what,
        };
        let number = self.enter(fixed.unwrap_or_default(), follower);
        if let Some(node) = node {
            // The priority is read together with the entry, so that no change falls in between.
            let effective = node.begin_wait(list.wait(number));
            self.requeue(number, fixed.unwrap_or(effective));
        }
        number
    }

    /// Lets a waiter follow another task, which goes on with it. Returns `None` if it does so already.
    pub(crate) fn follow<L: WaitList + 'static>(
        &mut self,
        list: &ListName<L>,
        number: u32,
        node: Option<&TaskNode>,
    ) -> Option<Left> {
        let follower = self.get_mut(number)?;
        let same = match (&follower.node, node) {
            (None, None) => true,
            (Some(own), Some(node)) => own.is_same(node),
            _ => false,
        };
        if same {
            return None;
        }
        let fixed = follower.fixed;
        let former = mem::replace(&mut follower.node, node.cloned());
        let ended = former
            .as_ref()
            .and_then(|former| former.end_wait(list.waiter(number)));
        let effective = node.map(|node| node.begin_wait(list.wait(number)));
        self.requeue(number, fixed.or(effective).unwrap_or_default());
        Some((former, ended))
    }

    /// Looks at the priority of a waiter again.
    pub(crate) fn reread(&mut self, number: u32) {
        let Some(follower) = self.get(number) else {
            return;
        };
        if let (None, Some(node)) = (follower.fixed, &follower.node) {
            let priority = node.effective_priority();
            self.requeue(number, priority);
        }
    }

    /// Takes a waiter out, which no longer waits.
    pub(crate) fn part<L>(
        &mut self,
        list: &ListName<L>,
        number: u32,
    ) -> Option<(Follower<W>, Option<Wait>)> {
        let follower = self.remove(number)?;
        let node = follower.node.as_ref();
        let wait = node.and_then(|node| node.end_wait(list.waiter(number)));
        Some((follower, wait))
    }
}
