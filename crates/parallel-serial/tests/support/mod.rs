//! Futures that tests complete by hand, and what happened to them.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// One end of a future that is completed by hand.
pub(crate) struct Gate<T> {
    state: Rc<State<T>>,
}

/// The future.
pub(crate) struct Wait<T> {
    state: Rc<State<T>>,
}

struct State<T> {
    output: Cell<Option<T>>,
    waker: RefCell<Option<Waker>>,
    polls: Cell<usize>,
    drops: Cell<usize>,
}

pub(crate) fn gate<T>() -> (Gate<T>, Wait<T>) {
    let state = Rc::new(State {
        output: Cell::new(None),
        waker: RefCell::default(),
        polls: Cell::new(0),
        drops: Cell::new(0),
    });
    let gate = Gate {
        state: Rc::clone(&state),
    };
    (gate, Wait { state })
}

/// Makes so many at once.
pub(crate) fn gates<T>(count: usize) -> (Vec<Gate<T>>, Vec<Wait<T>>) {
    (0..count).map(|_| gate()).unzip()
}

impl<T> Gate<T> {
    pub(crate) fn open(&self, output: T) {
        self.state.output.set(Some(output));
        self.wake();
    }

    /// Wakes without a reason.
    pub(crate) fn wake(&self) {
        let waker = self.state.waker.take();
        waker.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn polls(&self) -> usize {
        self.state.polls.get()
    }

    pub(crate) fn is_dropped(&self) -> bool {
        self.state.drops.get() > 0
    }
}

impl<T> Future for Wait<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.state.polls.set(self.state.polls.get() + 1);
        match self.state.output.take() {
            Some(output) => Poll::Ready(output),
            None => {
                self.state.waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for Wait<T> {
    fn drop(&mut self) {
        self.state.drops.set(self.state.drops.get() + 1);
    }
}

/// A waker that counts.
#[derive(Default)]
pub(crate) struct Wakes(AtomicUsize);

impl Wakes {
    pub(crate) fn new() -> (Arc<Wakes>, Waker) {
        let wakes = Arc::new(Wakes::default());
        (Arc::clone(&wakes), Waker::from(wakes))
    }

    pub(crate) fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Polls once, with a waker that does nothing.
pub(crate) fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
