//! How far a run is.

/// What has happened in a run: see [`Plan::progress`](crate::Plan::progress).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// The run has begun.
    Started {
        /// How many jobs there are.
        total: usize,
    },
    /// A job has finished, in whatever way.
    Finished {
        /// The number of the job.
        index: usize,
        /// How many have finished.
        done: usize,
        /// How many jobs there are.
        total: usize,
    },
    /// The run is over, with all jobs or without some of them, because one has failed or nobody
    /// waits any more.
    Ended {
        /// How many have finished.
        done: usize,
        /// How many jobs there are.
        total: usize,
    },
}

/// Makes a callback for [`Plan::progress`](crate::Plan::progress) that shows a bar.
///
/// Each run begins with an empty bar; runs of one plan at the same time share it. After a whole run
/// the bar stays as it is, after one that has failed it is abandoned.
///
/// # Examples
///
/// ```
/// use corokit_parallel_serial::{Parallel, progress_bar};
/// use indicatif::ProgressBar;
///
/// // In a program: `ProgressBar::new(0)`.
/// let bar = ProgressBar::hidden();
/// let plan = Parallel::new().each_blocking(0..10, |n| n).progress(progress_bar(bar.clone()));
/// plan.run_blocking();
/// assert_eq!((bar.position(), bar.length()), (10, Some(10)));
/// assert!(bar.is_finished());
/// ```
#[cfg(feature = "progress-bar")]
pub fn progress_bar(
    bar: indicatif::ProgressBar,
) -> impl Fn(Progress) + Send + Sync + 'static + use<> {
    move |progress| match progress {
        Progress::Started { total } => {
            bar.reset();
            bar.set_length(total as u64);
            bar.set_position(0);
        }
        // Jobs finish on several threads, so this may not be the latest.
        Progress::Finished { .. } => bar.inc(1),
        Progress::Ended { done, total } if done == total => bar.finish(),
        Progress::Ended { .. } => bar.abandon(),
    }
}
