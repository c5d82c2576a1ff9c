//! `cargo xtask readmes`: the README of each library crate, made from the documentation of the crate.
//!
//! What a crate is stands in one place, the head of its `lib.rs`; cargo-rdme copies it between two marks of the
//! README. The lines outside of the marks are written by hand.

use std::process::Command;

use lexopt::Arg;

use crate::failure::{Failure, Result};
use crate::process::run;
use crate::provision;
use crate::workspace::{Package, Workspace};

/// Writes the READMEs, or with `--check` compares them.
pub(crate) fn main(mut arguments: lexopt::Parser) -> Result<()> {
    let mut compare = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("check") => compare = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let workspace = Workspace::load()?;
    if compare {
        return check(&workspace);
    }
    for package in workspace.libraries() {
        run(rdme(&workspace, package)?.arg("--force"))?;
    }
    Ok(())
}

/// Fails if a crate has no README, or one that says something else than the crate's documentation.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    for package in workspace.libraries() {
        run(rdme(workspace, package)?.arg("--check")).map_err(|_| {
            Failure::other(format!(
                "the README of {} is not what its documentation says; `cargo xtask readmes` makes it anew",
                package.name
            ))
        })?;
    }
    Ok(())
}

/// `cargo rdme` for one crate.
fn rdme(workspace: &Workspace, package: &Package) -> Result<Command> {
    let mut command = provision::RDME.command(workspace)?;
    // Links to items would need one certain nightly compiler, and mean nothing outside of rustdoc.
    command
        .arg("--intralinks-strip-links")
        .current_dir(package.folder());
    Ok(command)
}
