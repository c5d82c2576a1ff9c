//! The outcome of one line of the tables, and how it is shown.

use crate::stats::Summary;
use crate::target::{Better, Role, Target, Verdict};

/// One contestant's part of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The contestant.
    pub name: String,
    /// Its part in the comparison.
    pub role: Role,
    /// What it needed.
    pub summary: Summary,
}

impl Row {
    /// Makes a row.
    #[must_use]
    pub fn new(name: impl Into<String>, role: Role, summary: Summary) -> Self {
        Self {
            name: name.into(),
            role,
            summary,
        }
    }
}

/// One line of the tables: the same work by each contestant.
#[derive(Clone, Debug)]
pub struct Report {
    /// The work.
    pub title: String,
    /// What the figures count, such as `ns per task`.
    pub unit: String,
    /// Which figures are the good ones.
    pub better: Better,
    /// The contestant that all others are compared with.
    pub baseline: String,
    /// The contestants.
    pub rows: Vec<Row>,
    /// What the line is held against.
    pub verdicts: Vec<Verdict>,
}

impl Report {
    /// Makes a report and judges the targets.
    #[must_use]
    pub fn new(
        title: impl Into<String>,
        unit: impl Into<String>,
        better: Better,
        baseline: impl Into<String>,
        rows: Vec<Row>,
        targets: &[Target],
    ) -> Self {
        let verdicts = targets.iter().map(|target| target.judge(&rows, better));
        Self {
            title: title.into(),
            unit: unit.into(),
            better,
            baseline: baseline.into(),
            verdicts: verdicts.collect(),
            rows,
        }
    }

    /// Returns how many times as good as the baseline a row is, if the baseline took part.
    #[must_use]
    pub fn ratio(&self, row: &Row) -> Option<f64> {
        let mut rows = self.rows.iter();
        let baseline = rows.find(|row| row.name == self.baseline)?;
        let rival = baseline.summary.median;
        Some(self.better.ratio(row.summary.median, rival))
    }

    /// Writes the line as a table for people.
    ///
    /// ```
    /// use corokit_benches::{Better, Report, Role, Row, Summary};
    ///
    /// let rows = vec![
    ///     Row::new("corokit", Role::Ours, Summary::of(&[40.0, 41.0, 45.0])),
    ///     Row::new("rival", Role::Peer, Summary::of(&[82.0])),
    /// ];
    /// let report = Report::new("yield", "ns per step", Better::Lower, "rival", rows, &[]);
    /// assert_eq!(
    ///     report.to_text(),
    ///     "\
    /// yield, ns per step
    ///                                     median    lowest   highest  vs rival
    ///   corokit                             41.0      40.0      45.0     2.00x
    ///   rival                               82.0      82.0      82.0     1.00x
    /// "
    /// );
    /// ```
    #[must_use]
    pub fn to_text(&self) -> String {
        let Self {
            title,
            unit,
            baseline,
            ..
        } = self;
        let mut lines = vec![format!("{title}, {unit}")];
        lines.push(format!(
            "  {:<30}{:>10}{:>10}{:>10}  vs {baseline}",
            "", "median", "lowest", "highest"
        ));
        for row in &self.rows {
            let Summary {
                median, min, max, ..
            } = row.summary;
            let [median, min, max] = [median, min, max].map(figure);
            let ratio = self.ratio(row).map(|ratio| format!("{ratio:.2}x"));
            let ratio = ratio.unwrap_or_else(|| "-".to_owned());
            let name = &row.name;
            lines.push(format!(
                "  {name:<30}{median:>10}{min:>10}{max:>10}{ratio:>10}"
            ));
        }
        for verdict in &self.verdicts {
            lines.push(verdict_line("target", verdict));
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

fn verdict_line(title: &str, verdict: &Verdict) -> String {
    let met = met_word(verdict.met);
    let Verdict {
        target, reached, ..
    } = verdict;
    format!("  {met:<8}{title}: {target}: {reached}")
}

/// Lists all targets of a run, one line each.
#[must_use]
pub fn summary_of_targets(reports: &[Report]) -> String {
    let mut lines = vec!["targets".to_owned()];
    let (mut met, mut all) = (0, 0);
    for report in reports {
        for verdict in &report.verdicts {
            lines.push(verdict_line(&report.title, verdict));
            all += usize::from(verdict.met.is_some());
            met += usize::from(verdict.met == Some(true));
        }
    }
    lines.push(format!("{met} of {all} targets met\n"));
    lines.join("\n")
}

fn met_word(met: Option<bool>) -> &'static str {
    match met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "-",
    }
}

/// Writes a figure with as many places as are worth reading.
fn figure(value: f64) -> String {
    if value < 10.0 {
        format!("{value:.2}")
    } else if value < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}
