//! `cargo xtask costs`: what each crate, and each feature of it, costs those who depend on it.
//!
//! The page `docs/src/costs.md` is made by this command. Without `--write` the numbers of dependencies are compared
//! with the page; times are not, since they are another machine's.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::Instant;

use lexopt::Arg;

use crate::failure::{Context, Failure, Result};
use crate::process::{cargo, read};
use crate::workspace::{Package, Workspace, rustc_version};

/// Where the page is, from the root of the workspace.
const PAGE: &str = "docs/src/costs.md";

/// How often a crate is compiled; the shortest time counts.
const ROUNDS: usize = 3;

const HEAD: &str = "\
# What each crate costs

<!-- Made by `cargo xtask costs --write`. -->

How many crates come with each of ours, beside those of corokit itself, and how long the compiler works on
the crate alone. `alone` is the crate without its default features; each feature is counted by itself, on top
of nothing else. Dependencies for tests do not count: nobody who uses the crate builds them.
";

/// What one set of features of a crate brings along.
#[derive(Debug, PartialEq, Eq)]
struct Cost {
    /// The feature, `alone`, `by default` or `everything`.
    what: String,
    /// How many crates from elsewhere.
    foreign: usize,
    /// How many others of corokit.
    own: usize,
}

/// Compares with the page, or writes it.
pub(crate) fn main(mut arguments: lexopt::Parser) -> Result<()> {
    let mut write = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("write") => write = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let workspace = Workspace::load()?;
    if !write {
        return check(&workspace);
    }
    let mut page = HEAD.to_owned();
    page += &compile_times(&workspace)?;
    for package in workspace.libraries() {
        page += &section(package, &costs(package)?);
    }
    let path = workspace.root.join(PAGE);
    fs::write(&path, page).context(path.display())
}

/// Fails if a number of dependencies on the page is not what it is now.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let path = workspace.root.join(PAGE);
    let page = fs::read_to_string(&path).context(path.display())?;
    for package in workspace.libraries() {
        if !page.contains(&section(package, &costs(package)?)) {
            return Err(Failure::other(format!(
                "{PAGE} is not what {} costs now; `cargo xtask costs --write` makes it anew",
                package.name
            )));
        }
    }
    Ok(())
}

/// What each feature of a crate costs.
fn costs(package: &Package) -> Result<Vec<Cost>> {
    let mut costs = vec![
        cost(package, "alone", &["--no-default-features"])?,
        cost(package, "by default", &[])?,
    ];
    for name in package.features.keys().filter(|name| *name != "default") {
        let arguments = ["--no-default-features", "--features", name];
        costs.push(cost(package, &format!("`{name}`"), &arguments)?);
    }
    costs.push(cost(package, "everything", &["--all-features"])?);
    Ok(costs)
}

/// What a crate costs with some features.
fn cost(package: &Package, what: &str, features: &[&str]) -> Result<Cost> {
    let mut tree = cargo();
    tree.args(["tree", "--package", &package.name, "--edges", "normal"])
        .args(["--prefix", "none", "--format", "{p}"])
        .args(features);
    let (crates, _) = read(&mut tree)?;
    let (own, foreign) = counted(&crates);
    Ok(Cost {
        what: what.to_owned(),
        foreign,
        // The crate itself is in its tree.
        own: own - 1,
    })
}

/// How many crates of corokit, and how many others, a list of `cargo tree` names.
fn counted(tree: &str) -> (usize, usize) {
    let mut words = |line: &str| {
        let mut words = line.split_whitespace();
        words
            .next()
            .zip(words.next())
            .map(|(name, version)| format!("{name} {version}"))
    };
    let crates: BTreeSet<String> = tree.lines().filter_map(&mut words).collect();
    let own = crates
        .iter()
        .filter(|name| name.starts_with("corokit"))
        .count();
    (own, crates.len() - own)
}

/// The table of one crate.
fn section(package: &Package, costs: &[Cost]) -> String {
    let mut text = format!(
        "\n## {}\n\n| with | crates from elsewhere | of corokit |\n|---|---|---|\n",
        package.name
    );
    for Cost { what, foreign, own } in costs {
        let _ = writeln!(text, "| {what} | {foreign} | {own} |");
    }
    text
}

/// The table of how long the compiler works on each crate, when what it stands on is there.
fn compile_times(workspace: &Workspace) -> Result<String> {
    let mut text = format!(
        "\n## Time to compile\n\nSeconds for the crate alone, all features, the shortest of {ROUNDS}, rustc {} on two cores.\n\n\
         | crate | check | debug | release |\n|---|---|---|---|\n",
        rustc_version()?
    );
    let target = workspace.target.join("costs");
    for package in workspace.libraries() {
        let mut row = format!("| {}", package.name);
        for arguments in [&["check"][..], &["build"], &["build", "--release"]] {
            let command = |words: &[&str]| {
                let mut command = cargo();
                command.args(words).args(["--package", &package.name]);
                command
                    .arg("--target-dir")
                    .arg(&target)
                    .env("CARGO_INCREMENTAL", "0");
                command
            };
            let build = || {
                let mut build = command(arguments);
                build.arg("--all-features");
                build
            };
            read(&mut build())?;
            let mut best = f64::INFINITY;
            for _ in 0..ROUNDS {
                let mut clean = command(&["clean"]);
                read(clean.args(arguments.get(1)))?;
                best = best.min(seconds(&mut build())?);
            }
            let _ = write!(row, " | {best:.1}");
        }
        text += &(row + " |\n");
    }
    Ok(text)
}

/// How long a command takes.
fn seconds(command: &mut Command) -> Result<f64> {
    let start = Instant::now();
    read(command)?;
    Ok(start.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_counts_once_for_each_version() {
        let tree = "corokit-core v0.1.0 (here)\nslab v0.4.1\nslab v0.4.1 (*)\nslab v0.5.0\ncorokit v0.1.0 (there)\n";
        assert_eq!(counted(tree), (2, 2));
    }

    #[test]
    fn the_tables_have_a_row_for_each_set_of_features() {
        let cost = Cost {
            what: "alone".into(),
            foreign: 3,
            own: 1,
        };
        let package = crate::workspace::tests::package("corokit-core");
        let text = section(&package, &[cost]);
        assert!(text.ends_with("| alone | 3 | 1 |\n"), "{text}");
    }
}
