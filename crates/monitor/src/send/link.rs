//! The driver's side of the port between threads.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::mem;
use core::task::Waker;

use super::lent;
use super::port::{Alone, SendPort, Shared, Slot};
use crate::crowd::Progress;
use crate::link::Drive;

/// The driver's end of a [`SendPort`].
///
/// [`Monitor::new_send`](crate::Monitor::new_send) makes one.
pub struct SendLink<D, R> {
    port: Arc<SendPort<D, R>>,
    /// `None` while it is lent.
    slot: Option<Box<Slot<D, R>>>,
    /// Whether the port may hold that this driver waits, or its waker.
    waiting: bool,
}

/// What is to be done when the lock is released: what to drop, and whom to wake.
struct Later<D, R>(Slot<D, R>, Option<Waker>, Option<Waker>);

impl<D, R> Later<D, R> {
    fn act(self) {
        let Later(dropped, unused, woken) = self;
        drop((dropped, unused));
        if let Some(waker) = woken {
            waker.wake();
        }
    }
}

impl<D, R> SendLink<D, R> {
    pub(super) fn new() -> Self {
        SendLink {
            port: Arc::new(SendPort::new()),
            slot: Some(Box::new(Slot::Free)),
            waiting: false,
        }
    }

    pub(super) fn port(&self) -> &Arc<SendPort<D, R>> {
        &self.port
    }

    #[inline]
    fn slot(&mut self) -> &mut Slot<D, R> {
        self.parts().1
    }

    #[inline]
    fn parts(&mut self) -> (&SendPort<D, R>, &mut Slot<D, R>) {
        let slot = self.slot.as_mut();
        let slot = slot.expect("the slot is lent only while the body is polled");
        (&self.port, slot)
    }

    /// Does to the slot what its asker wants, if that has shown up elsewhere.
    fn resolve(slot: &mut Slot<D, R>, shared: &mut Shared<D, R>) -> Later<D, R> {
        match mem::replace(&mut shared.alone, Alone::Here) {
            Alone::Here => Later(Slot::Free, None, None),
            Alone::Gone => Later(mem::replace(slot, Slot::Free), None, None),
            Alone::Waits(waker) => Self::spill(slot, shared, Some(waker)),
        }
    }

    /// Moves the request of the slot into the crowd.
    fn spill(
        slot: &mut Slot<D, R>,
        shared: &mut Shared<D, R>,
        waker: Option<Waker>,
    ) -> Later<D, R> {
        let (progress, waker, woken) = match mem::replace(slot, Slot::Free) {
            Slot::Free => return Later(Slot::Free, waker, None),
            Slot::Posted(data) => (Progress::Posted(data), waker, None),
            Slot::Asked => (Progress::Asked, waker, None),
            Slot::Answered(reply) => (Progress::Answered(reply), None, waker),
        };
        shared.crowd.push_alone(progress, waker);
        Later(Slot::Free, None, woken)
    }

    /// Empties the slot: its asker finds the request in the crowd, wherever it is.
    fn spill_all(slot: &mut Slot<D, R>, shared: &mut Shared<D, R>) -> Later<D, R> {
        match mem::replace(&mut shared.alone, Alone::Here) {
            Alone::Here => Self::spill(slot, shared, None),
            Alone::Gone => Later(mem::replace(slot, Slot::Free), None, None),
            Alone::Waits(waker) => Self::spill(slot, shared, Some(waker)),
        }
    }
}

impl<D: 'static, R: 'static> Drive<D, R> for SendLink<D, R> {
    type Port = SendPort<D, R>;

    fn port(&self) -> &SendPort<D, R> {
        &self.port
    }

    #[inline]
    fn enter(&mut self, waker: &Waker) {
        if self.waiting {
            // What is asked inside of this poll is found when it is over.
            self.port.lock().waiting = false;
        }
        let slot = self.slot.take().expect("a driver polls once at a time");
        self.slot = lent::lend(self.port.id(), waker, slot);
    }

    #[inline]
    fn leave(&mut self) {
        if self.slot.is_none() {
            let slot = lent::take_back().downcast();
            self.slot = Some(slot.expect("what was lent last is this slot"));
        }
    }

    #[inline]
    fn try_ask(&mut self, _: &Waker) -> Result<Option<D>, ()> {
        if self.port.is_busy() {
            return Err(());
        }
        let slot = self.slot();
        match mem::replace(slot, Slot::Asked) {
            Slot::Posted(data) => Ok(Some(data)),
            other => {
                *slot = other;
                Err(())
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn ask_or_wait(&mut self, waker: &Waker) -> Option<D> {
        let mut fresh: Option<Waker> = None;
        loop {
            let (port, slot) = self.parts();
            let mut shared = port.lock();
            let later = Self::resolve(slot, &mut shared);
            let asked = match mem::replace(slot, Slot::Asked) {
                Slot::Posted(data) => Some(data),
                other => {
                    *slot = other;
                    shared.crowd.ask()
                }
            };
            let known = shared.driver.as_ref();
            let known = known.is_some_and(|known| known.will_wake(waker));
            let mut old = None;
            let waits = asked.is_none() && (known || fresh.is_some());
            if waits {
                if !known {
                    old = mem::replace(&mut shared.driver, fresh.take());
                }
                shared.waiting = true;
            }
            port.unlock(shared);
            drop(old);
            self.waiting |= waits;
            later.act();
            if waits || asked.is_some() {
                return asked;
            }
            // The waker is cloned while nothing is locked, since that may run any code, even such
            // that asks; so all is looked at once more after it.
            fresh = Some(waker.clone());
        }
    }

    #[inline]
    fn stop_waiting(&mut self) {
        if mem::take(&mut self.waiting) {
            let mut shared = self.port.lock();
            shared.waiting = false;
            let driver = shared.driver.take();
            drop(shared);
            drop(driver);
        }
    }

    #[inline]
    fn try_answer(&mut self, reply: R) -> Result<(), R> {
        if self.port.is_busy() {
            return Err(reply);
        }
        let slot = self.slot();
        match slot {
            Slot::Asked => {
                *slot = Slot::Answered(reply);
                Ok(())
            }
            Slot::Free | Slot::Posted(_) | Slot::Answered(_) => Err(reply),
        }
    }

    #[cold]
    #[inline(never)]
    fn answer(&mut self, reply: R) {
        let (port, slot) = self.parts();
        let mut shared = port.lock();
        let later = Self::resolve(slot, &mut shared);
        let answered = if matches!(slot, Slot::Asked) {
            *slot = Slot::Answered(reply);
            Ok(None)
        } else {
            shared.crowd.answer(reply)
        };
        port.unlock(shared);
        later.act();
        if let Ok(Some(asker)) = answered {
            asker.wake();
        }
    }

    fn begin_closing(&mut self) {
        let (port, slot) = self.parts();
        let mut shared = port.lock();
        let later = Self::spill_all(slot, &mut shared);
        shared.closing = true;
        shared.crowd.refuse_all();
        let wakers = shared.crowd.take_wakers();
        port.unlock(shared);
        later.act();
        for asker in wakers {
            asker.wake();
        }
    }

    fn end_closing(&mut self) {
        let mut shared = self.port.lock();
        shared.closing = false;
        let wakers = shared.crowd.take_wakers_of_refused();
        self.port.unlock(shared);
        for asker in wakers {
            asker.wake();
        }
    }

    fn is_stuck(&self) -> bool {
        let shared = self.port.lock();
        shared.closing && shared.crowd.is_stuck()
    }

    fn refuse(&mut self) {
        let (port, slot) = self.parts();
        let mut shared = port.lock();
        let later = Self::spill_all(slot, &mut shared);
        (shared.closed, shared.closing) = (true, false);
        shared.waiting = false;
        let driver = shared.driver.take();
        port.unlock(shared);
        drop(driver);
        later.act();
    }

    fn close(&mut self) {
        self.refuse();
        let wakers = self.port.lock().crowd.take_wakers();
        for asker in wakers {
            asker.wake();
        }
    }
}

impl<D, R> fmt::Debug for SendLink<D, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendLink").field(&self.port).finish()
    }
}
