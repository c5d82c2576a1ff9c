//! Futures that are driven together, each polled only when it was woken.

mod numbered;
mod nursery;
mod wake_list;

#[cfg(all(test, loom))]
mod loom_tests;

use std::convert::Infallible;
use std::future::Future;
use std::mem;
use std::ops::ControlFlow;
use std::task::{Context, Poll};

pub(crate) use numbered::Numbered;
use nursery::{Nursery, Slot};
use wake_list::WakeList;

/// Up to so many futures are all polled whenever one of them is woken, where the caller allows it:
/// that is cheaper than finding out which one it was.
const FEW: usize = 30;

/// Futures that somebody drives together.
///
/// They are known by their numbers, in the order in which they came.
pub(crate) struct Children<F> {
    nursery: Nursery<F>,
    list: WakeList,
    /// How many have not completed.
    running: usize,
    /// They get the waker of whoever drives them, and are all polled each time.
    all_at_once: bool,
}

impl<F: Future> Children<F> {
    /// Makes an empty set.
    pub(crate) fn new() -> Self {
        Children::with(Nursery::new(), false)
    }

    /// Takes the futures of an iterator. The first turn polls all of them, in order.
    pub(crate) fn collect(futures: impl IntoIterator<Item = F>) -> Self {
        Children::with(Nursery::collect(futures), false)
    }

    /// As [`collect`](Children::collect), but a few of them are polled all together.
    pub(crate) fn collect_few_at_once(futures: impl IntoIterator<Item = F>) -> Self {
        let nursery = Nursery::collect(futures);
        let all_at_once = nursery.len() <= FEW;
        Children::with(nursery, all_at_once)
    }

    fn with(nursery: Nursery<F>, all_at_once: bool) -> Self {
        let listed = if all_at_once { 0 } else { nursery.len() };
        Children {
            running: nursery.len(),
            list: WakeList::all_woken(listed),
            nursery,
            all_at_once,
        }
    }

    /// Adds a future, which is polled in the next turn, after those that were woken before. It gets a
    /// [released](Children::release) number, or a new one.
    pub(crate) fn insert(&mut self, future: F) -> usize {
        let index = self.nursery.insert(future);
        self.running += 1;
        if !self.all_at_once {
            self.list.insert(index);
        }
        index
    }

    /// Lets the number of a completed future be given again.
    pub(crate) fn release(&mut self, index: usize) {
        self.nursery.release(index);
    }

    /// Drops a future and releases its number, if it has not completed.
    pub(crate) fn remove(&mut self, index: usize) -> bool {
        let removed = self.nursery.remove(index);
        self.running -= usize::from(removed);
        removed
    }

    /// Gives a future back.
    pub(crate) fn take(&mut self, index: usize) -> Option<F>
    where
        F: Unpin,
    {
        let taken = self.nursery.take(index);
        self.running -= usize::from(taken.is_some());
        taken
    }

    /// How many numbers were given.
    pub(crate) fn len(&self) -> usize {
        self.nursery.len()
    }

    /// How many have not completed.
    pub(crate) fn running(&self) -> usize {
        self.running
    }

    /// Whether this one has not completed.
    pub(crate) fn contains(&self, index: usize) -> bool {
        self.nursery.contains(index)
    }

    /// Polls those that were woken, in the order in which they were, and shows each output, until
    /// `visit` wants no more. [`Poll::Ready`] with `Continue` says that all have completed.
    ///
    /// A child that wakes itself has its next turn when the caller has its next one. One that panics is
    /// gone, and the others stay.
    pub(crate) fn poll_each<B>(
        &mut self,
        cx: &mut Context<'_>,
        mut visit: impl FnMut(usize, F::Output) -> ControlFlow<B>,
    ) -> Poll<ControlFlow<B>> {
        if self.all_at_once {
            return self.poll_all(cx, visit);
        }
        let mut registered = false;
        while self.running > 0 {
            while let Some(index) = self.list.next() {
                let Some(mut slot) = self.nursery.slot(index) else {
                    continue;
                };
                let polled = self.list.poll_child(index, |cx| {
                    GoneIfItPanics::new(&mut slot, &mut self.running).poll(cx)
                });
                if let Poll::Ready(output) = polled {
                    slot.clear();
                    self.running -= 1;
                    if let ControlFlow::Break(value) = visit(index, output) {
                        return Poll::Ready(ControlFlow::Break(value));
                    }
                }
            }
            if registered || self.running == 0 {
                break;
            }
            // Whoever is woken from here on wakes the caller.
            registered = true;
            self.list.gather_woken(cx.waker());
        }
        match self.running {
            0 => Poll::Ready(ControlFlow::Continue(())),
            _ => Poll::Pending,
        }
    }

    fn poll_all<B>(
        &mut self,
        cx: &mut Context<'_>,
        mut visit: impl FnMut(usize, F::Output) -> ControlFlow<B>,
    ) -> Poll<ControlFlow<B>> {
        for index in 0..self.nursery.len() {
            let Some(mut slot) = self.nursery.slot(index) else {
                continue;
            };
            let polled = GoneIfItPanics::new(&mut slot, &mut self.running).poll(cx);
            if let Poll::Ready(output) = polled {
                slot.clear();
                self.running -= 1;
                if let ControlFlow::Break(value) = visit(index, output) {
                    return Poll::Ready(ControlFlow::Break(value));
                }
            }
        }
        match self.running {
            0 => Poll::Ready(ControlFlow::Continue(())),
            _ => Poll::Pending,
        }
    }

    /// Polls until all have completed.
    pub(crate) fn poll_rest(
        &mut self,
        cx: &mut Context<'_>,
        mut visit: impl FnMut(usize, F::Output),
    ) -> Poll<()> {
        let polled = self.poll_each(cx, |index, output| {
            visit(index, output);
            ControlFlow::<Infallible>::Continue(())
        });
        polled.map(|_| ())
    }

    /// Returns the next one that completes, or `None` when all have.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, F::Output)>> {
        let polled = self.poll_each(cx, |index, output| ControlFlow::Break((index, output)));
        polled.map(ControlFlow::break_value)
    }
}

/// A child in its turn. If it panics it will never complete, and nobody is to wait for it: it is dropped.
struct GoneIfItPanics<'a, 'slot, F: Future> {
    slot: &'a mut Slot<'slot, F>,
    running: &'a mut usize,
}

impl<'a, 'slot, F: Future> GoneIfItPanics<'a, 'slot, F> {
    fn new(slot: &'a mut Slot<'slot, F>, running: &'a mut usize) -> Self {
        GoneIfItPanics { slot, running }
    }

    fn poll(self, cx: &mut Context<'_>) -> Poll<F::Output> {
        let polled = self.slot.as_mut().poll(cx);
        mem::forget(self);
        polled
    }
}

impl<F: Future> Drop for GoneIfItPanics<'_, '_, F> {
    fn drop(&mut self) {
        *self.running -= 1;
        self.slot.as_mut().clear();
    }
}
