//! The runner: which job runs when.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use corokit_bg_utils::runner::{Job, Missed, Run, Runner, chrono};
use corokit_bg_utils::scheduler::Due;
use corokit_core::time;
use corokit_lab as lab;
use corokit_sched_loop::{sleep, spawn};

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
fn a_job_that_panics_costs_its_own_run() {
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let executor = Rc::new(smol::LocalExecutor::new());
    let spawner = Rc::clone(&executor);
    let panics = Rc::new(RefCell::new(Vec::new()));
    let tasks = Rc::clone(&panics);
    let (runner, driver) = Runner::new(move |run| {
        let caught = std::panic::AssertUnwindSafe(run);
        let caught = futures_lite::FutureExt::catch_unwind(caught);
        tasks.borrow_mut().push(spawner.spawn(caught));
    });
    let driver = executor.spawn(driver);
    let make = || -> Run { panic!("before there is a future") };
    runner.add(Job::every(SECOND / 1_000, make)).unwrap();
    smol::block_on(executor.run(async {
        while panics.borrow().len() < 3 {
            smol::Timer::after(SECOND / 1_000).await;
        }
        runner.close();
        driver.await;
        for task in panics.take() {
            assert!(task.await.is_err());
        }
    }));
    std::panic::set_hook(quiet);
}
