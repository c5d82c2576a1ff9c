//! The steps of `cargo xtask ci`. Each is a function that returns how many tests it ran, if it runs tests that no
//! other step has counted.

use crate::failure::Result;
use crate::process::{cargo, run};
use crate::report::{self, Tally};
use crate::testing::{counted, packages};
use crate::workspace::Workspace;
use crate::{conformance, instructions, links, models, policy, provision, sanitizers, unsafe_code};

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
        name: "policy",
        what: "licences and sources of what is used, no tokio in what users get, unsafe code where it is said to be",
        run: policy,
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
        name: "costs",
        what: "what each feature brings along is what the guide says",
        run: costs,
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

fn costs(workspace: &Workspace) -> Result<Option<Tally>> {
    crate::costs::check(workspace)?;
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
    let mut command = provision::HACK.command(workspace)?;
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

/// Runs the models of every crate that has them.
fn loom(workspace: &Workspace) -> Result<Option<Tally>> {
    let bounds = models::Bounds {
        preemptions: 3,
        seconds: None,
    };
    let modelled = models::modelled(workspace.libraries())?;
    models::explore(workspace, &modelled, &bounds).map(Some)
}

/// Runs the tests of every library that does not forbid unsafe code.
fn asan(workspace: &Workspace) -> Result<Option<Tally>> {
    sanitizers::asan(workspace, &sanitizers::with_unsafe_code(workspace)?)?;
    // These tests are counted by the step that runs them all.
    Ok(None)
}

fn policy(workspace: &Workspace) -> Result<Option<Tally>> {
    policy::check(workspace)?;
    unsafe_code::check(workspace)?;
    Ok(None)
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
