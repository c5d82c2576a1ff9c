//! The command line that all benches share.

use std::path::PathBuf;

use lexopt::prelude::*;

/// The fewest rounds whose median is worth printing.
pub const MIN_ROUNDS: usize = 11;

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Only benches whose title contains one of these are run; all if there is none.
    pub filters: Vec<String>,
    /// Only contestants whose name contains one of these take part; all if there is none.
    pub only: Vec<String>,
    /// A short run, to see that everything works: its figures mean nothing.
    pub quick: bool,
    /// The number of measured rounds.
    pub rounds: usize,
    /// What decides the order of the contestants in each round.
    pub seed: u64,
    /// Where the reports are written as JSON.
    pub json: Option<PathBuf>,
    /// Print the titles and do nothing else.
    pub list: bool,
    /// A program to measure in place of the one that the bench would build.
    pub program: Option<PathBuf>,
}

/// The text of `--help`.
pub const HELP: &str = "\
usage: [FILTER]... [OPTION]...
  FILTER         run only the benches whose title contains this text
  --only NAME    let only the contestants take part whose name contains this text (may be repeated)
  --rounds N     measured rounds, at least 11 (fewer where the bench itself takes fewer)
  --seed N       the seed of the order of the contestants
  --quick        a short run, to see that everything works: its figures mean nothing
  --json FILE    write the reports as JSON too
  --list         print the titles, run nothing
  --program FILE measure this program in place of the one that the bench would build
";

impl Options {
    /// Reads a command line without the program's name.
    ///
    /// `rounds` and `quick_rounds` hold where the command line says nothing.
    ///
    /// ```
    /// use corokit_benches::Options;
    ///
    /// let options = Options::parse(["spawn", "--rounds", "21", "--bench"], 11, 1).unwrap();
    /// assert_eq!(options.rounds, 21);
    /// assert_eq!(options.filters, ["spawn"]);
    /// assert!(!options.quick);
    /// ```
    ///
    /// # Errors
    ///
    /// If an option is unknown, lacks its value, or asks for fewer than [`MIN_ROUNDS`] rounds in a run that is not quick
    /// and by default has that many.
    pub fn parse<A>(
        args: impl IntoIterator<Item = A>,
        rounds: usize,
        quick_rounds: usize,
    ) -> Result<Self, lexopt::Error>
    where
        A: Into<std::ffi::OsString>,
    {
        let mut parser = lexopt::Parser::from_args(args.into_iter().map(Into::into));
        let mut asked: Option<usize> = None;
        let mut options = Self {
            filters: Vec::new(),
            only: Vec::new(),
            quick: false,
            rounds,
            seed: fastrand::u64(..),
            json: None,
            list: false,
            program: None,
        };
        while let Some(arg) = parser.next()? {
            match arg {
                Long("only") => options.only.push(parser.value()?.string()?),
                Long("rounds") => asked = Some(parser.value()?.parse()?),
                Long("seed") => options.seed = parser.value()?.parse()?,
                Long("quick") => options.quick = true,
                Long("json") => options.json = Some(parser.value()?.into()),
                Long("list") => options.list = true,
                Long("program") => options.program = Some(parser.value()?.into()),
                // Cargo adds this one to whatever the user gave.
                Long("bench") => {}
                Value(filter) => options.filters.push(filter.string()?),
                other => return Err(other.unexpected()),
            }
        }
        options.rounds = match asked {
            Some(asked) if !options.quick && asked < MIN_ROUNDS.min(rounds) => {
                return Err(format!("{asked} rounds are too few for a median").into());
            }
            Some(asked) => asked.max(1),
            None if options.quick => quick_rounds,
            None => rounds,
        };
        Ok(options)
    }

    /// Reads the command line of this program; prints the help or the error and exits where there is nothing to run.
    #[must_use]
    pub fn from_env(rounds: usize, quick_rounds: usize) -> Self {
        let args: Vec<_> = std::env::args_os().skip(1).collect();
        if args.iter().any(|arg| arg == "--help" || arg == "-h") {
            print!("{HELP}");
            std::process::exit(0);
        }
        Self::parse(args, rounds, quick_rounds).unwrap_or_else(|error| {
            eprintln!("{error}\n{HELP}");
            std::process::exit(2);
        })
    }

    /// Says whether a bench of this title is asked for.
    #[must_use]
    pub fn wants(&self, title: &str) -> bool {
        contains_one(title, &self.filters)
    }

    /// Says whether a contestant of this name is asked for.
    #[must_use]
    pub fn wants_contestant(&self, name: &str) -> bool {
        contains_one(name, &self.only)
    }

    /// Returns the size for this kind of run.
    #[must_use]
    pub fn size(&self, full: u64, quick: u64) -> u64 {
        if self.quick { quick } else { full }
    }
}

fn contains_one(text: &str, filters: &[String]) -> bool {
    let text = text.to_lowercase();
    filters.is_empty()
        || filters
            .iter()
            .any(|filter| text.contains(&filter.to_lowercase()))
}
