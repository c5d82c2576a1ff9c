//! One run of one area, as it is kept.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// The version of the schema that this program writes and reads.
pub const SCHEMA: u32 = 1;

/// One run of one area.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The version of the schema.
    pub schema: u32,
    /// The bench target.
    pub area: String,
    /// When the run began, in UTC.
    pub date: String,
    /// What `rustc --version` prints.
    pub rustc: String,
    /// Where it ran.
    pub machine: Machine,
    /// The measured rounds.
    pub rounds: usize,
    /// What the order of the contestants came from.
    pub seed: u64,
    /// Whether the figures mean nothing.
    pub quick: bool,
    /// Whether the command line left something out.
    pub partial: bool,
    /// Contestants that this machine could not run, and why.
    pub left_out: Vec<String>,
    /// The comparisons.
    pub lines: Vec<Line>,
}

/// The same work by several contestants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The work.
    pub title: String,
    /// What a figure counts.
    pub unit: String,
    /// Which figures are the good ones.
    pub better: Better,
    /// The contestant that the printed table compares with.
    pub baseline: String,
    /// The contestants.
    pub rows: Vec<Row>,
    /// What the line is held against.
    pub targets: Vec<Target>,
}

/// Which figures are the good ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Times and sizes.
    Lower,
    /// Rates.
    Higher,
}

/// A contestant's part in a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// One of ours.
    Ours,
    /// Somebody else's implementation of the same work.
    Peer,
    /// The same work with nothing but its unavoidable parts.
    Floor,
}

/// What one contestant needed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The contestant.
    pub name: String,
    /// Its part in the comparison.
    pub role: Role,
    /// How many rounds were measured.
    pub rounds: usize,
    /// The middle one of them.
    pub median: f64,
    /// The lowest one.
    pub min: f64,
    /// The highest one.
    pub max: f64,
}

/// A target and what came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The target in words.
    pub target: String,
    /// What was reached, in words.
    pub reached: String,
    /// Whether it is met; `None` if a contestant took no part.
    pub met: Option<bool>,
}

/// A text that is not a run.
#[derive(Debug)]
pub struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

impl From<Unreadable> for io::Error {
    fn from(error: Unreadable) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

impl Run {
    /// Reads a run from JSON.
    ///
    /// ```
    /// use figures::Run;
    ///
    /// let error = Run::read(r#"{ "schema": 0 }"#).unwrap_err();
    /// assert_eq!(error.to_string(), "schema 0, not 1; measure again");
    /// ```
    ///
    /// # Errors
    ///
    /// If it is no JSON, or not of this schema.
    pub fn read(json: &str) -> Result<Self, Unreadable> {
        /// The one key that every schema has.
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        let bad = |error: serde_json::Error| Unreadable(error.to_string());
        let Version { schema } = serde_json::from_str(json).map_err(bad)?;
        if schema != SCHEMA {
            let text = format!("schema {schema}, not {SCHEMA}; measure again");
            return Err(Unreadable(text));
        }
        serde_json::from_str(json).map_err(bad)
    }

    /// Writes the run as JSON, one value a line, with a newline at the end.
    ///
    /// ```
    /// use figures::{Machine, Run, SCHEMA};
    ///
    /// let run = Run {
    ///     schema: SCHEMA,
    ///     area: "locks".to_owned(),
    ///     date: "2026-11-21T12:00:00Z".to_owned(),
    ///     rustc: "rustc 1.95.0".to_owned(),
    ///     machine: Machine::this(),
    ///     rounds: 15,
    ///     seed: u64::MAX,
    ///     quick: false,
    ///     partial: false,
    ///     left_out: Vec::new(),
    ///     lines: Vec::new(),
    /// };
    /// assert_eq!(Run::read(&run.to_json()).unwrap(), run);
    /// ```
    ///
    /// # Panics
    ///
    /// If a figure is infinite or not a number, for which JSON has no word: nothing was measured.
    #[must_use]
    pub fn to_json(&self) -> String {
        let rows = self.lines.iter().flat_map(|line| &line.rows);
        for row in rows {
            let figures = [row.median, row.min, row.max];
            let name = &row.name;
            assert!(figures.iter().all(|figure| figure.is_finite()), "{name}");
        }
        let json = serde_json::to_string_pretty(self);
        json.expect("text, numbers and lists have no keys that JSON lacks") + "\n"
    }
}

impl Line {
    /// Returns the contestant that stands for corokit: the one of this name, or the first one of ours.
    #[must_use]
    pub fn ours(&self) -> Option<&Row> {
        let mut ours = self.rows.iter().filter(|row| row.role == Role::Ours);
        let first = ours.clone().next();
        ours.find(|row| row.name == "corokit").or(first)
    }

    /// Returns what share of `row` one of ours needs to do the same: above 1, ours is ahead.
    #[must_use]
    pub fn times(&self, row: &Row, ours: &Row) -> f64 {
        match self.better {
            Better::Lower => row.median / ours.median,
            Better::Higher => ours.median / row.median,
        }
    }
}

/// Reads every run in a folder, in the order of the files' names. A folder that is not there has none.
///
/// # Errors
///
/// If a file cannot be read, or is no run.
pub fn read_folder(folder: &Path) -> io::Result<Vec<Run>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            files.push(path);
        }
    }
    files.sort();
    let read = |path: &std::path::PathBuf| -> io::Result<Run> {
        Run::read(&fs::read_to_string(path)?)
            .map_err(|error| Unreadable(format!("{}: {error}", path.display())).into())
    };
    files.iter().map(read).collect()
}
