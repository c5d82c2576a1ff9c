//! The word in front of a mutex: all there is while nobody waits.
//!
//! ```text
//!            try_acquire                contend
//!     Free -------------->  Held  ------------------>  Contended
//!      ^                      |                            |
//!      +----- try_release ----+                            |
//!      +--------------------- set_free --------------------+
//! ```
//!
//! `Held` is the node of the task that holds the lock, or says that it is held by no task. From
//! `Contended` on everything is in the line, and only who has the line locked changes the word. So
//! one who starts to wait finds the holder, to lend it something, without that anybody registers who
//! does not wait.

#![expect(unsafe_code, reason = "the node of the holder is in an atomic pointer")]

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crate::node::{Shared, TaskNode};
use crate::sync::AtomicPtr;

/// See the module.
pub(super) struct Word(AtomicPtr<Shared>);

const FREE: *mut Shared = ptr::null_mut();
/// Held by somebody who is no task.
const HELD_BY_NO_TASK: *mut Shared = ptr::without_provenance_mut(1);
const CONTENDED: *mut Shared = ptr::without_provenance_mut(2);

// Nodes are at addresses that are none of these.
const _: () = assert!(align_of::<Shared>() > 2);

/// What came of starting to wait.
pub(super) enum Contended {
    /// The lock was free, and is the caller's.
    Acquired,
    /// It is held by this task, or by no task, and that is for the line to know from now on.
    By(Option<TaskNode>),
}

impl Word {
    pub(super) const fn new() -> Self {
        Word(AtomicPtr::new(FREE))
    }

    /// Takes the lock if it is free; then the node is in the word.
    #[inline]
    pub(super) fn try_acquire(&self, node: &mut Option<TaskNode>) -> bool {
        // Not even a failed exchange if it is taken: that would take the line away from the holder.
        if self.0.load(Relaxed) != FREE {
            return false;
        }
        let held = into_raw(node.take());
        // What was written under the lock before is seen, and whoever finds the node sees all of it.
        match self.0.compare_exchange(FREE, held, AcqRel, Relaxed) {
            Ok(_) => true,
            Err(_) => {
                // SAFETY: it is what `into_raw` has just given, and nobody has taken it.
                *node = unsafe { from_raw(held) };
                false
            }
        }
    }

    /// Gives the lock back, which the caller has, unless it is contended. Returns the node.
    #[inline]
    pub(super) fn try_release(&self) -> Result<Option<TaskNode>, IsContended> {
        let held = self.0.load(Relaxed);
        if held == CONTENDED || held == FREE {
            return Err(IsContended);
        }
        match self.0.compare_exchange(held, FREE, Release, Relaxed) {
            // SAFETY: it was put there by `try_acquire`, and the exchange has taken it out.
            Ok(_) => Ok(unsafe { from_raw(held) }),
            Err(_) => Err(IsContended),
        }
    }

    /// Takes the lock if it is free, with the node; otherwise hands it over to the line. The caller
    /// has the line locked, and the word is not contended.
    pub(super) fn contend(&self, node: &mut Option<TaskNode>) -> Contended {
        loop {
            if self.try_acquire(node) {
                return Contended::Acquired;
            }
            let held = self.0.load(Relaxed);
            debug_assert!(held != CONTENDED, "the line knows that it is contended");
            if held == FREE || held == CONTENDED {
                continue;
            }
            // All of the node is seen, whoever put it there.
            let taken = self.0.compare_exchange(held, CONTENDED, Acquire, Relaxed);
            if taken.is_ok() {
                // SAFETY: it was put there by `try_acquire`, and the exchange has taken it out.
                return Contended::By(unsafe { from_raw(held) });
            }
        }
    }

    /// Makes a contended word a free one. The caller has the line locked, and gives the lock back.
    pub(super) fn set_free(&self) {
        debug_assert!(self.0.load(Relaxed) == CONTENDED);
        self.0.store(FREE, Release);
    }
}

/// The lock is for the line to give back.
#[derive(Debug)]
pub(super) struct IsContended;

impl Drop for Word {
    fn drop(&mut self) {
        // A guard may have been forgotten.
        let held = self.0.load(Acquire);
        if held != FREE && held != CONTENDED {
            // SAFETY: it was put there by `try_acquire`, and nobody has access any more.
            drop(unsafe { from_raw(held) });
        }
    }
}

#[inline]
fn into_raw(node: Option<TaskNode>) -> *mut Shared {
    match node {
        Some(node) => Arc::into_raw(node.into_shared()).cast_mut(),
        None => HELD_BY_NO_TASK,
    }
}

/// # Safety
///
/// It comes from [`into_raw`], and nobody else makes a node of it.
#[inline]
unsafe fn from_raw(held: *mut Shared) -> Option<TaskNode> {
    if held == HELD_BY_NO_TASK {
        return None;
    }
    // SAFETY: `into_raw` made it of an `Arc`, whose count is the caller's now.
    let shared = unsafe { Arc::from_raw(held.cast_const()) };
    Some(TaskNode::from_shared(shared))
}
