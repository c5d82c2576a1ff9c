//! What became of the stages.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// What became of a stage.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It completed.
    Done,
    /// It completed with an error.
    Failed(Box<dyn Error + Send + Sync>),
    /// It panicked, with this message.
    Panicked(String),
    /// It had not completed when its time was up, and was dropped.
    TimedOut,
}

/// How a stage ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct StageReport {
    /// The name that it was given.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// How the stages ended, in the order in which they ran.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// One for each stage.
    pub stages: Vec<StageReport>,
}

impl Report {
    /// Returns whether all stages completed without an error.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::shutdown::Stages;
    ///
    /// let mut stages = Stages::new();
    /// stages.stage("farewell", async || println!("bye"));
    /// let report = futures_lite::future::block_on(stages.run());
    /// assert!(report.is_ok());
    /// ```
    pub fn is_ok(&self) -> bool {
        let is_done = |stage: &StageReport| matches!(stage.outcome, Outcome::Done);
        self.stages.iter().all(is_done)
    }
}

impl fmt::Display for Report {
    /// Writes a line for each stage.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, stage) in self.stages.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let StageReport { name, took, .. } = stage;
            match &stage.outcome {
                Outcome::Done => write!(f, "{name}: done in {took:?}")?,
                Outcome::Failed(error) => write!(f, "{name}: failed in {took:?}: {error}")?,
                Outcome::Panicked(message) => {
                    write!(f, "{name}: panicked in {took:?}: {message}")?;
                }
                Outcome::TimedOut => write!(f, "{name}: gave up after {took:?}")?,
            }
        }
        Ok(())
    }
}
