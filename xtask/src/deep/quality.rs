//! How good the tests are, and how the whole holds up.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, Result};
use crate::process::{cargo, run, run_for};
use crate::provision;
use crate::report::Tally;
use crate::testing::packages;

use super::Deep;

/// What is changed to see whether a test notices: the core crates, and the parts of others that are as hard.
const MUTATED: [(&str, Option<&str>); 5] = [
    ("corokit-scheduler", None),
    ("corokit-priority", None),
    ("corokit-monitor", None),
    (
        "corokit-sync-bridge",
        Some("crates/sync-bridge/src/queue/**"),
    ),
    ("corokit-bg-utils", Some("crates/bg-utils/src/cache/**")),
];

/// Runs cargo-mutants until it has tried everything or the time is over. What it leaves out, and why, stands in
/// `.cargo/mutants.toml`.
pub(super) fn mutants(deep: &Deep) -> Result<Option<Tally>> {
    let mut failed = Vec::new();
    let libraries = deep.libraries()?;
    let parts: Vec<(&str, Option<&str>)> = if deep.packages.is_empty() {
        MUTATED.to_vec()
    } else {
        let part = |name: &str| MUTATED.iter().find(|(mutated, _)| *mutated == name);
        let names = libraries.iter().map(|library| library.name.as_str());
        names
            .map(|name| part(name).copied().unwrap_or((name, None)))
            .collect()
    };
    let share = deep.budget / u32::try_from(parts.len().max(1)).unwrap_or(u32::MAX);
    for (package, files) in parts {
        let output = deep.workspace.target.join("mutants").join(package);
        fs::create_dir_all(&output)
            .map_err(|error| Failure::other(format!("{}: {error}", output.display())))?;
        let mut command = provision::MUTANTS.command(&deep.workspace)?;
        command.current_dir(&deep.workspace.root);
        command
            .args(["--package", package, "--output"])
            .arg(&output);
        if let Some(files) = files {
            command.args(["--file", files]);
        }
        if let Some(shard) = &deep.shard {
            command.args(["--shard", shard]);
        }
        let code = run_for(&command, share)?;
        let score = Score::read(&output.join("mutants.out"));
        println!("{package}: {}", score.in_words());
        if code.is_none() {
            println!("{package}: the time was over before all had been tried");
        }
        if let Some(problem) = score.problem(code) {
            failed.push(format!("{package}: {problem}"));
        }
    }
    match failed.as_slice() {
        [] => Ok(None),
        failed => Err(Failure::other(failed.join(", "))),
    }
}

/// What has become of the mutants that were tried.
#[derive(Debug, Default, PartialEq, Eq)]
struct Score {
    caught: usize,
    missed: usize,
    timeout: usize,
    unviable: usize,
}

impl Score {
    /// Reads the lists that cargo-mutants writes, one mutant a line.
    fn read(folder: &Path) -> Self {
        let lines = |name: &str| {
            let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
            text.lines().filter(|line| !line.trim().is_empty()).count()
        };
        Score {
            caught: lines("caught.txt"),
            missed: lines("missed.txt"),
            timeout: lines("timeout.txt"),
            unviable: lines("unviable.txt"),
        }
    }

    /// What is wrong, if anything is, by the code with which cargo-mutants has ended: none if its time was over.
    fn problem(&self, code: Option<i32>) -> Option<String> {
        match code {
            // That the tests pass without any change takes time, too.
            None if *self == Score::default() => Some("no time was left to try any".to_owned()),
            // 2: some were missed; 3: some took too long, which is noticed as well.
            None | Some(0 | 3) if self.missed == 0 => None,
            None | Some(0 | 2 | 3) => Some(format!("{} missed", self.missed)),
            Some(_) => Some("cargo-mutants did not come to an end".to_owned()),
        }
    }

    /// A mutant that does not compile says nothing of the tests; one that hangs them has been noticed.
    fn in_words(&self) -> String {
        let noticed = self.caught + self.timeout;
        let viable = noticed + self.missed;
        let percent = 100.0 * noticed as f64 / viable.max(1) as f64;
        format!(
            "{noticed} of {viable} viable mutants noticed ({percent:.1} %), {} by a timeout; {} unviable",
            self.timeout, self.unviable
        )
    }
}

/// Runs the tests of the libraries, and prints which part of each file they ran.
pub(super) fn coverage(deep: &Deep) -> Result<Option<Tally>> {
    let mut command = provision::llvm_cov(&deep.workspace)?;
    command
        .args(packages(&deep.libraries()?))
        .args(["--all-features", "--summary-only", "--config-file"])
        .arg(deep.workspace.root.join("xtask/nextest.toml"));
    run(&mut command)?;
    Ok(None)
}

/// Runs kv for as many minutes as there are.
pub(super) fn soak(deep: &Deep) -> Result<Option<Tally>> {
    let benches = deep.workspace.package("corokit-benches")?;
    if !benches.targets_of("example").any(|name| name == "soak") {
        return Err(Failure::missing(
            "the example soak of corokit-benches",
            "write benches/examples/soak.rs",
        ));
    }
    let minutes = (deep.budget.as_secs() / 60).max(1).to_string();
    run(cargo()
        .args(["run", "--release", "--package", "corokit-benches"])
        .args(["--example", "soak", "--", "--minutes", &minutes]))?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noticed_counts_and_what_is_unviable_does_not() {
        let score = Score {
            caught: 17,
            missed: 2,
            timeout: 1,
            unviable: 5,
        };
        let expected = "18 of 20 viable mutants noticed (90.0 %), 1 by a timeout; 5 unviable";
        assert_eq!(score.in_words(), expected);
        let nothing = Score::read(Path::new("/no-such-folder-at-all"));
        assert_eq!(nothing, Score::default());
    }

    #[test]
    fn what_is_missed_is_a_problem_and_so_is_having_tried_nothing() {
        let noticed = Score {
            caught: 1,
            ..Score::default()
        };
        let missed = Score {
            missed: 2,
            ..Score::default()
        };
        for code in [None, Some(0), Some(3)] {
            assert_eq!(noticed.problem(code), None);
        }
        for code in [None, Some(2), Some(3)] {
            assert_eq!(missed.problem(code).unwrap(), "2 missed");
        }
        assert_eq!(Score::default().problem(Some(0)), None);
        assert!(Score::default().problem(None).unwrap().contains("no time"));
        assert!(noticed.problem(Some(4)).unwrap().contains("to an end"));
    }
}
