//! A line of those who wait for their turn, with one timer for all of them.
//!
//! The first in line serves itself, in its own poll: nobody is granted anything before it runs, so
//! the instant at which it is let through is the instant at which it goes on. Whoever leaves the
//! front sees to it that the next one will be polled: at once, if it can be served already, or when
//! the timer of the line rings, whose waker is that of the first in line. So each waiter is woken
//! once, however many there are.
//!
//! The timer is set, and wakers are called, outside of the lock. Only one thread at a time sets the
//! timer; whoever finds it at work leaves a note, and it looks again.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use corokit_sync_bridge::waiters::{Key, WaitList};

use crate::clock::{Sleep, now, sleep_until};
use crate::sync::{Mutex, MutexGuard, lock};

/// What the line leads to.
pub(crate) trait Desk {
    /// What a waiter asks for.
    type Ask: Copy;
    /// What it gets.
    type Answer;

    /// Serves whoever is first, if it can be served at this instant.
    fn serve(&mut self, ask: Self::Ask, now: Instant) -> Option<Self::Answer>;

    /// Tells when whoever is first can be served.
    fn when(&self, ask: Self::Ask, now: Instant) -> When;
}

/// When something can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Now,
    /// Not before this instant.
    At(Instant),
    /// Not before something else changes.
    Later,
}

/// The desk and the line in front of it.
pub(crate) struct Line<D: Desk> {
    state: Mutex<State<D>>,
}

pub(crate) struct State<D: Desk> {
    pub(crate) desk: D,
    waiters: WaitList<D::Ask, Infallible>,
    /// The first in line, if it has been woken and has not been polled since.
    woken: Option<Key>,
    /// The timer, which rings for this waiter at this instant.
    timer: Option<(Key, Instant, Sleep)>,
    /// A thread is setting the timer, and has taken it and the waker of the first in line.
    setting: bool,
    /// It is to look again when it has.
    again: bool,
}

impl<D: Desk> State<D> {
    /// Returns what all those in line ask for, the first first.
    pub(crate) fn asks(&self) -> impl Iterator<Item = D::Ask> {
        self.waiters.iter().copied()
    }

    /// Returns how many are in line.
    pub(crate) fn waiting(&self) -> usize {
        self.waiters.len()
    }
}

impl<D: Desk> Line<D> {
    #[cfg(not(loom))]
    pub(crate) const fn new(desk: D) -> Self {
        Line {
            state: Mutex::new(State::new(desk)),
        }
    }

    #[cfg(loom)]
    pub(crate) fn new(desk: D) -> Self {
        Line {
            state: Mutex::new(State::new(desk)),
        }
    }

    /// Looks at the state, or changes it in a way that nobody in line cares for.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State<D>> {
        lock(&self.state)
    }

    /// Changes the desk. Whoever is first in line hears of it, if it can be served now.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut D) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state.desk);
        self.settle(state, None);
        result
    }

    /// Serves somebody who does not wait, unless others do.
    #[inline]
    pub(crate) fn try_serve(&self, ask: D::Ask) -> Result<D::Answer, MutexGuard<'_, State<D>>> {
        // The clock is read before the lock is taken, to hold it shortly.
        let now = now();
        let mut state = self.lock();
        if state.waiters.is_empty() {
            if let Some(answer) = state.desk.serve(ask, now) {
                return Ok(answer);
            }
        }
        Err(state)
    }

    /// Lets a waiter have its turn, or join the line.
    pub(crate) fn poll(&self, place: &mut Place<D::Ask>, cx: &mut Context<'_>) -> Poll<D::Answer> {
        let Place::Asks(ask) = *place else {
            return self.poll_waiter(place, cx, now());
        };
        match self.try_serve(ask) {
            Ok(answer) => {
                *place = Place::Gone;
                Poll::Ready(answer)
            }
            Err(state) => {
                // The waker is cloned without the lock, so somebody may have come meanwhile, or
                // somebody gone: it starts again, in line.
                drop(state);
                let waker = cx.waker().clone();
                let mut state = self.lock();
                let key = state.waiters.push_back(ask, Some(waker));
                *place = Place::Waits(ask, key);
                self.settle(state, None);
                Poll::Pending
            }
        }
    }

    #[cold]
    fn poll_waiter(
        &self,
        place: &mut Place<D::Ask>,
        cx: &mut Context<'_>,
        now: Instant,
    ) -> Poll<D::Answer> {
        let Place::Waits(ask, key) = *place else {
            panic!("polled after completion")
        };
        let mut waker = Some(cx.waker().clone());
        let mut state = self.lock();
        if state.waiters.front_key() == Some(key) {
            state.woken = None;
            if let Some(answer) = state.desk.serve(ask, now) {
                *place = Place::Gone;
                let mut kept = None;
                let _ = state.waiters.cancel(key, &mut kept);
                self.settle(state, Some(now));
                return Poll::Ready(answer);
            }
            // The timer is to wake the new waker.
            let timer = state.timer.take();
            let pending = state.waiters.poll(key, &mut waker).is_pending();
            debug_assert!(pending, "nothing is granted in this line");
            self.settle(state, Some(now));
            drop(timer);
        } else {
            let _ = state.waiters.poll(key, &mut waker);
        }
        Poll::Pending
    }

    /// Takes a waiter out of the line.
    pub(crate) fn leave(&self, place: &mut Place<D::Ask>) {
        let Place::Waits(_, key) = std::mem::replace(place, Place::Gone) else {
            return;
        };
        let mut waker = None;
        let mut state = self.lock();
        let was_first = state.waiters.front_key() == Some(key);
        let _ = state.waiters.cancel(key, &mut waker);
        if was_first {
            self.settle(state, None);
        }
    }

    /// Sees to it that the first in line will be polled when it can be served, and unlocks.
    pub(crate) fn settle<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<D>>,
        mut time: Option<Instant>,
    ) {
        if state.setting {
            state.again = true;
            return;
        }
        loop {
            let Some(first) = state.waiters.front_key() else {
                // The timer holds a waker: it is dropped without the lock.
                let timer = state.timer.take();
                drop(state);
                return drop(timer);
            };
            if state.woken == Some(first) {
                return;
            }
            let ask = *state.waiters.front().expect("somebody is first");
            let now = *time.get_or_insert_with(now);
            let at = match state.desk.when(ask, now) {
                When::Now => {
                    let timer = state.timer.take();
                    let waker = state.waiters.take_front_waker();
                    state.woken = Some(first);
                    drop(state);
                    drop(timer);
                    if let Some(waker) = waker {
                        waker.wake();
                    }
                    return;
                }
                When::Later => {
                    let timer = state.timer.take();
                    drop(state);
                    return drop(timer);
                }
                When::At(at) => at,
            };
            if matches!(&state.timer, Some((key, instant, _)) if *key == first && *instant == at) {
                return;
            }
            state.setting = true;
            state.again = false;
            let old = state.timer.take();
            let waker = state.waiters.take_front_waker();
            drop(state);
            drop(old);
            let mut timer = sleep_until(at);
            let rings = match &waker {
                Some(waker) => set(&mut timer, waker),
                // It has been woken, and is on its way here.
                None => false,
            };
            let (mut waker, mut timer) = (waker, Some(timer));
            state = self.lock();
            state.setting = false;
            let mut again = rings | state.again;
            if state.waiters.get(first).is_some() {
                // It may have come by meanwhile, and left a newer waker.
                let mut newer = match state.waiters.front_key() == Some(first) {
                    true => state.waiters.take_front_waker(),
                    false => None,
                };
                again |= newer.is_some();
                if newer.is_none() {
                    newer = waker.take();
                    if !rings {
                        state.timer = timer.take().map(|timer| (first, at, timer));
                    }
                }
                let _ = state.waiters.poll(first, &mut newer);
            }
            // What is left of this round is dropped without the lock.
            drop(state);
            drop((waker, timer));
            if !again {
                return;
            }
            state = self.lock();
            if state.setting {
                state.again = true;
                return;
            }
            time = None;
        }
    }
}

impl<D: Desk> State<D> {
    const fn new(desk: D) -> Self {
        State {
            desk,
            waiters: WaitList::new(),
            woken: None,
            timer: None,
            setting: false,
            again: false,
        }
    }
}

/// Lets the timer ring for a waker. Returns whether it rings already.
fn set(timer: &mut Sleep, waker: &Waker) -> bool {
    let mut cx = Context::from_waker(waker);
    Pin::new(timer).poll(&mut cx).is_ready()
}

/// Somebody's place in a line.
pub(crate) enum Place<A> {
    /// Has not asked yet.
    Asks(A),
    Waits(A, Key),
    /// Has been served.
    Gone,
}

impl<D: Desk> fmt::Debug for Line<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").finish_non_exhaustive()
    }
}

#[cfg(all(test, loom))]
mod loom_tests;
