//! One flight: what its callers share.
//!
//! ```text
//!            a caller is polled                   the driver is done
//!   waiting ────────────────────────► driven ───────────────────────► done
//!      ▲                                │
//!      └────────────────────────────────┘
//!        the driver is dropped or panics: the first in line is woken
//!
//!   waiting or driven ──► dead: the last caller has left
//! ```
//!
//! While it waits, nobody drives the work. Usually the first in line has been woken to do it, but
//! whoever is polled sooner may: a waiter that was woken and is not polled holds up nobody who is.

use std::collections::VecDeque;
use std::mem;
use std::task::Waker;

use super::line::Line;
use super::once::Once;
use crate::sync::{Mutex, lock};

/// What the callers of one flight share: `V` is the outcome, `W` is work that outlives its callers.
pub(crate) struct Cell<V, W> {
    state: Mutex<State<W>>,
    /// Set before the state becomes [`Phase::Done`], if there is anybody to read it.
    outcome: Once<V>,
}

struct State<W> {
    phase: Phase,
    /// How many callers there are, driver included.
    callers: usize,
    line: Line,
    /// The waiter that was woken to drive, until somebody does.
    chosen: Option<u64>,
    /// Work that outlives its callers, and that nobody drives: in front what the last driver has left
    /// behind, then what callers have brought who do not drive it themselves. If some of it panics,
    /// the next is begun. There is never more than there are callers.
    work: VecDeque<W>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nobody drives.
    Waiting,
    /// One caller drives.
    Driven,
    /// The outcome is there.
    Done,
    /// All callers have left. Nobody may join any more.
    Dead,
}

/// What a caller is to a flight.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It has joined, and does not wait in line.
    Joined,
    /// It waits in line, under this number.
    Waits(u64),
    /// It drives.
    Drives,
    /// It needs the flight no more.
    Done,
}

/// What a caller is to do next.
pub(crate) enum Turn<V, W> {
    /// To return the outcome.
    Done(V),
    /// To drive, with this work if there is one.
    Drive(Option<W>),
    /// To wait until it is woken.
    Wait,
}

/// What is left after a caller has left. All of it is to be dropped or woken without a lock.
pub(crate) struct Left<W> {
    /// Whether this was the last one.
    pub(crate) last: bool,
    /// Whom to wake.
    pub(crate) next: Option<Waker>,
    /// What nobody needs any more.
    pub(crate) garbage: (Option<Waker>, VecDeque<W>),
}

impl<V: Clone, W> Cell<V, W> {
    /// Begins a flight with a caller who drives it.
    pub(crate) fn driven() -> Self {
        Self::new(Phase::Driven, 1, VecDeque::new())
    }

    /// Begins a flight with so many callers, none of whom drives yet, and with the work they bring.
    #[cfg(feature = "cache")]
    pub(crate) fn waiting(callers: usize, work: Option<W>) -> Self {
        Self::new(Phase::Waiting, callers, work.into_iter().collect())
    }

    fn new(phase: Phase, callers: usize, work: VecDeque<W>) -> Self {
        Cell {
            state: Mutex::new(State {
                phase,
                callers,
                line: Line::default(),
                chosen: None,
                work,
            }),
            outcome: Once::new(),
        }
    }

    /// Counts more callers in, with the work that they bring, if they bring any. Returns `false` if
    /// the flight is dead.
    ///
    /// To be called under the lock of the table that the flight is in, so that nobody joins after
    /// it has left the table.
    pub(crate) fn join(&self, callers: usize, work: &mut Option<W>) -> bool {
        let mut state = lock(&self.state);
        if state.phase == Phase::Dead {
            return false;
        }
        state.callers += callers;
        state.work.extend(work.take());
        true
    }

    /// Asks what a caller is to do next.
    pub(crate) fn turn(&self, role: &mut Role, waker: &Waker) -> Turn<V, W> {
        if let Some(outcome) = self.outcome.get() {
            *role = Role::Done;
            return Turn::Done(outcome);
        }
        // Cloned and dropped without the lock: wakers are code of others.
        let waker = waker.clone();
        let mut state = lock(&self.state);
        match state.phase {
            Phase::Done => {
                drop(state);
                let outcome = self.outcome.get();
                *role = Role::Done;
                Turn::Done(outcome.expect("it is set before the flight is done"))
            }
            Phase::Waiting => {
                let left = match *role {
                    Role::Waits(number) => state.line.leave(number),
                    _ => None,
                };
                state.phase = Phase::Driven;
                state.chosen = None;
                let work = state.work.pop_front();
                drop(state);
                drop(left);
                *role = Role::Drives;
                Turn::Drive(work)
            }
            Phase::Driven => {
                let old = match *role {
                    Role::Waits(number) => state.line.replace(number, waker),
                    _ => {
                        *role = Role::Waits(state.line.join(waker));
                        None
                    }
                };
                drop(state);
                drop(old);
                Turn::Wait
            }
            Phase::Dead => unreachable!("a caller keeps the flight alive"),
        }
    }

    /// Publishes the outcome to all other callers, and wakes those who wait.
    ///
    /// To be called by the driver, after the flight has left its table.
    pub(crate) fn complete(&self, outcome: &V) {
        let mut state = lock(&self.state);
        // Nobody joins any more. The outcome is cloned without the lock.
        if state.callers > 1 {
            drop(state);
            self.outcome.set(outcome.clone());
            state = lock(&self.state);
        }
        state.phase = Phase::Done;
        if state.line.is_empty() && state.work.is_empty() {
            return;
        }
        let (wakers, work) = (state.line.take_all(), mem::take(&mut state.work));
        drop(state);
        wakers.for_each(Waker::wake);
        drop(work);
    }

    /// Gives back the work that outlives its callers. It has progressed, and comes before work that
    /// has not.
    pub(crate) fn keep(&self, work: W) {
        let mut state = lock(&self.state);
        debug_assert!(state.phase == Phase::Driven);
        state.work.push_front(work);
    }

    /// Counts a caller out, whatever it is to the flight.
    pub(crate) fn leave(&self, role: Role) -> Left<W> {
        let mut state = lock(&self.state);
        let mut left = Left {
            last: false,
            next: None,
            garbage: (None, VecDeque::new()),
        };
        if state.phase == Phase::Done {
            return left;
        }
        state.callers -= 1;
        match role {
            Role::Waits(number) => {
                left.garbage.0 = state.line.leave(number);
                if state.chosen == Some(number) {
                    state.chosen = None;
                }
            }
            Role::Drives => state.phase = Phase::Waiting,
            Role::Joined | Role::Done => {}
        }
        if state.callers == 0 {
            state.phase = Phase::Dead;
            left.last = true;
            left.garbage.1 = mem::take(&mut state.work);
            return left;
        }
        if state.work.len() > state.callers {
            // The latest, which was not begun.
            left.garbage.1.extend(state.work.pop_back());
        }
        if state.phase == Phase::Waiting && state.chosen.is_none() {
            if let Some((number, waker)) = state.line.first() {
                state.chosen = Some(number);
                left.next = waker;
            }
        }
        left
    }
}
