//! Sets of futures beside a naive model, with random programs.
#![cfg(not(loom))]

mod support;

use std::pin::pin;
use std::task::Poll;

use corokit_parallel_serial::{ReturnWhen, WaitSet, as_completed};
use proptest::prelude::*;
use support::{Gate, gate, poll};

#[derive(Clone, Copy, Debug)]
enum Step {
    Insert,
    Open(usize),
    Wake(usize),
    Take(usize),
    Next,
    Wait,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Insert),
        3 => (0..40_usize).prop_map(Step::Open),
        2 => (0..40_usize).prop_map(Step::Wake),
        1 => (0..40_usize).prop_map(Step::Take),
        1 => Just(Step::Next),
        1 => Just(Step::Wait),
    ];
    proptest::collection::vec(step, 0..80)
}

/// What a child is in the model.
struct Child {
    gate: Gate<usize>,
    /// It is in the list of those that are due.
    due: bool,
    output: Option<usize>,
    there: bool,
    polls: usize,
}

#[derive(Default)]
struct Model {
    children: Vec<Child>,
    due: Vec<usize>,
}

impl Model {
    fn make_due(&mut self, index: usize) {
        let child = &mut self.children[index];
        if !std::mem::replace(&mut child.due, true) {
            self.due.push(index);
        }
    }

    /// The next that completes.
    fn next(&mut self) -> Option<Option<(usize, usize)>> {
        while !self.due.is_empty() {
            let index = self.due.remove(0);
            let child = &mut self.children[index];
            child.due = false;
            if !child.there {
                continue;
            }
            child.polls += 1;
            if let Some(output) = child.output.take() {
                child.there = false;
                return Some(Some((index, output)));
            }
        }
        let all_gone = self.children.iter().all(|child| !child.there);
        all_gone.then_some(None)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn as_completed_is_what_a_list_of_the_woken_is(steps in steps()) {
        let mut stream = as_completed(Vec::new());
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Insert => {
                    let (gate, wait) = gate();
                    let index = stream.push(wait);
                    prop_assert_eq!(index, model.children.len());
                    model.children.push(Child { gate, due: false, output: None, there: true, polls: 0 });
                    // A new one comes before those that are woken from now on.
                    model.make_due(index);
                    // Polled before the others have their turn: both see the same order.
                    let waiting = poll(pin!(stream.next()).as_mut());
                    let expected = model.next();
                    prop_assert_eq!(waiting, expected.map_or(Poll::Pending, Poll::Ready));
                }
                Step::Open(index) | Step::Wake(index) | Step::Take(index) => {
                    let Some(child) = model.children.get_mut(index) else { continue };
                    // A waker that is used up wakes nobody.
                    let polled_since = child.there && !child.due;
                    if matches!(step, Step::Open(_)) && child.there && child.output.is_none() {
                        child.output = Some(index);
                        child.gate.open(index);
                    } else {
                        child.gate.wake();
                    }
                    if polled_since {
                        model.make_due(index);
                    }
                }
                Step::Next | Step::Wait => {
                    let waiting = poll(pin!(stream.next()).as_mut());
                    let expected = model.next();
                    prop_assert_eq!(waiting, expected.map_or(Poll::Pending, Poll::Ready));
                }
            }
            for child in &model.children {
                prop_assert_eq!(child.gate.polls(), child.polls);
            }
            prop_assert_eq!(stream.len(), model.children.iter().filter(|c| c.there).count());
        }
    }

    #[test]
    fn nothing_is_lost_or_doubled_by_waits_that_are_given_up(steps in steps()) {
        let mut set = WaitSet::new();
        let mut gates = Vec::new();
        let mut seen = Vec::new();
        let mut taken = Vec::new();
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert => {
                    let (gate, wait) = gate();
                    prop_assert_eq!(set.insert(wait), gates.len());
                    gates.push((gate, false));
                }
                Step::Open(index) => {
                    if let Some((gate, open)) = gates.get_mut(index) {
                        if !std::mem::replace(open, true) {
                            gate.open(index);
                        }
                    }
                }
                Step::Wake(index) => {
                    if let Some((gate, _)) = gates.get(index) {
                        gate.wake();
                    }
                }
                Step::Take(index) => {
                    if set.take(index).is_some() {
                        taken.push(index);
                    }
                }
                Step::Next | Step::Wait => {
                    let when = match at % 3 {
                        0 => ReturnWhen::AllCompleted,
                        1 => ReturnWhen::FirstCompleted,
                        _ => ReturnWhen::FirstMatch(|output| output % 2 == 0),
                    };
                    if let Poll::Ready(waited) = poll(pin!(set.wait(when)).as_mut()) {
                        for (index, output) in waited.done {
                            prop_assert_eq!(index, output);
                            seen.push(index);
                        }
                    }
                }
            }
        }
        let Poll::Ready(last) = ({
            for (index, (gate, open)) in gates.iter_mut().enumerate() {
                if !std::mem::replace(open, true) {
                    gate.open(index);
                }
            }
            poll(pin!(set.wait(ReturnWhen::AllCompleted)).as_mut())
        }) else {
            panic!("all are open");
        };
        seen.extend(last.done.into_iter().map(|(index, _)| index));
        seen.append(&mut taken);
        seen.sort_unstable();
        prop_assert!(seen.into_iter().eq(0..gates.len()));
    }
}
