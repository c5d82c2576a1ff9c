//! The project's own commands, run as `cargo xtask <command>`.
//!
//! ```text
//! cargo xtask ci             everything that a change must pass
//! cargo xtask deep           everything that takes too long for that
//! cargo xtask conformance    async-executor's own tests, on our executor
//! cargo xtask instructions   instruction counts against the checked-in table
//! cargo xtask bench          corokit beside its peers
//! cargo xtask costs          how many dependencies each feature brings
//! cargo xtask readmes        the READMEs of the crates, from their documentation
//! cargo xtask release        whether the crates could be published as they are
//! ```
//!
//! Each command is one module; what they share is beside them.
#![forbid(unsafe_code)]

mod bench;
mod ci;
mod conformance;
mod costs;
mod deep;
mod failure;
mod instructions;
mod links;
mod models;
mod outcome;
mod policy;
mod process;
mod provision;
mod readmes;
mod release;
mod report;
mod sanitizers;
mod testing;
mod unsafe_code;
mod workspace;

use std::process::ExitCode;

use failure::Result;

const HELP: &str = "\
The project's own commands.

  cargo xtask ci [--strict] [--keep-going] [--only STEP,..] [--skip STEP,..] [--list]
      Runs the steps that a change must pass, in order; the first that fails ends the run.
      --strict      a step that cannot run on this machine is a failure
      --keep-going  go on after a failure, to see them all
      --only, --skip, --list
                    choose among the steps, or name them

  cargo xtask deep [STEP..] [--budget TIME] [--package NAME].. [--shard K/N] [--list]
      Runs what takes too long for that: all steps, or those that are named. A failure does not end the run.
      --budget      how long a step may search, beside what it takes to build: 90s, 10m, 2h; 10m if not said
      --package     the only libraries to look at
      --shard       the part of the mutants to try
      --list        name the steps

  cargo xtask conformance [--list] [--reference]
      Runs async-executor's own published tests with only their `use` line changed to corokit_scheduler.
      --list        name the files, and why some are left out
      --reference   run them on async-executor's own LocalExecutor instead: checks the harness

  cargo xtask instructions [--write] [--features LIST]
      Counts instructions with callgrind and compares them with benches/instructions.toml (+-2 %).
      --write       make the table anew
      --features    build with these features of the benches: what is not used must not cost anything

  cargo xtask bench [AREA] [--save] [ARGS..]
      Measures one area beside its peers, or all; the figures are written to target/bench/AREA.json.
      --save        put the figures into the guide, and draw its page and pictures anew
      ARGS          go to the bench itself: `--help` names them, `--quick` sees that everything works

  cargo xtask bench plot
      Draws the guide's page and pictures from the figures that are in it (docs/src/figures).

  cargo xtask costs [--write]
      Compares the numbers of dependencies in docs/src/costs.md with what they are now.
      --write       make the page anew, with the times to compile

  cargo xtask readmes [--check]
      Copies the documentation of each library crate into its README, or compares the two.

  cargo xtask release --dry-run [--allow-dirty]
      Packages every library crate, builds each from its package alone, and prints the order of publishing.
";

fn main() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the command's name and hands the rest of the line to its module.
fn dispatch() -> Result<()> {
    let mut arguments = lexopt::Parser::from_env();
    let command = match arguments.next()? {
        Some(lexopt::Arg::Value(command)) => command,
        Some(lexopt::Arg::Short('h') | lexopt::Arg::Long("help")) | None => {
            print!("{HELP}");
            return Ok(());
        }
        Some(other) => return Err(other.unexpected().into()),
    };
    if asks_for_help(&mut arguments) {
        print!("{}", command.to_str().and_then(help_of).unwrap_or(HELP));
        return Ok(());
    }
    match command.to_str() {
        Some("ci") => ci::main(arguments),
        Some("deep") => deep::main(arguments),
        Some("conformance") => conformance::main(arguments),
        Some("instructions") => instructions::main(arguments),
        Some("bench") => bench::main(arguments),
        Some("costs") => costs::main(arguments),
        Some("readmes") => readmes::main(arguments),
        Some("release") => release::main(arguments),
        _ => Err(lexopt::Arg::Value(command).unexpected().into()),
    }
}

/// Whether `--help` comes next.
fn asks_for_help(arguments: &mut lexopt::Parser) -> bool {
    let next = arguments.try_raw_args();
    next.is_some_and(|next| {
        let next = next.peek();
        next.is_some_and(|next| next == "--help" || next == "-h")
    })
}

/// The part of the help that is about one command: the paragraphs that begin with it.
fn help_of(command: &str) -> Option<&'static str> {
    let head = format!("\n  cargo xtask {command} ");
    let begin = HELP.find(&head)? + 1;
    let last = begin + HELP[begin..].rfind(&head[1..])?;
    let end = HELP[last..]
        .find("\n\n")
        .map_or(HELP.len(), |length| last + length + 1);
    Some(&HELP[begin..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_help_of_its_own() {
        let costs = help_of("costs").unwrap();
        assert!(
            costs.starts_with("  cargo xtask costs [--write]\n"),
            "{costs}"
        );
        assert!(costs.ends_with("the times to compile\n"), "{costs}");
        // It has two forms.
        assert_eq!(help_of("bench").unwrap().matches("cargo xtask").count(), 2);
        assert!(help_of("release").unwrap().ends_with("publishing.\n"));
        assert_eq!(help_of("nothing"), None);
    }
}
