//! A child: the future of the user, and what the group knows of it.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use super::shared::Shared;
use crate::sync::{AtomicBool, Mutex, lock};

/// Names a child of a group. Ascending: a child that was spawned later has a greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    pub(super) number: u64,
    pub(super) slot: usize,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "child {}", self.number)
    }
}

/// Why there is no result of a child.
#[non_exhaustive]
pub enum Failure {
    /// It was cancelled: by the group, or because its executor has dropped it.
    Cancelled,
    /// It has panicked, with this payload: in a poll, or when it was dropped after the last one.
    Panicked(Box<dyn Any + Send>),
}

impl Failure {
    /// Returns what a panic has said, if it has said it in words.
    ///
    /// ```
    /// use corokit_bg_utils::group::Failure;
    ///
    /// let failure = Failure::Panicked(Box::new("out of cheese"));
    /// assert_eq!(failure.message(), Some("out of cheese"));
    /// assert_eq!(Failure::Cancelled.message(), None);
    /// ```
    pub fn message(&self) -> Option<&str> {
        match self {
            Failure::Cancelled => None,
            Failure::Panicked(payload) => match payload.downcast_ref::<&str>() {
                Some(message) => Some(message),
                None => payload.downcast_ref::<String>().map(String::as_str),
            },
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Cancelled => f.write_str("Cancelled"),
            Failure::Panicked(_) => f.debug_tuple("Panicked").field(&self.message()).finish(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.message()) {
            (Failure::Cancelled, _) => f.write_str("the child was cancelled"),
            (_, Some(message)) => write!(f, "the child has panicked: {message}"),
            (_, None) => f.write_str("the child has panicked"),
        }
    }
}

impl std::error::Error for Failure {}

/// How a child has ended.
#[derive(Debug)]
pub struct Finished<T> {
    /// Which child.
    pub id: Id,
    /// Its result, or why there is none.
    pub outcome: Result<T, Failure>,
}

/// The way to make a child end.
#[derive(Default)]
pub(super) struct Stop {
    stopped: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Stop {
    /// Asks the child to end.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        let waker = lock(&self.waker).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Returns whether the child is to end, and has it woken when it is.
    fn poll(&self, cx: &Context<'_>) -> bool {
        let mut place = lock(&self.waker);
        let known = place
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()));
        drop(place);
        if !known {
            // Cloned and dropped without the lock: wakers are code of others.
            let waker = cx.waker().clone();
            place = lock(&self.waker);
            let old = place.replace(waker);
            drop(place);
            drop(old);
        }
        // Looked at after the waker was left: whoever stops it sees the waker, or this sees the stop.
        self.stopped.load(Ordering::SeqCst)
    }
}

pin_project! {
    /// The future of a child as it is spawned.
    ///
    /// If the executor drops it, then the future first, because it is declared first: whoever hears of
    /// the end of a child finds nothing of it left.
    pub(super) struct Child<T, F> {
        // Nothing once the child has ended.
        #[pin]
        future: Option<F>,
        ticket: Ticket<T>,
    }
}

impl<T, F> Child<T, F> {
    pub(super) fn new(future: F, ticket: Ticket<T>) -> Self {
        Child {
            future: Some(future),
            ticket,
        }
    }
}

impl<T, F: Future<Output = T>> Future for Child<T, F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            return Poll::Ready(());
        };
        let outcome = if this.ticket.stop.poll(cx) {
            Err(Failure::Cancelled)
        } else {
            match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(value)) => Ok(value),
                Err(payload) => Err(Failure::Panicked(payload)),
            }
        };
        // A destructor that panics is the child's affair as well.
        let outcome = match catch_unwind(AssertUnwindSafe(|| this.future.set(None))) {
            Err(payload) if !matches!(outcome, Err(Failure::Panicked(_))) => {
                Err(Failure::Panicked(payload))
            }
            _ => outcome,
        };
        this.ticket.report(outcome);
        Poll::Ready(())
    }
}

/// What a child reports its end with. If it is dropped before, the child was cancelled.
pub(super) struct Ticket<T> {
    pub(super) id: Id,
    pub(super) stop: Arc<Stop>,
    /// Nothing after the report.
    pub(super) shared: Option<Arc<Shared<T>>>,
}

impl<T> Ticket<T> {
    fn report(&mut self, outcome: Result<T, Failure>) {
        if let Some(shared) = self.shared.take() {
            shared.finish(Finished {
                id: self.id,
                outcome,
            });
        }
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        self.report(Err(Failure::Cancelled));
    }
}
