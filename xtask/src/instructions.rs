//! `cargo xtask instructions`: how many instructions a piece of work takes, against a checked-in table.
//!
//! Times move with the machine's mood; a count of instructions is the same at every run. The program that is counted
//! is the example `instructions` of the benches: `instructions --list` prints the names of its pieces of work, and
//! `instructions NAME` runs the function `ir_NAME`, inside of which callgrind counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use lexopt::{Arg, ValueExt};

use crate::failure::{Context, Failure, Result};
use crate::process::{cargo, read, run};
use crate::provision;
use crate::workspace::{Workspace, rustc_version};

/// The package and its example that holds the cases.
const PACKAGE: &str = "corokit-benches";
const EXAMPLE: &str = "instructions";

/// Where the table is, from the root of the workspace.
const TABLE: &str = "benches/instructions.toml";

/// How far a count may be from the table, in percent. Another compiler or C library moves it a little.
const TOLERANCE_PERCENT: u64 = 2;

/// Compares with the table, or writes it.
pub(crate) fn main(mut arguments: lexopt::Parser) -> Result<()> {
    let mut write = false;
    let mut features = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("write") => write = true,
            Arg::Long("features") => features = Some(arguments.value()?.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let workspace = Workspace::load()?;
    let features = features.as_deref();
    if !write {
        return check(&workspace, features);
    }
    let table = Table {
        rustc: rustc_version()?,
        counts: count_all(&workspace, features)?,
    };
    let path = workspace.root.join(TABLE);
    fs::write(&path, table.to_text()).context(path.display())
}

/// Counts every case and compares with the table. A feature that is built in and not used must not show.
pub(crate) fn check(workspace: &Workspace, features: Option<&str>) -> Result<()> {
    let path = workspace.root.join(TABLE);
    let table = Table::parse(&fs::read_to_string(&path).context(path.display())?)?;
    let counted = count_all(workspace, features)?;
    let differences = compare(&table.counts, &counted);
    if differences.is_empty() {
        return Ok(());
    }
    Err(Failure::other(format!(
        "{TABLE} (made with rustc {}, this is {}) does not hold:\n  {}\n\
         If the change is meant: cargo xtask instructions --write",
        table.rustc,
        rustc_version()?,
        differences.join("\n  ")
    )))
}

/// Builds the cases, with features of the benches if any are asked for, and counts each one.
fn count_all(workspace: &Workspace, features: Option<&str>) -> Result<BTreeMap<String, u64>> {
    provision::program("valgrind", "valgrind")?;
    let mut build = cargo();
    build.args(["build", "--release", "--package", PACKAGE]);
    if let Some(features) = features {
        build.args(["--features", features]);
    }
    run(build.args(["--example", EXAMPLE]))?;
    let program = workspace.target.join("release/examples").join(EXAMPLE);
    let (cases, _) = read(Command::new(&program).arg("--list"))?;
    let cases: Vec<&str> = cases.lines().collect();
    if cases.is_empty() {
        return Err(Failure::other(format!("`{EXAMPLE} --list` names no case")));
    }
    // Counts do not mind what else the machine does, so every processor counts.
    let next = AtomicUsize::new(0);
    let count_some = || -> Result<Vec<(String, u64)>> {
        let mut counts = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let count = count_one(&program, case)?;
            eprintln!("  {case:<40} {count:>12} instructions");
            counts.push(((*case).to_owned(), count));
        }
        Ok(counts)
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(count_some)).collect();
        let mut counts = BTreeMap::new();
        for worker in workers {
            let some = worker
                .join()
                .map_err(|_| Failure::other("counting panicked"))?;
            counts.extend(some?);
        }
        Ok(counts)
    })
}

/// Counts the instructions of one case.
fn count_one(program: &Path, case: &str) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--collect-atstart=no")
        .arg(format!("--toggle-collect=ir_{case}"));
    let (_, report) = read(valgrind.arg(program).arg(case))?;
    match collected(&report) {
        Some(count) if count > 0 => Ok(count),
        _ => Err(Failure::other(format!(
            "callgrind counted nothing for {case}; is the function ir_{case} there?"
        ))),
    }
}

/// Reads the line `==123== Collected : 877023` of callgrind's report.
fn collected(report: &str) -> Option<u64> {
    report.lines().find_map(|line| {
        let (_, count) = line.split_once("Collected : ")?;
        count.trim().parse().ok()
    })
}

/// The checked-in table: which compiler it was made with, and a count for each case.
#[derive(Debug, PartialEq, Eq)]
struct Table {
    rustc: String,
    counts: BTreeMap<String, u64>,
}

impl Table {
    /// Writes the table, in the small part of TOML that [`parse`](Self::parse) reads.
    fn to_text(&self) -> String {
        let mut text = format!(
            "# Instructions that the functions of examples/instructions.rs take, counted by callgrind.\n\
             # `cargo xtask ci` allows a difference of {TOLERANCE_PERCENT} %.\n\
             # `cargo xtask instructions --write` makes this table anew.\n\
             rustc = \"{}\"\n\n[counts]\n",
            self.rustc
        );
        for (case, count) in &self.counts {
            let _ = writeln!(text, "{case} = {count}");
        }
        text
    }

    /// Reads lines `key = value`; empty lines, comments and the section's name are passed over.
    fn parse(text: &str) -> Result<Self> {
        let mut table = Self {
            rustc: "unknown".to_owned(),
            counts: BTreeMap::new(),
        };
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with(['#', '[']) {
                continue;
            }
            let bad = || Failure::other(format!("{TABLE}: cannot read the line `{line}`"));
            match line.split_once(" = ").ok_or_else(bad)? {
                ("rustc", version) => table.rustc = version.trim_matches('"').to_owned(),
                (case, count) => {
                    let count = count.parse().map_err(|_| bad())?;
                    table.counts.insert(case.to_owned(), count);
                }
            }
        }
        Ok(table)
    }
}

/// Tells every case that is too far from the table, in either direction, or missing on one side.
fn compare(table: &BTreeMap<String, u64>, counted: &BTreeMap<String, u64>) -> Vec<String> {
    let mut differences = Vec::new();
    for (case, &expected) in table {
        match counted.get(case) {
            None => differences.push(format!("{case}: in the table, but there is no such case")),
            Some(&count) if count.abs_diff(expected) * 100 > expected * TOLERANCE_PERCENT => {
                let sign = if count > expected { '+' } else { '-' };
                // Tenths of a percent, in whole numbers.
                let tenths = count.abs_diff(expected) * 1000 / expected.max(1);
                differences.push(format!(
                    "{case}: {count} instead of {expected} ({sign}{}.{} %)",
                    tenths / 10,
                    tenths % 10
                ));
            }
            Some(_) => {}
        }
    }
    for (case, count) in counted {
        if !table.contains_key(case) {
            differences.push(format!("{case}: {count}, but not in the table"));
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(list: &[(&str, u64)]) -> BTreeMap<String, u64> {
        list.iter()
            .map(|&(case, count)| (case.to_owned(), count))
            .collect()
    }

    #[test]
    fn callgrinds_count_is_found() {
        let report = "\
==7== Callgrind, a call-graph generating cache profiler
==7== Events    : Ir
==7== Collected : 877023
==7== I   refs:      877,023
";
        assert_eq!(collected(report), Some(877_023));
        assert_eq!(collected("==7== no such line"), None);
    }

    #[test]
    fn a_table_reads_as_it_was_written() {
        let table = Table {
            rustc: "1.95.0".to_owned(),
            counts: counts(&[("spawn", 93_000), ("yield", 51_234)]),
        };
        assert_eq!(Table::parse(&table.to_text()).unwrap(), table);
        assert!(Table::parse("yield 51234").is_err());
        assert!(Table::parse("yield = many").is_err());
    }

    #[test]
    fn two_percent_are_allowed_in_both_directions() {
        let table = counts(&[("a", 10_000), ("b", 10_000)]);
        assert!(compare(&table, &counts(&[("a", 10_200), ("b", 9_800)])).is_empty());
        assert_eq!(
            compare(&table, &counts(&[("a", 10_201), ("b", 9_650)])),
            [
                "a: 10201 instead of 10000 (+2.0 %)",
                "b: 9650 instead of 10000 (-3.5 %)"
            ]
        );
    }

    #[test]
    fn a_case_on_one_side_only_is_told() {
        let differences = compare(&counts(&[("old", 5)]), &counts(&[("new", 7)]));
        assert_eq!(
            differences,
            [
                "old: in the table, but there is no such case",
                "new: 7, but not in the table"
            ]
        );
    }
}
