//! Tests under programs that watch every access to memory.

use std::fs;
use std::process::Command;

use crate::failure::{Context, Failure, Result};
use crate::process::{cargo, cargo_of, on_path, read, run};
use crate::provision;
use crate::testing::packages;
use crate::workspace::{Package, Workspace, host};

/// The libraries whose roots lack `#![forbid(unsafe_code)]`.
pub(crate) fn with_unsafe_code(workspace: &Workspace) -> Result<Vec<&Package>> {
    let mut found = Vec::new();
    for package in workspace.libraries() {
        if may_be_unsafe(package)? {
            found.push(package);
        }
    }
    if found.is_empty() {
        return Err(Failure::other(
            "every library forbids unsafe code: nothing to do",
        ));
    }
    Ok(found)
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

/// Makes sure that there is a nightly toolchain.
pub(crate) fn nightly() -> Result<()> {
    if !on_path("rustup") || read(cargo_of("nightly").arg("--version")).is_err() {
        return Err(Failure::missing(
            "the nightly toolchain",
            "rustup toolchain install nightly",
        ));
    }
    Ok(())
}

/// Runs the tests of these packages, compiled by nightly with AddressSanitizer, which brings LeakSanitizer. A test
/// with `leak` in its name leaks on purpose and runs without the latter. Bounds of memory and time that mean nothing
/// here are off with `cfg(sanitized)`.
pub(crate) fn asan(workspace: &Workspace, watched: &[&Package]) -> Result<()> {
    let host = host()?;
    if !["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"].contains(&host.as_str()) {
        return Err(Failure::missing(
            format!("AddressSanitizer for {host}"),
            "run on 64-bit Linux with glibc",
        ));
    }
    nightly()?;
    for (tests, leaks) in [("not test(leak)", "1"), ("test(leak)", "0")] {
        let mut command = provision::nextest(workspace, cargo_of("nightly"))?;
        command
            .args(["--all-features", "--tests", "--target", &host])
            .args(["-E", tests, "--no-tests", "pass"])
            .args(packages(watched))
            .arg("--target-dir")
            .arg(workspace.target.join("asan"))
            .env("RUSTFLAGS", "-Zsanitizer=address --cfg sanitized")
            .env("ASAN_OPTIONS", format!("detect_leaks={leaks}"));
        run(&mut command)?;
    }
    Ok(())
}

/// Runs the tests of these packages, compiled with ThreadSanitizer, as is the standard library: with one that is
/// not, it sees races that are none. Debian's compiler comes with the sources of that.
pub(crate) fn tsan(workspace: &Workspace, watched: &[&Package]) -> Result<()> {
    let host = host()?;
    if host != "x86_64-unknown-linux-gnu" {
        return Err(Failure::missing(
            format!("ThreadSanitizer for {host}"),
            "run on 64-bit Linux of PCs",
        ));
    }
    provision::debian_rust()?;
    let mut command = Command::new("/usr/bin/cargo");
    command
        .args(["test", "-Zbuild-std", "--no-fail-fast", "--all-features"])
        .args(["--tests", "--target", &host])
        .args(packages(watched))
        .arg("--target-dir")
        .arg(workspace.target.join("tsan"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTDOC", "/usr/bin/rustdoc")
        .env(
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER",
            workspace.root.join("xtask/ld-tsan.sh"),
        )
        .env(
            "RUSTFLAGS",
            "-Zsanitizer=thread -Zexternal-clangrt --cfg sanitized",
        )
        // Each step takes about ten times as long as without.
        .env("PROPTEST_CASES", "16");
    // Whatever toolchain runs xtask: that of Debian is another one.
    for variable in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC_WRAPPER"] {
        command.env_remove(variable);
    }
    run(&mut command)
}

/// Runs the tests of these packages under valgrind, whose memcheck knows of bytes that were never written. All tests
/// of a file run in one process: valgrind takes seconds to start.
pub(crate) fn memcheck(workspace: &Workspace, watched: &[&Package]) -> Result<()> {
    provision::program("valgrind", "valgrind")?;
    let runner = format!(
        "CARGO_TARGET_{}_RUNNER",
        host()?.to_uppercase().replace('-', "_")
    );
    let mut command = cargo();
    command
        .args(["test", "--all-features", "--tests", "--no-fail-fast"])
        .args(packages(watched))
        .arg("--target-dir")
        .arg(workspace.target.join("memcheck"))
        // Left to itself, rustix looks into the kernel's own library, which valgrind does not map.
        .env("RUSTFLAGS", "--cfg rustix_use_libc")
        // What leaks on purpose is no finding.
        .args(["--", "--skip", "leak"])
        .env(
            runner,
            "valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \
             --show-leak-kinds=definite --fair-sched=yes",
        )
        // Each step takes about thirty times as long as without.
        .env("PROPTEST_CASES", "8");
    run(&mut command)
}
