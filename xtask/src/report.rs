//! Reads what test runners print, and adds it up.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// How many tests ran.
    pub(crate) fn total(self) -> u64 {
        self.passed + self.failed
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), Self::add)
    }
}

/// Reads the summary lines of cargo-nextest:
/// `Summary [   0.006s] 3 tests run: 1 passed (1 slow), 1 failed, 1 timed out, 0 skipped`.
pub(crate) fn nextest(output: &str) -> Tally {
    summaries(output, |line| {
        let (head, counts) = line.split_once(" run: ")?;
        head.trim_start().starts_with("Summary [").then_some(counts)
    })
}

/// Reads the summary lines of rustc's own test harness, which runs the doctests:
/// `test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s`.
pub(crate) fn libtest(output: &str) -> Tally {
    summaries(output, |line| {
        line.strip_prefix("test result: ")?
            .split_once(". ")
            .map(|(_, counts)| counts)
    })
}

/// Adds up the counts of every line that `counts_of` recognises as a summary.
fn summaries(output: &str, counts_of: impl Fn(&str) -> Option<&str>) -> Tally {
    without_colours(output)
        .lines()
        .filter_map(|line| counts_of(line).map(count))
        .sum()
}

/// Reads a list like `3 passed (1 slow), 1 failed; 2 skipped`. Every word that nextest has for a test
/// that did not pass counts as failed.
fn count(list: &str) -> Tally {
    let mut tally = Tally::default();
    for item in list.split([',', ';']) {
        let Some((number, word)) = item.trim().split_once(' ') else {
            continue;
        };
        let Ok(number) = number.parse::<u64>() else {
            continue;
        };
        if word.starts_with("passed") {
            tally.passed += number;
        } else if ["failed", "exec failed", "timed out"]
            .iter()
            .any(|failed| word.starts_with(failed))
        {
            tally.failed += number;
        }
    }
    tally
}

/// Takes the colour codes (`ESC [ .. m`) out of what a terminal is to show.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut pieces = text.split("\u{1b}[");
    plain.extend(pieces.next());
    for piece in pieces {
        plain.push_str(piece.split_once('m').map_or(piece, |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nextest_summaries_are_added_up() {
        let output = "\
        PASS [   0.004s] corokit-core add
────────────
     Summary [   0.006s] 1 test run: 1 passed, 0 skipped
     Summary [  12.500s] 9 tests run: 4 passed (1 slow, 2 leaky), 3 failed, 1 exec failed, 1 timed out, 2 skipped
";
        let expected = Tally {
            passed: 5,
            failed: 5,
        };
        assert_eq!(nextest(output), expected);
    }

    #[test]
    fn nextest_summary_of_an_interrupted_run_is_read() {
        let output = "     Summary [   0.010s] 2/7 tests run: 1 passed, 1 failed, 0 skipped";
        let expected = Tally {
            passed: 1,
            failed: 1,
        };
        assert_eq!(nextest(output), expected);
    }

    #[test]
    fn colours_do_not_hide_a_summary() {
        let output = "\u{1b}[32;1m     Summary\u{1b}[0m [   0.006s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m2\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m skipped";
        assert_eq!(nextest(output).passed, 2);
    }

    #[test]
    fn doctest_summaries_are_added_up() {
        let output = "\
running 3 tests
test crates/core/src/lib.rs - add (line 3) ... ok
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 4 filtered out; finished in 0.31s
";
        let expected = Tally {
            passed: 5,
            failed: 1,
        };
        assert_eq!(libtest(output), expected);
    }

    #[test]
    fn what_a_test_prints_is_no_summary() {
        assert_eq!(nextest("my Summary: 5 passed, 1 failed"), Tally::default());
        assert_eq!(libtest("result: 5 passed; 1 failed"), Tally::default());
    }
}
