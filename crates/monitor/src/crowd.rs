use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::task::Waker;

use crate::error::OobError;
use crate::link::Kind;

/// The number of a request. Numbers ascend in the order in which requests were posted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ticket(u64);

impl Ticket {
    /// The ticket of a request that was alone when it was posted. Since it was the only one, it
    /// is older than all others that are outstanding.
    pub const ALONE: Ticket = Ticket(0);
}

/// Where a request stands.
pub(crate) enum Progress<D, R> {
    /// The driver has not seen it yet.
    Posted(D),
    /// The driver has the data and owes the reply.
    Asked,
    /// The reply is here, the asker has not picked it up.
    Answered(R),
    /// There will be no reply, because the monitor is being closed; the asker has not heard of it.
    /// The data is that of a request which the driver has not seen.
    Refused(Option<D>),
}

/// One outstanding request.
pub(crate) struct Request<D, R> {
    ticket: Ticket,
    pub(crate) progress: Progress<D, R>,
    /// `None` as long as it is not known, of a request that was alone when it was posted.
    kind: Option<Kind>,
    /// The asker's waker. `None` if the asker was last polled by the driver itself, which polls
    /// it again in its next step.
    pub(crate) waker: Option<Waker>,
}

impl<D, R> Request<D, R> {
    /// Notes that it is of [`Kind::Plain`], as is seen when its asker is polled.
    pub(crate) fn set_plain(&mut self) {
        self.kind = Some(Kind::Plain);
    }
}

impl<D, R> Progress<D, R> {
    /// What the asker of a request that is taken out gets.
    pub(crate) fn into_reply(self) -> Result<R, OobError<D>> {
        match self {
            Progress::Answered(reply) => Ok(reply),
            Progress::Posted(data) | Progress::Refused(Some(data)) => {
                Err(OobError::NotActive(data))
            }
            Progress::Asked | Progress::Refused(None) => Err(OobError::Closed),
        }
    }
}

/// All outstanding requests, when there may be more than one or their askers have to be woken.
///
/// Tickets ascend from front to back. Since requests are served in that order, the queue always
/// reads: answered and refused ones, then at most one that the driver has, then those it has not
/// seen.
///
/// No method runs code of the user: nothing here is dropped, cloned or woken, only moved out.
pub(crate) struct Crowd<D, R> {
    requests: VecDeque<Request<D, R>>,
    last: Ticket,
}

impl<D, R> Crowd<D, R> {
    pub(crate) const fn new() -> Self {
        Crowd {
            requests: VecDeque::new(),
            last: Ticket::ALONE,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.requests.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Adds the request that was alone so far, which is older than all others.
    pub(crate) fn push_alone(&mut self, progress: Progress<D, R>, waker: Option<Waker>) {
        debug_assert!(
            self.requests
                .front()
                .is_none_or(|first| first.ticket != Ticket::ALONE)
        );
        self.requests.push_front(Request {
            ticket: Ticket::ALONE,
            progress,
            kind: None,
            waker,
        });
    }

    /// Adds a request at the back.
    pub(crate) fn push(&mut self, data: D, waker: Option<Waker>, kind: Kind) -> Ticket {
        self.last.0 += 1;
        self.requests.push_back(Request {
            ticket: self.last,
            progress: Progress::Posted(data),
            kind: Some(kind),
            waker,
        });
        self.last
    }

    /// Takes the data of the oldest request that the driver has not seen.
    pub(crate) fn ask(&mut self) -> Option<D> {
        let first = self.first_posted();
        let progress = &mut self.requests.get_mut(first)?.progress;
        match core::mem::replace(progress, Progress::Asked) {
            Progress::Posted(data) => Some(data),
            Progress::Asked | Progress::Answered(_) | Progress::Refused(_) => {
                unreachable!("this request is posted")
            }
        }
    }

    /// Gives the reply to the request that the driver has, and returns the waker to wake. If that
    /// asker is gone, the reply comes back.
    pub(crate) fn answer(&mut self, reply: R) -> Result<Option<Waker>, R> {
        let Some(last) = self.first_posted().checked_sub(1) else {
            return Err(reply);
        };
        let request = &mut self.requests[last];
        match request.progress {
            Progress::Asked => {
                request.progress = Progress::Answered(reply);
                Ok(request.waker.take())
            }
            Progress::Posted(_) | Progress::Answered(_) | Progress::Refused(_) => Err(reply),
        }
    }

    /// The request with this ticket, which must be in the queue.
    pub(crate) fn get_mut(&mut self, ticket: Ticket) -> &mut Request<D, R> {
        let index = self.index_of(ticket);
        &mut self.requests[index]
    }

    /// Takes out the request with this ticket, which must be in the queue.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> Request<D, R> {
        let index = self.index_of(ticket);
        self.requests.remove(index).expect("the index was found")
    }

    /// Refuses all requests that have no reply.
    pub(crate) fn refuse_all(&mut self) {
        for Request { progress, .. } in &mut self.requests {
            *progress = match core::mem::replace(progress, Progress::Refused(None)) {
                Progress::Posted(data) => Progress::Refused(Some(data)),
                Progress::Asked => Progress::Refused(None),
                other => other,
            };
        }
    }

    /// Whether a plain request was refused: it waits for a reply that will never come.
    pub(crate) fn is_stuck(&self) -> bool {
        self.requests.iter().any(|request| {
            let refused = matches!(request.progress, Progress::Refused(_));
            refused && request.kind == Some(Kind::Plain)
        })
    }

    /// The request with this ticket, if it is in the queue.
    #[cfg(feature = "std")]
    pub(crate) fn find(&mut self, ticket: Ticket) -> Option<&mut Request<D, R>> {
        let found = self
            .requests
            .binary_search_by_key(&ticket, |request| request.ticket);
        Some(&mut self.requests[found.ok()?])
    }

    /// Takes the wakers of all who wait, oldest first.
    pub(crate) fn take_wakers(&mut self) -> Vec<Waker> {
        self.requests
            .iter_mut()
            .filter_map(|request| request.waker.take())
            .collect()
    }

    /// Takes the wakers of those who wait though their requests were refused, oldest first.
    pub(crate) fn take_wakers_of_refused(&mut self) -> Vec<Waker> {
        self.requests
            .iter_mut()
            .filter(|request| matches!(request.progress, Progress::Refused(_)))
            .filter_map(|request| request.waker.take())
            .collect()
    }

    fn first_posted(&self) -> usize {
        self.requests
            .partition_point(|request| !matches!(request.progress, Progress::Posted(_)))
    }

    fn index_of(&self, ticket: Ticket) -> usize {
        self.requests
            .binary_search_by_key(&ticket, |request| request.ticket)
            .expect("a waiting asker has a request in the queue")
    }
}
