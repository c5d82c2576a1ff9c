//! Inputs that libFuzzer makes up, for the programs in `fuzz/fuzz_targets`.

use std::fs;
use std::path::Path;

use crate::failure::{Context, Failure, Result};
use crate::process;
use crate::provision;
use crate::report::Tally;
use crate::sanitizers;

use super::Deep;

/// Longer inputs are longer programs, and no other ones.
const LONGEST: &str = "-max_len=1024";

/// Runs every target for its share of the time. What is new goes to `fuzz/corpus`, what fails to `fuzz/artifacts`,
/// and from there, once it is understood, to `fuzz/seeds`: a test replays those with each change.
pub(super) fn run(deep: &Deep) -> Result<Option<Tally>> {
    sanitizers::nightly()?;
    let root = deep.workspace.root.join("fuzz");
    let built = deep.workspace.target.join("fuzz");
    let fuzz = |what: &str| -> Result<std::process::Command> {
        let mut command = provision::FUZZ.command(&deep.workspace)?;
        command.arg(what).arg("--fuzz-dir").arg(&root);
        command.arg("--target-dir").arg(&built);
        Ok(command)
    };
    process::run(&mut fuzz("build")?)?;

    let targets = targets(&root)?;
    let share = deep.budget.as_secs() / targets.len().max(1) as u64;
    let mut failed = Vec::new();
    for target in &targets {
        let corpus = root.join("corpus").join(target);
        fs::create_dir_all(&corpus).context(corpus.display())?;
        let ran = process::run(
            fuzz("run")?
                .arg(target)
                .args([&corpus, &root.join("seeds").join(target)])
                .args(["--", LONGEST, "-print_final_stats=1"])
                .arg(format!("-max_total_time={}", share.max(1))),
        );
        if ran.is_err() {
            failed.push(target.as_str());
        }
    }
    match failed.as_slice() {
        [] => Ok(None),
        failed => Err(Failure::other(format!(
            "inputs that fail were found for {}: see fuzz/artifacts",
            failed.join(", ")
        ))),
    }
}

/// The names of the targets.
fn targets(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("fuzz_targets");
    let entries = fs::read_dir(&folder).context(folder.display())?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.context(folder.display())?.path();
        names.extend(
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_the_programs_of_the_folder() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let names = targets(&root).unwrap();
        assert!(
            names.contains(&"resp".to_owned()) && names.is_sorted(),
            "{names:?}"
        );
    }
}
