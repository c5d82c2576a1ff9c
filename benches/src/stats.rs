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

/// Returns the slope of the line that fits points best, by the sum of the squares of the distances along the second
/// axis; zero if there are too few points for one.
///
/// ```
/// use corokit_benches::slope;
///
/// assert_eq!(slope(&[(0.0, 5.0), (1.0, 7.0), (2.0, 9.0)]), 2.0);
/// assert_eq!(slope(&[(0.0, 1.0), (1.0, 0.0), (2.0, 0.0), (3.0, 1.0)]), 0.0);
/// assert_eq!(slope(&[(3.0, 1.0)]), 0.0);
/// ```
#[must_use]
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    if points.len() < 2 || spread == 0.0 {
        return 0.0;
    }
    let common = points.iter().map(|point| (point.0 - x) * (point.1 - y));
    common.sum::<f64>() / spread
}
