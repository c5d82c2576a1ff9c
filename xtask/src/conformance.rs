//! `cargo xtask conformance`: async-executor's own published tests, on our executor.
//!
//! The package is found through `cargo metadata` (it is a dev-dependency of the workspace). Its test files are written
//! into the target folder with nothing but their `use async_executor::..` line changed, as part of a small package of
//! their own, and run there. Nothing of them is kept in the repository.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use lexopt::Arg;

use crate::failure::{Context, Failure, Result};
use crate::process::{cargo, read, run_and_read};
use crate::provision;
use crate::report::{self, Tally};
use crate::workspace::{Package, Workspace};

/// The package whose files are taken, and the crate that they name.
const UPSTREAM: &str = "async-executor";
const UPSTREAM_CRATE: &str = "async_executor";

/// Every file that the package is known to have, and why it is left out if it is. All those left out
/// share an executor between threads, which a thread-confined one refuses at compile time.
const FILES: [(&str, Option<&str>); 9] = [
    ("tests/different_executors.rs", None),
    ("tests/drop.rs", None),
    (
        "tests/larger_tasks.rs",
        Some("shares an `Arc<Executor>` between threads"),
    ),
    ("tests/local_queue.rs", None),
    ("tests/panic_prop.rs", None),
    ("tests/spawn_many.rs", None),
    ("examples/limit.rs", None),
    (
        "examples/priority.rs",
        Some("keeps its executor in a `static`, which must be `Sync`"),
    ),
    (
        "benches/executor.rs",
        Some(
            "keeps its executor in a `static`, which must be `Sync`; `cargo xtask bench` compares instead",
        ),
    ),
];

/// Whose executor runs the files.
struct Subject {
    /// Its crate, as the changed `use` line names it.
    library: &'static str,
    /// The line of the generated manifest that brings it.
    dependency: String,
    /// The name of the generated package.
    package: &'static str,
}

/// Lists the files, or runs those that can be run.
pub(crate) fn main(mut arguments: lexopt::Parser) -> Result<()> {
    let mut list = false;
    let mut reference = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("list") => list = true,
            Arg::Long("reference") => reference = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let workspace = Workspace::load_with_dependencies()?;
    let upstream = workspace.package(UPSTREAM)?;
    if list {
        check_files(upstream)?;
        println!("{UPSTREAM} {}:", upstream.version);
        for (file, left_out) in FILES {
            match left_out {
                None => println!("  {file}: run"),
                Some(why) => println!("  {file}: left out, {why}"),
            }
        }
        return Ok(());
    }
    let subject = if reference {
        Subject {
            library: UPSTREAM_CRATE,
            dependency: format!("{UPSTREAM} = \"={}\"", upstream.version),
            package: "conformance-reference",
        }
    } else {
        ours(&workspace)?
    };
    run_all(&workspace, upstream, &subject).map(|_| ())
}

/// Runs all files that a thread-confined executor can carry on corokit's, and counts their tests.
pub(crate) fn check() -> Result<Tally> {
    let workspace = Workspace::load_with_dependencies()?;
    let upstream = workspace.package(UPSTREAM)?;
    run_all(&workspace, upstream, &ours(&workspace)?)
}

/// Our own executor.
fn ours(workspace: &Workspace) -> Result<Subject> {
    let folder = workspace.package("corokit-scheduler")?.folder();
    Ok(Subject {
        library: "corokit_scheduler",
        dependency: format!("corokit-scheduler = {{ path = {folder:?} }}"),
        package: "conformance",
    })
}

/// Generates the package, then runs its tests and examples.
fn run_all(workspace: &Workspace, upstream: &Package, subject: &Subject) -> Result<Tally> {
    check_files(upstream)?;
    println!("{UPSTREAM} {} on {}:", upstream.version, subject.library);
    let folder = generate(workspace, upstream, subject)?;
    let manifest = folder.join("Cargo.toml");
    let target = workspace.target.join("conformance-build");

    let mut tests = provision::nextest(workspace, cargo())?;
    tests
        .arg("--manifest-path")
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&target);
    let (passed, output) = run_and_read(&mut tests)?;
    let mut tally = report::nextest(&output);
    if !passed {
        return Err(if tally.failed > 0 {
            Failure::Tests(tally)
        } else {
            Failure::other(format!("the tests do not run on {}", subject.library))
        });
    }

    for example in carried("examples/") {
        let name = stem(example);
        // It prints a hundred lines of progress that nobody needs unless it fails.
        read(
            cargo()
                .args(["run", "--example", &name, "--manifest-path"])
                .arg(&manifest)
                .arg("--target-dir")
                .arg(&target),
        )?;
        println!("{example}: passed");
        tally.passed += 1;
    }
    for (file, left_out) in FILES {
        if let Some(why) = left_out {
            println!("left out: {file}: {why}");
        }
    }
    println!(
        "{}: {} of {UPSTREAM}'s own tests and examples passed",
        subject.library, tally.passed
    );
    Ok(tally)
}

/// Fails if the published package has other files than [`FILES`]: a new one must be run or left out for a reason.
fn check_files(upstream: &Package) -> Result<()> {
    let known: BTreeSet<String> = FILES.iter().map(|(file, _)| (*file).to_owned()).collect();
    let mut found = BTreeSet::new();
    for folder in ["tests", "examples", "benches"] {
        let path = upstream.folder().join(folder);
        for entry in fs::read_dir(&path).context(path.display())? {
            let name = entry.context(path.display())?.file_name();
            let name = name.to_string_lossy();
            if name.ends_with(".rs") {
                found.insert(format!("{folder}/{name}"));
            }
        }
    }
    if known == found {
        return Ok(());
    }
    let differences: Vec<&String> = known.symmetric_difference(&found).collect();
    Err(Failure::other(format!(
        "{UPSTREAM} {} has other files than xtask/src/conformance.rs knows: {differences:?}",
        upstream.version
    )))
}

/// The files of a folder that are run.
fn carried(folder: &str) -> impl Iterator<Item = &'static str> {
    FILES
        .iter()
        .filter(move |(file, left_out)| left_out.is_none() && file.starts_with(folder))
        .map(|(file, _)| *file)
}

/// A file's name without folder and extension.
fn stem(file: &str) -> String {
    let stem = Path::new(file).file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// Writes the package into the target folder and returns its folder.
fn generate(workspace: &Workspace, upstream: &Package, subject: &Subject) -> Result<PathBuf> {
    let folder = workspace.target.join(subject.package);
    let write = |file: &str, text: &str| {
        let path = folder.join(file);
        let parent = path.parent().unwrap_or(&folder);
        fs::create_dir_all(parent).context(parent.display())?;
        fs::write(&path, text).context(path.display())
    };
    for subfolder in ["tests", "examples"] {
        // A file that an earlier run left here must not be run again.
        let _ = fs::remove_dir_all(folder.join(subfolder));
    }

    let mut sources = String::new();
    for file in carried("") {
        let path = upstream.folder().join(file);
        let source = fs::read_to_string(&path).context(path.display())?;
        let changed = change_use_line(&source, subject.library).context(file)?;
        write(file, &changed)?;
        sources.push_str(&changed);
    }
    write("src/lib.rs", "")?;
    write("Cargo.toml", &manifest(upstream, subject, &sources))?;

    // With the workspace's own lock file, the versions are those that the workspace is tested with.
    let lock = workspace.root.join("Cargo.lock");
    fs::copy(&lock, folder.join("Cargo.lock")).context(lock.display())?;
    Ok(folder)
}

/// The generated package's manifest: the executor, and what async-executor's manifest says of every crate that the
/// sources name.
fn manifest(upstream: &Package, subject: &Subject, sources: &str) -> String {
    let mut text = format!(
        "[package]\nname = \"corokit-{}\"\nversion = \"0.0.0\"\nedition = \"{}\"\npublish = false\n\n\
         [workspace]\n\n[dependencies]\n{}\n",
        subject.package, upstream.edition, subject.dependency
    );
    for dependency in &upstream.dependencies {
        let named = sources.contains(&format!("{}::", dependency.name.replace('-', "_")));
        let for_tests = dependency.kind.as_deref() == Some("dev") && dependency.target.is_none();
        if named && for_tests {
            let _ = writeln!(
                text,
                "{} = {{ version = \"{}\", default-features = {}, features = {:?} }}",
                dependency.name,
                dependency.req,
                dependency.uses_default_features,
                dependency.features
            );
        }
    }
    text
}

/// Makes the `use async_executor::` line name `library` instead, with our name for what upstream calls `Executor`.
fn change_use_line(source: &str, library: &str) -> std::result::Result<String, String> {
    let mut changed = String::with_capacity(source.len());
    let mut uses = 0;
    for line in source.split_inclusive('\n') {
        let statement = line.trim_end();
        let end = &line[statement.len()..];
        match imported(statement) {
            Some(items) => {
                uses += 1;
                let items: Vec<&str> = items.into_iter().map(our_name).collect();
                let _ = write!(changed, "use {library}::{{{}}};{end}", items.join(", "));
            }
            None if line.contains(UPSTREAM_CRATE) => {
                return Err(format!(
                    "names {UPSTREAM_CRATE} outside of its `use` line: {statement}"
                ));
            }
            None => changed.push_str(line),
        }
    }
    match uses {
        1 => Ok(changed),
        n => Err(format!(
            "has {n} `use {UPSTREAM_CRATE}` lines instead of one"
        )),
    }
}

/// The items of a line `use async_executor::Item;` or `use async_executor::{Item, Item};`.
fn imported(statement: &str) -> Option<Vec<&str>> {
    let items = statement
        .strip_prefix("use ")?
        .strip_prefix(UPSTREAM_CRATE)?
        .strip_prefix("::")?
        .strip_suffix(';')?
        .trim_start_matches('{')
        .trim_end_matches('}');
    Some(items.split(',').map(str::trim).collect())
}

/// What to import for an item of async-executor.
fn our_name(item: &str) -> &str {
    match item {
        "Executor" => "LocalExecutor as Executor",
        same => same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(source: &str) -> std::result::Result<String, String> {
        change_use_line(source, "corokit_scheduler")
    }

    #[test]
    fn only_the_use_line_changes() {
        let source = "//! Doc.\n\nuse async_executor::{Executor, Task};\nuse std::sync::Arc;\n\nfn f(_: Executor) {}\n";
        let expected = "//! Doc.\n\nuse corokit_scheduler::{LocalExecutor as Executor, Task};\nuse std::sync::Arc;\n\nfn f(_: Executor) {}\n";
        assert_eq!(changed(source).unwrap(), expected);
    }

    #[test]
    fn every_form_of_the_line_is_understood() {
        for (line, expected) in [
            (
                "use async_executor::Executor;",
                "use corokit_scheduler::{LocalExecutor as Executor};",
            ),
            (
                "use async_executor::LocalExecutor;",
                "use corokit_scheduler::{LocalExecutor};",
            ),
            (
                "use async_executor::{Executor, LocalExecutor};\r\n",
                "use corokit_scheduler::{LocalExecutor as Executor, LocalExecutor};\r\n",
            ),
        ] {
            assert_eq!(changed(line).unwrap(), expected);
        }
    }

    #[test]
    fn a_file_that_would_still_use_async_executor_is_refused() {
        assert!(changed("fn main() {}\n").is_err());
        let twice = "use async_executor::Executor;\nuse async_executor::Task;\n";
        assert!(changed(twice).is_err());
        let inline = "use async_executor::Executor;\nfn f(_: async_executor::Task<()>) {}\n";
        assert!(changed(inline).is_err());
    }

    #[test]
    fn the_files_to_run_are_those_without_a_reason() {
        let tests: Vec<&str> = carried("tests/").collect();
        assert_eq!(
            tests,
            [
                "tests/different_executors.rs",
                "tests/drop.rs",
                "tests/local_queue.rs",
                "tests/panic_prop.rs",
                "tests/spawn_many.rs"
            ]
        );
        assert_eq!(
            carried("examples/").map(stem).collect::<Vec<_>>(),
            ["limit"]
        );
    }
}
