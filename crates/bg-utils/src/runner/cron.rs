//! Jobs by patterns of cron, which croner understands.

use std::future::Future;
use std::time::SystemTime;

use chrono::{DateTime, TimeZone, Utc};
use croner::Cron;
use croner::errors::CronError;

use super::job::Job;

/// Tells the first time after this one at which a job is to run.
pub(super) type Occurrences = Box<dyn Fn(SystemTime) -> Option<SystemTime> + Send>;

impl Job {
    /// Makes a job that runs whenever a pattern of cron says so: `"*/15 9-17 * * MON-FRI"`, or with
    /// seconds in front, or `"@daily"`. The pattern is that of the wall clock in UTC.
    ///
    /// # Errors
    ///
    /// [`CronError`] if the pattern is none, or no time ever matches it.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::runner::Job;
    ///
    /// let job = Job::cron("0 3 * * *", async || println!("time to clean up")).unwrap();
    /// assert!(Job::cron("0 25 * * *", async || ()).is_err());
    /// # drop(job);
    /// ```
    pub fn cron<M, Fut>(pattern: &str, make: M) -> Result<Self, CronError>
    where
        M: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Job::cron_in(&Utc, SystemTime::now(), pattern, make)
    }

    /// As [`cron`](Self::cron), in another time zone, and from a time of the wall clock on, which is
    /// not one itself.
    ///
    /// # Errors
    ///
    /// As [`cron`](Self::cron).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::runner::{Job, chrono};
    /// use std::time::SystemTime;
    ///
    /// let zone = chrono::FixedOffset::east_opt(2 * 60 * 60).unwrap();
    /// let job = Job::cron_in(&zone, SystemTime::now(), "@daily", async || println!("a new day"));
    /// assert!(job.is_ok());
    /// ```
    pub fn cron_in<Z, M, Fut>(
        zone: &Z,
        after: SystemTime,
        pattern: &str,
        make: M,
    ) -> Result<Self, CronError>
    where
        Z: TimeZone + Send + 'static,
        Z::Offset: Send,
        M: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let cron: Cron = pattern.parse()?;
        let zone = zone.clone();
        let next = move |after: SystemTime| {
            let after = DateTime::<Utc>::from(after).with_timezone(&zone);
            let next = cron.find_next_occurrence(&after, false)?;
            Ok(SystemTime::from(next.with_timezone(&Utc)))
        };
        let first = next(after)?;
        let occurrences = Box::new(move |after| next(after).ok());
        Ok(Job::by_occurrences(first, occurrences, make))
    }
}
