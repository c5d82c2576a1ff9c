use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::mem;
use core::panic::Location;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use crate::crowd::Ticket;
use crate::error::OobError;
use crate::link::{AskerEnd, Kind};
use crate::port::Port;

/// The future of [`Handle::try_oob`](crate::Handle::try_oob).
///
/// It needs no pinning, and may be moved to another place or task between two polls.
///
/// # Panics
///
/// Polling panics after it has completed.
///
/// # Cancel safety
///
/// Dropping it takes the request back, as [`Handle::try_oob`](crate::Handle::try_oob) says.
#[must_use = "a request is made only when its future is awaited"]
pub struct TryOob<'a, D, R, P = Port<D, R>>
where
    P: AskerEnd<D, R>,
{
    port: &'a P,
    request: Request<D>,
    reply: PhantomData<fn() -> R>,
}

enum Request<D> {
    /// Not polled yet.
    New(D),
    /// Over.
    Done,
    /// Posted while it was alone: the port knows it by [`Ticket::ALONE`].
    Alone,
    /// Posted; the port knows this ticket.
    Waiting(Ticket),
}

impl<D> Request<D> {
    #[inline]
    fn is_posted(&self) -> bool {
        matches!(self, Request::Alone | Request::Waiting(_))
    }

    /// The ticket by which the port knows it.
    fn ticket(&self) -> Option<Ticket> {
        match self {
            Request::Alone => Some(Ticket::ALONE),
            Request::Waiting(ticket) => Some(*ticket),
            Request::New(_) | Request::Done => None,
        }
    }
}

/// Nothing in it is ever pinned.
impl<D, R, P: AskerEnd<D, R>> Unpin for TryOob<'_, D, R, P> {}

impl<'a, D, R, P: AskerEnd<D, R>> TryOob<'a, D, R, P> {
    #[inline]
    pub(crate) fn new(port: &'a P, data: D) -> Self {
        TryOob {
            port,
            request: Request::New(data),
            reply: PhantomData,
        }
    }
}

impl<D, R, P: AskerEnd<D, R>> TryOob<'_, D, R, P> {
    /// Does what can be done in the common case: posts the request, or picks up the reply.
    /// Returns `None` if this is another case.
    #[inline]
    fn poll_common(&mut self, waker: &Waker) -> Option<Poll<R>> {
        // A request that waits is looked at where it is: moving it out and back costs more than all
        // the rest of a poll.
        if let Request::Alone = self.request {
            let reply = self.port.try_reply()?;
            self.request = Request::Done;
            return Some(Poll::Ready(reply));
        }
        match mem::replace(&mut self.request, Request::Alone) {
            Request::New(data) => match self.port.try_post(data, waker) {
                Ok(()) => Some(Poll::Pending),
                Err(data) => {
                    self.request = Request::New(data);
                    None
                }
            },
            other => {
                self.request = other;
                None
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn withdraw(&self) {
        if let Some(ticket) = self.request.ticket() {
            self.port.withdraw(ticket);
        }
    }

    /// Does all that there is to do in the other cases.
    #[cold]
    #[inline(never)]
    fn poll_rare(&mut self, waker: &Waker, kind: Kind) -> Poll<Result<R, OobError<D>>> {
        // Should a waker panic while it is cloned, a new request counts as over.
        match mem::replace(&mut self.request, Request::Done) {
            Request::New(data) => match self.port.post(data, waker, kind) {
                Ok(ticket) => {
                    self.request = Request::Waiting(ticket);
                    self.port.wake_driver();
                    Poll::Pending
                }
                Err(data) => Poll::Ready(Err(OobError::NotActive(data))),
            },
            waiting @ (Request::Alone | Request::Waiting(_)) => {
                let ticket = waiting.ticket().expect("it has been posted");
                self.request = waiting;
                let reply = self.port.poll_reply(ticket, waker, kind);
                if reply.is_ready() {
                    self.request = Request::Done;
                }
                reply
            }
            Request::Done => panic!("an oob future was polled after it had completed"),
        }
    }
}

impl<D, R, P: AskerEnd<D, R>> Future for TryOob<'_, D, R, P> {
    type Output = Result<R, OobError<D>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.poll_common(cx.waker()) {
            Some(poll) => poll.map(Ok),
            None => self.poll_rare(cx.waker(), Kind::Tried),
        }
    }
}

impl<D, R, P: AskerEnd<D, R>> Drop for TryOob<'_, D, R, P> {
    #[inline]
    fn drop(&mut self) {
        if self.request.is_posted() {
            self.withdraw();
        }
    }
}

impl<D, R, P: AskerEnd<D, R>> fmt::Debug for TryOob<'_, D, R, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.request {
            Request::New(_) => "new",
            Request::Alone | Request::Waiting(_) => "waiting",
            Request::Done => "done",
        };
        f.debug_tuple("TryOob")
            .field(&format_args!("{state}"))
            .finish()
    }
}

/// The future of [`Handle::oob`](crate::Handle::oob).
///
/// It needs no pinning, and may be moved to another place or task between two polls.
///
/// # Panics
///
/// Polling panics after it has completed, and when nobody can answer any more.
///
/// # Cancel safety
///
/// Dropping it takes the request back, as [`Handle::oob`](crate::Handle::oob) says.
#[must_use = "a request is made only when its future is awaited"]
pub struct Oob<'a, D, R, P = Port<D, R>>
where
    P: AskerEnd<D, R>,
{
    inner: TryOob<'a, D, R, P>,
    /// Where the request was made, for the panic message.
    caller: &'static Location<'static>,
}

impl<'a, D, R, P: AskerEnd<D, R>> Oob<'a, D, R, P> {
    #[inline]
    #[track_caller]
    pub(crate) fn new(inner: TryOob<'a, D, R, P>) -> Self {
        Oob {
            inner,
            caller: Location::caller(),
        }
    }
}

impl<D, R, P: AskerEnd<D, R>> Oob<'_, D, R, P> {
    #[cold]
    #[inline(never)]
    fn poll_rare(&mut self, waker: &Waker) -> Poll<R> {
        self.inner
            .poll_rare(waker, Kind::Plain)
            .map(|reply| match reply {
                Ok(reply) => reply,
                Err(error) => nobody_answers(error.into_data().is_none(), self.caller),
            })
    }
}

impl<D, R, P: AskerEnd<D, R>> Future for Oob<'_, D, R, P> {
    type Output = R;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        match self.inner.poll_common(cx.waker()) {
            Some(poll) => poll,
            None => self.poll_rare(cx.waker()),
        }
    }
}

impl<D, R, P: AskerEnd<D, R>> fmt::Debug for Oob<'_, D, R, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oob")
            .field("request", &self.inner)
            .field("caller", &format_args!("{}", self.caller))
            .finish()
    }
}

fn nobody_answers(seen: bool, caller: &Location<'_>) -> ! {
    let when = if seen {
        "after the driver had seen it and before it replied"
    } else {
        "before the driver saw it"
    };
    panic!(
        "nobody can answer the request made by `oob` at {caller}: the monitor was closed, ended or \
         was dropped {when}; use `try_oob` where that may be"
    )
}
