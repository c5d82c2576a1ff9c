//! First legs: what a future runs under the identity of a task before there is a task.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use corokit_core::{Position, ReadyQueue};

use crate::context::{Contexts, Forked};
use crate::local::{Frame, Local, NONE};
use crate::table::Kind;

/// How deep eager futures and tasks start inside each other. Beyond that a task is put at the front
/// of the queue, so that the stack does not overflow.
pub(crate) const EAGER_DEPTH: usize = 64;

/// An entry that is running and has no task. Dropping it ends its turn and frees its slot.
///
/// Everything is done in one visit to the state at the beginning and one at the end, because most
/// legs are short and lead to no task.
pub(crate) struct Leg<'e, Q: ReadyQueue> {
    local: &'e Local<Q>,
    slot: u32,
    generation: u32,
    /// The slot of the entry that it runs inside of.
    outer: u32,
}

impl<'e, Q: ReadyQueue> Leg<'e, Q> {
    /// Takes a slot into use and makes it the running entry. `None` if that is too deep.
    #[inline]
    pub(crate) fn begin(local: &'e Local<Q>) -> Option<Self> {
        let mut state = local.state.borrow_mut();
        let outer = local.current.get();
        if outer != NONE && state.outer.len() + 1 >= EAGER_DEPTH {
            return None;
        }
        // This may panic, so it comes before anything is put aside.
        let (slot, generation) = state.allocate(Kind::Task);
        if outer != NONE {
            state.outer.push(Frame {
                slot: outer,
                place: local.place.take(),
                wants_waker: local.shared.wants_waker(),
            });
        }
        local.current.set(slot);
        local.counters.turn();
        Some(Leg {
            local,
            slot,
            generation,
            outer,
        })
    }

    /// Runs the leg, in a copy of the current context. Returns what it returns, or its panic, and the
    /// context.
    #[inline]
    pub(crate) fn run<R>(&self, leg: impl FnOnce() -> R) -> (thread::Result<R>, Forked) {
        Contexts::fork(|| catch_unwind(AssertUnwindSafe(leg)))
    }

    /// Ends the turn and keeps the slot for a task, which gets this context: returns the slot with its
    /// generation, and the place in the queue that the leg has asked for.
    #[inline]
    pub(crate) fn keep(self, context: Forked) -> (u32, u32, Option<Position>) {
        let leg = ManuallyDrop::new(self);
        leg.local.contexts.give(leg.slot, context);
        let place = leg.local.place.take();
        leg.local
            .leave(leg.outer, &mut leg.local.state.borrow_mut());
        (leg.slot, leg.generation, place)
    }
}

impl<Q: ReadyQueue> Drop for Leg<'_, Q> {
    #[inline]
    fn drop(&mut self) {
        let mut state = self.local.state.borrow_mut();
        self.local.leave(self.outer, &mut state);
        let waker = state.free(self.slot);
        let plain = state.is_plain();
        drop(state);
        debug_assert!(waker.is_none(), "the waker of a leg does nothing");
        if !plain {
            let id = self.local.shared.task_id(self.slot, self.generation);
            if self.local.release_extras(id) {
                self.local.wake_runners();
            }
        }
    }
}
