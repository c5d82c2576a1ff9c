//! What tasks wait in, in the eyes of the tasks.

use std::sync::{Arc, Weak};

use smallvec::SmallVec;

use crate::node::{Changes, TaskNode, next_number};

/// Something that tasks wait in.
pub(crate) trait WaitList: Send + Sync {
    /// Looks at the priority of a waiter again, and lends on what follows from that.
    ///
    /// It serves nobody: others in the list may have become less urgent by the same change, and the
    /// list has not heard of it yet. Returns `true` if [`WaitList::settle`] is to be called when all
    /// have heard.
    fn refresh(&self, waiter: WaiterId, changes: &mut Changes) -> bool;

    /// Serves whoever can be served, now that waiters have changed places. That may be somebody only
    /// where one who waits keeps back others for whom there would be room.
    fn settle(&self, _: &mut Changes) {}

    /// Returns who holds what the waiters wait for, and since which grant.
    fn holders(&self) -> Holders;

    fn name(&self) -> Option<Arc<str>>;
}

/// Those who hold something, each with the number of the grant since which it does.
pub(crate) type Holders = SmallVec<[(TaskNode, u64); 1]>;

/// Names one that lends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LenderId(u64);

/// Names a waiter of a [`WaitList`], among those of all lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WaiterId {
    pub(crate) list: LenderId,
    pub(crate) number: u32,
}

/// A place where a task waits.
#[derive(Clone)]
pub(crate) struct Wait {
    pub(crate) list: Arc<dyn WaitList>,
    pub(crate) waiter: WaiterId,
    /// Which of the waits of the task it is: it waits there again by another one.
    pub(crate) stamp: u64,
}

/// The places where a task waits.
pub(crate) type Waits = SmallVec<[Wait; 1]>;

/// How a list names itself and its waiters.
pub(crate) struct ListName<L> {
    pub(crate) id: LenderId,
    this: Weak<L>,
}

impl<L> ListName<L> {
    pub(crate) fn new(this: &Weak<L>) -> Self {
        ListName {
            id: LenderId(next_number()),
            this: Weak::clone(this),
        }
    }

    pub(crate) fn waiter(&self, number: u32) -> WaiterId {
        WaiterId {
            list: self.id,
            number,
        }
    }
}

impl<L: WaitList + 'static> ListName<L> {
    /// Returns how a task names its place in the list.
    pub(crate) fn wait(&self, number: u32) -> Wait {
        let list = self.this.upgrade();
        Wait {
            list: list.expect("the list is in use"),
            waiter: self.waiter(number),
            stamp: next_number(),
        }
    }
}
