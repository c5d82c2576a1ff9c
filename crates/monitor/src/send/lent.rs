//! The slots of the monitors whose bodies are being polled on this thread.
//!
//! A request that is made inside of the driver's own poll needs no lock: nobody else has anything to
//! do with it. Its place is the slot, which belongs to the driver. For the time of a poll the driver
//! lends it to its thread, where the asker finds it by the address of their port.

use std::any::Any;
use std::boxed::Box;
use std::cell::RefCell;
use std::task::Waker;
use std::vec::Vec;

struct Lent {
    /// The address of the port.
    port: *const (),
    /// The address of the waker that the driver's poll was given.
    poller: *const Waker,
    slot: Box<dyn Any>,
}

// A driver that is polled inside of another's body lies above it.
#[cfg(not(loom))]
std::thread_local! {
    static LENT: RefCell<Vec<Lent>> = const { RefCell::new(Vec::new()) };
}
#[cfg(loom)]
loom::thread_local! {
    static LENT: RefCell<Vec<Lent>> = RefCell::new(Vec::new());
}

/// Lends a slot. [`take_back`] must follow on the same thread.
///
/// A thread that ends and has lost its locals borrows nothing: the slot comes back. Requests go to the
/// crowd then.
#[inline]
pub(super) fn lend<S: 'static>(
    port: *const (),
    poller: *const Waker,
    slot: Box<S>,
) -> Option<Box<S>> {
    let mut slot = Some(slot);
    let _ = LENT.try_with(|all| {
        let slot = slot.take()?;
        all.borrow_mut().push(Lent { port, poller, slot });
        Some(())
    });
    slot
}

/// Takes back what was lent last.
#[inline]
pub(super) fn take_back() -> Box<dyn Any> {
    let lent = LENT.with(|all| all.borrow_mut().pop());
    lent.expect("a slot was lent").slot
}

/// Visits the slot of a port, and the address of the waker that its driver polls with, if the driver
/// polls on this thread now.
///
/// `visit` must not run code of the user.
#[inline]
pub(super) fn visit<S: 'static, T>(
    port: *const (),
    visit: impl FnOnce(&mut S, *const Waker) -> T,
) -> Option<T> {
    // A thread that ends may drop requests when its locals are gone.
    let visited = LENT.try_with(|all| {
        let mut all = all.borrow_mut();
        let lent = all.iter_mut().rev().find(|lent| lent.port == port)?;
        let slot = lent.slot.downcast_mut::<S>()?;
        Some(visit(slot, lent.poller))
    });
    visited.ok().flatten()
}
