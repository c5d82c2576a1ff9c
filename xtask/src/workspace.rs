//! What `cargo metadata` says about the workspace and about the packages it uses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::{Context, Failure, Result};
use crate::process::{cargo, read};

/// The workspace: its packages and where they are built.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    /// Where builds go. Every folder that xtask makes lies in it.
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) edition: String,
    pub(crate) manifest_path: PathBuf,
    /// The licence expression, as in `MIT OR Apache-2.0`.
    pub(crate) license: Option<String>,
    /// Where it comes from; `None` for what lies on this disk.
    pub(crate) source: Option<String>,
    pub(crate) rust_version: Option<String>,
    pub(crate) targets: Vec<Target>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) description: Option<String>,
    pub(crate) repository: Option<String>,
    pub(crate) readme: Option<PathBuf>,
    pub(crate) keywords: Vec<String>,
    pub(crate) categories: Vec<String>,
    /// Each feature with what it switches on.
    pub(crate) features: BTreeMap<String, Vec<String>>,
    /// What stands under `package.metadata`, for tools such as this one.
    #[serde(default)]
    pub(crate) metadata: Option<Metadata>,
}

/// What a package tells this tool.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Metadata {
    /// What stands under `package.metadata.loom`.
    #[serde(default)]
    pub(crate) loom: Option<Loom>,
}

/// How the models of a package are built.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Loom {
    /// The features whose models are to be explored.
    #[serde(default)]
    pub(crate) features: Vec<String>,
}

/// A library, program, test, example or bench of a package.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
    pub(crate) src_path: PathBuf,
    /// The features without which it is not built.
    #[serde(default, rename = "required-features")]
    pub(crate) required_features: Vec<String>,
    /// Whether its unit tests run.
    pub(crate) test: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// The version requirement, as in `^2.0.0`.
    pub(crate) req: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    /// The platform it is for, as in `cfg(loom)`.
    pub(crate) target: Option<String>,
    pub(crate) features: Vec<String>,
    pub(crate) uses_default_features: bool,
}

impl Workspace {
    /// Asks cargo about the workspace that the current folder belongs to.
    pub(crate) fn load() -> Result<Self> {
        Self::ask(&["--no-deps"])
    }

    /// Like [`load`](Self::load), with every package that the workspace uses on this platform.
    pub(crate) fn load_with_dependencies() -> Result<Self> {
        Self::ask(&["--all-features", "--filter-platform", &host()?])
    }

    fn ask(arguments: &[&str]) -> Result<Self> {
        let mut command = cargo();
        command.args(["metadata", "--format-version=1"]);
        let (json, _) = read(command.args(arguments))?;
        serde_json::from_str(&json).context("what `cargo metadata` prints")
    }

    /// The package of this name.
    pub(crate) fn package(&self, name: &str) -> Result<&Package> {
        self.packages
            .iter()
            .find(|package| package.name == name)
            .ok_or_else(|| Failure::other(format!("the workspace has or uses no package {name}")))
    }

    /// The library crates: what users get, all that lies in `crates`.
    pub(crate) fn libraries(&self) -> Vec<&Package> {
        let crates = self.root.join("crates");
        let inside = |package: &&Package| package.manifest_path.starts_with(&crates);
        let mut libraries: Vec<&Package> = self
            .packages
            .iter()
            .filter(inside)
            .filter(|package| package.library().is_some())
            .collect();
        libraries.sort_by(|a, b| a.name.cmp(&b.name));
        libraries
    }
}

impl Package {
    /// The folder that holds its `Cargo.toml`.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(Path::new("/"))
    }

    /// Its library, if it has one.
    pub(crate) fn library(&self) -> Option<&Target> {
        let is_library = |kind: &String| kind == "lib" || kind == "proc-macro";
        self.targets
            .iter()
            .find(|target| target.kind.iter().any(is_library))
    }

    /// The names of its targets of a kind, such as `test` or `bench`.
    pub(crate) fn targets_of<'p>(&'p self, kind: &'p str) -> impl Iterator<Item = &'p str> {
        self.targets
            .iter()
            .filter(move |target| target.kind.iter().any(|k| k == kind))
            .map(|target| target.name.as_str())
    }
}

/// The platform that this machine compiles for, as in `x86_64-unknown-linux-gnu`.
pub(crate) fn host() -> Result<String> {
    rustc_line("host: ")
}

/// The version of the compiler, as in `1.85.0`.
pub(crate) fn rustc_version() -> Result<String> {
    rustc_line("release: ")
}

/// The rest of the line of `rustc -vV` that starts with `label`.
fn rustc_line(label: &str) -> Result<String> {
    let (text, _) = read(std::process::Command::new("rustc").arg("-vV"))?;
    text.lines()
        .find_map(|line| line.strip_prefix(label))
        .map(str::to_owned)
        .ok_or_else(|| Failure::other(format!("`rustc -vV` prints no line `{label}`")))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Package;

    /// A package that has nothing but a name.
    pub(crate) fn package(name: &str) -> Package {
        serde_json::from_value(serde_json::json!({
            "name": name, "version": "1.0.0", "edition": "2024", "manifest_path": "Cargo.toml",
            "rust_version": null, "targets": [], "dependencies": [], "description": null,
            "license": null, "repository": null, "readme": null, "keywords": [], "categories": [],
            "features": {},
        }))
        .unwrap()
    }
}
