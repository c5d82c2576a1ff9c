//! Futures that are made to end before they have completed.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// How a victim ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    /// Its future is dropped.
    Cancel,
    /// Its future is dropped by a panic that unwinds.
    Panic,
}

/// A victim, whatever its future is.
pub(crate) trait Strike {
    fn name(&self) -> Rc<str>;

    /// Returns `true` while it has its future, and the future is not being polled.
    fn is_alive(&self) -> bool;

    /// Ends it.
    fn strike(&self, blow: Blow);
}

pub(crate) struct VictimCell<F> {
    name: Rc<str>,
    /// Taken out while it is polled, so that user code finds nothing borrowed.
    future: RefCell<Option<Pin<Box<F>>>>,
    struck: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl<F> Strike for VictimCell<F> {
    fn name(&self) -> Rc<str> {
        Rc::clone(&self.name)
    }

    fn is_alive(&self) -> bool {
        self.future.borrow().is_some()
    }

    fn strike(&self, blow: Blow) {
        let Some(future) = self.future.take() else {
            return;
        };
        self.struck.set(true);
        match blow {
            Blow::Cancel => drop(future),
            Blow::Panic => {
                // Unwinding without the panic hook: nobody wants to read about this panic.
                let unwinds = AssertUnwindSafe(move || {
                    let _future = future;
                    resume_unwind(Box::new("a victim was made to panic"));
                });
                let _: Result<(), _> = catch_unwind(unwinds);
            }
        }
        let waker = self.waker.take();
        waker.into_iter().for_each(Waker::wake);
    }
}

pub(crate) fn new_victim<F: Future>(name: Rc<str>, future: F) -> (Victim<F>, Rc<VictimCell<F>>) {
    let cell = Rc::new(VictimCell {
        name,
        future: RefCell::new(Some(Box::pin(future))),
        struck: Cell::new(false),
        waker: RefCell::new(None),
    });
    let victim = Victim {
        cell: Rc::clone(&cell),
    };
    (victim, cell)
}

/// The future of [`Lab::victim`](crate::Lab::victim).
///
/// # Panics
///
/// Polling it after it has completed panics.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Victim<F: Future> {
    cell: Rc<VictimCell<F>>,
}

impl<F: Future> Future for Victim<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let cell = &self.cell;
        if cell.struck.get() {
            return Poll::Ready(None);
        }
        let Some(mut future) = cell.future.take() else {
            panic!("polled after completion");
        };
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        cell.future.replace(Some(future));
        let former = cell.waker.replace(Some(cx.waker().clone()));
        drop(former);
        Poll::Pending
    }
}

impl<F: Future> Drop for Victim<F> {
    fn drop(&mut self) {
        // The run may hold the cell for a moment longer than its owner.
        drop(self.cell.future.take());
        drop(self.cell.waker.take());
    }
}

impl<F: Future> fmt::Debug for Victim<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Victim")
            .field("name", &self.cell.name)
            .finish_non_exhaustive()
    }
}
