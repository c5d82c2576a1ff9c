//! Medians and spreads of a few rounds.

/// What is left of the rounds of one contestant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The middle round (the mean of the two middle ones if their number is even).
    pub median: f64,
    /// The lowest round.
    pub min: f64,
    /// The highest round.
    pub max: f64,
    /// How many rounds there were.
    pub rounds: usize,
}

impl Summary {
    /// Sums up the given rounds.
    ///
    /// ```
    /// use corokit_benches::Summary;
    ///
    /// let summary = Summary::of(&[9.0, 1.0, 2.0]);
    /// assert_eq!(summary, Summary { median: 2.0, min: 1.0, max: 9.0, rounds: 3 });
    /// ```
    ///
    /// # Panics
    ///
    /// If there is no round.
    #[must_use]
    #[track_caller]
    pub fn of(rounds: &[f64]) -> Self {
        assert!(!rounds.is_empty(), "a summary of no round");
        let mut sorted = rounds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 0 {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        } else {
            sorted[middle]
        };
        Self {
            median,
            min: sorted[0],
            max: sorted[sorted.len() - 1],
            rounds: sorted.len(),
        }
    }
}
