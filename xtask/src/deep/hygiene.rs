//! What keeps a project in order: what it uses, and what it promises.

use crate::failure::{Failure, Result};
use crate::process::{read, run};
use crate::provision;
use crate::report::Tally;
use crate::sanitizers;
use crate::testing::packages;

use super::Deep;

/// Asks cargo-deny about `deny.toml`. Its advisories are in a repository of their own, which not every machine
/// can reach: they are for a service that watches `Cargo.lock`.
pub(super) fn deny(deep: &Deep) -> Result<Option<Tally>> {
    let mut command = provision::DENY.command(&deep.workspace)?;
    command.args([
        "check",
        "--hide-inclusion-graph",
        "licenses",
        "bans",
        "sources",
    ]);
    super::not_counted(run(command.current_dir(&deep.workspace.root)))
}

/// Looks for dependencies that nothing uses. What only an example in the documentation uses is named in the
/// manifest, under `package.metadata.cargo-machete`.
pub(super) fn machete(deep: &Deep) -> Result<Option<Tally>> {
    let root = &deep.workspace.root;
    let packages = deep.workspace.packages.iter();
    let folders = packages.filter_map(|package| package.folder().strip_prefix(root).ok());
    let mut tops: Vec<_> = folders
        .filter_map(|folder| folder.components().next())
        // It would take the harness of the fuzz targets for a member of their workspace.
        .filter(|top| top.as_os_str() != "fuzz")
        .collect();
    tops.dedup();
    let mut command = provision::machete(&deep.workspace)?;
    super::not_counted(run(command.args(tops).current_dir(root)))
}

/// Builds the libraries with the oldest versions of what they depend on directly.
pub(super) fn minimal_versions(deep: &Deep) -> Result<Option<Tally>> {
    sanitizers::nightly()?;
    let mut command = provision::MINIMAL_VERSIONS.command(&deep.workspace)?;
    command
        .args(["check", "--direct", "--all-features"])
        .args(packages(&deep.libraries()?))
        .arg("--target-dir")
        .arg(deep.workspace.target.join("minimal"))
        .current_dir(&deep.workspace.root);
    super::not_counted(run(&mut command))
}

/// Compares what the libraries promise with the last release: the newest tag like `v0.1.0`.
pub(super) fn semver(deep: &Deep) -> Result<Option<Tally>> {
    let mut git = std::process::Command::new("git");
    git.args(["describe", "--tags", "--abbrev=0", "--match", "v[0-9]*"])
        .current_dir(&deep.workspace.root);
    let Ok((tag, _)) = read(&mut git) else {
        return Err(Failure::missing(
            "a release to compare with",
            "tag the first one, as in v0.1.0",
        ));
    };
    let mut command = provision::SEMVER_CHECKS.command(&deep.workspace)?;
    command
        .args(["--all-features", "--baseline-rev", tag.trim()])
        .args(packages(&deep.libraries()?))
        .current_dir(&deep.workspace.root);
    super::not_counted(run(&mut command))
}
