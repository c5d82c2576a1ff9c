//! Runs tests, and counts them.

use std::process::Command;

use crate::failure::{Failure, Result};
use crate::process::run_and_read;
use crate::report::Tally;
use crate::workspace::Package;

/// Runs a test runner, shows what it prints and reads the counts from it.
pub(crate) fn counted(command: &mut Command, counts: fn(&str) -> Tally) -> Result<Option<Tally>> {
    let (succeeded, output) = run_and_read(command)?;
    let tests = counts(&output);
    match (succeeded, tests.failed, tests.total()) {
        (_, 1.., _) => Err(Failure::Tests(tests)),
        (false, ..) => Err(Failure::other("the tests could not be built or run")),
        (true, 0, 0) => Err(Failure::other("no test ran")),
        (true, ..) => Ok(Some(tests)),
    }
}

/// `--package NAME` for each.
pub(crate) fn packages(packages: &[&Package]) -> impl Iterator<Item = String> {
    packages
        .iter()
        .flat_map(|package| ["--package".to_owned(), package.name.clone()])
        .collect::<Vec<_>>()
        .into_iter()
}
