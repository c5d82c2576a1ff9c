use core::cell::{Cell, RefCell};
use core::fmt;
use core::ptr;
use core::task::{Poll, Waker};

use crate::crowd::{Crowd, Progress, Request, Ticket};
use crate::error::OobError;
use crate::link::{Ask, Kind};

/// What the port holds.
///
/// ```text
///          post              driver looks          reply               asker polls
///   Free ---------> Posted --------------> Asked --------> Answered ---------------> Free
///     |               |                      |                 |
///     +---------------+----------+-----------+-----------------+
///                                |  a second request, an asker that has to be woken, the end
///                                v
///                              Crowd ----> Free, when the last request has gone
/// ```
enum Slot<D, R> {
    /// No request is outstanding.
    Free,
    /// One request, which the driver has not seen.
    Posted(D),
    /// One request, whose data the driver has taken.
    Asked,
    /// One request, and the reply to it.
    Answered(R),
    /// All requests are in `crowd`.
    Crowd,
}

/// The place where the requests of one body and the replies of its driver meet.
///
/// [`Monitor::new`](crate::Monitor::new) allocates one by itself. Make one by hand to keep it on
/// the stack, for [`Monitor::on`](crate::Monitor::on).
///
/// ```
/// use core::pin::pin;
/// use corokit_monitor::{Monitor, MonitorExt, Port, Step};
///
/// let mut port = Port::new();
/// let mut monitor = pin!(Monitor::on(&mut port, async |handle| handle.oob("who?").await));
/// assert_eq!(monitor.start().now(), Some(Step::Oob("who?")));
/// assert_eq!(monitor.resume("me").now(), Some(Step::Done("me")));
/// ```
//
// The common case has no queue, no ticket and no waker: one request at a time, made by a future
// that the driver polls itself. It lives in `slot`, and whoever waits while it is not `Crowd` is
// the one asker there is. Everything else is rare, lives in `crowd`, and is kept out of line.
//
// An asker's waker need not be kept when the asker was polled inside the driver's own poll with
// the driver's own waker: the reply comes with a step, a step polls the body, and whatever hands
// the driver's waker down to its children polls them whenever it is polled itself. Equal wakers
// alone would not do, since a branch beside the driver in the same task has the same one.
pub struct Port<D, R> {
    slot: Cell<Slot<D, R>>,
    /// The address of the waker that the driver's poll in progress was given; null when no such
    /// poll is on the stack; [`WAITING`] when moreover the driver is to be woken by a request.
    /// While a poll is in progress its waker is borrowed, so no other one can have its address.
    poller: Cell<*const Waker>,
    closed: Cell<bool>,
    /// Whether the body is being asked to end.
    closing: Cell<bool>,
    /// The waker of the driver that last waited. It stays for the next wait, as comparing wakers
    /// costs less than cloning one.
    driver: Cell<Option<Waker>>,
    crowd: RefCell<Crowd<D, R>>,
}

/// No waker has this address: it is not aligned.
const WAITING: *const Waker = ptr::without_provenance(1);

impl<D, R> Port<D, R> {
    /// Creates a port that no monitor uses yet.
    ///
    /// ```
    /// use corokit_monitor::Port;
    ///
    /// let port = Port::<u32, u32>::new();
    /// assert_eq!(format!("{port:?}"), "Port { closed: false, outstanding: 0, .. }");
    /// ```
    pub const fn new() -> Self {
        Port {
            slot: Cell::new(Slot::Free),
            poller: Cell::new(ptr::null()),
            closed: Cell::new(false),
            closing: Cell::new(false),
            driver: Cell::new(None),
            crowd: RefCell::new(Crowd::new()),
        }
    }
}

/// The asker's side.
impl<D, R> Ask<D, R> for Port<D, R> {
    #[inline]
    fn try_post(&self, data: D, waker: &Waker) -> Result<(), D> {
        if !self.is_polled_with(waker) {
            return Err(data);
        }
        match self.slot.replace(Slot::Posted(data)) {
            Slot::Free => Ok(()),
            other => Err(self.undo_post(other)),
        }
    }

    #[cold]
    #[inline(never)]
    fn post(&self, data: D, waker: &Waker, kind: Kind) -> Result<Ticket, D> {
        // Cloning a waker may run any code, so it comes before the look at the state.
        let waker = (!self.is_polled_with(waker)).then(|| waker.clone());
        if self.is_closed() || (self.is_closing() && kind == Kind::Tried) {
            return Err(data);
        }
        self.spread();
        Ok(self.crowd.borrow_mut().push(data, waker, kind))
    }

    fn wake_driver(&self) {
        if self.end_wait() {
            if let Some(driver) = self.driver.take() {
                driver.wake();
            }
        }
    }

    #[inline]
    fn try_reply(&self) -> Option<R> {
        match self.slot.replace(Slot::Free) {
            Slot::Answered(reply) => Some(reply),
            other => self.undo_reply(other),
        }
    }

    #[cold]
    #[inline(never)]
    fn poll_reply(
        &self,
        ticket: Ticket,
        waker: &Waker,
        kind: Kind,
    ) -> Poll<Result<R, OobError<D>>> {
        let polled_by_driver = self.is_polled_with(waker);
        if polled_by_driver && self.is_alone() {
            return Poll::Pending;
        }
        self.spread();
        let mut fresh: Option<Waker> = None;
        loop {
            let mut crowd = self.crowd.borrow_mut();
            let request = crowd.get_mut(ticket);
            let refused = matches!(request.progress, Progress::Refused(_));
            let answered = matches!(request.progress, Progress::Answered(_));
            // A plain request that is refused stays, for the end of the monitor to be told to it. The
            // driver looks, and ends the body.
            let stuck = refused && kind == Kind::Plain && self.is_closing();
            if stuck {
                request.set_plain();
            } else if self.is_closed() || refused || answered {
                let Request {
                    progress, waker, ..
                } = crowd.remove(ticket);
                drop(crowd);
                self.settle();
                drop(waker);
                return Poll::Ready(progress.into_reply());
            }

            // The waker of the latest poll replaces the one before it. The old one is dropped
            // and the new one cloned while nothing is borrowed; since a clone may run any code,
            // the request is looked at once more after it.
            let replaces = polled_by_driver || fresh.is_some();
            let known = request.waker.as_ref().is_some_and(|w| w.will_wake(waker));
            if replaces || known {
                let old = replaces.then(|| core::mem::replace(&mut request.waker, fresh));
                drop(crowd);
                drop(old);
                if stuck {
                    self.wake_driver();
                }
                return Poll::Pending;
            }
            drop(crowd);
            fresh = Some(waker.clone());
        }
    }

    #[cold]
    #[inline(never)]
    fn withdraw(&self, ticket: Ticket) {
        if self.is_alone() {
            drop(self.slot.replace(Slot::Free));
        } else {
            let request = self.crowd.borrow_mut().remove(ticket);
            self.settle();
            drop(request);
        }
    }

    fn is_closed(&self) -> bool {
        self.closed.get()
    }
}

/// The driver's side.
impl<D, R> Port<D, R> {
    /// Says that the body is about to be polled with this waker.
    #[inline]
    pub(crate) fn enter(&self, waker: &Waker) {
        self.poller.set(waker);
    }

    /// Says that the poll of the body is over.
    #[inline]
    pub(crate) fn leave(&self) {
        self.poller.set(ptr::null());
    }

    /// Takes the data of the oldest request that the driver has not seen, or waits for one, in the
    /// common cases. Otherwise it gives back `Err`, and [`Port::ask_or_wait`] knows more.
    #[inline]
    pub(crate) fn try_ask(&self, waker: &Waker) -> Result<Option<D>, ()> {
        match self.slot.replace(Slot::Asked) {
            Slot::Posted(data) => Ok(Some(data)),
            other => self.try_wait(other, waker),
        }
    }

    /// Puts back what the slot has held, and waits if there is no crowd and the driver is known.
    #[inline]
    fn try_wait(&self, slot: Slot<D, R>, waker: &Waker) -> Result<Option<D>, ()> {
        let crowd = matches!(slot, Slot::Crowd);
        self.undo(slot);
        if crowd {
            return Err(());
        }
        let driver = self.driver.take();
        let known = driver.as_ref().is_some_and(|w| w.will_wake(waker));
        self.driver.set(driver);
        if !known {
            return Err(());
        }
        self.poller.set(WAITING);
        Ok(None)
    }

    /// Takes the data of the oldest request that the driver has not seen. If there is none, this
    /// waker is woken when one comes from outside the driver's poll.
    #[cold]
    #[inline(never)]
    pub(crate) fn ask_or_wait(&self, waker: &Waker) -> Option<D> {
        let queued = self.crowd.borrow_mut().ask();
        if queued.is_some() {
            return queued;
        }
        let mut old = self.driver.take();
        if old.as_ref().is_some_and(|w| w.will_wake(waker)) {
            self.driver.set(old.take());
        } else {
            self.driver.set(Some(waker.clone()));
        }
        drop(old);

        // Cloning and dropping wakers may run any code, even such that asks. From this look on
        // there is none.
        let data = self.crowd.borrow_mut().ask();
        if data.is_none() {
            self.poller.set(WAITING);
        }
        data
    }

    /// Says that the driver has given up its wait, if it was waiting.
    #[inline]
    pub(crate) fn stop_waiting(&self) {
        if self.end_wait() {
            drop(self.driver.take());
        }
    }

    #[inline]
    fn end_wait(&self) -> bool {
        let waiting = self.poller.get() == WAITING;
        if waiting {
            self.poller.set(ptr::null());
        }
        waiting
    }

    /// Gives the reply to the request that the driver has, in the common case. Otherwise the
    /// reply comes back, for [`Port::answer`].
    #[inline]
    pub(crate) fn try_answer(&self, reply: R) -> Result<(), R> {
        match self.slot.replace(Slot::Answered(reply)) {
            Slot::Asked => Ok(()),
            other => Err(self.undo_answer(other)),
        }
    }

    #[cold]
    #[inline(never)]
    fn undo_answer(&self, slot: Slot<D, R>) -> R {
        match self.slot.replace(slot) {
            Slot::Answered(reply) => reply,
            _ => unreachable!("the reply was put there just now"),
        }
    }

    /// Gives the reply to the request that the driver has. If its asker is gone, the reply is
    /// dropped.
    #[cold]
    #[inline(never)]
    pub(crate) fn answer(&self, reply: R) {
        let answered = self.crowd.borrow_mut().answer(reply);
        if let Ok(Some(asker)) = answered {
            asker.wake();
        }
    }

    /// Tells all outstanding requests that there will be no reply, and refuses those that can be
    /// refused from now on.
    pub(crate) fn begin_closing(&self) {
        // While the slot says so, every request takes the rare path, and sees what is going on.
        self.spread();
        self.closing.set(true);
        let wakers = {
            let mut crowd = self.crowd.borrow_mut();
            crowd.refuse_all();
            crowd.take_wakers()
        };
        for asker in wakers {
            asker.wake();
        }
    }

    /// Goes back to taking requests, and tells those that were refused.
    pub(crate) fn end_closing(&self) {
        self.closing.set(false);
        self.settle();
        let wakers = self.crowd.borrow_mut().take_wakers_of_refused();
        for asker in wakers {
            asker.wake();
        }
    }

    /// Whether the body is being closed, and someone waits for what can never come.
    pub(crate) fn is_stuck(&self) -> bool {
        self.is_closing() && self.crowd.borrow().is_stuck()
    }

    fn is_closing(&self) -> bool {
        self.closing.get()
    }

    /// Takes no new request from now on. Nobody is told yet.
    pub(crate) fn refuse(&self) {
        if !self.closed.replace(true) {
            self.closing.set(false);
            self.spread();
            self.poller.set(ptr::null());
            drop(self.driver.take());
        }
    }

    /// Closes the port, and wakes all who wait for a reply.
    pub(crate) fn close(&self) {
        self.refuse();
        let wakers = self.crowd.borrow_mut().take_wakers();
        for asker in wakers {
            asker.wake();
        }
    }
}

impl<D, R> Port<D, R> {
    #[cold]
    #[inline(never)]
    fn undo_post(&self, slot: Slot<D, R>) -> D {
        match self.slot.replace(slot) {
            Slot::Posted(data) => data,
            _ => unreachable!("the data was put there just now"),
        }
    }

    #[cold]
    #[inline(never)]
    fn undo_reply(&self, slot: Slot<D, R>) -> Option<R> {
        self.undo(slot);
        None
    }

    /// Puts back what the slot has held.
    #[inline]
    fn undo(&self, slot: Slot<D, R>) {
        self.slot.set(slot);
    }

    /// How many requests are outstanding.
    fn outstanding(&self) -> usize {
        let slot = self.slot.replace(Slot::Crowd);
        let outstanding = match slot {
            Slot::Free => 0,
            Slot::Posted(_) | Slot::Asked | Slot::Answered(_) => 1,
            Slot::Crowd => self.crowd.borrow().len(),
        };
        self.undo(slot);
        outstanding
    }

    /// Whether an asker that waits is in the common case.
    fn is_alone(&self) -> bool {
        self.crowd.borrow().is_empty()
    }

    #[inline]
    fn is_polled_with(&self, waker: &Waker) -> bool {
        ptr::eq(self.poller.get(), waker)
    }

    /// Leaves the common case: moves its request into the crowd, if there is one.
    fn spread(&self) {
        let progress = match self.slot.replace(Slot::Crowd) {
            Slot::Free | Slot::Crowd => return,
            Slot::Posted(data) => Progress::Posted(data),
            Slot::Asked => Progress::Asked,
            Slot::Answered(reply) => Progress::Answered(reply),
        };
        self.crowd.borrow_mut().push_alone(progress, None);
    }

    /// Goes back to the common case when the crowd has gone.
    fn settle(&self) {
        if self.crowd.borrow().is_empty() && !self.is_closing() {
            self.slot.set(Slot::Free);
        }
    }
}

impl<D, R> Default for Port<D, R> {
    fn default() -> Self {
        Port::new()
    }
}

impl<D, R> fmt::Debug for Port<D, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Port")
            .field("closed", &self.is_closed())
            .field("outstanding", &self.outstanding())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// It changes only how fast it is, so nobody else can see it.
    #[test]
    fn a_crowd_that_has_gone_leaves_the_fast_way_open() {
        let port = Port::<u32, u32>::new();
        let driver = Waker::noop().clone();
        port.enter(&driver);
        assert_eq!(port.try_post(1, &driver), Ok(()));
        // One that is polled by somebody else makes a crowd of the two.
        let other = port.post(2, &driver.clone(), Kind::Plain).unwrap();
        assert_eq!(port.crowd.borrow_mut().ask(), Some(1));
        assert_eq!(port.try_post(3, &driver), Err(3));
        port.withdraw(other);
        assert_eq!(port.try_post(3, &driver), Err(3));
        port.withdraw(Ticket::ALONE);
        assert_eq!(port.try_post(3, &driver), Ok(()));
    }
}
