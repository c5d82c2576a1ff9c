//! The place of a region, shield or timeout in the registry, while its future lives.

use std::any::{Any, TypeId};
use std::marker::PhantomData;
use std::mem;
use std::rc::Rc;
use std::task::{Context, Waker};

use corokit_core::TaskId;

use super::arena::Key;
use super::registry::{self, Fate, Kind, Thrown};
use crate::current::running_task;

/// An open scope, which is closed when this is dropped. It belongs to its thread.
pub(super) struct Scope {
    key: Key,
    marker: PhantomData<Rc<()>>,
}

impl Scope {
    fn open(kind: Kind, fixed: bool) -> Self {
        Scope {
            // A thread that ends has no regions any more: what is left to run there runs as if
            // nobody could interrupt it.
            key: registry::with(|registry| registry.open(kind, fixed)).unwrap_or(Key::NONE),
            marker: PhantomData,
        }
    }

    /// Opens a region for payloads of type `P`, for the task that polls it.
    pub(super) fn region<P: 'static>() -> Self {
        Scope::open(Kind::Region(TypeId::of::<P>()), false)
    }

    /// Opens a region for payloads of type `P`, for a task that is about to be spawned.
    pub(super) fn region_of_task<P: 'static>() -> Self {
        Scope::open(Kind::Region(TypeId::of::<P>()), true)
    }

    /// Opens a timeout.
    pub(super) fn timeout() -> Self {
        Scope::open(Kind::Timeout, false)
    }

    /// Opens a shield, if there is anything around the current poll to shield from.
    pub(super) fn shield() -> Option<Self> {
        (registry::enclosing() != Key::NONE).then(|| Scope::open(Kind::Shield, false))
    }

    /// Returns what names the scope.
    pub(super) fn key(&self) -> Key {
        self.key
    }

    /// Starts a poll. Returns `true` if the scope is to end now instead.
    #[inline]
    pub(super) fn begin(&self, cx: &Context<'_>) -> bool {
        let (here, around) = (running_task(), registry::enclosing());
        let begin = registry::with(|registry| registry.begin(self.key, here, around, cx.waker()));
        let Some(begin) = begin else {
            return false;
        };
        if begin.wants_waker {
            let waker = cx.waker().clone();
            drop(registry::with(|registry| {
                registry.keep_waker(self.key, waker)
            }));
        }
        if begin.left != Key::NONE {
            wake_around(begin.left);
        }
        begin.ends
    }

    /// Notes that the time of this timeout has come.
    pub(super) fn set_due(&self) {
        registry::with(|registry| registry.set_due(self.key));
    }

    /// Closes the scope, and returns the payload that it was left with.
    fn close(&mut self) -> Option<Thrown> {
        let key = mem::replace(&mut self.key, Key::NONE);
        if key == Key::NONE {
            return None;
        }
        let closed = registry::with(|registry| registry.close(key))??;
        if closed.left != Key::NONE {
            wake_around(closed.left);
        }
        closed.thrown
    }

    /// Closes the scope, and returns the payload, which has been delivered, after whoever waits to
    /// hear of that has been told.
    pub(super) fn deliver(mut self) -> Option<Box<dyn Any>> {
        let Thrown { payload, waiter } = self.close()?;
        acknowledge(waiter, Fate::Delivered);
        Some(payload)
    }

    /// Closes the scope: its future has completed. A payload has come too late.
    pub(super) fn complete(mut self) {
        if let Some(Thrown { payload, waiter }) = self.close() {
            acknowledge(waiter, Fate::Completed(payload));
        }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        if let Some(Thrown { payload, waiter }) = self.close() {
            acknowledge(waiter, Fate::Dropped(payload));
        }
    }
}

/// Wakes what is at `left`, or around it, and may end now that a shield has gone.
#[cold]
fn wake_around(left: Key) {
    while let Some(Some(waker)) = registry::with(|registry| registry.wakeable(left)) {
        waker.wake();
    }
}

/// Tells a waiter what became of its payload. Without a waiter the fate comes back.
pub(super) fn acknowledge(waiter: Key, fate: Fate) -> Option<Fate> {
    if waiter == Key::NONE {
        return Some(fate);
    }
    // While the thread ends, nobody waits any more.
    let told = registry::with(|registry| registry.acknowledge(waiter, fate))?;
    told.map(|waker| waker.map_or((), Waker::wake)).err()
}

/// Gives a scope that was opened for a task to that task.
pub(super) fn bind(key: Key, task: TaskId) {
    registry::with(|registry| registry.bind(key, task));
}
