//! Where a run took place.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::process::Command;
use std::thread;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// The machine, as far as figures depend on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The name of the processor.
    pub cpu: String,
    /// How many threads it runs at once.
    pub cores: usize,
    /// The operating system and the architecture.
    pub system: String,
    /// How many processes wanted to run in the minute before, where the system says so.
    pub load: Option<f64>,
}

impl Machine {
    /// Describes the machine that this runs on.
    ///
    /// ```
    /// assert!(figures::Machine::this().cores >= 1);
    /// ```
    #[must_use]
    pub fn this() -> Self {
        let cores = thread::available_parallelism();
        Self {
            cpu: cpu().unwrap_or_else(|| "unknown".to_owned()),
            cores: cores.map_or(1, usize::from),
            system: format!("{OS} {ARCH}"),
            load: load(),
        }
    }

    /// Returns the date, in UTC, as in `2026-11-21T12:00:00Z`.
    ///
    /// ```
    /// assert!(figures::Machine::date().ends_with('Z'));
    /// ```
    #[must_use]
    pub fn date() -> String {
        let now = DateTime::<Utc>::from(std::time::SystemTime::now());
        now.to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// Returns what `rustc --version` prints, or `unknown`.
    ///
    /// ```
    /// assert!(!figures::Machine::rustc().is_empty());
    /// ```
    #[must_use]
    pub fn rustc() -> String {
        let output = Command::new("rustc").arg("--version").output().ok();
        let text = output.and_then(|output| String::from_utf8(output.stdout).ok());
        let line = text.map(|text| text.trim().to_owned());
        line.filter(|line| !line.is_empty())
            .unwrap_or_else(|| "unknown".to_owned())
    }
}

/// Reads the line `model name : ...` that Linux has for each processor.
fn cpu() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let mut lines = text.lines().filter(|line| line.starts_with("model name"));
    let (_, name) = lines.next()?.split_once(':')?;
    Some(name.trim().to_owned())
}

/// Reads the first figure of Linux' load averages.
fn load() -> Option<f64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}
