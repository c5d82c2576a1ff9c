//! The runner: which job runs when.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use chrono::{
    DateTime, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta,
    TimeZone, Utc,
};
use corokit_bg_utils::runner::{Job, Missed, Run, Runner, chrono};
use corokit_bg_utils::scheduler::Due;
use corokit_core::time;
use corokit_lab::{self as lab, Lab, Options, Strategy, cancel_everywhere};
use corokit_sched_loop::{sleep, spawn};
use futures_lite::future::{self, poll_once, yield_now};

const SECOND: Duration = Duration::from_secs(1);

/// When something ran, in seconds since the start.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u64>>>);

impl Log {
    fn seconds(&self) -> Vec<u64> {
        self.0.lock().unwrap().clone()
    }
}

fn spawner() -> impl FnMut(Run) {
    |run| spawn(run).detach()
}

/// A run that logs the time, and takes so long.
fn logged(log: &Log, takes: Duration) -> impl Fn() -> Run + Send + Sync + use<> {
    let (log, start) = (log.clone(), time::now());
    move || {
        let log = log.clone();
        Box::pin(async move {
            let now = time::now() - start;
            log.0.lock().unwrap().push(now.as_secs());
            if !takes.is_zero() {
                time::sleep(takes).await;
            }
        })
    }
}

#[test]
fn jobs_run_at_their_times_until_they_are_cancelled() {
    lab::run(1, |_| async move {
        let (every, once) = (Log::default(), Log::default());
        let (runner, driver) = Runner::new(spawner());
        let driver = spawn(driver);
        let id = runner.add(Job::every(SECOND * 10, logged(&every, SECOND)));
        let id = id.unwrap();
        let after = Job::after(SECOND * 25, logged(&once, Duration::ZERO)());
        let single = runner.add(after).unwrap();
        assert_eq!(runner.len(), 2);
        sleep(SECOND * 35).await;
        assert_eq!(runner.next_run(single), None);
        assert!(!runner.cancel(single));
        assert!(matches!(runner.next_run(id), Some(Due::At(_))));
        assert!(runner.cancel(id));
        assert!(runner.is_empty());
        sleep(SECOND * 35).await;
        assert_eq!(every.seconds(), [10, 20, 30]);
        assert_eq!(once.seconds(), [25]);
        drop(runner);
        driver.await;
    });
}

#[test]
fn the_driver_goes_on_without_handles_until_no_job_is_left() {
    lab::run(1, |lab| async move {
        let log = Log::default();
        let (runner, driver) = Runner::new(spawner());
        for seconds in [1, 3] {
            let job = Job::after(SECOND * seconds, logged(&log, Duration::ZERO)());
            runner.add(job).unwrap();
        }
        drop(runner);
        driver.await;
        futures_lite::future::yield_now().await;
        assert_eq!(lab.elapsed(), SECOND * 3);
    });
}

#[test]
fn closing_ends_everything_at_once() {
    lab::run(1, |lab| async move {
        let log = Log::default();
        let (runner, driver) = Runner::new(spawner());
        let driver = spawn(driver);
        runner
            .add(Job::every(SECOND, logged(&log, Duration::ZERO)))
            .unwrap();
        sleep(SECOND * 5 / 2).await;
        runner.close();
        driver.await;
        assert_eq!(lab.elapsed(), SECOND * 5 / 2);
        assert_eq!(log.seconds(), [1, 2]);
        let refused = runner.add(Job::every(SECOND, async || ()));
        assert!(refused.is_err());
    });
}

#[test]
fn what_is_missed_is_skipped_or_made_up_for() {
    for (missed, expected) in [
        (Missed::Skip, vec![10, 35, 40]),
        (Missed::Burst, vec![10, 35, 35, 40]),
    ] {
        lab::run(1, |lab| async move {
            let log = Log::default();
            // The executor is stuck for a while at the first run.
            let stuck = Rc::new(RefCell::new(false));
            let (runner, driver) = Runner::new(spawner());
            let job = Job::every(SECOND * 10, logged(&log, Duration::ZERO));
            runner.add(job.missed(missed)).unwrap();
            let mut driver = Box::pin(driver);
            let first = futures_lite::future::or(
                async {
                    (&mut driver).await;
                },
                async {
                    sleep(SECOND * 15).await;
                    *stuck.borrow_mut() = true;
                },
            );
            first.await;
            sleep(SECOND * 20).await;
            let driver = spawn(driver);
            sleep(SECOND * 6).await;
            assert_eq!(lab.elapsed(), SECOND * 41);
            assert_eq!(log.seconds(), expected);
            runner.close();
            driver.await;
        });
    }
}

#[test]
fn runs_overlap_only_if_they_may() {
    for (overlapping, expected) in [(true, vec![1, 2, 3, 4, 5]), (false, vec![1, 4])] {
        lab::run(1, |_| async move {
            let log = Log::default();
            let (runner, driver) = Runner::new(spawner());
            let driver = spawn(driver);
            let job = Job::every(SECOND, logged(&log, SECOND * 5 / 2));
            runner.add(job.overlapping(overlapping)).unwrap();
            sleep(SECOND * 11 / 2).await;
            runner.close();
            driver.await;
            assert_eq!(log.seconds(), expected);
        });
    }
}

#[test]
fn patterns_of_cron_go_by_the_wall_clock_of_their_zone() {
    lab::run(1, |lab| async move {
        let start = time::now();
        // Thursday, the first of January 1970, 08:59:30 UTC.
        let morning = SystemTime::UNIX_EPOCH + SECOND * (9 * 3_600 - 30);
        let clock = move || morning + time::now().duration_since(start);
        let (runner, driver) = Runner::with_wall_clock(clock, spawner());
        let driver = spawn(driver);
        let (utc, east) = (Log::default(), Log::default());
        let zone = chrono::FixedOffset::east_opt(3_600).unwrap();
        let job = Job::cron_in(&chrono::Utc, morning, "*/15 9 * * *", logged(&utc, SECOND));
        runner.add(job.unwrap()).unwrap();
        // Ten o'clock there is nine here.
        let job = Job::cron_in(&zone, morning, "0 10 * * FRI", logged(&east, SECOND));
        let id = runner.add(job.unwrap()).unwrap();
        let friday = morning + SECOND * (86_400 + 30);
        assert_eq!(runner.next_run(id), Some(Due::AtWall(friday)));
        sleep(SECOND * 86_399).await;
        assert_eq!(utc.seconds(), [30, 930, 1_830, 2_730]);
        assert_eq!(east.seconds(), []);
        sleep(SECOND * 100).await;
        assert_eq!(east.seconds(), [86_430]);
        assert_eq!(lab.elapsed(), SECOND * 86_499);
        runner.close();
        driver.await;
    });
}

#[test]
fn a_short_period_is_kept_however_much_was_missed() {
    lab::run(1, |_| async move {
        let (runner, driver) = Runner::new(spawner());
        let mut driver = pin!(driver);
        let job = Job::every(Duration::from_nanos(7), async || ());
        let id = runner.add(job).unwrap();
        let planned = time::now() + Duration::from_nanos(7);
        sleep(SECOND * 1_000).await;
        // Billions of times were missed.
        assert!(poll_once(&mut driver).await.is_none());
        let Some(Due::At(next)) = runner.next_run(id) else {
            panic!("it runs no more")
        };
        let missed = next.duration_since(planned).as_nanos();
        assert!(missed > u128::from(u32::MAX) && missed % 7 == 0);
        assert!(next >= time::now() && next < time::now() + Duration::from_nanos(7));
    });
}

#[test]
fn a_driver_that_has_much_to_do_lets_others_run() {
    lab::run(1, |_| async move {
        let spawned = Rc::new(Cell::new(0));
        let count = Rc::clone(&spawned);
        let (runner, driver) = Runner::new(move |run: Run| {
            drop(run);
            count.set(count.get() + 1);
        });
        runner
            .add(Job::every(SECOND, async || ()).missed(Missed::Burst))
            .unwrap();
        sleep(SECOND * 1_000).await;
        let mut driver = pin!(driver);
        assert!(poll_once(&mut driver).await.is_none());
        let first = spawned.get();
        assert!(first > 0 && first < 1_000, "{first} runs in one poll");
        let driven = future::or(driver, async {
            while spawned.get() < 1_000 {
                yield_now().await;
            }
        });
        driven.await;
    });
}

#[test]
fn a_runner_whose_driver_is_dropped_takes_no_jobs() {
    let (runner, driver) = Runner::new(spawner());
    let held = Arc::new(());
    let holds = Arc::clone(&held);
    let job = Job::after(SECOND, async move { drop(holds) });
    runner.add(job).unwrap();
    drop(driver);
    assert_eq!((runner.len(), Arc::strong_count(&held)), (0, 1));
    assert!(runner.add(Job::after(SECOND, async {})).is_err());
}

#[test]
fn a_runner_may_be_closed_while_a_job_is_added() {
    let runner: Arc<Mutex<Option<Runner>>> = Arc::default();
    let closes = Arc::clone(&runner);
    // The clock is looked at after the job has its name, and before it has its time.
    let clock = move || {
        if let Some(runner) = closes.lock().unwrap().take() {
            runner.close();
        }
        SystemTime::UNIX_EPOCH
    };
    let (handle, _driver) = Runner::with_wall_clock(clock, spawner());
    runner.lock().unwrap().replace(handle.clone());
    // It was added, and then all jobs were dropped.
    assert!(
        handle
            .add(Job::at_wall(SystemTime::now(), async {}))
            .is_ok()
    );
    assert!(handle.is_empty());
}

/// A zone whose clocks are an hour ahead of UTC, and in the summer of 2026 two.
#[derive(Clone)]
struct Summer;

impl Summer {
    fn offset(hours: i32) -> FixedOffset {
        FixedOffset::east_opt(hours * 3_600).unwrap()
    }
}

impl TimeZone for Summer {
    type Offset = FixedOffset;

    fn from_offset(_: &FixedOffset) -> Self {
        Summer
    }

    fn offset_from_local_date(&self, date: &NaiveDate) -> MappedLocalTime<FixedOffset> {
        self.offset_from_local_datetime(&date.and_time(NaiveTime::MIN))
    }

    fn offset_from_local_datetime(&self, local: &NaiveDateTime) -> MappedLocalTime<FixedOffset> {
        let [summer, winter] = [2, 1].map(Summer::offset);
        let is =
            |offset: &FixedOffset| self.offset_from_utc_datetime(&(*local - *offset)) == *offset;
        match (is(&summer), is(&winter)) {
            (true, true) => MappedLocalTime::Ambiguous(summer, winter),
            (true, false) => MappedLocalTime::Single(summer),
            (false, true) => MappedLocalTime::Single(winter),
            (false, false) => MappedLocalTime::None,
        }
    }

    fn offset_from_utc_date(&self, date: &NaiveDate) -> FixedOffset {
        self.offset_from_utc_datetime(&date.and_time(NaiveTime::MIN))
    }

    fn offset_from_utc_datetime(&self, utc: &NaiveDateTime) -> FixedOffset {
        let is_summer = *utc >= utc_time(3, 29, 1, 0) && *utc < utc_time(10, 25, 1, 0);
        Summer::offset(if is_summer { 2 } else { 1 })
    }
}

fn utc_time(month: u32, day: u32, hour: u32, minute: u32) -> NaiveDateTime {
    let date = NaiveDate::from_ymd_opt(2026, month, day).unwrap();
    date.and_hms_opt(hour, minute, 0).unwrap()
}

/// Returns the first times of a pattern after one, in UTC.
fn times<const N: usize>(pattern: &str, after: NaiveDateTime) -> [NaiveDateTime; N] {
    let mut after = SystemTime::from(after.and_utc());
    [(); N].map(|()| {
        let job = Job::cron_in(&Summer, after, pattern, async || ()).unwrap();
        let (runner, _driver) = Runner::new(spawner());
        let id = runner.add(job).unwrap();
        let Some(Due::AtWall(next)) = runner.next_run(id) else {
            panic!("it does not go by the wall clock")
        };
        after = next;
        DateTime::<Utc>::from(next).naive_utc()
    })
}

#[test]
fn clocks_that_are_set_for_summer_neither_lose_nor_double_a_day() {
    let [spring, autumn] = [utc_time(3, 28, 12, 0), utc_time(10, 24, 12, 0)];
    let daily = "30 2 * * *";
    // There is no half past two that day: it is three when it would be.
    let expected = [utc_time(3, 29, 1, 0), utc_time(3, 30, 0, 30)];
    assert_eq!(times(daily, spring), expected);
    // There are two.
    let expected = [utc_time(10, 25, 0, 30), utc_time(10, 26, 1, 30)];
    assert_eq!(times(daily, autumn), expected);
    for (month, day, start) in [(3, 29, spring), (10, 25, autumn)] {
        let hourly = times::<16>("0 * * * *", start);
        let expected = [0, 1, 2, 3].map(|hour| utc_time(month, day, hour, 0));
        assert_eq!(hourly[11..15], expected);
    }
    // The last day of a month, however long that is.
    let expected = [(1, 31), (2, 28), (3, 31)].map(|(month, day)| utc_time(month, day, 11, 0));
    let [january, february, mut march] = expected;
    march -= TimeDelta::hours(1);
    let months = times("0 12 L * *", utc_time(1, 30, 12, 0));
    assert_eq!(months, [january, february, march]);
}

#[test]
fn a_time_that_no_calendar_has_is_refused() {
    let years = Duration::from_secs(i64::MAX as u64 / 2);
    for time in [
        SystemTime::UNIX_EPOCH + years,
        SystemTime::UNIX_EPOCH - years,
    ] {
        let job = Job::cron_in(&Utc, time, "* * * * *", async || ());
        assert!(job.is_err());
    }
    let before = SystemTime::UNIX_EPOCH - SECOND;
    assert!(Job::cron_in(&Utc, before, "* * * * *", async || ()).is_ok());
}

/// Jobs whose runs take a while, and one of which is cancelled by another.
async fn explored(lab: Lab) {
    let runs = Log::default();
    let (runner, driver) = Runner::new(spawner());
    let driver = spawn(lab.victim("driver", driver));
    let long = Job::every(SECOND, logged(&runs, SECOND * 3 / 2)).overlapping(false);
    let id = runner.add(long);
    let cancels = runner.clone();
    let user = async move {
        sleep(SECOND * 4).await;
        let cancelled = id.is_ok_and(|id| cancels.cancel(id));
        let again = cancels.add(Job::after(SECOND, async {}));
        (cancelled, again.is_ok())
    };
    let user = spawn(lab.victim("user", user));
    let user = user.await;
    if user.is_none() {
        // Nobody cancels the job, which would go on for ever.
        runner.close();
    }
    drop(runner);
    let driver = driver.await;
    let seconds = runs.seconds();
    assert!(
        seconds.is_sorted_by(|first, next| first + 2 <= *next),
        "{seconds:?}"
    );
    if let (Some(()), Some((cancelled, again))) = (driver, user) {
        assert!(cancelled && again);
        assert_eq!(seconds, [1, 3]);
    }
}

#[test]
fn in_every_order_jobs_run_and_whoever_is_dropped_costs_nothing_else() {
    for seed in [Strategy::Random, Strategy::Pct { depth: 3 }] {
        let options = Options::new().strategy(seed);
        if let Err(failure) = options.try_check(200, explored) {
            panic!("{failure}");
        }
    }
    cancel_everywhere(explored);
}

/// Runs jobs one after the other, with the clock of the system.
async fn in_turn(spawn: impl FnMut(Run)) {
    let start = Instant::now();
    let (runner, driver) = Runner::new(spawn);
    let (sender, runs) = async_channel::unbounded();
    for millis in [3, 1, 2] {
        let sender = sender.clone();
        let run = async move { sender.send(millis).await.unwrap() };
        let instant = start + Duration::from_millis(millis);
        runner.add(Job::at(instant, run)).unwrap();
    }
    drop((runner, sender));
    driver.await;
    for millis in [1, 2, 3] {
        assert_eq!(runs.recv().await, Ok(millis));
        assert!(start.elapsed() >= Duration::from_millis(millis));
    }
    assert!(runs.recv().await.is_err());
}

#[test]
fn runs_on_smol() {
    let executor = smol::LocalExecutor::new();
    smol::block_on(executor.run(in_turn(|run| executor.spawn(run).detach())));
}

#[test]
fn runs_on_tokio() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let spawn = |run| drop(tokio::spawn(run));
    runtime.unwrap().block_on(in_turn(spawn));
}

#[test]
fn runs_on_corokit() {
    corokit_sched_loop::run(in_turn(spawner()));
}

#[test]
fn a_job_that_panics_costs_its_own_run() {
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let executor = Rc::new(smol::LocalExecutor::new());
    let spawner = Rc::clone(&executor);
    let (sender, tasks) = async_channel::unbounded();
    let (runner, driver) = Runner::new(move |run| {
        let caught = std::panic::AssertUnwindSafe(run);
        let caught = futures_lite::FutureExt::catch_unwind(caught);
        sender.try_send(spawner.spawn(caught)).unwrap();
    });
    let driver = executor.spawn(driver);
    let make = || -> Run { panic!("before there is a future") };
    runner.add(Job::every(SECOND / 1_000, make)).unwrap();
    smol::block_on(executor.run(async {
        for _ in 0..3 {
            assert!(tasks.recv().await.unwrap().await.is_err());
        }
        runner.close();
        driver.await;
    }));
    std::panic::set_hook(quiet);
}
