//! Who decides what happens next, and the record of what was decided.

use std::collections::HashMap;

use corokit_core::TaskId;
use fastrand::Rng;

use crate::token::{Schedule, Token};

/// What a run may choose from: one of some entries, or something that a test wants to try.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choices {
    /// How many entries of the ready queue may run next.
    pub(crate) entries: usize,
    /// How many other things may happen first.
    pub(crate) faults: usize,
}

/// A decision that was taken where there was more than one possibility.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) chosen: usize,
    pub(crate) of: usize,
}

/// The decisions of one run.
#[derive(Debug)]
pub(crate) struct Plan {
    guide: Guide,
    record: Vec<Decision>,
}

#[derive(Debug)]
enum Guide {
    /// Always the first.
    Fifo,
    Random {
        seed: u64,
        rng: Rng,
    },
    Pct(Pct),
    /// As listed, and then always the first.
    Follow(Vec<usize>),
}

impl Plan {
    pub(crate) fn fifo() -> Self {
        Plan::new(Guide::Fifo)
    }

    pub(crate) fn random(seed: u64) -> Self {
        let rng = Rng::with_seed(seed);
        Plan::new(Guide::Random { seed, rng })
    }

    pub(crate) fn pct(seed: u64, depth: usize, steps: usize) -> Self {
        Plan::new(Guide::Pct(Pct::new(seed, depth, steps)))
    }

    pub(crate) fn follow(choices: Vec<usize>) -> Self {
        match choices.is_empty() {
            true => Plan::fifo(),
            false => Plan::new(Guide::Follow(choices)),
        }
    }

    fn new(guide: Guide) -> Self {
        Plan {
            guide,
            // Most runs of a check are short, and there are many.
            record: Vec::with_capacity(128),
        }
    }

    /// Returns what makes the same decisions once more.
    pub(crate) fn token(&self) -> Token {
        Token::new(match &self.guide {
            Guide::Fifo => Schedule::Fifo,
            Guide::Random { seed, .. } => Schedule::Random { seed: *seed },
            Guide::Pct(pct) => Schedule::Pct {
                seed: pct.seed,
                depth: pct.depth,
                steps: pct.steps,
            },
            Guide::Follow(choices) => Schedule::Choices(choices.clone()),
        })
    }

    /// Returns what was decided so far.
    pub(crate) fn record(&self) -> &[Decision] {
        &self.record
    }

    /// Decides. The answer is the number of an entry, or of a fault, counted on.
    pub(crate) fn choose(
        &mut self,
        choices: Choices,
        entries: impl FnOnce() -> Vec<TaskId>,
    ) -> usize {
        let of = choices.entries + choices.faults;
        if of <= 1 {
            return 0;
        }
        let chosen = match &mut self.guide {
            Guide::Fifo => 0,
            Guide::Random { rng, .. } => random(rng, choices),
            Guide::Pct(pct) => pct.choose(choices, entries),
            Guide::Follow(listed) => {
                let listed = listed.get(self.record.len()).copied().unwrap_or(0);
                // A program that was changed may offer less than it did.
                if listed < of { listed } else { 0 }
            }
        };
        self.record.push(Decision { chosen, of });
        chosen
    }
}

/// Chooses among the entries, and now and then a fault.
fn random(rng: &mut Rng, choices: Choices) -> usize {
    match fault(rng, choices) {
        Some(fault) => fault,
        None => rng.usize(..choices.entries),
    }
}

/// Chooses a fault, now and then.
fn fault(rng: &mut Rng, choices: Choices) -> Option<usize> {
    let due = choices.faults > 0 && rng.u8(..8) == 0;
    due.then(|| choices.entries + rng.usize(..choices.faults))
}

/// Probabilistic concurrency testing (Burckhardt and others, 2010): each task has a random
/// priority, the most urgent one runs, and at `depth - 1` random steps the one that is about to run
/// becomes the least urgent.
#[derive(Debug)]
struct Pct {
    seed: u64,
    depth: usize,
    steps: usize,
    rng: Rng,
    /// The more, the sooner.
    priorities: HashMap<TaskId, u64>,
    /// The steps that are left of those at which a priority changes, the next one last.
    changes: Vec<usize>,
    step: usize,
    /// Who ran last, and how often in a row.
    last: Option<(TaskId, u32)>,
    /// What the next task to step back gets: less than all before.
    lowest: u64,
}

/// So often in a row a task may run while others could: a program that spins would never end.
const PATIENCE: u32 = 1_000;

impl Pct {
    fn new(seed: u64, depth: usize, steps: usize) -> Self {
        let mut rng = Rng::with_seed(seed);
        let changes = (1..depth).map(|_| rng.usize(..steps.max(1)));
        let mut changes: Vec<usize> = changes.collect();
        changes.sort_unstable_by(|one, other| other.cmp(one));
        Pct {
            seed,
            depth,
            steps,
            rng,
            priorities: HashMap::new(),
            changes,
            step: 0,
            last: None,
            lowest: u64::from(u32::MAX),
        }
    }

    fn choose(&mut self, choices: Choices, entries: impl FnOnce() -> Vec<TaskId>) -> usize {
        if let Some(fault) = fault(&mut self.rng, choices) {
            return fault;
        }
        let mut entries = entries();
        entries.truncate(choices.entries);
        for id in &entries {
            let rng = &mut self.rng;
            let drawn = || rng.u64(u64::from(u32::MAX) + 1..);
            self.priorities.entry(*id).or_insert_with(drawn);
        }
        let mut first = self.first(&entries);
        let step = self.step;
        self.step += 1;
        let due = self.changes.last() == Some(&step);
        while self.changes.last() == Some(&step) {
            self.changes.pop();
        }
        let in_a_row = match self.last {
            Some((id, times)) if id == entries[first] => times + 1,
            _ => 1,
        };
        if due || in_a_row > PATIENCE {
            self.lowest -= 1;
            self.priorities.insert(entries[first], self.lowest);
            first = self.first(&entries);
        }
        self.last = match self.last {
            Some((id, times)) if id == entries[first] => Some((id, times + 1)),
            _ => Some((entries[first], 1)),
        };
        first
    }

    fn first(&self, entries: &[TaskId]) -> usize {
        let priority = |index: &usize| self.priorities.get(&entries[*index]);
        (0..entries.len()).max_by_key(priority).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;

    fn ids(count: u32) -> Vec<TaskId> {
        let id = |slot| TaskId::new(NonZeroU64::MIN, slot, 0);
        (0..count).map(id).collect()
    }

    const THREE: Choices = Choices {
        entries: 3,
        faults: 0,
    };

    #[test]
    fn one_possibility_is_no_decision() {
        let mut plan = Plan::random(1);
        let one = Choices {
            entries: 1,
            faults: 0,
        };
        assert_eq!(plan.choose(one, || ids(1)), 0);
        assert!(plan.record().is_empty());
    }

    #[test]
    fn the_same_seed_decides_the_same_and_covers_everything() {
        let decide = |seed| {
            let mut plan = Plan::random(seed);
            (0..50)
                .map(|_| plan.choose(THREE, || ids(3)))
                .collect::<Vec<_>>()
        };
        assert_eq!(decide(1), decide(1));
        assert_ne!(decide(1), decide(2));
        assert!((0..3).all(|index| decide(1).contains(&index)));
    }

    #[test]
    fn faults_are_chosen_now_and_then() {
        let choices = Choices {
            entries: 2,
            faults: 1,
        };
        for mut plan in [Plan::random(3), Plan::pct(3, 2, 100)] {
            let chosen: Vec<usize> = (0..200).map(|_| plan.choose(choices, || ids(2))).collect();
            let faults = chosen.iter().filter(|index| **index == 2).count();
            assert!((5..100).contains(&faults), "{faults} of 200");
        }
    }

    #[test]
    fn what_was_listed_is_followed_as_far_as_it_goes() {
        let mut plan = Plan::follow(vec![2, 9]);
        let chosen: Vec<usize> = (0..3).map(|_| plan.choose(THREE, || ids(3))).collect();
        assert_eq!(chosen, [2, 0, 0]);
    }

    /// Without change points, a task runs until it cannot; each change point is one switch.
    #[test]
    fn pct_switches_as_often_as_its_depth_allows() {
        for seed in 0..100 {
            for depth in 1..4 {
                let mut plan = Plan::pct(seed, depth, 20);
                let chosen = (0..20).map(|_| plan.choose(THREE, || ids(3)));
                let chosen: Vec<usize> = chosen.collect();
                let switches = chosen.windows(2).filter(|pair| pair[0] != pair[1]).count();
                assert!(switches < depth, "{chosen:?} at depth {depth}");
            }
        }
    }

    #[test]
    fn pct_does_not_let_one_task_spin_for_ever() {
        let mut plan = Plan::pct(1, 1, 10);
        let chosen = (0..5_000).map(|_| plan.choose(THREE, || ids(3)));
        let mut chosen: Vec<usize> = chosen.collect();
        chosen.dedup();
        assert!(chosen.len() > 3);
    }
}
