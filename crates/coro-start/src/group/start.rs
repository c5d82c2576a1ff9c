//! A child that says when it is ready for use.

use alloc::rc::Rc;
use core::cell::RefCell;
use core::fmt;
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::error::StartError;

/// What a child of [`start`](super::GroupHandle::start) reports its start by.
///
/// Source: `anyio.abc.TaskStatus`.
#[must_use = "the start is reported by `started`"]
pub struct Status<V, E> {
    slot: Rc<Slot<V, E>>,
}

impl<V, E> Status<V, E> {
    /// Reports that the child is ready for use, with a value for whoever waits for that.
    ///
    /// If nobody waits any more, the value is dropped.
    ///
    /// Source: `task_status.started(value)`.
    ///
    /// ```
    /// use corokit_coro_start::{EagerTaskGroup, Status};
    /// use futures_lite::future::block_on;
    ///
    /// let executor = async_executor::LocalExecutor::new();
    /// let group = EagerTaskGroup::<(), _>::new(|task| executor.spawn(task));
    /// let start = group.start(async |status: Status<u16, ()>| {
    ///     status.started(8080);
    ///     Ok(())
    /// });
    /// assert_eq!(block_on(start), Ok(8080));
    /// ```
    pub fn started(self, value: V) {
        self.slot.settle(State::Started(value));
    }
}

impl<V, E> fmt::Debug for Status<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Status").finish_non_exhaustive()
    }
}

/// The future of [`start`](super::GroupHandle::start): the value that the child reports.
///
/// It panics when it is polled after it has completed.
///
/// # Cancel safety
///
/// A reference to it can be awaited, dropped and awaited again. Dropping the future itself leaves the
/// child in the group; an error of it then goes to the group, whenever it comes, and so does one that
/// has come already and was not picked up.
#[must_use = "what the child reports, and its failure before that, are seen only by awaiting"]
pub struct Start<'env, V, E> {
    slot: Rc<Slot<V, E>>,
    group: Rc<dyn Failures<E> + 'env>,
}

/// Makes both ends.
pub(super) fn pair<'env, V, E>(
    group: Rc<dyn Failures<E> + 'env>,
) -> (Status<V, E>, Start<'env, V, E>) {
    let slot = Rc::new(Slot(RefCell::new(State::Waits(None))));
    let status = Status { slot: slot.clone() };
    (status, Start { slot, group })
}

impl<V, E> Start<'_, V, E> {
    pub(super) fn slot(&self) -> Rc<Slot<V, E>> {
        self.slot.clone()
    }
}

/// The value moves out, it is never pinned.
impl<V, E> Unpin for Start<'_, V, E> {}

impl<V, E> Future for Start<'_, V, E> {
    type Output = Result<V, StartError<E>>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // A waker is cloned and dropped while nothing is borrowed: both may run any code.
        let waker = cx.waker().clone();
        let mut state = self.slot.0.borrow_mut();
        if let State::Waits(known) = &mut *state {
            let old = known.replace(waker);
            drop(state);
            drop(old);
            return Poll::Pending;
        }
        let settled = mem::replace(&mut *state, State::Taken);
        drop(state);
        match settled {
            State::Started(value) => Poll::Ready(Ok(value)),
            State::Failed(error) => Poll::Ready(Err(error)),
            State::Waits(_) | State::Taken => {
                panic!("`Start` polled after it had completed")
            }
        }
    }
}

impl<V, E> Drop for Start<'_, V, E> {
    fn drop(&mut self) {
        let old = self.slot.0.replace(State::Taken);
        if let State::Failed(StartError::Failed(error)) = old {
            self.group.fail(error);
        }
    }
}

impl<V, E> fmt::Debug for Start<'_, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waits = matches!(*self.slot.0.borrow(), State::Waits(_));
        f.debug_struct("Start").field("waits", &waits).finish()
    }
}

pub(super) struct Slot<V, E>(RefCell<State<V, E>>);

enum State<V, E> {
    Waits(Option<Waker>),
    Started(V),
    Failed(StartError<E>),
    /// Nobody waits: the outcome was handed out, or the future was dropped.
    Taken,
}

impl<V, E> Slot<V, E> {
    /// Gives the outcome to whoever waits for it, or back if nobody does.
    fn settle(&self, outcome: State<V, E>) -> Option<State<V, E>> {
        let mut state = self.0.borrow_mut();
        if !matches!(*state, State::Waits(_)) {
            return Some(outcome);
        }
        let old = mem::replace(&mut *state, outcome);
        drop(state);
        if let State::Waits(Some(waker)) = old {
            waker.wake();
        }
        None
    }
}

/// The group, to whoever waits for a start.
pub(super) trait Failures<E> {
    /// Notes an error, and cancels all children.
    fn fail(&self, error: E);
}

/// What the group tells of a child to whoever waits for its start.
pub(super) trait Announce<E> {
    /// The child has ended. What is returned is the group's business.
    fn ended(&self, result: Result<(), E>) -> Result<(), E>;

    /// The child is gone without having ended.
    fn gone(&self);
}

impl<V, E> Announce<E> for Slot<V, E> {
    fn ended(&self, result: Result<(), E>) -> Result<(), E> {
        let outcome = match result {
            Ok(()) => StartError::NeverStarted,
            Err(error) => StartError::Failed(error),
        };
        match self.settle(State::Failed(outcome)) {
            Some(State::Failed(StartError::Failed(error))) => Err(error),
            _ => Ok(()),
        }
    }

    fn gone(&self) {
        self.settle(State::Failed(StartError::Gone));
    }
}
