//! How many children may run at once, and who waits for one to end.

use std::collections::VecDeque;
use std::task::Waker;

/// A counter of places with a first in, first out line in front of it.
///
/// Wakers go in cloned and come out to be woken or dropped without a lock.
pub(super) struct Admission {
    /// Nothing if there is no limit.
    limit: Option<usize>,
    /// How many places are taken, those that were granted among them.
    taken: usize,
    /// Those who wait, by ascending number. The first `granted` of them have a place and do not know
    /// it yet.
    line: VecDeque<(u64, Option<Waker>)>,
    granted: usize,
    next: u64,
}

impl Admission {
    pub(super) fn new() -> Self {
        Admission {
            limit: None,
            taken: 0,
            line: VecDeque::new(),
            granted: 0,
            next: 0,
        }
    }

    /// Sets how many places there are. Those that are taken count. Returns the wakers of those to
    /// whom one passes now.
    pub(super) fn set_limit(&mut self, limit: usize) -> Vec<Waker> {
        self.limit = Some(limit);
        let mut admitted = Vec::new();
        while self.has_room() && self.granted < self.line.len() {
            admitted.extend(self.grant());
        }
        admitted
    }

    fn has_room(&self) -> bool {
        self.limit.is_none_or(|limit| self.taken < limit)
    }

    /// Takes a place, if there is one. While anybody waits there is none: a place that becomes free
    /// goes to the first in line.
    pub(super) fn try_enter(&mut self) -> bool {
        let enters = self.has_room();
        self.taken += usize::from(enters);
        enters
    }

    /// Joins the line.
    pub(super) fn join(&mut self, waker: Waker) -> u64 {
        let number = self.next;
        self.next += 1;
        self.line.push_back((number, Some(waker)));
        number
    }

    /// Takes the place that was granted to a waiter, or else gives it another waker, and returns the
    /// one it had.
    pub(super) fn poll(&mut self, number: u64, waker: Waker) -> Result<(), Option<Waker>> {
        let index = self.find(number);
        if index < self.granted {
            self.granted -= 1;
            self.line.remove(index);
            return Ok(());
        }
        Err(self.line[index].1.replace(waker))
    }

    /// Leaves the line. Returns its waker, and that of the waiter to whom a place passes that had
    /// been granted to this one.
    pub(super) fn leave(&mut self, number: u64) -> (Option<Waker>, Option<Waker>) {
        let index = self.find(number);
        let left = self.line.remove(index).and_then(|(_, waker)| waker);
        if index >= self.granted {
            return (left, None);
        }
        self.granted -= 1;
        (left, self.release())
    }

    /// Gives a place back, and returns the waker of the waiter to whom it passes.
    pub(super) fn release(&mut self) -> Option<Waker> {
        self.taken -= 1;
        self.grant()
    }

    /// Grants a place to the first in line who has none, if there is one for it.
    fn grant(&mut self) -> Option<Waker> {
        if !self.has_room() {
            return None;
        }
        let (_, waker) = self.line.get_mut(self.granted)?;
        self.granted += 1;
        self.taken += 1;
        waker.take()
    }

    /// Returns the wakers of all who wait. They stay in line.
    pub(super) fn take_wakers(&mut self) -> Vec<Waker> {
        let waiting = self.line.iter_mut();
        waiting.filter_map(|(_, waker)| waker.take()).collect()
    }

    fn find(&self, number: u64) -> usize {
        match self.line.binary_search_by_key(&number, |waiter| waiter.0) {
            Ok(index) => index,
            Err(_) => unreachable!("whoever asks is in line"),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Arrive,
        Poll(usize),
        Leave(usize),
        Release,
        Limit(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => Just(Step::Arrive),
            2 => (0usize..8).prop_map(Step::Poll),
            1 => (0usize..8).prop_map(Step::Leave),
            3 => Just(Step::Release),
            1 => (1usize..5).prop_map(Step::Limit),
        ];
        proptest::collection::vec(step, 1..60)
    }

    /// The same without any cleverness: who holds a place, and who waits, with or without one.
    #[derive(Default)]
    struct Naive {
        limit: usize,
        held: usize,
        line: Vec<(u64, bool)>,
    }

    impl Naive {
        fn taken(&self) -> usize {
            self.held + self.line.iter().filter(|waiter| waiter.1).count()
        }

        /// Grants what there is, and returns how many places that were.
        fn grant(&mut self) -> usize {
            let room = self.limit.saturating_sub(self.taken());
            let waiting = self.line.iter_mut().filter(|waiter| !waiter.1);
            let granted = waiting.take(room).map(|waiter| waiter.1 = true);
            granted.count()
        }
    }

    proptest! {
        #[test]
        fn places_go_where_a_naive_counter_has_them_go(steps in steps()) {
            let mut admission = Admission::new();
            let mut naive = Naive { limit: 2, ..Naive::default() };
            prop_assert!(admission.set_limit(2).is_empty());
            for step in steps {
                match step {
                    Step::Arrive if admission.try_enter() => {
                        prop_assert!(naive.taken() < naive.limit);
                        naive.held += 1;
                    }
                    Step::Arrive => {
                        prop_assert!(naive.taken() >= naive.limit);
                        let number = admission.join(Waker::noop().clone());
                        naive.line.push((number, false));
                    }
                    Step::Poll(index) | Step::Leave(index) if index >= naive.line.len() => {}
                    Step::Poll(index) => {
                        let (number, granted) = naive.line[index];
                        let polled = admission.poll(number, Waker::noop().clone());
                        prop_assert_eq!(polled.is_ok(), granted);
                        if granted {
                            naive.line.remove(index);
                            naive.held += 1;
                        }
                    }
                    Step::Leave(index) => {
                        let (number, granted) = naive.line.remove(index);
                        let (left, passed) = admission.leave(number);
                        prop_assert_eq!(left.is_some(), !granted);
                        prop_assert_eq!(usize::from(passed.is_some()), naive.grant());
                    }
                    Step::Release if naive.held == 0 => {}
                    Step::Release => {
                        naive.held -= 1;
                        let passed = admission.release();
                        prop_assert_eq!(usize::from(passed.is_some()), naive.grant());
                    }
                    Step::Limit(limit) => {
                        naive.limit = limit;
                        prop_assert_eq!(admission.set_limit(limit).len(), naive.grant());
                    }
                }
                prop_assert_eq!(admission.taken, naive.taken());
            }
        }
    }
}
