//! More of what the tests explore anyway: interleavings, schedules, cases.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};
use crate::models;
use crate::process::{cargo, run};
use crate::provision;
use crate::report::{self, Tally};
use crate::testing::counted;

use super::Deep;
use super::sources::{self, Program};

/// How many schedules and cases are enough.
const MILLION: u64 = 1_000_000;

/// The models for loom, in which threads are interrupted more often than with each change.
pub(super) fn loom(deep: &Deep) -> Result<Option<Tally>> {
    let modelled = models::modelled(deep.libraries()?)?;
    let count = models::count(&deep.workspace, &modelled)?;
    let seconds = deep.share(count).as_secs().max(1);
    println!("{count} models, {seconds} s for each that takes so long");
    let bounds = models::Bounds {
        preemptions: 5,
        seconds: Some(seconds),
    };
    models::explore(&deep.workspace, &modelled, &bounds).map(Some)
}

/// The tests that check schedules by lab. Those of lab itself count how many they need, and want no more.
pub(super) fn lab(deep: &Deep) -> Result<Option<Tally>> {
    let mut programs = Vec::new();
    for package in deep.libraries()? {
        if package.name != "corokit-lab" {
            programs.extend(sources::programs(package, checks)?);
        }
    }
    let checks: u64 = programs.iter().map(|program| program.hits).sum();
    if checks == 0 {
        return Err(Failure::other("no test checks schedules"));
    }
    let seconds = deep.share(checks).as_secs().max(1);
    println!("about {checks} checks, {seconds} s for each that takes so long");
    let mut tests = Tally::default();
    for program in &programs {
        let mut command = nextest(deep, program)?;
        command
            .env("COROKIT_LAB_SCHEDULES", MILLION.to_string())
            .env("COROKIT_LAB_SECONDS", seconds.to_string());
        tests += counted(&mut command, report::nextest)?.unwrap_or_default();
    }
    Ok(Some(tests))
}

/// How many calls of `check` there are that say how many schedules.
fn checks(text: &str) -> u64 {
    let calls = |call: &str| {
        let rest = text.split(call).skip(1);
        rest.filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            .count() as u64
    };
    if text.contains("lab::") || text.contains("Lab") {
        calls("check(")
    } else {
        0
    }
}

/// The tests of properties: each program runs until it has seen a million cases or its share of the time is over.
/// Every run of it makes up other cases.
pub(super) fn proptest(deep: &Deep) -> Result<Option<Tally>> {
    let mut programs = Vec::new();
    for package in deep.libraries()? {
        let mentions = |text: &str| text.matches("proptest! {").count() as u64;
        programs.extend(sources::programs(package, mentions)?);
    }
    // One after the other, as each of them has several tests.
    let share = deep.budget / u32::try_from(programs.len().max(1)).unwrap_or(u32::MAX);
    let mut seen = Vec::new();
    let mut failed = Vec::new();
    for program in &programs {
        let cases = proptest_one(deep, program, share);
        let name = format!("{} {}", program.package, program.choice.join(" "));
        match cases {
            Ok(cases) => seen.push(format!("{cases:>9} cases  {name}")),
            Err(failure @ Failure::Missing { .. }) => return Err(failure),
            Err(failure) => failed.push(format!("{name}: {failure}")),
        }
    }
    println!("{}", seen.join("\n"));
    match failed.as_slice() {
        [] => Ok(None),
        failed => Err(Failure::other(failed.join("\n"))),
    }
}

/// Returns how many cases have been seen.
fn proptest_one(deep: &Deep, program: &Program, share: Duration) -> Result<u64> {
    run(nextest(deep, program)?.arg("--no-run"))?;
    let mut rounds = Rounds::new(share);
    while let Some(cases) = rounds.next() {
        let start = Instant::now();
        run(nextest(deep, program)?
            .args(["--status-level", "fail", "--final-status-level", "fail"])
            .env("PROPTEST_CASES", cases.to_string()))?;
        rounds.took(cases, start.elapsed());
    }
    Ok(rounds.cases)
}

/// How many cases a program is asked for, one run after the other.
struct Rounds {
    left: Duration,
    cases: u64,
    /// What the last run was asked for, and how long it took.
    last: Option<(u64, Duration)>,
}

impl Rounds {
    const FIRST: u64 = 256;

    fn new(share: Duration) -> Self {
        Rounds {
            left: share,
            cases: 0,
            last: None,
        }
    }

    /// As many as fit into the time that is left, as the last run was; not a handful at the end.
    fn next(&self) -> Option<u64> {
        let missing = MILLION - self.cases.min(MILLION);
        let Some((cases, time)) = self.last else {
            return Some(Self::FIRST);
        };
        let fit = cases as f64 * self.left.as_secs_f64() / time.as_secs_f64().max(1e-3);
        // What a short run says of a long one is not exact.
        let next = missing.min(fit as u64).min(cases.saturating_mul(20));
        (next >= Self::FIRST.min(missing) && next > 0).then_some(next)
    }

    fn took(&mut self, cases: u64, time: Duration) {
        self.cases += cases;
        self.left = self.left.saturating_sub(time);
        self.last = Some((cases, time));
    }
}

/// `cargo nextest run` for one program, optimised, with all that a debug build checks.
fn nextest(deep: &Deep, program: &Program) -> Result<Command> {
    let mut command = provision::nextest(&deep.workspace, cargo())?;
    command
        .args(["--profile", "deep", "--cargo-profile", "deep"])
        .arg("--all-features")
        .args(["--package", &program.package])
        .args(&program.choice);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_that_say_how_many_are_counted() {
        let text = "use corokit_lab::check;\ncheck(30, body); lab::check(1_000, |_| a); try_check(5, b); check(n, c);";
        assert_eq!(checks(text), 3);
        assert_eq!(checks("fn check(a: u8) {} check(3)"), 0);
    }

    #[test]
    fn rounds_grow_until_all_is_seen_or_the_time_is_over() {
        // A millisecond a case.
        let run = |share| {
            let mut rounds = Rounds::new(share);
            let mut asked = Vec::new();
            while let Some(cases) = rounds.next() {
                asked.push(cases);
                rounds.took(cases, Duration::from_millis(cases));
            }
            asked
        };
        assert_eq!(run(Duration::from_secs(1)), [256, 744]);
        assert_eq!(run(Duration::from_millis(300)), [256]);
        let long = run(Duration::from_secs(100_000));
        assert_eq!(long.iter().sum::<u64>(), MILLION);
        assert_eq!(long[..3], [256, 5_120, 102_400]);
    }
}
