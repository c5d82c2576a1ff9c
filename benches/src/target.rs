//! What a measured line is held against.

use std::fmt;

use crate::report::Row;

/// Says which part a contestant has in the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// One of ours: a target may be set for it.
    Ours,
    /// Somebody else's implementation of the same work.
    Peer,
    /// The same work with nothing but its unavoidable parts: no one is expected to be faster.
    Floor,
}

/// Where a line must stand, in figures of that line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// `times` as good as `rival`.
    AtLeast {
        /// The factor.
        times: f64,
        /// The contestant to compare with.
        rival: &'static str,
    },
    /// No more than `times` the figure of the best of `rivals`.
    AtMost {
        /// The factor.
        times: f64,
        /// The contestants to compare with; the best of them counts.
        rivals: &'static [&'static str],
    },
    /// Better than each peer.
    AheadOfPeers,
    /// No more than this in the line's unit.
    Within(f64),
}

/// A bound for one of our contestants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// The contestant that has to keep the bound.
    pub subject: &'static str,
    /// The bound.
    pub bound: Bound,
}

/// What came out for a target.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The target in words.
    pub target: String,
    /// The figure reached, in words.
    pub reached: String,
    /// Whether the bound is kept; `None` if a contestant was left out of the run.
    pub met: Option<bool>,
}

/// Says which figures are the good ones of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Times and sizes.
    Lower,
    /// Rates.
    Higher,
}

impl Better {
    /// Returns how many times as good `figure` is as `rival`.
    ///
    /// ```
    /// use corokit_benches::Better;
    ///
    /// assert_eq!(Better::Lower.ratio(50.0, 100.0), 2.0);
    /// assert_eq!(Better::Higher.ratio(50.0, 100.0), 0.5);
    /// ```
    #[must_use]
    pub fn ratio(self, figure: f64, rival: f64) -> f64 {
        match self {
            Self::Lower => rival / figure,
            Self::Higher => figure / rival,
        }
    }

    fn is_ahead(self, figure: f64, rival: f64) -> bool {
        self.ratio(figure, rival) >= 1.0
    }
}

impl Target {
    /// Compares the medians of `rows` with this target.
    ///
    /// ```
    /// use corokit_benches::{Better, Bound, Role, Row, Summary, Target};
    ///
    /// let row = |name: &str, role, ns| Row::new(name, role, Summary::of(&[ns]));
    /// let rows = [row("corokit", Role::Ours, 80.0), row("async-executor", Role::Peer, 200.0)];
    /// let target = Target {
    ///     subject: "corokit",
    ///     bound: Bound::AtLeast { times: 2.0, rival: "async-executor" },
    /// };
    /// let verdict = target.judge(&rows, Better::Lower);
    /// assert_eq!(verdict.target, ">= 2x async-executor");
    /// assert_eq!(verdict.reached, "2.50x");
    /// assert_eq!(verdict.met, Some(true));
    /// ```
    #[must_use]
    pub fn judge(&self, rows: &[Row], better: Better) -> Verdict {
        let median = |name: &str| {
            let row = rows.iter().find(|row| row.name == name);
            row.map(|row| row.summary.median)
        };
        let outcome = median(self.subject).and_then(|ours| match self.bound {
            Bound::AtLeast { times, rival } => {
                let ratio = better.ratio(ours, median(rival)?);
                Some((format!("{ratio:.2}x"), ratio >= times))
            }
            Bound::AtMost { times, rivals } => {
                let best = best(rivals.iter().filter_map(|rival| median(rival)), better)?;
                let share = ours / best;
                Some((format!("{share:.2}x"), share <= times))
            }
            Bound::AheadOfPeers => {
                let peers = rows.iter().filter(|row| row.role == Role::Peer);
                let first = best(peers.map(|row| row.summary.median), better)?;
                let name = rows.iter().find(|row| row.summary.median == first)?;
                let ratio = better.ratio(ours, first);
                let text = format!("{ratio:.2}x {}", name.name);
                Some((text, better.is_ahead(ours, first)))
            }
            Bound::Within(most) => Some((format!("{ours:.1}"), ours <= most)),
        });
        let (reached, met) = match outcome {
            Some((reached, met)) => (reached, Some(met)),
            None => ("-".to_owned(), None),
        };
        Verdict {
            target: self.to_string(),
            reached,
            met,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bound {
            Bound::AtLeast { times, rival } => write!(f, ">= {times}x {rival}"),
            Bound::AtMost { times, rivals } => {
                write!(f, "<= {times}x of {}", rivals.join(", "))
            }
            Bound::AheadOfPeers => f.write_str("ahead of every peer"),
            Bound::Within(most) => write!(f, "<= {most}"),
        }?;
        if self.subject != OURS {
            write!(f, " ({})", self.subject)?;
        }
        Ok(())
    }
}

/// The name under which our own implementation takes part.
pub const OURS: &str = "corokit";

/// Returns the best of some figures, if there is one.
fn best(figures: impl Iterator<Item = f64>, better: Better) -> Option<f64> {
    figures.reduce(|one, other| {
        if better.is_ahead(one, other) {
            one
        } else {
            other
        }
    })
}
