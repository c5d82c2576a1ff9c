//! `cargo xtask ci`: everything that a change must pass.
//!
//! [`steps`] holds the steps, in order; this file chooses among them, runs them and says what came out.

mod msrv;
mod steps;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use lexopt::{Arg, ValueExt};

use crate::failure::{Failure, Result};
use crate::report::Tally;
use crate::workspace::Workspace;
use steps::{STEPS, Step};

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    strict: bool,
    keep_going: bool,
    list: bool,
    /// The names of the only steps to run, unless empty.
    only: Vec<String>,
    /// The names of the steps not to run.
    skip: Vec<String>,
}

/// What came of the steps.
#[derive(Debug, Default)]
struct Outcome {
    passed: Vec<&'static str>,
    failed: Vec<&'static str>,
    /// Steps that this machine could not run, with what was missing.
    left_out: Vec<(&'static str, String)>,
    /// The tests that ran, if any step counted them.
    tests: Option<Tally>,
}

/// Runs the steps that the command line chooses.
pub(crate) fn main(arguments: lexopt::Parser) -> Result<()> {
    let options = Options::parse(arguments)?;
    let chosen = options.choose()?;
    if options.list {
        for step in chosen {
            println!("{:<13} {}", step.name, step.what);
        }
        return Ok(());
    }

    let start = Instant::now();
    let workspace = Workspace::load()?;
    let outcome = run_all(&workspace, &chosen, &options);
    println!("\n{}", outcome.summary(start.elapsed()));
    if let Some(tests) = outcome.tests {
        println!("{} passed, {} failed", tests.passed, tests.failed);
    }

    if !outcome.failed.is_empty() {
        return Err(Failure::other("ci failed"));
    }
    if options.strict && !outcome.left_out.is_empty() {
        return Err(Failure::other(
            "ci failed: with --strict no step may be left out",
        ));
    }
    Ok(())
}

/// Runs the steps in order, until one fails.
fn run_all(workspace: &Workspace, chosen: &[&'static Step], options: &Options) -> Outcome {
    let mut outcome = Outcome::default();
    for (index, step) in chosen.iter().enumerate() {
        println!(
            "\n[{}/{}] {}: {}",
            index + 1,
            chosen.len(),
            step.name,
            step.what
        );
        let start = Instant::now();
        let result = (step.run)(workspace);
        let time = in_words(start.elapsed());
        match &result {
            Ok(_) => println!("[{}] passed in {time}", step.name),
            Err(failure @ Failure::Missing { .. }) => {
                println!("[{}] left out: {failure}", step.name)
            }
            Err(failure) => println!("[{}] failed after {time}: {failure}", step.name),
        }
        outcome.record(step.name, result);
        let failed = !outcome.failed.is_empty() || (options.strict && !outcome.left_out.is_empty());
        if failed && !options.keep_going {
            break;
        }
    }
    outcome
}

impl Options {
    fn parse(mut arguments: lexopt::Parser) -> Result<Self> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next()? {
            match argument {
                Arg::Long("strict") => options.strict = true,
                Arg::Long("keep-going") => options.keep_going = true,
                Arg::Long("list") => options.list = true,
                Arg::Long("only") => options.only.extend(names(&arguments.value()?.string()?)),
                Arg::Long("skip") => options.skip.extend(names(&arguments.value()?.string()?)),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }

    /// The steps to run, in their own order whatever the order on the command line.
    fn choose(&self) -> Result<Vec<&'static Step>> {
        for name in self.only.iter().chain(&self.skip) {
            if !STEPS.iter().any(|step| step.name == name) {
                let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
                return Err(Failure::other(format!(
                    "there is no step {name}; there are: {}",
                    known.join(", ")
                )));
            }
        }
        let named = |list: &[String], step: &Step| list.iter().any(|name| name == step.name);
        Ok(STEPS
            .iter()
            .filter(|step| self.only.is_empty() || named(&self.only, step))
            .filter(|step| !named(&self.skip, step))
            .collect())
    }
}

/// The names in a list like `fmt,clippy`.
fn names(list: &str) -> impl Iterator<Item = String> {
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

impl Outcome {
    /// Notes how a step ended.
    fn record(&mut self, name: &'static str, result: Result<Option<Tally>>) {
        match result {
            Ok(tests) => {
                self.passed.push(name);
                self.count(tests);
            }
            Err(Failure::Missing { what, .. }) => self.left_out.push((name, what)),
            Err(failure) => {
                self.failed.push(name);
                if let Failure::Tests(tests) = failure {
                    self.count(Some(tests));
                }
            }
        }
    }

    fn count(&mut self, tests: Option<Tally>) {
        if let Some(tests) = tests {
            *self.tests.get_or_insert_default() += tests;
        }
    }

    /// One line: what passed, and what did not.
    fn summary(&self, time: Duration) -> String {
        let verdict = if self.failed.is_empty() {
            "done"
        } else {
            "failed"
        };
        let passed = match self.passed.as_slice() {
            [] => "nothing".to_owned(),
            names => names.join(" "),
        };
        let mut line = format!("ci {verdict} in {}; passed: {passed}", in_words(time));
        if !self.failed.is_empty() {
            let _ = write!(line, "; failed: {}", self.failed.join(" "));
        }
        for (name, what) in &self.left_out {
            let _ = write!(line, "; left out: {name} ({what} is missing)");
        }
        line
    }
}

/// A duration as a person tells it: `4.2 s`, `3 min 07 s`.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Options> {
        Options::parse(lexopt::Parser::from_args(line.split_whitespace()))
    }

    fn chosen(line: &str) -> Vec<&'static str> {
        let steps = options(line).unwrap().choose().unwrap();
        steps.iter().map(|step| step.name).collect()
    }

    #[test]
    fn steps_run_in_their_own_order() {
        assert_eq!(
            chosen("--only loom,fmt --only nextest"),
            ["fmt", "nextest", "loom"]
        );
        assert_eq!(chosen("--only fmt,clippy --skip fmt"), ["clippy"]);
        assert_eq!(chosen("").len(), STEPS.len());
        assert_eq!(chosen("--skip fmt").len(), STEPS.len() - 1);
    }

    #[test]
    fn an_unknown_step_or_option_is_refused() {
        assert!(options("--skip fnt").unwrap().choose().is_err());
        assert!(options("--lazy").is_err());
        assert!(options("fmt").is_err());
    }

    #[test]
    fn flags_are_read() {
        let expected = Options {
            strict: true,
            keep_going: true,
            ..Options::default()
        };
        assert_eq!(options("--strict --keep-going").unwrap(), expected);
    }

    #[test]
    fn step_names_are_unique() {
        let mut names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
    }

    #[test]
    fn the_summary_names_every_step_and_tests_are_summed() {
        let tally = |passed, failed| Tally { passed, failed };
        let mut outcome = Outcome::default();
        outcome.record("fmt", Ok(None));
        assert_eq!(outcome.tests, None);
        outcome.record("nextest", Ok(Some(tally(7, 0))));
        outcome.record("loom", Err(Failure::Tests(tally(2, 1))));
        outcome.record("kv", Err(Failure::missing("redis-cli", "apt-get")));
        assert_eq!(
            outcome.summary(Duration::from_secs(187)),
            "ci failed in 3 min 07 s; passed: fmt nextest; failed: loom; left out: kv (redis-cli is missing)"
        );
        assert_eq!(outcome.tests, Some(tally(9, 1)));
    }
}
