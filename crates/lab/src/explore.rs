//! Running a body many times, and making a failure short.

use std::env;
use std::future::Future;
use std::mem::{Discriminant, discriminant};

use crate::failure::{Failure, FailureKind};
use crate::lab::Lab;
use crate::more::More;
use crate::options::{Options, Strategy};
use crate::plan::{Decision, Plan};
use crate::run::{Attack, Extras, execute};
use crate::token::Token;
use crate::victim::Blow;

/// The environment variable that makes everything run under the schedule of a token.
pub(crate) const TOKEN: &str = "COROKIT_LAB_TOKEN";

/// What was explored without a failure.
///
/// # Examples
///
/// ```
/// let explored = corokit_lab::check(10, |_| async {});
/// assert_eq!((explored.schedules(), explored.is_complete()), (10, false));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explored {
    schedules: usize,
    complete: bool,
}

impl Explored {
    /// Returns how many schedules were tried: how many times the body was run, but for the one run
    /// in which PCT learns how long runs are.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(corokit_lab::check(3, |_| async {}).schedules(), 3);
    /// ```
    pub fn schedules(&self) -> usize {
        self.schedules
    }

    /// Returns `true` if there is nothing left to try within what was asked for.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(corokit_lab::exhaustive(1, |_| async {}).is_complete());
    /// ```
    pub fn is_complete(&self) -> bool {
        self.complete
    }
}

/// Returns the token that somebody wants to see again.
pub(crate) fn token_of_environment() -> Option<Token> {
    let text = env::var(TOKEN).ok()?;
    match text.parse() {
        Ok(token) => Some(token),
        Err(error) => panic!("{TOKEN}={text}: {error}"),
    }
}

/// Runs under the token of the environment, if there is one.
fn replayed<Fut: Future<Output = ()> + 'static>(
    options: &Options,
    body: &impl Fn(Lab) -> Fut,
) -> Option<Result<Explored, Failure>> {
    let token = token_of_environment()?;
    let replayed = options.try_replay(&token, body);
    Some(replayed.map(|()| Explored {
        schedules: 1,
        complete: false,
    }))
}

pub(crate) fn check<Fut: Future<Output = ()> + 'static>(
    options: &Options,
    schedules: usize,
    body: &impl Fn(Lab) -> Fut,
) -> Result<Explored, Failure> {
    if let Some(replayed) = replayed(options, body) {
        return replayed;
    }
    // PCT wants to know how long a run is.
    let steps = match options.strategy {
        Strategy::Pct { .. } => attempt(options, &mut Plan::fifo(), body)?,
        _ => 0,
    };
    let more = More::of_environment();
    let mut tried = 0;
    while tried < schedules || more.wants(tried) {
        attempt(options, &mut options.plan(tried as u64, steps), body)?;
        tried += 1;
    }
    Ok(Explored {
        schedules: tried,
        complete: false,
    })
}

pub(crate) fn exhaustive<Fut: Future<Output = ()> + 'static>(
    options: &Options,
    bound: usize,
    body: &impl Fn(Lab) -> Fut,
) -> Result<Explored, Failure> {
    if let Some(replayed) = replayed(options, body) {
        return replayed;
    }
    let mut choices = Vec::new();
    let mut schedules = 0;
    loop {
        if schedules == options.max_schedules {
            return Ok(Explored {
                schedules,
                complete: false,
            });
        }
        let mut plan = Plan::follow(choices);
        attempt(options, &mut plan, body)?;
        schedules += 1;
        match next(plan.record(), bound) {
            Some(next) => choices = next,
            None => {
                return Ok(Explored {
                    schedules,
                    complete: true,
                });
            }
        }
    }
}

/// Returns the decisions of the next schedule in depth-first order: the last decision that can go on
/// to another possibility does so.
fn next(record: &[Decision], bound: usize) -> Option<Vec<usize>> {
    let mut deviations = record.iter().filter(|decision| decision.chosen > 0).count();
    for (index, decision) in record.iter().enumerate().rev() {
        deviations -= usize::from(decision.chosen > 0);
        if decision.chosen + 1 < decision.of && deviations < bound {
            let mut choices: Vec<usize> = record[..index].iter().map(|it| it.chosen).collect();
            choices.push(decision.chosen + 1);
            return Some(choices);
        }
    }
    None
}

/// Runs a body once without a trace, and returns how many steps it took. If it fails, makes the
/// failure short and explains it.
fn attempt<Fut: Future<Output = ()> + 'static>(
    options: &Options,
    plan: &mut Plan,
    body: &impl Fn(Lab) -> Fut,
) -> Result<usize, Failure> {
    let extras = Extras {
        quiet: true,
        ..Extras::default()
    };
    let failed = match execute(options, plan, extras, body) {
        Ok(ended) => return Ok(ended.steps),
        Err(failure) => failure,
    };
    // A run that does not end is long, and so are those that are tried to make it short.
    let shorter = match failed.kind() {
        FailureKind::Livelock { .. } => None,
        kind => shrink(options, plan.record(), discriminant(kind), body),
    };
    let token = match shorter {
        Some(choices) => Plan::follow(choices).token().faults(options, None),
        None => failed.token().clone(),
    };
    Err(explained(options, &token, failed, body))
}

/// Runs what has failed once more, to see and hear what happens.
fn explained<Fut: Future<Output = ()> + 'static>(
    options: &Options,
    token: &Token,
    failed: Failure,
    body: &impl Fn(Lab) -> Fut,
) -> Failure {
    match options.try_replay(token, body) {
        Err(failure) => failure,
        // It depends on something that the lab does not rule.
        Ok(()) => failed,
    }
}

/// Looks for a schedule that fails in the same way, with fewer decisions that differ from first in, first
/// out.
fn shrink<Fut: Future<Output = ()> + 'static>(
    options: &Options,
    record: &[Decision],
    kind: Discriminant<FailureKind>,
    body: &impl Fn(Lab) -> Fut,
) -> Option<Vec<usize>> {
    let mut budget = options.shrink;
    let mut fails = |choices: &[usize]| -> Option<Option<Vec<usize>>> {
        budget = budget.checked_sub(1)?;
        let mut plan = Plan::follow(choices.to_vec());
        let extras = Extras {
            quiet: true,
            ..Extras::default()
        };
        let failed = execute(options, &mut plan, extras, body)
            .is_err_and(|failure| discriminant(failure.kind()) == kind);
        Some(failed.then(|| trimmed(plan.record())))
    };
    let mut best = trimmed(record);
    let mut found = None;
    // Large parts first, then smaller ones.
    let mut part = best.len().max(1);
    loop {
        let mut start = 0;
        while start < best.len() {
            let end = (start + part).min(best.len());
            if best[start..end].iter().any(|choice| *choice > 0) {
                let mut candidate = best.clone();
                candidate[start..end].fill(0);
                match fails(&candidate) {
                    None => return found,
                    Some(Some(shorter)) if weight(&shorter) < weight(&best) => {
                        best = shorter;
                        found = Some(best.clone());
                    }
                    Some(_) => {}
                }
            }
            start = end.max(start + 1);
        }
        if part == 1 {
            return found.or_else(|| fails(&best).flatten());
        }
        part = part.div_ceil(2).min(part - 1);
    }
}

/// How far a schedule is from first in, first out, and how long that takes.
fn weight(choices: &[usize]) -> (usize, usize) {
    let deviations = choices.iter().filter(|choice| **choice > 0).count();
    (deviations, choices.len())
}

/// Returns the decisions without those at the end that are the default.
fn trimmed(record: &[Decision]) -> Vec<usize> {
    let deviates = |decision: &Decision| decision.chosen > 0;
    let len = record.iter().rposition(deviates).map_or(0, |last| last + 1);
    record[..len].iter().map(|it| it.chosen).collect()
}

pub(crate) fn strike_everywhere<Fut: Future<Output = ()> + 'static>(
    options: &Options,
    blow: Blow,
    body: &impl Fn(Lab) -> Fut,
) -> Result<Explored, Failure> {
    if let Some(replayed) = replayed(options, body) {
        return replayed;
    }
    let quiet = Extras {
        quiet: true,
        ..Extras::default()
    };
    let strike = |extras| {
        let struck = execute(options, &mut options.plan(0, 100), extras, body);
        struck.map_err(|failed| {
            let token = failed.token().clone();
            explained(options, &token, failed, body)
        })
    };
    let survey = Extras {
        survey: true,
        ..quiet
    };
    let alive = strike(survey)?.alive;
    for &(victim, step) in &alive {
        let attack = Some(Attack { victim, step, blow });
        strike(Extras { attack, ..quiet })?;
    }
    Ok(Explored {
        schedules: 1 + alive.len(),
        complete: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decisions(pairs: &[(usize, usize)]) -> Vec<Decision> {
        let decision = |&(chosen, of)| Decision { chosen, of };
        pairs.iter().map(decision).collect()
    }

    #[test]
    fn the_next_schedule_is_that_of_a_depth_first_search() {
        let record = decisions(&[(0, 2), (1, 3), (1, 2)]);
        assert_eq!(next(&record, usize::MAX), Some(vec![0, 2]));
        let record = decisions(&[(1, 2), (2, 3)]);
        assert_eq!(next(&record, usize::MAX), None);
        assert_eq!(next(&[], usize::MAX), None);
    }

    #[test]
    fn a_schedule_deviates_no_more_often_than_allowed() {
        let record = decisions(&[(1, 2), (0, 2), (0, 2)]);
        assert_eq!(next(&record, 1), None);
        assert_eq!(next(&record, 2), Some(vec![1, 0, 1]));
        let record = decisions(&[(0, 2), (0, 2)]);
        assert_eq!(next(&record, 0), None);
        assert_eq!(next(&record, 1), Some(vec![0, 1]));
        // Another possibility instead of one that deviates already is no more of them.
        let record = decisions(&[(1, 3), (0, 2)]);
        assert_eq!(next(&record, 1), Some(vec![2]));
    }

    #[test]
    fn defaults_at_the_end_are_not_worth_listing() {
        let record = decisions(&[(0, 2), (1, 2), (0, 2), (0, 3)]);
        assert_eq!(trimmed(&record), [0, 1]);
        assert!(trimmed(&decisions(&[(0, 2)])).is_empty());
    }
}
