//! Which test programs have something in their sources.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Context, Result};
use crate::workspace::{Package, Target};

/// How cargo is told to build one test program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) package: String,
    /// As in `--test queue`.
    pub(super) choice: Vec<String>,
    /// How often the sources have what was looked for.
    pub(super) hits: u64,
}

/// The test programs of a package in whose sources `count` finds something.
pub(super) fn programs(package: &Package, count: impl Fn(&str) -> u64) -> Result<Vec<Program>> {
    let mut programs = Vec::new();
    for target in &package.targets {
        let Some(choice) = choice(target) else {
            continue;
        };
        let mut hits = 0;
        for file in files(&target.src_path) {
            hits += count(&fs::read_to_string(&file).context(file.display())?);
        }
        if hits > 0 {
            let package = package.name.clone();
            programs.push(Program {
                package,
                choice,
                hits,
            });
        }
    }
    Ok(programs)
}

/// The argument that chooses a target that has tests.
fn choice(target: &Target) -> Option<Vec<String>> {
    let is = |kind: &str| target.kind.iter().any(|it| it == kind);
    let named = |option: &str| Some(vec![option.to_owned(), target.name.clone()]);
    if is("lib") {
        Some(vec!["--lib".to_owned()])
    } else if is("test") {
        named("--test")
    } else if is("example") && target.test {
        named("--example")
    } else {
        None
    }
}

/// A source file and those of the modules that it declares, as far as they are where they belong.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.to_path_buf()];
    let mut next = 0;
    while let Some(file) = found.get(next).cloned() {
        next += 1;
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let folder = file.parent().unwrap_or(Path::new("."));
        // Modules of the root lie beside it, and so do those of a `mod.rs`; those of `a.rs` in `a`.
        let inside = match file.file_name().and_then(|name| name.to_str()) {
            Some("mod.rs") => folder.to_path_buf(),
            _ if file == root => folder.to_path_buf(),
            _ => file.with_extension(""),
        };
        for name in modules(&text) {
            let places = [
                inside.join(format!("{name}.rs")),
                inside.join(name).join("mod.rs"),
            ];
            let place = places.into_iter().find(|place| place.is_file());
            found.extend(place.filter(|place| !found.contains(place)));
        }
    }
    found
}

/// The names in the lines that declare modules elsewhere.
fn modules(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let line = line.trim().strip_suffix(';')?;
        let (before, name) = line.split_once("mod ")?;
        let visible = before.is_empty() || before.starts_with("pub");
        (visible && !name.contains(' ')).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_found_where_they_belong() {
        let text = "mod a;\npub(crate) mod b;\nmod c { }\nuse mod d;\n// mod e;\n    mod f;\n";
        let names: Vec<&str> = modules(text).collect();
        assert_eq!(names, ["a", "b", "f"]);
        // This file is a module of `deep.rs`, which is one of `main.rs`.
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/main.rs");
        let found = files(&root);
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/deep/sources.rs");
        assert!(found.contains(&here), "{found:?}");
        assert_eq!(found[0], root);
    }
}
