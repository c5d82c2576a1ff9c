//! The steps of `cargo xtask ci`. Each is a function that returns how many tests it ran, if it runs tests that no
//! other step has counted.

use std::fs;

use crate::failure::{Context, Failure, Result};
use crate::process::{cargo, cargo_of, on_path, read, run, run_and_read};
use crate::provision;
use crate::report::{self, Tally};
use crate::workspace::{Package, Workspace, host};
use crate::{conformance, instructions, links};

use super::msrv;

/// One thing that a change must pass.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) run: fn(&Workspace) -> Result<Option<Tally>>,
}

/// Every step, in the order in which they run: what fails often and fast comes first.
pub(super) const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        what: "the code is formatted",
        run: fmt,
    },
    Step {
        name: "links",
        what: "the links between the Markdown files lead somewhere",
        run: links,
    },
    Step {
        name: "clippy",
        what: "no warning from compiler or clippy, all targets, all features",
        run: clippy,
    },
    Step {
        name: "docs",
        what: "the documentation builds without a warning",
        run: docs,
    },
    Step {
        name: "readmes",
        what: "the README of each crate says what its documentation says",
        run: readmes,
    },
    Step {
        name: "nextest",
        what: "unit and integration tests, all features",
        run: nextest,
    },
    Step {
        name: "doctests",
        what: "the examples in the documentation",
        run: doctests,
    },
    Step {
        name: "features",
        what: "every feature and every pair of them compiles, without a warning",
        run: features,
    },
    Step {
        name: "msrv",
        what: "the libraries compile with the oldest Rust that they promise",
        run: msrv,
    },
    Step {
        name: "loom",
        what: "the cross-thread protocols, in every interleaving",
        run: loom,
    },
    Step {
        name: "asan",
        what: "the crates with unsafe code under AddressSanitizer and LeakSanitizer",
        run: asan,
    },
    Step {
        name: "conformance",
        what: "async-executor's own tests on our executor",
        run: conformance,
    },
    Step {
        name: "kv",
        what: "the kv server against the real clients and the real server",
        run: kv,
    },
    Step {
        name: "instructions",
        what: "instruction counts against the checked-in table",
        run: instructions,
    },
];

fn fmt(_: &Workspace) -> Result<Option<Tally>> {
    run(cargo().args(["fmt", "--all", "--check"]))?;
    Ok(None)
}

fn links(workspace: &Workspace) -> Result<Option<Tally>> {
    links::check(&workspace.root)?;
    Ok(None)
}

fn clippy(_: &Workspace) -> Result<Option<Tally>> {
    run(cargo()
        .args(["clippy", "--workspace", "--all-targets", "--all-features"])
        .args(["--", "-D", "warnings"]))?;
    Ok(None)
}

fn docs(_: &Workspace) -> Result<Option<Tally>> {
    run(cargo()
        .args(["doc", "--workspace", "--no-deps", "--all-features"])
        .env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(None)
}

fn readmes(workspace: &Workspace) -> Result<Option<Tally>> {
    crate::readmes::check(workspace)?;
    Ok(None)
}

fn nextest(workspace: &Workspace) -> Result<Option<Tally>> {
    let mut command = provision::nextest(workspace, cargo())?;
    counted(
        command.args(["--workspace", "--all-features"]),
        report::nextest,
    )
}

fn doctests(_: &Workspace) -> Result<Option<Tally>> {
    let mut command = cargo();
    counted(
        command.args(["test", "--workspace", "--all-features", "--doc"]),
        report::libtest,
    )
}

fn features(workspace: &Workspace) -> Result<Option<Tally>> {
    let mut command = provision::hack(workspace)?;
    // All sets would double with each feature of the facade; what does not fit is nearly always two.
    command
        .args([
            "check",
            "--feature-powerset",
            "--depth",
            "2",
            "--no-dev-deps",
        ])
        .args(packages(&workspace.libraries()))
        .env("RUSTFLAGS", "-D warnings");
    run(&mut command)?;
    Ok(None)
}

fn msrv(workspace: &Workspace) -> Result<Option<Tally>> {
    msrv::check(workspace)?;
    Ok(None)
}

/// Runs the models of every crate that has them: those that depend on loom under `--cfg loom`. A model is a test
/// with `loom` in its name, its module's or its file's. nextest gives each model a process of its own, since a
/// deadlock that loom finds ends in an abort. Features that a crate needs for that are listed in its manifest under
/// `package.metadata.loom`: not all compile for loom.
fn loom(workspace: &Workspace) -> Result<Option<Tally>> {
    let has_models = |package: &&&Package| {
        package
            .dependencies
            .iter()
            .any(|d| d.name == "loom" && d.target.as_deref() == Some("cfg(loom)"))
    };
    let libraries = workspace.libraries();
    let modelled: Vec<&Package> = libraries.iter().filter(has_models).copied().collect();
    if modelled.is_empty() {
        return Err(Failure::other("no crate depends on loom under cfg(loom)"));
    }
    let mut tests = Tally::default();
    for package in modelled {
        let mut command = provision::nextest(workspace, cargo())?;
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
            .env("LOOM_MAX_PREEMPTIONS", "3")
            // Models run for moments: link-time optimisation would take longer than it saves.
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
        tests += counted(&mut command, report::nextest)?.unwrap_or_default();
    }
    Ok(Some(tests))
}

/// Runs the tests of every library that does not forbid unsafe code, compiled by nightly with AddressSanitizer, which
/// brings LeakSanitizer. A test with `leak` in its name leaks on purpose and runs without the latter.
fn asan(workspace: &Workspace) -> Result<Option<Tally>> {
    let host = host()?;
    if !["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"].contains(&host.as_str()) {
        return Err(Failure::missing(
            format!("AddressSanitizer for {host}"),
            "run on 64-bit Linux with glibc",
        ));
    }
    if !on_path("rustup") || read(cargo_of("nightly").arg("--version")).is_err() {
        return Err(Failure::missing(
            "the nightly toolchain",
            "rustup toolchain install nightly",
        ));
    }
    let mut with_unsafe = Vec::new();
    for package in workspace.libraries() {
        if may_be_unsafe(package)? {
            with_unsafe.push(package);
        }
    }
    if with_unsafe.is_empty() {
        return Err(Failure::other(
            "every library forbids unsafe code: nothing to do",
        ));
    }
    for (tests, leaks) in [("not test(leak)", "1"), ("test(leak)", "0")] {
        let mut command = provision::nextest(workspace, cargo_of("nightly"))?;
        command
            .args(["--all-features", "--tests", "--target", &host])
            .args(["-E", tests, "--no-tests", "pass"])
            .args(packages(&with_unsafe))
            .arg("--target-dir")
            .arg(workspace.target.join("asan"))
            .env("RUSTFLAGS", "-Zsanitizer=address")
            .env("ASAN_OPTIONS", format!("detect_leaks={leaks}"));
        run(&mut command)?;
    }
    // These tests are counted by the step that runs them all.
    Ok(None)
}

/// Whether a library's root lacks `#![forbid(unsafe_code)]`.
fn may_be_unsafe(package: &Package) -> Result<bool> {
    let Some(library) = package.library() else {
        return Ok(false);
    };
    let source = fs::read_to_string(&library.src_path).context(library.src_path.display())?;
    let forbids = |line: &str| line.trim() == "#![forbid(unsafe_code)]";
    Ok(!source.lines().any(forbids))
}

fn conformance(_: &Workspace) -> Result<Option<Tally>> {
    conformance::check().map(Some)
}

/// Runs the tests of the kv server once more, now with every client there, and told not to do without one.
fn kv(workspace: &Workspace) -> Result<Option<Tally>> {
    provision::program("redis-cli", "redis-tools")?;
    provision::program("redis-benchmark", "redis-tools")?;
    provision::program("redis-server", "redis-server")?;
    provision::redis_py(workspace)?;

    let mut command = provision::nextest(workspace, cargo())?;
    command
        .args(["--package", "corokit", "--all-features", "--test", "kv"])
        .env("KV_TESTS_STRICT", "1");
    run(&mut command)?;
    // These tests are counted by the step that runs them all.
    Ok(None)
}

fn instructions(workspace: &Workspace) -> Result<Option<Tally>> {
    instructions::check(workspace, None)?;
    Ok(None)
}

/// Runs a test runner, shows what it prints and reads the counts from it.
fn counted(
    command: &mut std::process::Command,
    counts: fn(&str) -> Tally,
) -> Result<Option<Tally>> {
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
fn packages(packages: &[&Package]) -> impl Iterator<Item = String> {
    packages
        .iter()
        .flat_map(|package| ["--package".to_owned(), package.name.clone()])
        .collect::<Vec<_>>()
        .into_iter()
}
