//! What came of a list of steps, told as they run and in one line at the end.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};
use crate::report::Tally;

/// A step, as it is announced.
pub(crate) struct Title<'a> {
    pub(crate) number: usize,
    pub(crate) of: usize,
    pub(crate) name: &'static str,
    pub(crate) what: &'a str,
}

/// What came of the steps.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The command whose steps they are.
    command: &'static str,
    passed: Vec<&'static str>,
    failed: Vec<&'static str>,
    /// Steps that this machine could not run, with what was missing.
    left_out: Vec<(&'static str, String)>,
    /// The tests that ran, if any step counted them.
    tests: Option<Tally>,
}

impl Outcome {
    /// Nothing has run.
    pub(crate) fn new(command: &'static str) -> Self {
        Outcome {
            command,
            passed: Vec::new(),
            failed: Vec::new(),
            left_out: Vec::new(),
            tests: None,
        }
    }

    /// Runs a step, and notes how it ended.
    pub(crate) fn run(&mut self, title: &Title<'_>, step: impl FnOnce() -> Result<Option<Tally>>) {
        let Title {
            number,
            of,
            name,
            what,
        } = title;
        println!("\n[{number}/{of}] {name}: {what}");
        let start = Instant::now();
        let result = step();
        let time = in_words(start.elapsed());
        match &result {
            Ok(_) => println!("[{name}] passed in {time}"),
            Err(failure @ Failure::Missing { .. }) => println!("[{name}] left out: {failure}"),
            Err(failure) => println!("[{name}] failed after {time}: {failure}"),
        }
        self.record(name, result);
    }

    /// Whether a step has failed; if `strict`, also whether one was left out.
    pub(crate) fn has_failed(&self, strict: bool) -> bool {
        !self.failed.is_empty() || (strict && !self.left_out.is_empty())
    }

    /// Prints the summary. Fails if a step has.
    pub(crate) fn conclude(self, time: Duration, strict: bool) -> Result<()> {
        println!("\n{}", self.summary(time));
        if let Some(tests) = self.tests {
            println!("{} passed, {} failed", tests.passed, tests.failed);
        }
        let command = self.command;
        if !self.failed.is_empty() {
            return Err(Failure::other(format!("{command} failed")));
        }
        if self.has_failed(strict) {
            return Err(Failure::other(format!(
                "{command} failed: with --strict no step may be left out"
            )));
        }
        Ok(())
    }

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
        let mut line = format!(
            "{} {verdict} in {}; passed: {passed}",
            self.command,
            in_words(time)
        );
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
pub(crate) fn in_words(time: Duration) -> String {
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

    #[test]
    fn the_summary_names_every_step_and_tests_are_summed() {
        let tally = |passed, failed| Tally { passed, failed };
        let mut outcome = Outcome::new("ci");
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

    #[test]
    fn what_is_left_out_fails_only_where_that_is_asked_for() {
        let mut outcome = Outcome::new("deep");
        outcome.record("fmt", Ok(None));
        assert!(!outcome.has_failed(true));
        outcome.record("tsan", Err(Failure::missing("clang", "apt-get")));
        assert!(outcome.has_failed(true) && !outcome.has_failed(false));
        assert!(outcome.conclude(Duration::ZERO, false).is_ok());
    }
}
