//! What a mutex is, but for its data.

use std::sync::{Arc, OnceLock};
use std::task::Waker;

use corokit_core::Priority;

use super::line::{Asked, Line};
use super::word::{IsContended, Word};
use crate::current::{current, give_back, with_current};
use crate::node::TaskNode;

/// A word, which is enough while nobody waits, and from the first wait on a line.
pub(super) struct Front {
    word: Word,
    line: OnceLock<Arc<Line>>,
    name: Option<&'static str>,
}

impl Front {
    pub(super) const fn new(name: Option<&'static str>) -> Self {
        Front {
            word: Word::new(),
            line: OnceLock::new(),
            name,
        }
    }

    /// Takes the lock if it is free; then the node is taken, too.
    #[inline]
    pub(super) fn try_acquire(&self, node: &mut Option<TaskNode>) -> bool {
        self.word.try_acquire(node)
    }

    /// Takes the lock, or the grant of one who is less urgent; else waits.
    pub(super) fn acquire(
        &self,
        node: Option<TaskNode>,
        fixed: Option<Priority>,
        waker: Waker,
    ) -> Asked {
        self.line().acquire(&self.word, node, fixed, waker)
    }

    /// Returns `true` if a waiter takes up what it has been granted.
    pub(super) fn poll(&self, number: u32, waker: &Waker) -> bool {
        let line = self.line();
        let taken_up = line.take_up(number) || line.poll(number, current().as_ref(), waker);
        if taken_up && !with_current(|node| line.was_granted_to(node)) {
            // Another task goes on with the future: it is to be the holder.
            line.adopt(&self.word, current());
        }
        taken_up
    }

    /// Gives the lock back, which the caller has.
    #[inline]
    pub(super) fn release(&self) {
        match self.word.try_release() {
            Ok(node) => give_back(node),
            Err(IsContended) => self.line().release(&self.word),
        }
    }

    /// Takes a waiter out, and passes on what it had been granted.
    pub(super) fn leave(&self, number: u32) {
        self.line().leave(&self.word, number);
    }

    /// Makes somebody else the holder, for the caller, which has the lock.
    pub(super) fn adopt(&self, node: Option<TaskNode>) {
        self.line().adopt(&self.word, node);
    }

    /// Returns how urgent the first in line is.
    pub(super) fn waiting_priority(&self) -> Option<Priority> {
        self.line.get()?.waiting_priority()
    }

    pub(super) fn line(&self) -> &Arc<Line> {
        self.line
            .get_or_init(|| Line::new(self.name.map(Arc::from)))
    }
}
