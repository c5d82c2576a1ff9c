//! `cargo xtask deep`: everything that takes too long for each change.
//!
//! [`STEPS`] is the list. A step that searches takes as long as `--budget` says, beside what it takes to build, or
//! until it has looked at everything; one that runs all tests once takes as long as they do. What a step finds is a
//! failure, and the other steps run all the same.

mod explore;
mod fuzz;
mod hygiene;
mod quality;
mod sources;

use std::time::{Duration, Instant};

use lexopt::{Arg, ValueExt};

use crate::failure::{Failure, Result};
use crate::outcome::{Outcome, Title};
use crate::report::Tally;
use crate::sanitizers;
use crate::workspace::{Package, Workspace};

/// What one step has if nobody says otherwise.
const BUDGET: Duration = Duration::from_secs(600);

/// One kind of search for bugs.
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Deep) -> Result<Option<Tally>>,
}

/// Every step. What finds most in the shortest time comes first.
const STEPS: [Step; 14] = [
    Step {
        name: "loom",
        what: "the cross-thread protocols, with up to five preemptions",
        run: explore::loom,
    },
    Step {
        name: "lab",
        what: "the checks of lab under up to a million schedules each",
        run: explore::lab,
    },
    Step {
        name: "proptest",
        what: "the tests of properties with up to a million cases each",
        run: explore::proptest,
    },
    Step {
        name: "fuzz",
        what: "inputs that libFuzzer makes up, against models",
        run: fuzz::run,
    },
    Step {
        name: "asan",
        what: "AddressSanitizer and LeakSanitizer, over every library",
        run: |deep| not_counted(sanitizers::asan(&deep.workspace, &deep.libraries()?)),
    },
    Step {
        name: "tsan",
        what: "ThreadSanitizer, with the standard library instrumented as well",
        run: |deep| not_counted(sanitizers::tsan(&deep.workspace, &deep.libraries()?)),
    },
    Step {
        name: "memcheck",
        what: "valgrind's memcheck, over the crates with unsafe code",
        run: memcheck,
    },
    Step {
        name: "mutants",
        what: "whether the tests notice when the code is changed",
        run: quality::mutants,
    },
    Step {
        name: "coverage",
        what: "which lines the tests run",
        run: quality::coverage,
    },
    Step {
        name: "soak",
        what: "kv under load, with faults, and its memory",
        run: quality::soak,
    },
    Step {
        name: "deny",
        what: "licences, bans and sources, by cargo-deny",
        run: hygiene::deny,
    },
    Step {
        name: "machete",
        what: "dependencies that nothing uses",
        run: hygiene::machete,
    },
    Step {
        name: "minimal",
        what: "the oldest versions that the manifests allow",
        run: hygiene::minimal_versions,
    },
    Step {
        name: "semver",
        what: "the public interface against the last release",
        run: hygiene::semver,
    },
];

/// What the steps are given.
struct Deep {
    workspace: Workspace,
    /// How long one step may search.
    budget: Duration,
    /// The only packages to look at, unless empty.
    packages: Vec<String>,
    /// Which part of the mutants to try, as in `0/8`.
    shard: Option<String>,
}

impl Deep {
    /// The libraries to look at.
    fn libraries(&self) -> Result<Vec<&Package>> {
        let libraries = self.workspace.libraries();
        for name in &self.packages {
            if !libraries.iter().any(|library| library.name == *name) {
                return Err(Failure::other(format!("there is no library {name}")));
            }
        }
        Ok(libraries
            .into_iter()
            .filter(|library| self.is_chosen(library))
            .collect())
    }

    fn is_chosen(&self, package: &Package) -> bool {
        self.packages.is_empty() || self.packages.contains(&package.name)
    }

    /// How long each of so many may take that run on all processors at once.
    fn share(&self, of: u64) -> Duration {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let share = self.budget.as_secs_f64() * processors as f64 / of.max(1) as f64;
        Duration::from_secs_f64(share.min(self.budget.as_secs_f64()))
    }
}

/// For steps whose tests another step counts.
fn not_counted(result: Result<()>) -> Result<Option<Tally>> {
    result.map(|()| None)
}

fn memcheck(deep: &Deep) -> Result<Option<Tally>> {
    let mut watched = sanitizers::with_unsafe_code(&deep.workspace)?;
    watched.retain(|package| deep.is_chosen(package));
    if watched.is_empty() {
        return Err(Failure::other("none of the packages has unsafe code"));
    }
    not_counted(sanitizers::memcheck(&deep.workspace, &watched))
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    /// The names of the only steps to run, unless empty.
    steps: Vec<String>,
    budget: Duration,
    packages: Vec<String>,
    shard: Option<String>,
    list: bool,
}

/// Runs the steps that the command line names, or all.
pub(crate) fn main(arguments: lexopt::Parser) -> Result<()> {
    let options = Options::parse(arguments)?;
    let chosen = options.choose()?;
    if options.list {
        for step in chosen {
            println!("{:<10} {}", step.name, step.what);
        }
        return Ok(());
    }

    let start = Instant::now();
    let deep = Deep {
        workspace: Workspace::load()?,
        budget: options.budget,
        packages: options.packages,
        shard: options.shard,
    };
    deep.libraries()?;
    let mut outcome = Outcome::new("deep");
    for (index, step) in chosen.iter().enumerate() {
        let title = Title {
            number: index + 1,
            of: chosen.len(),
            name: step.name,
            what: step.what,
        };
        outcome.run(&title, || (step.run)(&deep));
    }
    outcome.conclude(start.elapsed(), false)
}

impl Options {
    fn parse(mut arguments: lexopt::Parser) -> Result<Self> {
        let mut options = Options {
            steps: Vec::new(),
            budget: BUDGET,
            packages: Vec::new(),
            shard: None,
            list: false,
        };
        while let Some(argument) = arguments.next()? {
            match argument {
                Arg::Value(step) => options.steps.push(step.string()?),
                Arg::Long("budget") => options.budget = duration(&arguments.value()?.string()?)?,
                Arg::Short('p') | Arg::Long("package") => {
                    options.packages.push(arguments.value()?.string()?);
                }
                Arg::Long("shard") => options.shard = Some(arguments.value()?.string()?),
                Arg::Long("list") => options.list = true,
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }

    /// The steps to run, in their own order whatever the order on the command line.
    fn choose(&self) -> Result<Vec<&'static Step>> {
        if let Some(unknown) = self
            .steps
            .iter()
            .find(|name| !STEPS.iter().any(|step| step.name == *name))
        {
            let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
            return Err(Failure::other(format!(
                "there is no step {unknown}; there are: {}",
                known.join(", ")
            )));
        }
        let named =
            |step: &&Step| self.steps.is_empty() || self.steps.iter().any(|it| it == step.name);
        Ok(STEPS.iter().filter(named).collect())
    }
}

/// Reads a duration like `90s`, `10m` or `2h`.
fn duration(text: &str) -> Result<Duration> {
    let unit = |letter| match letter {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3600),
        _ => None,
    };
    let parsed = text.char_indices().next_back().and_then(|(end, letter)| {
        let number: u64 = text[..end].parse().ok()?;
        number.checked_mul(unit(letter)?)
    });
    match parsed {
        Some(seconds @ 1..) => Ok(Duration::from_secs(seconds)),
        _ => Err(Failure::other(format!(
            "{text} is no time to spend: say 90s, 10m or 2h"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Options> {
        Options::parse(lexopt::Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn steps_are_named_and_run_in_their_own_order() {
        let chosen = |line: &str| -> Vec<&str> {
            let steps = options(line).unwrap().choose().unwrap();
            steps.iter().map(|step| step.name).collect()
        };
        assert_eq!(chosen("fuzz loom"), ["loom", "fuzz"]);
        assert_eq!(chosen("--budget 5s").len(), STEPS.len());
        assert!(options("fuss").unwrap().choose().is_err());
        assert!(options("--lazy").is_err());
    }

    #[test]
    fn what_is_asked_for_is_read() {
        let expected = Options {
            steps: vec!["mutants".into()],
            budget: Duration::from_secs(7200),
            packages: vec!["a".into(), "b".into()],
            shard: Some("1/4".into()),
            list: false,
        };
        let line = "mutants --budget 2h -p a --package b --shard 1/4";
        assert_eq!(options(line).unwrap(), expected);
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("10m").unwrap(), BUDGET);
        for text in [
            "",
            "10",
            "m",
            "0s",
            "-1m",
            "1.5h",
            "3d",
            "9\u{e9}",
            "99999999999999999999h",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn step_names_are_unique() {
        let mut names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
    }
}
