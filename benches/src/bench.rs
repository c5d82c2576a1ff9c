//! One comparison: the same work by several contestants, in turn, in a new order each round.

use std::fmt;

use crate::options::Options;
use crate::record::{record, recorded};
use crate::report::{Report, Row};
use crate::stats::Summary;
use crate::target::{Better, Bound, OURS, Role, Target};

/// One figure that a run of a contestant gives, and what it is held against.
#[derive(Clone, Debug)]
pub struct Line {
    name: String,
    unit: String,
    better: Better,
    baseline: String,
    targets: Vec<Target>,
}

impl Line {
    /// Makes a line whose lower figures are the better ones.
    #[must_use]
    pub fn new(name: impl Into<String>, unit: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            unit: unit.into(),
            better: Better::Lower,
            baseline: "async-executor".to_owned(),
            targets: Vec::new(),
        }
    }

    /// Says that the higher figures are the better ones.
    #[must_use]
    pub fn higher_is_better(mut self) -> Self {
        self.better = Better::Higher;
        self
    }

    /// Names the contestant that all are compared with in the table.
    #[must_use]
    pub fn baseline(mut self, name: impl Into<String>) -> Self {
        self.baseline = name.into();
        self
    }

    /// Sets a target for `corokit`.
    #[must_use]
    pub fn target(self, bound: Bound) -> Self {
        self.target_for(OURS, bound)
    }

    /// Sets a target for the named contestant.
    #[must_use]
    pub fn target_for(mut self, subject: &'static str, bound: Bound) -> Self {
        self.targets.push(Target { subject, bound });
        self
    }
}

struct Contestant<'a> {
    name: String,
    role: Role,
    run: Box<dyn FnMut() -> Vec<f64> + 'a>,
}

/// A comparison under construction.
///
/// ```
/// use corokit_benches::{Bench, Line, Options, Role};
///
/// let options = Options::parse(["--quick"], 11, 3).unwrap();
/// let reports = Bench::new("add up")
///     .line(Line::new("", "ns per term").baseline("slow"))
///     .contestant("fast", Role::Ours, || vec![1.0])
///     .contestant("slow", Role::Peer, || vec![4.0])
///     .run(&options);
/// assert_eq!(reports[0].title, "add up");
/// assert_eq!(reports[0].ratio(&reports[0].rows[0]), Some(4.0));
/// ```
pub struct Bench<'a> {
    title: String,
    lines: Vec<Line>,
    contestants: Vec<Contestant<'a>>,
    left_out: Vec<String>,
    exact: bool,
}

impl fmt::Debug for Bench<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bench")
            .field("title", &self.title)
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}

impl<'a> Bench<'a> {
    /// Starts a comparison without lines or contestants.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            lines: Vec::new(),
            contestants: Vec::new(),
            left_out: Vec::new(),
            exact: false,
        }
    }

    /// Says that the figures are the same each time, so that one round without a warm-up is enough.
    #[must_use]
    pub fn exact(mut self) -> Self {
        self.exact = true;
        self
    }

    /// Adds a figure that each run gives.
    #[must_use]
    pub fn line(mut self, line: Line) -> Self {
        self.lines.push(line);
        self
    }

    /// Adds a contestant; `run` does the work once and returns one figure for each line.
    #[must_use]
    pub fn contestant(
        mut self,
        name: impl Into<String>,
        role: Role,
        run: impl FnMut() -> Vec<f64> + 'a,
    ) -> Self {
        self.contestants.push(Contestant {
            name: name.into(),
            role,
            run: Box::new(run),
        });
        self
    }

    /// Says that somebody cannot take part on this machine, and why: who, a colon, the reason.
    ///
    /// A run tells it once, however many comparisons say it.
    #[must_use]
    pub fn left_out(mut self, who: impl Into<String>) -> Self {
        self.left_out.push(who.into());
        self
    }

    /// Returns the title of the comparison.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Runs each contestant once unmeasured, then once in each round, and returns a report for each line.
    ///
    /// # Panics
    ///
    /// If a contestant returns another number of figures than there are lines.
    #[must_use]
    pub fn run(mut self, options: &Options) -> Vec<Report> {
        self.contestants
            .retain(|contestant| options.wants_contestant(&contestant.name));
        if self.contestants.is_empty() {
            return Vec::new();
        }

        // The order depends on the seed and the title alone, so that a single bench can be repeated as it was.
        let salt = self.title.bytes().fold(0_u64, |salt, byte| {
            salt.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        let mut rng = fastrand::Rng::with_seed(options.seed ^ salt);
        let mut order: Vec<usize> = (0..self.contestants.len()).collect();
        let mut figures = vec![vec![Vec::new(); self.contestants.len()]; self.lines.len()];
        let rounds = if self.exact {
            1..=1
        } else {
            0..=options.rounds
        };
        for round in rounds {
            rng.shuffle(&mut order);
            for &index in &order {
                let outcome = (self.contestants[index].run)();
                assert_eq!(outcome.len(), self.lines.len(), "one figure for each line");
                // The first round only warms the caches and the allocator.
                if round > 0 {
                    for (line, figure) in figures.iter_mut().zip(outcome) {
                        line[index].push(figure);
                    }
                }
            }
        }

        // Figures that mean nothing are held against nothing.
        let judged = |line: &'_ Line| match options.quick {
            true => Vec::new(),
            false => line.targets.clone(),
        };
        let title = &self.title;
        let lines = self.lines.iter().zip(&figures);
        let reports = lines.map(|(line, figures)| {
            let rows = self.contestants.iter().zip(figures);
            let rows = rows.map(|(contestant, rounds)| {
                Row::new(&contestant.name, contestant.role, Summary::of(rounds))
            });
            let title = if line.name.is_empty() {
                title.clone()
            } else {
                format!("{title}: {}", line.name)
            };
            Report::new(
                title,
                &line.unit,
                line.better,
                &line.baseline,
                rows.collect(),
                &judged(line),
            )
        });
        reports.collect()
    }
}

/// Runs the benches of an area that the command line asks for, prints each as it ends, then all targets.
///
/// # Errors
///
/// If the JSON file cannot be written.
pub fn run_all(area: &str, benches: Vec<Bench<'_>>, options: &Options) -> std::io::Result<()> {
    if options.list {
        for bench in &benches {
            println!("{}", bench.title());
        }
        return Ok(());
    }
    let Options { seed, rounds, .. } = options;
    println!("seed {seed}, {rounds} rounds and one to warm up, each in a new order\n");
    if options.quick {
        println!("a quick run: its figures mean nothing\n");
    }
    let mut run = record(area, options);
    let mut reports = Vec::new();
    for mut bench in benches {
        if options.wants(bench.title()) {
            for who in std::mem::take(&mut bench.left_out) {
                if !run.left_out.contains(&who) {
                    println!("left out: {who}\n");
                    run.left_out.push(who);
                }
            }
            for report in bench.run(options) {
                println!("{}", report.to_text());
                reports.push(report);
            }
        }
    }
    if reports.is_empty() {
        println!("there is nothing of that name here: `--list` prints the titles");
    } else {
        print!("{}", crate::report::summary_of_targets(&reports));
    }
    match &options.json {
        Some(path) => {
            run.lines = reports.iter().map(recorded).collect();
            std::fs::write(path, run.to_json())
        }
        None => Ok(()),
    }
}
