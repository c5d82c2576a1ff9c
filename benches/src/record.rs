//! A run as it is kept, for the guide and for other programs to read.

use figures::{Line, Machine, Row, Run, SCHEMA, Target};

use crate::options::Options;
use crate::report::Report;
use crate::target::{Better, Role};

/// Describes the machine and the moment, before anything is measured.
///
/// ```
/// use corokit_benches::{Options, record};
///
/// let options = Options::parse(["--quick", "--seed", "7"], 11, 3).unwrap();
/// let run = record("locks", &options);
/// assert_eq!((run.area.as_str(), run.rounds, run.seed), ("locks", 3, 7));
/// assert!(run.quick && !run.partial && run.lines.is_empty());
/// ```
#[must_use]
pub fn record(area: &str, options: &Options) -> Run {
    Run {
        schema: SCHEMA,
        area: area.to_owned(),
        date: Machine::date(),
        rustc: Machine::rustc(),
        machine: Machine::this(),
        rounds: options.rounds,
        seed: options.seed,
        quick: options.quick,
        partial: !options.filters.is_empty() || !options.only.is_empty(),
        left_out: Vec::new(),
        lines: Vec::new(),
    }
}

/// Describes the outcome of a line.
///
/// ```
/// use corokit_benches::{Better, Report, Role, Row, Summary, recorded};
///
/// let rows = vec![Row::new("corokit", Role::Ours, Summary::of(&[40.0, 41.0, 45.0]))];
/// let report = Report::new("yield", "ns", Better::Lower, "corokit", rows, &[]);
/// let line = recorded(&report);
/// assert_eq!((line.rows[0].rounds, line.rows[0].median), (3, 41.0));
/// ```
#[must_use]
pub fn recorded(report: &Report) -> Line {
    let rows = report.rows.iter().map(|row| Row {
        name: row.name.clone(),
        role: match row.role {
            Role::Ours => figures::Role::Ours,
            Role::Peer => figures::Role::Peer,
            Role::Floor => figures::Role::Floor,
        },
        rounds: row.summary.rounds,
        median: row.summary.median,
        min: row.summary.min,
        max: row.summary.max,
    });
    let targets = report.verdicts.iter().map(|verdict| Target {
        target: verdict.target.clone(),
        reached: verdict.reached.clone(),
        met: verdict.met,
    });
    Line {
        title: report.title.clone(),
        unit: report.unit.clone(),
        better: match report.better {
            Better::Lower => figures::Better::Lower,
            Better::Higher => figures::Better::Higher,
        },
        baseline: report.baseline.clone(),
        rows: rows.collect(),
        targets: targets.collect(),
    }
}
