//! Compiles the libraries with the oldest Rust that they promise, `rust-version` in the manifests.
//!
//! That compiler is rustup's, if it has the toolchain. Else it is Debian's `rustc-web`, of which Debian keeps older
//! versions: its packages are unpacked into the target folder, so that nothing is installed. Libraries only, without
//! their dev-dependencies, which may be newer.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Context, Failure, Result};
use crate::process::{cargo, on_path, read, run};
use crate::provision;
use crate::workspace::Workspace;

/// An old compiler, and the folder of the libraries that it needs, unless it finds them itself.
struct Compiler {
    rustc: PathBuf,
    libraries: Option<PathBuf>,
}

/// Checks every library, with all features.
pub(super) fn check(workspace: &Workspace) -> Result<()> {
    let libraries = workspace.libraries();
    let promised = libraries
        .iter()
        .filter_map(|library| library.rust_version.as_deref());
    let msrv = promised
        .max_by_key(|version| numbers(version))
        .ok_or_else(|| Failure::other("no library says its rust-version"))?;

    let compiler = match rustup(msrv) {
        Some(compiler) => compiler,
        None => debian(workspace, msrv)?,
    };
    let (version, _) = read(compiler.use_for(Command::new(&compiler.rustc).arg("--version")))?;
    println!("{}", version.trim());

    let mut command = cargo();
    command.args(["check", "--lib", "--all-features"]);
    for library in &libraries {
        command.args(["--package", &library.name]);
    }
    command
        .arg("--target-dir")
        .arg(workspace.target.join("msrv/build"));
    run(compiler.use_for(&mut command))
}

impl Compiler {
    /// Makes a command use this compiler.
    fn use_for<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command.env("RUSTC", &self.rustc)
    }
}

/// The compiler of this version in rustup, if it is there. It is never downloaded.
fn rustup(msrv: &str) -> Option<Compiler> {
    let (toolchains, _) = read(Command::new("rustup").args(["toolchain", "list"])).ok()?;
    let toolchain = toolchains
        .split_whitespace()
        .find(|name| is_release_of(name, msrv))?;
    let find = ["which", "rustc", "--toolchain", toolchain];
    let (rustc, _) = read(Command::new("rustup").args(find)).ok()?;
    Some(Compiler {
        rustc: rustc.trim().into(),
        libraries: None,
    })
}

/// The compiler of this version from Debian's packages, unpacked into the target folder.
fn debian(workspace: &Workspace, msrv: &str) -> Result<Compiler> {
    let root = workspace.target.join("msrv").join(msrv);
    let compiler = Compiler {
        rustc: root.join("usr/bin/rustc"),
        libraries: Some(root.join("usr/lib").join(debian_triple()?)),
    };
    let works = || read(compiler.use_for(Command::new(&compiler.rustc).arg("-vV"))).is_ok();
    if works() {
        return Ok(compiler);
    }
    let how = format!("rustup toolchain install {msrv}, or use a Debian that has rustc-web {msrv}");
    let missing = || Failure::missing(format!("Rust {msrv}"), how.as_str());
    if !on_path("apt-get") || !on_path("dpkg") {
        return Err(missing());
    }
    unpack(msrv, &root).map_err(|failure| {
        println!("{failure}");
        missing()
    })?;
    if works() {
        Ok(compiler)
    } else {
        Err(missing())
    }
}

/// Downloads the compiler and what belongs to it, and unpacks it all into a folder.
fn unpack(msrv: &str, root: &Path) -> Result<()> {
    // A machine that never asked Debian for its lists knows no package; only root can ask.
    let version = match version_in_debian(msrv) {
        Some(version) => version,
        None => {
            provision::apt_update()?;
            version_in_debian(msrv)
                .ok_or_else(|| Failure::other(format!("Debian has no rustc-web {msrv}")))?
        }
    };

    let downloads = root.with_file_name(format!("{msrv}-download"));
    for folder in [root, &downloads] {
        // What an interrupted run left behind may be incomplete.
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).context(folder.display())?;
    }
    run(Command::new("apt-get")
        .args(["download", "-q"])
        .args(closure(&version)?)
        .current_dir(&downloads))?;
    for entry in fs::read_dir(&downloads).context(downloads.display())? {
        let package = entry.context(downloads.display())?.path();
        run(Command::new("dpkg").arg("-x").arg(&package).arg(root))?;
    }
    fs::remove_dir_all(&downloads).context(downloads.display())
}

/// The full version of Debian's `rustc-web` that is a release of `msrv`.
fn version_in_debian(msrv: &str) -> Option<String> {
    let (table, _) = read(Command::new("apt-cache").args(["madison", "rustc-web"])).ok()?;
    table
        .lines()
        .filter_map(|line| line.split('|').nth(1))
        .map(str::trim)
        .find(|version| is_release_of(version, msrv))
        .map(str::to_owned)
}

/// The packages to download, as `name` or `name=version`: the compiler, its standard library and its LLVM, found by
/// following what each depends on.
fn closure(version: &str) -> Result<Vec<String>> {
    let mut found = BTreeMap::new();
    let mut open = vec![format!("rustc-web={version}")];
    while let Some(package) = open.pop() {
        let name = package.split('=').next().unwrap_or_default().to_owned();
        if found.contains_key(&name) {
            continue;
        }
        let (description, _) = read(Command::new("apt-cache").args(["show", &package]))?;
        open.extend(parts_needed(&description));
        found.insert(name, package);
    }
    Ok(found.into_values().collect())
}

/// The parts of a compiler that a package depends on, from its description in `apt-cache show`:
/// `Depends: gcc, libllvm19, libstd-rust-web-dev (= 1.85.0+dfsg3-1)`.
fn parts_needed(description: &str) -> Vec<String> {
    let depends = description
        .lines()
        .find_map(|line| line.strip_prefix("Depends: "))
        .unwrap_or_default();
    depends
        .split(", ")
        .filter(|part| part.starts_with("libstd-rust-web") || part.starts_with("libllvm"))
        .map(|part| match part.split_once(" (= ") {
            Some((name, version)) => format!("{name}={}", version.trim_end_matches(')')),
            None => part.split(' ').next().unwrap_or(part).to_owned(),
        })
        .collect()
}

/// Debian's name for this platform's folder of libraries, as in `x86_64-linux-gnu`.
fn debian_triple() -> Result<String> {
    Ok(crate::workspace::host()?.replace("-unknown-", "-"))
}

/// Whether a toolchain or package version such as `1.85.0+dfsg3-1` is a release of `msrv`, such as `1.85`.
fn is_release_of(version: &str, msrv: &str) -> bool {
    version
        .strip_prefix(msrv)
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The numbers of a version, to compare it by.
fn numbers(version: &str) -> Vec<u32> {
    version
        .split('.')
        .filter_map(|part| part.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_told_from_its_neighbours() {
        for version in [
            "1.85",
            "1.85.1-x86_64-unknown-linux-gnu",
            "1.85.0+dfsg3-1~deb12u3",
        ] {
            assert!(is_release_of(version, "1.85"), "{version}");
        }
        for version in ["1.8", "1.850.0", "1.96.0+dfsg1-1", "stable"] {
            assert!(!is_release_of(version, "1.85"), "{version}");
        }
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(numbers("1.85") > numbers("1.9"));
        assert!(numbers("1.85.1") > numbers("1.85"));
    }

    #[test]
    fn only_the_parts_of_the_compiler_are_followed() {
        let description = "Package: rustc-web\nVersion: 1.85.0+x-1\nDepends: libc6 (>= 2.34), libstd-rust-web-dev (= 1.85.0+x-1), gcc, libllvm19 (>= 1:19.1), binutils (>= 2.26)\n";
        assert_eq!(
            parts_needed(description),
            ["libstd-rust-web-dev=1.85.0+x-1", "libllvm19"]
        );
        assert!(parts_needed("Package: libc6\n").is_empty());
    }
}
