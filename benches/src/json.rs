//! The reports of a run as JSON, for a program to read.

use std::fmt::Write as _;

use crate::report::Report;

/// Writes the reports as one JSON array, an object for each.
///
/// ```
/// use corokit_benches::{Better, Report, Role, Row, Summary, to_json};
///
/// let rows = vec![Row::new("corokit", Role::Ours, Summary::of(&[40.0, 41.0, 45.0]))];
/// let report = Report::new("a \"yield\"", "ns", Better::Lower, "corokit", rows, &[]);
/// assert_eq!(
///     to_json(&[report]),
///     r#"[{"title":"a \"yield\"","unit":"ns","baseline":"corokit","rows":[{"name":"corokit","median":41,"min":40,"max":45}],"targets":[]}]"#
/// );
/// ```
#[must_use]
pub fn to_json(reports: &[Report]) -> String {
    list(reports, |report| {
        let rows = list(&report.rows, |row| {
            let summary = row.summary;
            format!(
                r#"{{"name":{},"median":{},"min":{},"max":{}}}"#,
                string(&row.name),
                number(summary.median),
                number(summary.min),
                number(summary.max)
            )
        });
        let targets = list(&report.verdicts, |verdict| {
            let met = match verdict.met {
                Some(true) => "true",
                Some(false) => "false",
                None => "null",
            };
            let target = string(&verdict.target);
            let reached = string(&verdict.reached);
            format!(r#"{{"target":{target},"reached":{reached},"met":{met}}}"#)
        });
        format!(
            r#"{{"title":{},"unit":{},"baseline":{},"rows":{rows},"targets":{targets}}}"#,
            string(&report.title),
            string(&report.unit),
            string(&report.baseline),
        )
    })
}

fn list<T>(items: &[T], to_json: impl Fn(&T) -> String) -> String {
    let items: Vec<String> = items.iter().map(to_json).collect();
    format!("[{}]", items.join(","))
}

/// JSON has no word for an infinite figure.
fn number(value: f64) -> String {
    if value.is_finite() {
        value.to_string()
    } else {
        "null".to_owned()
    }
}

fn string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            control if control.is_control() => {
                write!(quoted, "\\u{:04x}", u32::from(control)).expect("a String takes all text");
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
