//! Jobs by patterns of cron, which croner understands.

use std::future::Future;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Datelike, TimeDelta, TimeZone, Utc};
use croner::Cron;
use croner::errors::CronError;

use super::job::Job;

/// Tells the first time after this one at which a job is to run.
pub(super) type Occurrences = Box<dyn Fn(SystemTime) -> Option<SystemTime> + Send>;

impl Job {
    /// Makes a job that runs whenever a pattern of cron says so: `"*/15 9-17 * * MON-FRI"`, or with
    /// seconds in front, or `"@daily"`. The pattern is that of the wall clock in UTC.
    ///
    /// If that clock is set back, no time comes twice: the job waits until the clock shows the time
    /// that is next.
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
    /// Where the zone sets its clocks forward, what falls into the gap runs when it is over; where
    /// it sets them back, a single time of day runs once, and a pattern such as "each hour" goes on.
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
            let after = date(after).ok_or(CronError::TimeSearchLimitExceeded)?;
            let after = after.with_timezone(&zone);
            let next = cron.find_next_occurrence(&after, false)?;
            Ok(SystemTime::from(next.with_timezone(&Utc)))
        };
        let first = next(after)?;
        let occurrences = Box::new(move |after| next(after).ok());
        Ok(Job::by_occurrences(first, occurrences, make))
    }
}

/// Returns the date of a time of the wall clock, if it is in years that have four digits.
fn date(time: SystemTime) -> Option<DateTime<Utc>> {
    let epoch = DateTime::UNIX_EPOCH;
    let date = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => epoch.checked_add_signed(TimeDelta::from_std(after).ok()?)?,
        Err(before) => epoch.checked_sub_signed(TimeDelta::from_std(before.duration()).ok()?)?,
    };
    (0..10_000).contains(&date.year()).then_some(date)
}
