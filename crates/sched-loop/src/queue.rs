//! The ready queue of a loop: first in, first out, or another policy.

use std::fmt;

use corokit_core::{Priority, ReadyQueue};
use corokit_scheduler::{Fifo, LocalExecutor};

/// The executor of an [`EventLoop`](crate::EventLoop).
pub type LoopExecutor = LocalExecutor<'static, LoopQueue>;

/// The ready queue of an [`EventLoop`](crate::EventLoop): [`Fifo`], unless the loop was made
/// [with another one](crate::EventLoop::with_queue).
///
/// # Examples
///
/// ```
/// use corokit_core::{Priority, ReadyQueue};
/// use corokit_sched_loop::LoopQueue;
///
/// let mut queue = LoopQueue::default();
/// queue.set_slots(1);
/// queue.push(0);
/// assert_eq!(queue.pop(), Some(0));
/// ```
#[derive(Default)]
pub struct LoopQueue {
    policy: Policy,
}

/// The default is a variant of its own, because its calls need no detour.
enum Policy {
    Fifo(Fifo),
    Other(Box<dyn ReadyQueue>),
}

impl Default for Policy {
    fn default() -> Self {
        Policy::Fifo(Fifo::new())
    }
}

impl LoopQueue {
    pub(crate) fn new(queue: impl ReadyQueue + 'static) -> Self {
        LoopQueue {
            policy: Policy::Other(Box::new(queue)),
        }
    }
}

/// Calls a method of whichever queue it is.
macro_rules! pass_on {
    ($self:ident.$method:ident($($argument:ident),*)) => {
        match &$self.policy {
            Policy::Fifo(queue) => queue.$method($($argument),*),
            Policy::Other(queue) => queue.$method($($argument),*),
        }
    };
    (mut $self:ident.$method:ident($($argument:ident),*)) => {
        match &mut $self.policy {
            Policy::Fifo(queue) => queue.$method($($argument),*),
            Policy::Other(queue) => queue.$method($($argument),*),
        }
    };
}

impl ReadyQueue for LoopQueue {
    fn set_slots(&mut self, slots: usize) {
        pass_on!(mut self.set_slots(slots));
    }

    #[inline]
    fn len(&self) -> usize {
        pass_on!(self.len())
    }

    #[inline]
    fn contains(&self, slot: u32) -> bool {
        pass_on!(self.contains(slot))
    }

    #[inline]
    fn push(&mut self, slot: u32) {
        pass_on!(mut self.push(slot));
    }

    #[inline]
    fn pop(&mut self) -> Option<u32> {
        pass_on!(mut self.pop())
    }

    fn remove(&mut self, slot: u32) -> bool {
        pass_on!(mut self.remove(slot))
    }

    fn insert_at(&mut self, slot: u32, index: usize) {
        pass_on!(mut self.insert_at(slot, index));
    }

    fn insert_after(&mut self, slot: u32, anchor: u32) -> bool {
        pass_on!(mut self.insert_after(slot, anchor))
    }

    fn insert_before(&mut self, slot: u32, anchor: u32) -> bool {
        pass_on!(mut self.insert_before(slot, anchor))
    }

    fn rotate_left(&mut self, count: usize) {
        pass_on!(mut self.rotate_left(count));
    }

    #[inline]
    fn set_priority(&mut self, slot: u32, priority: Priority) -> bool {
        pass_on!(mut self.set_priority(slot, priority))
    }

    fn priority(&self, slot: u32) -> Option<Priority> {
        pass_on!(self.priority(slot))
    }

    fn iter(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        pass_on!(self.iter())
    }
}

impl fmt::Debug for LoopQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
