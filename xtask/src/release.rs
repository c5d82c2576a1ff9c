//! `cargo xtask release --dry-run`: whether the crates could be published as they are, and in which order.
//!
//! Each library crate is packaged as it would be uploaded, unpacked and built from that alone, against the packages
//! of the others. Nothing is uploaded: that is one command, which is printed at the end, for a person.

use std::collections::BTreeSet;
use std::fs;

use lexopt::Arg;

use crate::failure::{Context, Failure, Result};
use crate::process::{cargo, run};
use crate::workspace::{Package, Workspace};

/// Goes through all that a release needs, but for the upload.
pub(crate) fn main(mut arguments: lexopt::Parser) -> Result<()> {
    let mut dry_run = false;
    let mut allow_dirty = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("dry-run") => dry_run = true,
            Arg::Long("allow-dirty") => allow_dirty = true,
            other => return Err(other.unexpected().into()),
        }
    }
    if !dry_run {
        return Err(Failure::other(
            "a release is made by a person, as CONTRIBUTING.md says; this command only tries it: \
             cargo xtask release --dry-run",
        ));
    }

    let workspace = Workspace::load()?;
    let libraries = workspace.libraries();
    let mut faults: Vec<String> = libraries.iter().flat_map(|package| gaps(package)).collect();
    let changelog = workspace.root.join("CHANGELOG.md");
    let changelog = fs::read_to_string(&changelog).context(changelog.display())?;
    faults.extend(one_version(&libraries));
    if !faults.is_empty() {
        return Err(Failure::other(faults.join("\n")));
    }
    let order = in_order(&libraries)?;

    // One command for all, since a crate is built against the packages of those that it stands on.
    let mut package = cargo();
    package.args(["package", "--locked"]);
    for package_name in &order {
        package.args(["--package", package_name]);
    }
    if allow_dirty {
        package.arg("--allow-dirty");
    }
    run(&mut package)?;

    let version = &libraries[0].version;
    println!("\nEvery crate of {version} builds alone. The order of publishing:");
    for (index, name) in order.iter().enumerate() {
        println!("{:>3}. {name}", index + 1);
    }
    if !changelog.contains(&format!("## {version}")) {
        println!(
            "\nStill to do: CHANGELOG.md has no section `## {version}`, only what is unreleased."
        );
    }
    println!("\nTo publish them, in this order: cargo publish --locked --workspace");
    Ok(())
}

/// What a crate lacks that a registry, or a reader there, wants to have.
fn gaps(package: &Package) -> Vec<String> {
    let mut gaps = Vec::new();
    let mut want = |there: bool, what: &str| {
        if !there {
            gaps.push(format!("{} has no {what}", package.name));
        }
    };
    want(package.description.is_some(), "description");
    want(package.license.is_some(), "license");
    want(package.repository.is_some(), "repository");
    want(package.rust_version.is_some(), "rust-version");
    want(package.readme.is_some(), "README.md");
    want(
        (1..=5).contains(&package.keywords.len()),
        "one to five keywords",
    );
    want(!package.categories.is_empty(), "categories");
    gaps
}

/// A word on it if the crates have different versions: they are released together.
fn one_version(libraries: &[&Package]) -> Option<String> {
    let versions: BTreeSet<&str> = libraries.iter().map(|p| p.version.as_str()).collect();
    (versions.len() != 1).then(|| format!("the crates have different versions: {versions:?}"))
}

/// The names of the crates, each after those that it needs from the registry. A dependency for tests that has no
/// version is left out of what is published, so it asks for no order.
fn in_order(libraries: &[&Package]) -> Result<Vec<String>> {
    let mut rest: Vec<&Package> = libraries.to_vec();
    let mut order: Vec<String> = Vec::new();
    while !rest.is_empty() {
        let needs_rest = |package: &Package| {
            package.dependencies.iter().any(|dependency| {
                let published = dependency.kind.is_none() || dependency.req != "*";
                published && rest.iter().any(|other| other.name == dependency.name)
            })
        };
        let Some(index) = rest.iter().position(|package| !needs_rest(package)) else {
            let names: Vec<&str> = rest.iter().map(|package| package.name.as_str()).collect();
            return Err(Failure::other(format!(
                "these crates need each other, so none can be published first: {}",
                names.join(", ")
            )));
        };
        order.push(rest.remove(index).name.clone());
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    /// A package that needs `dependencies`: name, kind, requirement.
    fn package(name: &str, dependencies: &[(&str, Option<&str>, &str)]) -> Package {
        let mut package = crate::workspace::tests::package(name);
        let dependency = |(name, kind, req): &(&str, Option<&str>, &str)| Dependency {
            name: (*name).to_owned(),
            req: (*req).to_owned(),
            kind: kind.map(str::to_owned),
            target: None,
            features: Vec::new(),
            uses_default_features: true,
        };
        package.dependencies = dependencies.iter().map(dependency).collect();
        package
    }

    #[test]
    fn a_crate_comes_after_those_that_it_needs() {
        let top = package("a", &[("b", None, "^1"), ("c", Some("dev"), "^1")]);
        let middle = package("b", &[("c", None, "^1"), ("elsewhere", None, "^3")]);
        let bottom = package("c", &[]);
        assert_eq!(
            in_order(&[&top, &middle, &bottom]).unwrap(),
            ["c", "b", "a"]
        );
    }

    #[test]
    fn a_test_dependency_by_path_alone_asks_for_no_order() {
        let lower = package("a", &[("b", Some("dev"), "*")]);
        let upper = package("b", &[("a", None, "^1")]);
        assert_eq!(in_order(&[&lower, &upper]).unwrap(), ["a", "b"]);

        let lower = package("a", &[("b", Some("dev"), "^1")]);
        let refusal = in_order(&[&lower, &upper]).unwrap_err().to_string();
        assert!(refusal.contains("a, b"), "{refusal}");
    }

    #[test]
    fn what_a_crate_lacks_is_named() {
        let mut package = package("a", &[]);
        package.license = Some("MIT".to_owned());
        package.description = Some("text".to_owned());
        package.repository = Some("somewhere".to_owned());
        package.rust_version = Some("1.85".to_owned());
        package.keywords = vec!["async".to_owned()];
        assert_eq!(
            gaps(&package),
            ["a has no README.md", "a has no categories"]
        );
    }

    #[test]
    fn all_crates_have_one_version() {
        let mut newer = package("b", &[]);
        let older = package("a", &[]);
        assert_eq!(one_version(&[&older, &newer]), None);
        newer.version = "1.0.1".to_owned();
        assert!(one_version(&[&older, &newer]).unwrap().contains("1.0.1"));
    }
}
