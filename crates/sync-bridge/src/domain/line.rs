//! Whose turn it is.
//!
//! The turn is handed from one to the next, first come, first served: while anybody waits it is
//! never free to be taken by a newcomer.

use std::collections::VecDeque;
use std::task::Waker;

use crate::sync::{Mutex, MutexGuard, lock};

pub(super) struct Line(Mutex<State>);

struct State {
    /// Whether somebody has the turn, or has been granted it and not come for it yet.
    taken: bool,
    /// Who has been granted it.
    granted: Option<Ticket>,
    /// Who waits, by ticket.
    waiting: VecDeque<(Ticket, Waker)>,
    next: Ticket,
}

/// A place in the line. They are given out in order.
pub(super) type Ticket = u64;

impl Line {
    pub(super) fn new() -> Self {
        Line(Mutex::new(State {
            taken: false,
            granted: None,
            waiting: VecDeque::new(),
            next: 0,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }

    /// Takes the turn if it is free, or was granted to this ticket, which is used up then.
    pub(super) fn try_take(&self, ticket: &mut Option<Ticket>) -> bool {
        self.lock().try_take(ticket)
    }

    /// Takes the turn, or waits for it: `waker` is woken when it is granted.
    pub(super) fn take(&self, ticket: &mut Option<Ticket>, waker: Waker) -> bool {
        let mut unused = Some(waker);
        let taken = {
            let mut state = self.lock();
            let taken = state.try_take(ticket);
            if !taken {
                state.wait(ticket, &mut unused);
            }
            taken
        };
        drop(unused);
        taken
    }

    /// Gives the turn to the next in line.
    pub(super) fn pass_on(&self) {
        let next = self.lock().pass_on();
        if let Some(waker) = next {
            waker.wake();
        }
    }

    /// Leaves the line. If the turn was granted it is passed on.
    pub(super) fn leave(&self, ticket: Ticket) {
        let (next, waker) = {
            let mut state = self.lock();
            match state.granted == Some(ticket) {
                true => {
                    state.granted = None;
                    (state.pass_on(), None)
                }
                false => {
                    let at = state.find(ticket);
                    (None, state.waiting.remove(at))
                }
            }
        };
        drop(waker);
        if let Some(waker) = next {
            waker.wake();
        }
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }
}

impl State {
    fn try_take(&mut self, ticket: &mut Option<Ticket>) -> bool {
        match *ticket {
            Some(number) => {
                if self.granted != Some(number) {
                    return false;
                }
                self.granted = None;
                *ticket = None;
                true
            }
            None => !std::mem::replace(&mut self.taken, true),
        }
    }

    /// Puts a waker in its place, and what was there before into `waker`.
    fn wait(&mut self, ticket: &mut Option<Ticket>, waker: &mut Option<Waker>) {
        let Some(new) = waker.take() else { return };
        match *ticket {
            Some(number) => {
                let at = self.find(number);
                *waker = Some(std::mem::replace(&mut self.waiting[at].1, new));
            }
            None => {
                *ticket = Some(self.next);
                self.waiting.push_back((self.next, new));
                self.next += 1;
            }
        }
    }

    fn find(&self, ticket: Ticket) -> usize {
        self.waiting
            .binary_search_by_key(&ticket, |(number, _)| *number)
            .expect("a ticket is in the line until it is used up")
    }

    fn pass_on(&mut self) -> Option<Waker> {
        let Some((ticket, waker)) = self.waiting.pop_front() else {
            self.taken = false;
            return None;
        };
        self.granted = Some(ticket);
        Some(waker)
    }
}
