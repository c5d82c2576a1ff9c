//! The models for loom, which explore every interleaving of a few threads.

use serde::Deserialize;

use crate::failure::{Context, Failure, Result};
use crate::process::{cargo, read_announced};
use crate::provision;
use crate::report::{self, Tally};
use crate::testing::counted;
use crate::workspace::{Package, Workspace};

/// How far the exploration goes.
pub(crate) struct Bounds {
    /// How often threads are interrupted in one interleaving, at most.
    pub(crate) preemptions: u32,
    /// How long one model is explored, at most. `None`: until all has been seen.
    pub(crate) seconds: Option<u64>,
}

/// Those of the packages that have models: that depend on loom under `--cfg loom`.
pub(crate) fn modelled(libraries: Vec<&Package>) -> Result<Vec<&Package>> {
    let has_models = |package: &&Package| {
        package
            .dependencies
            .iter()
            .any(|d| d.name == "loom" && d.target.as_deref() == Some("cfg(loom)"))
    };
    let modelled: Vec<&Package> = libraries.into_iter().filter(has_models).collect();
    if modelled.is_empty() {
        return Err(Failure::other("no crate depends on loom under cfg(loom)"));
    }
    Ok(modelled)
}

/// Runs the models of these packages.
pub(crate) fn explore(
    workspace: &Workspace,
    modelled: &[&Package],
    bounds: &Bounds,
) -> Result<Tally> {
    let mut tests = Tally::default();
    for package in modelled {
        let mut command = nextest(workspace, package, "run")?;
        command.env("LOOM_MAX_PREEMPTIONS", bounds.preemptions.to_string());
        if let Some(seconds) = bounds.seconds {
            command
                .args(["--profile", "deep"])
                .env("LOOM_MAX_DURATION", seconds.to_string())
                // A model that is explored further also comes further.
                .env("LOOM_MAX_BRANCHES", "20000");
        }
        tests += counted(&mut command, report::nextest)?.unwrap_or_default();
    }
    Ok(tests)
}

/// How many models these packages have.
pub(crate) fn count(workspace: &Workspace, modelled: &[&Package]) -> Result<u64> {
    let mut models = 0;
    for package in modelled {
        let mut command = nextest(workspace, package, "list")?;
        let json = read_announced(command.args(["--message-format", "json"]))?;
        models += matching(&json)?;
    }
    Ok(models)
}

/// `cargo nextest` for the models of a package. A model is a test with `loom` in its name, its module's or its
/// file's. nextest gives each a process of its own, since a deadlock that loom finds ends in an abort. Features
/// that a crate needs for that are listed in its manifest under `package.metadata.loom`: not all compile for loom.
fn nextest(workspace: &Workspace, package: &Package, what: &str) -> Result<std::process::Command> {
    let mut command = provision::nextest_to(what, workspace, cargo())?;
    command.args(["--release", "--package", &package.name, "--lib"]);
    let metadata = package.metadata.as_ref();
    if let Some(loom) = metadata.and_then(|metadata| metadata.loom.as_ref()) {
        command.arg("--features").arg(loom.features.join(","));
    }
    let mut models = "test(loom)".to_owned();
    for file in package
        .targets_of("test")
        .filter(|name| name.contains("loom"))
    {
        command.args(["--test", file]);
        models += &format!(" or binary(={file})");
    }
    command
        .args(["-E", &models, "--target-dir"])
        .arg(workspace.target.join("loom"))
        .env("RUSTFLAGS", "--cfg loom")
        // Models run for moments: link-time optimisation would take longer than it saves.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    Ok(command)
}

/// What `cargo nextest list --message-format json` prints.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Listed {
    rust_suites: std::collections::BTreeMap<String, Suite>,
}

#[derive(Deserialize)]
struct Suite {
    testcases: std::collections::BTreeMap<String, Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Case {
    filter_match: Match,
}

#[derive(Deserialize)]
struct Match {
    status: String,
}

/// How many of the listed tests the filter lets through.
fn matching(json: &str) -> Result<u64> {
    let listed: Listed = serde_json::from_str(json).context("what `cargo nextest list` prints")?;
    let cases = listed
        .rust_suites
        .values()
        .flat_map(|it| it.testcases.values());
    Ok(cases
        .filter(|case| case.filter_match.status == "matches")
        .count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tests_that_match_are_counted() {
        let json = r#"{"test-count": 3, "rust-suites": {
            "a": {"package-name": "a", "testcases": {
                "loom": {"kind": "test", "ignored": false, "filter-match": {"status": "matches"}},
                "other": {"ignored": false, "filter-match": {"status": "mismatch", "reason": "expression"}}}},
            "b": {"testcases": {"loom": {"filter-match": {"status": "matches"}}}}}}"#;
        assert_eq!(matching(json).unwrap(), 2);
        assert!(matching("{}").is_err());
    }
}
