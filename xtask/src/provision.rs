//! Brings what the steps need: cargo tools and Python packages into the target folder, Debian packages where
//! xtask is root on such a system. What cannot be had is told as [`Failure::Missing`].

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::process::{cargo, cargo_of, on_path, path_with, read, run};
use crate::workspace::Workspace;

/// A subcommand of cargo.
pub(crate) struct Tool {
    name: &'static str,
    /// The one that these steps were written for.
    version: &'static str,
    /// Whether it wants nightly.
    nightly: bool,
    /// A tool that it runs itself.
    runs: Option<&'static Tool>,
}

pub(crate) const DENY: Tool = Tool::new("deny", "0.20.2");
pub(crate) const FUZZ: Tool = Tool::new("fuzz", "0.13.2").nightly();
pub(crate) const HACK: Tool = Tool::new("hack", "0.6.46");
const LLVM_COV: Tool = Tool::new("llvm-cov", "0.9.1").runs(&NEXTEST);
const MACHETE: Tool = Tool::new("machete", "0.9.2");
pub(crate) const MINIMAL_VERSIONS: Tool = Tool::new("minimal-versions", "0.1.38").runs(&HACK);
pub(crate) const MUTANTS: Tool = Tool::new("mutants", "27.1.0").runs(&NEXTEST);
const NEXTEST: Tool = Tool::new("nextest", "0.9.143");
pub(crate) const RDME: Tool = Tool::new("rdme", "2.2.0");
pub(crate) const SEMVER_CHECKS: Tool = Tool::new("semver-checks", "0.51.0");

impl Tool {
    const fn new(name: &'static str, version: &'static str) -> Self {
        Tool {
            name,
            version,
            nightly: false,
            runs: None,
        }
    }

    const fn nightly(mut self) -> Self {
        self.nightly = true;
        self
    }

    const fn runs(mut self, tool: &'static Tool) -> Self {
        self.runs = Some(tool);
        self
    }

    /// `cargo NAME`, built first if this machine has none.
    pub(crate) fn command(&self, workspace: &Workspace) -> Result<Command> {
        let cargo = match self.nightly {
            true => cargo_of("nightly"),
            false => cargo(),
        };
        let mut command = self.known_to(cargo, workspace)?;
        command.arg(self.name);
        Ok(command)
    }

    /// Makes the tool and what it runs known to a command.
    fn known_to(&self, mut command: Command, workspace: &Workspace) -> Result<Command> {
        if let Some(tool) = self.runs {
            command = tool.known_to(command, workspace)?;
        }
        let program = self.program();
        if on_path(&program) {
            return Ok(command);
        }
        let root = workspace.target.join("tools");
        let programs = root.join("bin");
        if !programs.join(&program).is_file() {
            let package = format!("{program}@{}", self.version);
            let installed = run(cargo()
                .args(["install", "--locked", &package, "--root"])
                .arg(&root)
                .arg("--target-dir")
                .arg(root.join("build"))
                .envs(FAST_PROFILE));
            if installed.is_err() {
                let how = format!("cargo install --locked {package}");
                return Err(Failure::missing(&program, how));
            }
        }
        command.env("PATH", path_with(&programs)?);
        Ok(command)
    }

    fn program(&self) -> String {
        format!("cargo-{}", self.name)
    }
}

/// What Debian has of the compiler, with the sources of the standard library and a linker for them.
const DEBIAN_RUST: [&str; 7] = [
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "rust-web-llvm",
    "lld-22",
    "clang-22",
    "libclang-rt-22-dev",
];

/// The Python client of Redis, in the version that the kv server is tested with.
const REDIS_PY: &str = "redis==6.4.0";

/// Builds tools fast: they run for seconds, so a good optimiser would take longer than it saves.
const FAST_PROFILE: [(&str, &str); 4] = [
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
];

/// `cargo nextest run`, by the given cargo, with the project's own settings.
pub(crate) fn nextest(workspace: &Workspace, cargo: Command) -> Result<Command> {
    nextest_to("run", workspace, cargo)
}

/// `cargo nextest run`, or another of its commands.
pub(crate) fn nextest_to(what: &str, workspace: &Workspace, cargo: Command) -> Result<Command> {
    let mut command = NEXTEST.known_to(cargo, workspace)?;
    let settings = workspace.root.join("xtask/nextest.toml");
    command
        .args([NEXTEST.name, what, "--config-file"])
        .arg(settings);
    Ok(command)
}

/// `cargo llvm-cov nextest`, with the programs of LLVM that read what the compiler's own LLVM writes.
pub(crate) fn llvm_cov(workspace: &Workspace) -> Result<Command> {
    let programs = Path::new("/usr/lib/llvm-22/bin");
    let (cov, profdata) = (programs.join("llvm-cov"), programs.join("llvm-profdata"));
    if !cov.is_file() && !on_path("rustup") {
        return Err(Failure::missing(
            "llvm-cov 22",
            "as root, apt-get install llvm-22",
        ));
    }
    if !cov.is_file() && apt_install(&["llvm-22"]).is_err() {
        let component = "llvm-tools-preview";
        run(Command::new("rustup").args(["component", "add", component])).map_err(|_| {
            Failure::missing("llvm-cov", format!("rustup component add {component}"))
        })?;
    }
    let mut command = LLVM_COV.command(workspace)?;
    if cov.is_file() {
        command.env("LLVM_COV", cov).env("LLVM_PROFDATA", profdata);
    }
    command.arg(NEXTEST.name);
    Ok(command)
}

/// cargo-machete, started by its own name: by cargo it would take `machete` for one of the folders.
pub(crate) fn machete(workspace: &Workspace) -> Result<Command> {
    MACHETE.known_to(Command::new(MACHETE.program()), workspace)
}

/// Makes sure that Debian's compiler is there, with what it takes to build the standard library.
pub(crate) fn debian_rust() -> Result<()> {
    let has_all = || {
        let sources = Path::new("/usr/lib/rustlib/src/rust/library/std");
        let programs = ["/usr/bin/rustc", "/usr/bin/cargo", "/usr/bin/clang-22"];
        sources.is_dir() && programs.iter().all(|program| Path::new(program).is_file())
    };
    if has_all() || (apt_install(&DEBIAN_RUST).is_ok() && has_all()) {
        return Ok(());
    }
    let how = format!(
        "as root on Debian, apt-get install {}",
        DEBIAN_RUST.join(" ")
    );
    Err(Failure::missing("Debian's compiler with its sources", how))
}

/// Makes sure that a program is there, which comes with a Debian package.
pub(crate) fn program(name: &str, package: &str) -> Result<()> {
    if !on_path(name) {
        let how = format!("as root, apt-get install {package}");
        let missing = || Failure::missing(name, how.as_str());
        apt_install(&[package]).map_err(|_| missing())?;
        if !on_path(name) {
            return Err(missing());
        }
    }
    Ok(())
}

/// Installs Debian packages. The package lists are fetched only if it does not work without.
fn apt_install(packages: &[&str]) -> Result<()> {
    if !on_path("apt-get") || !is_root() {
        return Err(Failure::other("apt-get and root are needed"));
    }
    let install = || {
        let mut command = Command::new("apt-get");
        command
            .args(["install", "-y", "--no-install-recommends"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut command)
    };
    install().or_else(|_| apt_update().and_then(|()| install()))
}

/// Fetches Debian's package lists, as only root can.
pub(crate) fn apt_update() -> Result<()> {
    run(Command::new("apt-get").args(["update", "-q"]))
}

/// Whether xtask runs as root.
fn is_root() -> bool {
    read(Command::new("id").arg("-u")).is_ok_and(|(id, _)| id.trim() == "0")
}

/// Makes sure that there is a Python that has the client of Redis, where the tests of kv look for it.
pub(crate) fn redis_py(workspace: &Workspace) -> Result<()> {
    let folder = workspace.target.join("kv-python");
    let python = folder.join("bin/python");
    let has_redis = || read(Command::new(&python).args(["-c", "import redis"])).is_ok();
    if has_redis() {
        return Ok(());
    }

    let how = format!("python3 -m venv, then pip install {REDIS_PY} in it");
    let missing = |what: &str| Failure::missing(what, how.as_str());
    make_environment(&folder)
        .map_err(|_| missing("a Python that can make virtual environments"))?;
    let pip = ["-m", "pip", "install", "--quiet", REDIS_PY];
    match run(Command::new(&python).args(pip)) {
        Ok(()) if has_redis() => Ok(()),
        _ => Err(missing("the Python package redis")),
    }
}

/// Returns a Python that has what the benches measure beside corokit.
pub(crate) fn python_originals(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("bench-python");
    let python = folder.join("bin/python");
    let requirements = workspace.root.join("benches/python/requirements.txt");
    let how = format!(
        "python3 -m venv, then pip install -r {}",
        requirements.display()
    );
    let missing = |what: &str| Failure::missing(what, how.as_str());

    // An environment that is there may lack what was required since: pip sees to it, and is quick where all is there.
    if read(Command::new(&python).arg("--version")).is_err() {
        make_environment(&folder)
            .map_err(|_| missing("a Python that can make virtual environments"))?;
    }
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ]);
    run(pip.arg(&requirements)).map_err(|_| missing("a Python package of the benches"))?;
    Ok(python)
}

/// Makes an empty virtual environment. Debian's own Python can do so only with one more package.
fn make_environment(folder: &Path) -> Result<()> {
    let make = |python: &str| {
        let mut command = Command::new(python);
        run(command.args(["-m", "venv", "--clear"]).arg(folder))
    };
    make("python3")
        .or_else(|_| apt_install(&["python3-venv"]).and_then(|()| make("/usr/bin/python3")))
}
