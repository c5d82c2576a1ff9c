//! The asker's side of the port between threads.

use core::fmt;
use core::mem;
use core::ptr;
use core::task::{Poll, Waker};
use std::sync::PoisonError;

use super::lent;
use crate::crowd::{Crowd, Progress, Request, Ticket};
use crate::error::OobError;
use crate::link::{Ask, Kind};
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

/// What the driver's slot holds: the request of the common case.
pub(super) enum Slot<D, R> {
    /// No request.
    Free,
    /// One that the driver has not seen.
    Posted(D),
    /// One whose data the driver has taken.
    Asked,
    /// One and the reply to it.
    Answered(R),
}

/// The place where the requests of a body and the replies of its driver meet, on any threads.
///
/// [`Monitor::new_send`](crate::Monitor::new_send) makes one; its handles reach it.
//
// As in the port of one thread there is a common case: one request at a time, made by a future that
// the driver polls itself. It lives in the driver's slot, without a lock, see `lent`. All other
// requests live in the crowd, under the lock. The slot is used only while there is no crowd, so what
// is in the slot is older than all that is in the crowd.
//
// `busy` is false while there is nothing under the lock that anyone would have to look at. It is
// written under the lock. Whoever reads false without it acts as if it had come before the write.
//
// A request that is in the slot and whose asker shows up elsewhere, to be polled or dropped, is out
// of the asker's reach. `alone` tells the driver, who then moves it into the crowd or clears the
// slot, before it does anything else with the slot.
pub struct SendPort<D, R> {
    busy: AtomicBool,
    closed: AtomicBool,
    shared: Mutex<Shared<D, R>>,
}

pub(super) struct Shared<D, R> {
    pub(super) crowd: Crowd<D, R>,
    pub(super) alone: Alone,
    /// The waker of the driver that last waited.
    pub(super) driver: Option<Waker>,
    /// Whether it is to be woken by a request.
    pub(super) waiting: bool,
    pub(super) closed: bool,
    pub(super) closing: bool,
}

/// What has become of the asker whose request is in the slot.
pub(super) enum Alone {
    /// It is polled by the driver.
    Here,
    /// It was polled elsewhere, and is to be woken there.
    Waits(Waker),
    /// It was dropped elsewhere.
    Gone,
}

impl<D, R> Shared<D, R> {
    /// Takes the waker of a driver that is to be woken now.
    pub(super) fn take_driver(&mut self) -> Option<Waker> {
        if mem::take(&mut self.waiting) {
            self.driver.take()
        } else {
            None
        }
    }
}

impl<D, R> SendPort<D, R> {
    pub(super) fn new() -> Self {
        SendPort {
            busy: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            shared: Mutex::new(Shared {
                crowd: Crowd::new(),
                alone: Alone::Here,
                driver: None,
                waiting: false,
                closed: false,
                closing: false,
            }),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Shared<D, R>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Unlocks, after saying whether there is anything to look at.
    pub(super) fn unlock(&self, shared: MutexGuard<'_, Shared<D, R>>) {
        let busy = !shared.crowd.is_empty()
            || !matches!(shared.alone, Alone::Here)
            || shared.closing
            || shared.closed;
        self.busy.store(busy, Ordering::Release);
        self.closed.store(shared.closed, Ordering::Release);
    }

    #[inline]
    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    #[inline]
    pub(super) fn id(&self) -> *const () {
        ptr::from_ref(self).cast()
    }
}

impl<D: 'static, R: 'static> SendPort<D, R> {
    /// Visits the slot if it is lent to this thread.
    #[inline]
    fn visit<T>(&self, visit: impl FnOnce(&mut Slot<D, R>, *const Waker) -> T) -> Option<T> {
        lent::visit(self.id(), visit)
    }

    fn is_polled_with(&self, waker: &Waker) -> bool {
        self.visit(|_, poller| ptr::eq(poller, waker))
            .unwrap_or(false)
    }
}

impl<D: 'static, R: 'static> Ask<D, R> for SendPort<D, R> {
    #[inline]
    fn try_post(&self, data: D, waker: &Waker) -> Result<(), D> {
        if self.is_busy() {
            return Err(data);
        }
        let mut data = Some(data);
        self.visit(|slot, poller| {
            if ptr::eq(poller, waker) && matches!(slot, Slot::Free) {
                if let Some(data) = data.take() {
                    *slot = Slot::Posted(data);
                }
            }
        });
        data.map_or(Ok(()), Err)
    }

    #[cold]
    #[inline(never)]
    fn post(&self, data: D, waker: &Waker, kind: Kind) -> Result<Ticket, D> {
        // Cloning a waker may run any code, so it comes before the lock.
        let waker = (!self.is_polled_with(waker)).then(|| waker.clone());
        let mut shared = self.lock();
        if shared.closed || (shared.closing && kind == Kind::Tried) {
            drop(shared);
            return Err(data);
        }
        let ticket = shared.crowd.push(data, waker, kind);
        self.unlock(shared);
        Ok(ticket)
    }

    fn wake_driver(&self) {
        let driver = self.lock().take_driver();
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    #[inline]
    fn try_reply(&self) -> Option<R> {
        // What `alone` says of an asker that was elsewhere and is back is forgotten by the driver, who
        // looks when this poll is over.
        self.visit(|slot, _| match mem::replace(slot, Slot::Free) {
            Slot::Answered(reply) => Some(reply),
            other => {
                *slot = other;
                None
            }
        })?
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
        if polled_by_driver && !self.is_busy() {
            return Poll::Pending;
        }
        let mut fresh: Option<Waker> = None;
        loop {
            let mut guard = self.lock();
            let shared = &mut *guard;
            let Some(request) = shared.crowd.find(ticket) else {
                // It is in the slot, and the driver is the only one who can get at it.
                if polled_by_driver {
                    return Poll::Pending;
                }
                if matches!(&shared.alone, Alone::Waits(known) if known.will_wake(waker)) {
                    return Poll::Pending;
                }
                let Some(waker) = fresh.take() else {
                    drop(guard);
                    fresh = Some(waker.clone());
                    continue;
                };
                let old = mem::replace(&mut shared.alone, Alone::Waits(waker));
                let driver = shared.take_driver();
                self.unlock(guard);
                drop(old);
                if let Some(driver) = driver {
                    driver.wake();
                }
                return Poll::Pending;
            };

            let refused = matches!(request.progress, Progress::Refused(_));
            let answered = matches!(request.progress, Progress::Answered(_));
            // A plain request that is refused stays, for the end of the monitor to be told to it. The
            // driver looks, and ends the body.
            let stuck = refused && kind == Kind::Plain && shared.closing;
            if stuck {
                request.set_plain();
            } else if shared.closed || refused || answered {
                let Request {
                    progress, waker, ..
                } = shared.crowd.remove(ticket);
                self.unlock(guard);
                drop(waker);
                return Poll::Ready(progress.into_reply());
            }
            let replaces = polled_by_driver || fresh.is_some();
            let known = request.waker.as_ref().is_some_and(|w| w.will_wake(waker));
            if replaces || known {
                let old = replaces.then(|| mem::replace(&mut request.waker, fresh));
                let driver = stuck.then(|| shared.take_driver()).flatten();
                drop(guard);
                drop(old);
                if let Some(driver) = driver {
                    driver.wake();
                }
                return Poll::Pending;
            }
            drop(guard);
            fresh = Some(waker.clone());
        }
    }

    #[cold]
    #[inline(never)]
    fn withdraw(&self, ticket: Ticket) {
        if ticket == Ticket::ALONE {
            let taken = self.visit(|slot, _| mem::replace(slot, Slot::Free));
            if let Some(taken @ (Slot::Posted(_) | Slot::Asked | Slot::Answered(_))) = taken {
                drop(taken);
                return;
            }
        }
        let mut shared = self.lock();
        let found = shared.crowd.find(ticket).is_some();
        let (request, alone) = if found {
            (Some(shared.crowd.remove(ticket)), None)
        } else {
            (None, Some(mem::replace(&mut shared.alone, Alone::Gone)))
        };
        self.unlock(shared);
        drop((request, alone));
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

impl<D, R> fmt::Debug for SendPort<D, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.lock();
        let (closed, queued) = (shared.closed, shared.crowd.len());
        drop(shared);
        f.debug_struct("SendPort")
            .field("closed", &closed)
            .field("queued", &queued)
            .finish_non_exhaustive()
    }
}
