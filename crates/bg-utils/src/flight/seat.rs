//! A caller's place in a flight: waits, drives, passes on.

use std::future::{Future, poll_fn};
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use super::cell::{Cell, Role, Turn};
use super::nested::{self, Driving};

/// Where the flights are: what a caller needs from it.
pub(crate) trait Hangar {
    /// What identifies a flight to the callers.
    type Key;
    /// What a flight ends with.
    type Value: Clone;
    /// Work that outlives its callers.
    type Work: Future<Output = Self::Value> + Unpin;

    /// Takes a flight out of the table, if it is in there, after its last caller has left.
    fn abandon(&self, hash: u64, cell: &Arc<Cell<Self::Value, Self::Work>>);

    /// Takes a flight out of the table, if it is in there, because it has completed.
    fn complete(&self, hash: u64, cell: &Arc<Cell<Self::Value, Self::Work>>, value: &Self::Value);
}

/// A caller's place in a flight. Dropping it is never having called.
pub(crate) struct Seat<R>
where
    R: Deref<Target: Hangar>,
{
    hangar: R,
    hash: u64,
    cell: CellOf<R::Target>,
    role: Role,
}

type CellOf<H> = Arc<Cell<<H as Hangar>::Value, <H as Hangar>::Work>>;
type ValueOf<R> = <<R as Deref>::Target as Hangar>::Value;
type WorkOf<R> = <<R as Deref>::Target as Hangar>::Work;

impl<R: Deref<Target: Hangar>> Seat<R> {
    /// The place of one who has been counted in.
    pub(crate) fn joined(hangar: R, hash: u64, cell: CellOf<R::Target>) -> Self {
        let role = Role::Joined;
        Seat {
            hangar,
            hash,
            cell,
            role,
        }
    }

    /// The place of one who has begun the flight, and drives it.
    pub(crate) fn driving(hangar: R, hash: u64, cell: CellOf<R::Target>) -> Self {
        let role = Role::Drives;
        Seat {
            hangar,
            hash,
            cell,
            role,
        }
    }

    fn address(&self) -> usize {
        Arc::as_ptr(&self.cell).addr()
    }

    /// Waits for the outcome, or until this caller is to drive.
    ///
    /// # Panics
    ///
    /// It panics instead of waiting for itself.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Turned<ValueOf<R>, WorkOf<R>>> {
        if self.role == Role::Drives {
            return Poll::Ready(Turned::Drive(None));
        }
        match self.cell.turn(&mut self.role, cx.waker()) {
            Turn::Done(value) => Poll::Ready(Turned::Done(value)),
            Turn::Drive(work) => Poll::Ready(Turned::Drive(work)),
            Turn::Wait => {
                assert!(
                    !nested::drives_itself(self.address(), cx),
                    "the work for a key of type {} waits for the result of that same key",
                    std::any::type_name::<<R::Target as Hangar>::Key>(),
                );
                Poll::Pending
            }
        }
    }

    async fn turn(&mut self) -> Turned<ValueOf<R>, WorkOf<R>> {
        poll_fn(|cx| self.poll_turn(cx)).await
    }

    /// Waits for the outcome, or makes it: with work that others have left behind, or else with a
    /// future of its own, which ends with this caller.
    pub(crate) async fn run<F>(mut self, init: impl FnOnce() -> F) -> ValueOf<R>
    where
        F: Future<Output = ValueOf<R>>,
    {
        match self.turn().await {
            Turned::Done(value) => value,
            Turned::Drive(Some(work)) => self.drive(work).await,
            Turned::Drive(None) => {
                let address = self.address();
                let value = {
                    let mut future = pin!(init());
                    poll_fn(|cx| {
                        let _driving = Driving::enter(address, cx);
                        future.as_mut().poll(cx)
                    })
                    .await
                };
                self.complete(value)
            }
        }
    }

    /// Waits for the outcome, or makes it with work that outlives this caller.
    pub(crate) async fn run_kept(mut self, init: impl FnOnce() -> WorkOf<R>) -> ValueOf<R> {
        match self.turn().await {
            Turned::Done(value) => value,
            Turned::Drive(work) => {
                let work = work.unwrap_or_else(init);
                self.drive(work).await
            }
        }
    }

    /// Waits for the outcome, or makes it with work that was brought and is not driven. If all of
    /// that has panicked, there is nothing that this caller could do.
    #[cfg(feature = "cache")]
    pub(crate) async fn run_if_any(mut self) -> Option<ValueOf<R>> {
        match self.turn().await {
            Turned::Done(value) => Some(value),
            Turned::Drive(work) => Some(self.drive(work?).await),
        }
    }

    /// Drives work that outlives this caller.
    fn drive(self, work: WorkOf<R>) -> Drive<R> {
        Drive {
            work: Some(work),
            seat: Some(self),
        }
    }

    /// Publishes the outcome, and returns it.
    fn complete(mut self, value: ValueOf<R>) -> ValueOf<R> {
        // Until all is done this caller drives: if cloning the value panics, another one takes over.
        self.hangar.complete(self.hash, &self.cell, &value);
        self.cell.complete(&value);
        self.role = Role::Done;
        value
    }
}

impl<R: Deref<Target: Hangar>> Drop for Seat<R> {
    fn drop(&mut self) {
        if self.role == Role::Done {
            return;
        }
        let left = self.cell.leave(self.role);
        if left.last {
            self.hangar.abandon(self.hash, &self.cell);
        }
        if let Some(next) = left.next {
            next.wake();
        }
        drop(left.garbage);
    }
}

/// What a caller has waited for.
enum Turned<V, W> {
    /// The outcome.
    Done(V),
    /// Its turn to drive, with the work that others have left behind, if any.
    Drive(Option<W>),
}

/// Drives work that outlives the driver.
struct Drive<R>
where
    R: Deref<Target: Hangar>,
{
    /// Declared before the seat: if it is dropped in here, then before the next one takes over.
    work: Option<WorkOf<R>>,
    /// Nothing after completion.
    seat: Option<Seat<R>>,
}

/// Nothing in it is pinned in place: the work is `Unpin`.
impl<R: Deref<Target: Hangar>> Unpin for Drive<R> {}

impl<R: Deref<Target: Hangar>> Future for Drive<R> {
    type Output = ValueOf<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let (Some(mut work), Some(seat)) = (this.work.take(), &this.seat) else {
            panic!("polled after completion, or after a panic");
        };
        // If this panics, the work is gone, and another caller begins anew.
        let polled = {
            let _driving = Driving::enter(seat.address(), cx);
            Pin::new(&mut work).poll(cx)
        };
        match polled {
            Poll::Pending => {
                this.work = Some(work);
                Poll::Pending
            }
            Poll::Ready(value) => {
                drop(work);
                let seat = this.seat.take();
                Poll::Ready(seat.expect("it was there").complete(value))
            }
        }
    }
}

impl<R: Deref<Target: Hangar>> Drop for Drive<R> {
    fn drop(&mut self) {
        // The next driver goes on where this one has stopped.
        if let (Some(work), Some(seat)) = (self.work.take(), &self.seat) {
            seat.cell.keep(work);
        }
    }
}
