//! What a monitor and its handles ask of the port between them.

use core::fmt;
use core::ops::Deref;
use core::task::{Poll, Waker};

use crate::crowd::Ticket;
use crate::error::OobError;
use crate::port::Port;

/// The driver's end of a port: what a [`Monitor`](crate::Monitor) holds.
///
/// It is an `Rc` of a [`Port`] or a reference to one for those that stay on a thread, and a
/// `SendLink` for those that may go to others. It cannot be implemented.
pub trait DriverEnd<D, R>: Drive<D, R> {}

impl<D, R, P: Drive<D, R>> DriverEnd<D, R> for P {}

/// A port as the askers see it: a [`Port`] or a `SendPort`. It cannot be implemented.
pub trait AskerEnd<D, R>: Ask<D, R> {}

impl<D, R, P: Ask<D, R> + ?Sized> AskerEnd<D, R> for P {}

/// What becomes of a request when the monitor is closed while it is outstanding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It gets an error.
    Tried,
    /// It waits for a reply and nothing else.
    Plain,
}

/// The asker's side.
///
/// The methods that begin with `try_` do the common case alone and change nothing in others.
pub trait Ask<D, R> {
    /// Posts a request, which is then waited for with [`Ticket::ALONE`], or gives the data back.
    fn try_post(&self, data: D, waker: &Waker) -> Result<(), D>;

    /// Posts a request. A closed port gives the data back. The driver is still to be woken.
    fn post(&self, data: D, waker: &Waker, kind: Kind) -> Result<Ticket, D>;

    /// Wakes the driver if it waits in a step.
    fn wake_driver(&self);

    /// Picks up the reply to the request that is waited for with [`Ticket::ALONE`].
    fn try_reply(&self) -> Option<R>;

    /// Picks up the reply, or goes on waiting for it.
    fn poll_reply(&self, ticket: Ticket, waker: &Waker, kind: Kind)
    -> Poll<Result<R, OobError<D>>>;

    /// Takes back a posted request, whatever became of it.
    fn withdraw(&self, ticket: Ticket);

    /// Whether the monitor has ended or was dropped.
    fn is_closed(&self) -> bool;
}

/// The driver's side.
pub trait Drive<D, R> {
    /// What the handles reach.
    type Port: Ask<D, R> + fmt::Debug;

    /// The port as the handles see it.
    fn port(&self) -> &Self::Port;

    /// Says that the body is about to be polled with this waker.
    fn enter(&mut self, waker: &Waker);

    /// Says that the poll of the body is over.
    fn leave(&mut self);

    /// Takes the data of the oldest request that the driver has not seen, or waits for one.
    ///
    /// An error means that this is another case.
    fn try_ask(&mut self, waker: &Waker) -> Result<Option<D>, ()>;

    /// Takes the data of the oldest request that the driver has not seen. If there is none, this
    /// waker is woken when one comes from outside the driver's poll.
    fn ask_or_wait(&mut self, waker: &Waker) -> Option<D>;

    /// Says that the driver has given up its wait, if it was waiting.
    fn stop_waiting(&mut self);

    /// Gives the reply to the request that the driver has, or gives it back.
    fn try_answer(&mut self, reply: R) -> Result<(), R>;

    /// Gives the reply to the request that the driver has. If its asker is gone, the reply is
    /// dropped.
    fn answer(&mut self, reply: R);

    /// Tells all outstanding requests that there will be no reply, and refuses those of
    /// [`Kind::Tried`] from now on.
    fn begin_closing(&mut self);

    /// Goes back to taking requests, and tells those that were refused.
    fn end_closing(&mut self);

    /// Whether a request of [`Kind::Plain`] is outstanding that was refused by that, and so can never
    /// go on.
    fn is_stuck(&self) -> bool;

    /// Takes no new request from now on. Nobody is told yet.
    fn refuse(&mut self);

    /// Closes the port, and wakes all who wait for a reply.
    fn close(&mut self);
}

impl<D, R, P> Drive<D, R> for P
where
    P: Deref<Target = Port<D, R>>,
{
    type Port = Port<D, R>;

    #[inline]
    fn port(&self) -> &Port<D, R> {
        self
    }

    #[inline]
    fn enter(&mut self, waker: &Waker) {
        Port::enter(self, waker);
    }

    #[inline]
    fn leave(&mut self) {
        Port::leave(self);
    }

    #[inline]
    fn try_ask(&mut self, waker: &Waker) -> Result<Option<D>, ()> {
        Port::try_ask(self, waker)
    }

    fn ask_or_wait(&mut self, waker: &Waker) -> Option<D> {
        Port::ask_or_wait(self, waker)
    }

    #[inline]
    fn stop_waiting(&mut self) {
        Port::stop_waiting(self);
    }

    #[inline]
    fn try_answer(&mut self, reply: R) -> Result<(), R> {
        Port::try_answer(self, reply)
    }

    fn answer(&mut self, reply: R) {
        Port::answer(self, reply);
    }

    fn begin_closing(&mut self) {
        Port::begin_closing(self);
    }

    fn end_closing(&mut self) {
        Port::end_closing(self);
    }

    fn is_stuck(&self) -> bool {
        Port::is_stuck(self)
    }

    fn refuse(&mut self) {
        Port::refuse(self);
    }

    fn close(&mut self) {
        Port::close(self);
    }
}
