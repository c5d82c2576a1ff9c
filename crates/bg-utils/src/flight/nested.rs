//! Finds a flight that waits for itself.

use std::cell::RefCell;
use std::task::{Context, Waker};

thread_local! {
    /// The flights that are being driven further up on the stack of this thread.
    static DRIVEN: RefCell<Vec<Driven>> = const { RefCell::new(Vec::new()) };
}

/// A flight by its address, and the waker of who drives it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Driven {
    flight: usize,
    waker: (usize, usize),
}

impl Driven {
    /// Returns nothing for the waker that does nothing: it does not tell tasks apart.
    fn new(flight: usize, cx: &Context<'_>) -> Option<Self> {
        let waker = cx.waker();
        if waker.will_wake(Waker::noop()) {
            return None;
        }
        let vtable: *const _ = waker.vtable();
        Some(Driven {
            flight,
            waker: (waker.data().addr(), vtable.addr()),
        })
    }
}

/// Notes that a flight is driven, until the guard is dropped.
pub(super) struct Driving(bool);

impl Driving {
    pub(super) fn enter(flight: usize, cx: &Context<'_>) -> Driving {
        let driven = Driven::new(flight, cx);
        let entered = driven.map(|driven| DRIVEN.try_with(|list| list.borrow_mut().push(driven)));
        Driving(matches!(entered, Some(Ok(()))))
    }
}

impl Drop for Driving {
    fn drop(&mut self) {
        if self.0 {
            let _ = DRIVEN.try_with(|list| list.borrow_mut().pop());
        }
    }
}

/// Returns whether who is about to wait for this flight is the one who drives it: the same task,
/// further down on the same stack. A task that merely runs inside of it, such as an eager child,
/// has a waker of its own.
pub(super) fn drives_itself(flight: usize, cx: &Context<'_>) -> bool {
    let Some(waiter) = Driven::new(flight, cx) else {
        return false;
    };
    DRIVEN
        .try_with(|list| list.borrow().contains(&waiter))
        .unwrap_or(false)
}
