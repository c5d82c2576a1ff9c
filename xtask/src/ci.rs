//! `cargo xtask ci`: everything that a change must pass.
//!
//! [`steps`] holds the steps, in order; this file chooses among them, runs them and says what came out.

mod msrv;
mod steps;

use std::time::Instant;

use lexopt::{Arg, ValueExt};

use crate::failure::{Failure, Result};
use crate::outcome::{Outcome, Title};
use crate::workspace::Workspace;
use steps::{STEPS, Step};

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    strict: bool,
    keep_going: bool,
    list: bool,
    /// The names of the only steps to run, unless empty.
    only: Vec<String>,
    /// The names of the steps not to run.
    skip: Vec<String>,
}

/// Runs the steps that the command line chooses.
pub(crate) fn main(arguments: lexopt::Parser) -> Result<()> {
    let options = Options::parse(arguments)?;
    let chosen = options.choose()?;
    if options.list {
        for step in chosen {
            println!("{:<13} {}", step.name, step.what);
        }
        return Ok(());
    }

    let start = Instant::now();
    let workspace = Workspace::load()?;
    let outcome = run_all(&workspace, &chosen, &options);
    outcome.conclude(start.elapsed(), options.strict)
}

/// Runs the steps in order, until one fails.
fn run_all(workspace: &Workspace, chosen: &[&'static Step], options: &Options) -> Outcome {
    let mut outcome = Outcome::new("ci");
    for (index, step) in chosen.iter().enumerate() {
        let title = Title {
            number: index + 1,
            of: chosen.len(),
            name: step.name,
            what: step.what,
        };
        outcome.run(&title, || (step.run)(workspace));
        if outcome.has_failed(options.strict) && !options.keep_going {
            break;
        }
    }
    outcome
}

impl Options {
    fn parse(mut arguments: lexopt::Parser) -> Result<Self> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next()? {
            match argument {
                Arg::Long("strict") => options.strict = true,
                Arg::Long("keep-going") => options.keep_going = true,
                Arg::Long("list") => options.list = true,
                Arg::Long("only") => options.only.extend(names(&arguments.value()?.string()?)),
                Arg::Long("skip") => options.skip.extend(names(&arguments.value()?.string()?)),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }

    /// The steps to run, in their own order whatever the order on the command line.
    fn choose(&self) -> Result<Vec<&'static Step>> {
        for name in self.only.iter().chain(&self.skip) {
            if !STEPS.iter().any(|step| step.name == name) {
                let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
                return Err(Failure::other(format!(
                    "there is no step {name}; there are: {}",
                    known.join(", ")
                )));
            }
        }
        let named = |list: &[String], step: &Step| list.iter().any(|name| name == step.name);
        Ok(STEPS
            .iter()
            .filter(|step| self.only.is_empty() || named(&self.only, step))
            .filter(|step| !named(&self.skip, step))
            .collect())
    }
}

/// The names in a list like `fmt,clippy`.
fn names(list: &str) -> impl Iterator<Item = String> {
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Options> {
        Options::parse(lexopt::Parser::from_args(line.split_whitespace()))
    }

    fn chosen(line: &str) -> Vec<&'static str> {
        let steps = options(line).unwrap().choose().unwrap();
        steps.iter().map(|step| step.name).collect()
    }

    #[test]
    fn steps_run_in_their_own_order() {
        assert_eq!(
            chosen("--only loom,fmt --only nextest"),
            ["fmt", "nextest", "loom"]
        );
        assert_eq!(chosen("--only fmt,clippy --skip fmt"), ["clippy"]);
        assert_eq!(chosen("").len(), STEPS.len());
        assert_eq!(chosen("--skip fmt").len(), STEPS.len() - 1);
    }

    #[test]
    fn an_unknown_step_or_option_is_refused() {
        assert!(options("--skip fnt").unwrap().choose().is_err());
        assert!(options("--lazy").is_err());
        assert!(options("fmt").is_err());
    }

    #[test]
    fn flags_are_read() {
        let expected = Options {
            strict: true,
            keep_going: true,
            ..Options::default()
        };
        assert_eq!(options("--strict --keep-going").unwrap(), expected);
    }

    #[test]
    fn step_names_are_unique() {
        let mut names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
    }
}
