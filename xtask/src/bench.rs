//! `cargo xtask bench`: corokit beside its peers, on the same work, in one run.

use std::ffi::OsString;

use lexopt::Arg;

use crate::failure::{Failure, Result};
use crate::process::{cargo, run};
use crate::workspace::Workspace;

/// The package that holds the benches, one bench target an area.
const PACKAGE: &str = "corokit-benches";

/// Builds and runs the benches of the area that the command line names, or of all.
pub(crate) fn main(mut arguments: lexopt::Parser) -> Result<()> {
    let area = match arguments.next()? {
        None => None,
        Some(Arg::Value(area)) => Some(area.to_string_lossy().into_owned()),
        Some(option) => return Err(option.unexpected().into()),
    };
    let passed_on: Vec<OsString> = arguments.raw_args()?.collect();

    let workspace = Workspace::load()?;
    let areas: Vec<&str> = workspace.package(PACKAGE)?.targets_of("bench").collect();
    let chosen = match &area {
        None => areas,
        Some(area) if areas.contains(&area.as_str()) => vec![area.as_str()],
        Some(area) => {
            let known = areas.join(", ");
            return Err(Failure::other(format!(
                "there is no bench {area}; there are: {known}"
            )));
        }
    };
    let mut command = cargo();
    command.args(["bench", "--package", PACKAGE]);
    for area in chosen {
        command.args(["--bench", area]);
    }
    run(command.arg("--").args(passed_on))
}
