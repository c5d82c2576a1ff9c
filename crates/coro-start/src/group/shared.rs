//! What a group and its children share.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::any::Any;
use core::cell::{Cell, RefCell};
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::start::{Announce, Failures};

/// The state of a group: its children, and what became of them.
///
/// Nothing of the user's runs while it is borrowed: handles, errors and wakers are moved out first.
pub(super) struct Shared<E, H> {
    state: RefCell<State<E, H>>,
}

struct State<E, H> {
    /// The handles of the children, by number.
    handles: BTreeMap<u64, H>,
    last: u64,
    /// How many children have a task that is not gone.
    active: usize,
    errors: Vec<E>,
    panic: Option<Box<dyn Any + Send>>,
    /// Whether the children are to end.
    cancelled: bool,
    /// Whoever waits for a failure or for the end of all.
    waker: Option<Waker>,
}

impl<E, H> Shared<E, H> {
    pub(super) fn new() -> Self {
        Shared {
            state: RefCell::new(State {
                handles: BTreeMap::new(),
                last: 0,
                active: 0,
                errors: Vec::new(),
                panic: None,
                cancelled: false,
                waker: None,
            }),
        }
    }

    pub(super) fn active(&self) -> usize {
        self.state.borrow().active
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.state.borrow().cancelled
    }

    /// Keeps the handle of a child, unless the child is gone already or is to go.
    pub(super) fn keep(&self, child: &Entry, handle: H) {
        let mut state = self.state.borrow_mut();
        if !child.gone.get() && !state.cancelled {
            state.handles.insert(child.number, handle);
            return;
        }
        drop(state);
        drop(handle);
    }

    /// Cancels all children.
    pub(super) fn cancel(&self) {
        let mut state = self.state.borrow_mut();
        state.cancelled = true;
        let handles = mem::take(&mut state.handles);
        drop(state);
        drop(handles);
    }

    fn panicked(&self, payload: Box<dyn Any + Send>) {
        let mut state = self.state.borrow_mut();
        let spare = match state.panic {
            None => {
                state.panic = Some(payload);
                None
            }
            Some(_) => Some(payload),
        };
        drop(state);
        drop(spare);
        self.cancel();
        self.wake();
    }

    fn wake(&self) {
        let waker = self.state.borrow_mut().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Registers whoever waits.
    fn register(&self, waker: &Waker) {
        let known = self
            .state
            .borrow()
            .waker
            .as_ref()
            .is_some_and(|known| known.will_wake(waker));
        if !known {
            let waker = waker.clone();
            let old = self.state.borrow_mut().waker.replace(waker);
            drop(old);
        }
    }

    /// Whether a child has failed or panicked.
    pub(super) fn has_failed(&self) -> bool {
        let state = self.state.borrow();
        !state.errors.is_empty() || state.panic.is_some()
    }

    /// Waits until a child has failed or panicked.
    pub(super) fn poll_failed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.register(cx.waker());
        if self.has_failed() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Waits until no child is left.
    pub(super) fn poll_empty(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.register(cx.waker());
        if self.active() == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Takes what has gone wrong.
    pub(super) fn take_failures(&self) -> (Vec<E>, Option<Box<dyn Any + Send>>) {
        let mut state = self.state.borrow_mut();
        (mem::take(&mut state.errors), state.panic.take())
    }
}

impl<E, H> Failures<E> for Shared<E, H> {
    fn fail(&self, error: E) {
        self.state.borrow_mut().errors.push(error);
        self.cancel();
        self.wake();
    }
}

/// What the group and the task of one child know of it.
pub(super) struct Entry {
    number: u64,
    gone: Cell<bool>,
}

/// The rest of a child that has blocked, as it is spawned.
pub(super) struct Rest<'env, F, E, H> {
    future: Pin<Box<F>>,
    child: Child<'env, E, H>,
}

/// A child that is there as long as this is.
struct Child<'env, E, H> {
    shared: Rc<Shared<E, H>>,
    entry: Rc<Entry>,
    /// Whoever waits for its start.
    announce: Option<Rc<dyn Announce<E> + 'env>>,
    ended: bool,
}

impl<'env, F, E, H> Rest<'env, F, E, H> {
    pub(super) fn new(
        future: Pin<Box<F>>,
        shared: Rc<Shared<E, H>>,
        announce: Option<Rc<dyn Announce<E> + 'env>>,
    ) -> (Self, Rc<Entry>) {
        let mut state = shared.state.borrow_mut();
        state.last += 1;
        state.active += 1;
        let entry = Rc::new(Entry {
            number: state.last,
            gone: Cell::new(false),
        });
        drop(state);
        let child = Child {
            shared,
            entry: entry.clone(),
            announce,
            ended: false,
        };
        (Rest { future, child }, entry)
    }
}

impl<F, E, H> Future for Rest<'_, F, E, H>
where
    F: Future<Output = Result<(), E>>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let polled = catch(|| this.future.as_mut().poll(cx));
        let child = &mut this.child;
        match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(result)) => {
                child.ended = true;
                let result = match &child.announce {
                    Some(announce) => announce.ended(result),
                    None => result,
                };
                if let Err(error) = result {
                    child.shared.fail(error);
                }
            }
            Err(payload) => {
                child.shared.panicked(payload);
            }
        }
        Poll::Ready(())
    }
}

/// The future is in a box of its own.
impl<F, E, H> Unpin for Rest<'_, F, E, H> {}

#[cfg(feature = "std")]
fn catch<T>(poll: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(poll))
}

/// Without `std`, a panic goes where the executor sends panics.
#[cfg(not(feature = "std"))]
fn catch<T>(poll: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    Ok(poll())
}

impl<E, H> Drop for Child<'_, E, H> {
    fn drop(&mut self) {
        self.entry.gone.set(true);
        if let (Some(announce), false) = (&self.announce, self.ended) {
            announce.gone();
        }
        let mut state = self.shared.state.borrow_mut();
        state.active -= 1;
        let (handle, last) = (state.handles.remove(&self.entry.number), state.active == 0);
        drop(state);
        drop(handle);
        if last {
            self.shared.wake();
        }
    }
}
