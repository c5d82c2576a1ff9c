//! What may be used, checked over what cargo knows without any other tool: licences, sources, and no tokio in what
//! users get. `cargo xtask deep deny` asks cargo-deny about the same file, `deny.toml`, and looks closer.

use std::collections::BTreeMap;
use std::fs;

use crate::failure::{Context, Failure, Result};
use crate::process::{cargo, read};
use crate::testing::packages;
use crate::workspace::Workspace;

/// Where packages come from.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Fails with everything that is not as it should be.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let path = workspace.root.join("deny.toml");
    let text = fs::read_to_string(&path).context(path.display())?;
    let allowed = allowed(&text)?;
    let exceptions = exceptions(&text);

    let everything = Workspace::load_with_dependencies()?;
    let mut wrong = Vec::new();
    for package in &everything.packages {
        let name = format!("{} {}", package.name, package.version);
        let licence = package.license.as_deref().unwrap_or("none");
        let excepted = exceptions.get(package.name.as_str());
        if !is_allowed(licence, excepted.unwrap_or(&allowed)) {
            wrong.push(format!("{name}: the licence is {licence}"));
        }
        match package.source.as_deref() {
            None if package.manifest_path.starts_with(&workspace.root) => {}
            Some(CRATES_IO) => {}
            source => wrong.push(format!("{name} comes from {source:?}, not from crates.io")),
        }
    }

    // What users get is all that libraries depend on, on any platform, but not what their tests do.
    let mut tree = cargo();
    tree.args(["tree", "--edges", "normal,build", "--all-features"])
        .args(["--target", "all", "--prefix", "none"])
        .args(packages(&workspace.libraries()));
    let (tree, _) = read(&mut tree)?;
    wrong.extend(tokios(&tree).map(|name| format!("{name} is a dependency of libraries")));

    if wrong.is_empty() {
        println!(
            "{} packages: nothing to object to",
            everything.packages.len()
        );
        Ok(())
    } else {
        Err(Failure::other(wrong.join("\n")))
    }
}

/// The packages of a list by `cargo tree` that are tokio, or belong to it.
fn tokios(tree: &str) -> impl Iterator<Item = &str> {
    tree.lines().filter(|line| {
        let name = line.split(' ').next().unwrap_or_default();
        name == "tokio" || name.starts_with("tokio-")
    })
}

/// The licences of the list `allow` in `deny.toml`, one a line.
fn allowed(text: &str) -> Result<Vec<&str>> {
    let section = text.split("\n[licenses]\n").nth(1);
    let list = section.and_then(|rest| rest.split("allow = [").nth(1)?.split(']').next());
    let list = list.ok_or_else(|| Failure::other("deny.toml lists no licences"))?;
    Ok(list.split('"').skip(1).step_by(2).collect())
}

/// The licences that `deny.toml` allows for single packages, a package a line.
fn exceptions(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let lines = text.lines().filter_map(|line| {
        let entry = line.trim().strip_prefix("{ crate = \"")?;
        let (name, licences) = entry.split_once('"')?;
        Some((name, licences.split('"').skip(1).step_by(2).collect()))
    });
    lines.collect()
}

/// Whether a licence expression can be met by the licences of the list. `/` is what `OR` was once.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    either(&mut words, allowed) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

/// Alternatives. Each is read to its end, also when one before it will do.
fn either(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    let mut met = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= all(words, allowed);
    }
    met
}

/// What holds together.
fn all(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    let mut met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

/// One licence, with an exception or without, or an expression in parentheses.
fn one(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    match words.next() {
        Some("(") => {
            let met = either(words, allowed);
            words.next() == Some(")") && met
        }
        Some(name) => match words.next_if_eq(&"WITH") {
            Some(_) => {
                let name = format!("{name} WITH {}", words.next().unwrap_or_default());
                allowed.contains(&name.as_str())
            }
            // Who allows a version allows it where a later one would do as well.
            None => allowed.contains(&name.trim_end_matches('+')),
        },
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_met_by_what_is_allowed() {
        let allowed = ["MIT", "Apache-2.0", "Zlib"];
        for expression in [
            "MIT",
            "MIT OR Apache-2.0",
            "GPL-3.0 OR MIT",
            "MIT/Apache-2.0",
            "Zlib+",
            "Apache-2.0 / MIT",
            "(MIT OR GPL-3.0) AND Zlib",
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0",
        ] {
            assert!(is_allowed(expression, &allowed), "{expression}");
        }
        for expression in [
            "",
            "none",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR Zlib) AND GPL-3.0",
            "Apache-2.0 WITH LLVM-exception",
            "(MIT",
            "MIT)",
            "MIT Zlib",
        ] {
            assert!(!is_allowed(expression, &allowed), "{expression}");
        }
    }

    #[test]
    fn licences_are_read_from_their_own_list() {
        let text = "[bans]\nallow = [\"x\"]\n\n[licenses]\nallow = [\n    \"MIT\",\n    \"Zlib\",\n]\n[sources]\n";
        assert_eq!(allowed(text).unwrap(), ["MIT", "Zlib"]);
        assert!(allowed("[bans]\nallow = []\n").is_err());
    }

    #[test]
    fn single_packages_have_licences_of_their_own() {
        let text = "allow = [\n    \"MIT\",\n]\nexceptions = [\n    { crate = \"a\", allow = [\"X\", \"Y\"] },\n]\n";
        assert_eq!(exceptions(text), BTreeMap::from([("a", vec!["X", "Y"])]));
    }

    #[test]
    fn tokio_and_what_belongs_to_it_are_found() {
        let tree = "slab v0.4.11\ntokio v1.51.0\ntokio-util v0.7.1\ntokiota v1.0.0\n\ncorokit v0.1.0 (/tokio)\n";
        let found: Vec<&str> = tokios(tree).collect();
        assert_eq!(found, ["tokio v1.51.0", "tokio-util v0.7.1"]);
    }
}
