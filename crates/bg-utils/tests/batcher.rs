//! The batcher: what goes when, in which order, and what becomes of what fails.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use async_channel::Receiver;
use corokit_bg_utils::Closed;
use corokit_bg_utils::batcher::{
    Batch, Batcher, Builder, Failure, Push, Report, TryPushError, Unflushed,
};
use corokit_lab::{self as lab, Lab};
use corokit_sched_loop::{sleep, spawn};
use futures_lite::FutureExt;
use futures_lite::future::{self, poll_once, yield_now};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

/// The batches that were handled, and when they came to the handler, in milliseconds.
type Log = Rc<RefCell<Vec<(u64, Vec<u32>)>>>;

fn log() -> Log {
    Rc::new(RefCell::new(Vec::new()))
}

type Handled = Pin<Box<dyn Future<Output = Result<(), u32>>>>;

/// A handler that takes so long for each batch, and logs when it begins.
fn handler(lab: &Lab, log: &Log, takes: Duration) -> impl FnMut(Batch<u32>) -> Handled + use<> {
    let (lab, log) = (lab.clone(), Rc::clone(log));
    move |batch| {
        let now = lab.elapsed().as_millis() as u64;
        log.borrow_mut().push((now, batch.to_vec()));
        Box::pin(async move {
            if !takes.is_zero() {
                sleep(takes).await;
            }
            drop(batch);
            Ok(())
        })
    }
}

fn builder() -> Builder {
    Batcher::builder().max(3).wait(SECOND)
}

#[test]
fn a_lone_item_waits_exactly_as_long_as_it_is_to() {
    lab::run(1, |lab| async move {
        let log = log();
        let (batcher, driver) = builder().build(handler(&lab, &log, Duration::ZERO));
        let polls = Rc::new(Cell::new(0));
        let counter = Rc::clone(&polls);
        let driver = spawn(async move {
            let mut driver = pin!(driver);
            poll_fn(|cx| {
                counter.set(counter.get() + 1);
                driver.as_mut().poll(cx)
            })
            .await
        });
        sleep(SECOND / 2).await;
        assert_eq!(polls.get(), 1);
        batcher.push(1).await.unwrap();
        sleep(SECOND * 100).await;
        assert_eq!(*log.borrow(), [(1_500, vec![1])]);
        // It came for the item, and for its time; then it slept.
        assert_eq!(polls.get(), 3);
        drop(batcher);
        assert_eq!(driver.await.items, 1);
    });
}

#[test]
fn the_time_of_a_batch_begins_with_its_first_item() {
    lab::run(1, |lab| async move {
        let log = log();
        let (batcher, driver) = builder().build(handler(&lab, &log, Duration::ZERO));
        let driver = spawn(driver);
        // Three go at once; the fourth waits for its own second, to which the others have given a
        // head start.
        for item in [1, 2, 3, 4] {
            sleep(SECOND / 5).await;
            batcher.push(item).await.unwrap();
        }
        sleep(SECOND / 2).await;
        batcher.push(5).await.unwrap();
        sleep(SECOND).await;
        assert_eq!(*log.borrow(), [(600, vec![1, 2, 3]), (1_800, vec![4, 5])]);
        drop(batcher);
        driver.await;
    });
}

#[test]
fn closing_handles_the_rest_at_once() {
    lab::run(1, |lab| async move {
        let log = log();
        let (batcher, driver) = builder().build(handler(&lab, &log, SECOND));
        let driver = spawn(driver);
        let other = batcher.clone();
        batcher.push(1).await.unwrap();
        drop(batcher);
        other.push(2).await.unwrap();
        drop(other);
        // It waits for the handler that runs, and for nothing else.
        let report = driver.await;
        assert_eq!((report.batches, report.items), (1, 2));
        assert_eq!(*log.borrow(), [(0, vec![1, 2])]);
        assert_eq!(lab.elapsed(), SECOND);
    });
}

#[test]
fn closing_while_a_handler_runs_waits_for_it() {
    lab::run(1, |lab| async move {
        let log = log();
        let (batcher, driver) = builder().build(handler(&lab, &log, SECOND));
        let driver = spawn(driver);
        for item in 1..=4 {
            batcher.push(item).await.unwrap();
        }
        sleep(SECOND / 2).await;
        assert!(batcher.close());
        assert_eq!(batcher.push(5).await, Err(Closed(5)));
        assert_eq!(batcher.try_push(5), Err(TryPushError::Closed(5)));
        driver.await;
        assert_eq!(*log.borrow(), [(0, vec![1, 2, 3]), (1_000, vec![4])]);
        assert_eq!(lab.elapsed(), SECOND * 2);
        assert_eq!(batcher.take_unflushed(), []);
        assert_eq!(batcher.flush().await, Ok(()));
    });
}

#[test]
fn what_was_not_handled_comes_back_when_the_driver_is_dropped() {
    lab::run(1, |lab| async move {
        let log = log();
        let (batcher, driver) = builder().queue(4).build(handler(&lab, &log, SECOND));
        let driver = spawn(driver);
        for item in 1..=3 {
            batcher.push(item).await.unwrap();
        }
        sleep(SECOND / 2).await;
        for item in 4..=7 {
            batcher.push(item).await.unwrap();
        }
        let mut refused = Box::pin(batcher.push(8));
        assert!(poll_once(&mut refused).await.is_none());
        let mut flush = Box::pin(batcher.flush());
        assert!(poll_once(&mut flush).await.is_none());
        driver.cancel().await;
        assert_eq!(refused.await, Err(Closed(8)));
        assert_eq!(flush.await, Err(Unflushed));
        assert_eq!(batcher.flush().await, Err(Unflushed));
        assert!(batcher.is_closed());
        assert_eq!(batcher.take_unflushed(), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(log.borrow().len(), 1);
    });
}

#[test]
fn handlers_neither_overlap_nor_overtake_and_pushes_wait_for_them() {
    lab::check(20, |lab| async move {
        let log = log();
        let builder = builder().max(2).queue(2);
        let (batcher, driver) = builder.build(handler(&lab, &log, SECOND));
        let driver = spawn(driver);
        for item in 1..=8 {
            batcher.push(item).await.unwrap();
        }
        // Two batches are done, the third one runs, and the fourth one fills the queue.
        assert_eq!(lab.elapsed(), SECOND * 2);
        drop(batcher);
        driver.await;
        let expected = [
            (0, [1, 2]),
            (1_000, [3, 4]),
            (2_000, [5, 6]),
            (3_000, [7, 8]),
        ];
        let expected = expected.map(|(at, items)| (at, items.to_vec()));
        assert_eq!(*log.borrow(), expected);
    });
}

#[test]
fn several_are_handled_at_a_time_if_asked_for() {
    lab::run(1, |lab| async move {
        let log = log();
        let builder = builder().max(1).in_flight(2);
        let (batcher, driver) = builder.build(handler(&lab, &log, SECOND));
        let driver = spawn(driver);
        for item in 1..=5 {
            batcher.push(item).await.unwrap();
        }
        drop(batcher);
        driver.await;
        let starts: Vec<_> = log.borrow().iter().map(|&(at, _)| at).collect();
        assert_eq!(starts, [0, 0, 1_000, 1_000, 2_000]);
    });
}

#[test]
fn what_fails_is_reported_with_its_items_and_the_rest_goes_on() {
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let (batcher, driver) = Batcher::builder().max(2).build(|mut batch: Batch<u32>| {
        // Before there is a future at all.
        assert!(batch[0] != 1, "sync");
        async move {
            yield_now().await;
            match batch[0] {
                3 => Err("error"),
                5 => {
                    // The first one is done; the other one is not.
                    batch.remove(0);
                    panic!("async")
                }
                _ => Ok(()),
            }
        }
    });
    let pushes = async {
        for item in 1..=8 {
            batcher.push(item).await.unwrap();
        }
        assert_eq!(batcher.flush().await, Ok(()));
        batcher.close();
    };
    let ((), report) = future::block_on(future::zip(pushes, driver));
    std::panic::set_hook(quiet);
    assert_eq!((report.batches, report.items), (4, 8));
    let failed: Vec<_> = report
        .failed
        .iter()
        .map(|failed| {
            let reason = match &failed.reason {
                Failure::Error(error) => *error,
                Failure::Panic(payload) => payload.downcast_ref::<&str>().copied().unwrap(),
                _ => unreachable!(),
            };
            (failed.items.clone(), reason)
        })
        .collect();
    let expected = [
        (vec![1, 2], "sync"),
        (vec![3, 4], "error"),
        (vec![6], "async"),
    ];
    assert_eq!(failed, expected);
    assert_eq!(
        format!("{:?}", report.failed[2]),
        "FailedBatch { items: 1, reason: Panic(\"async\") }"
    );
}

#[test]
fn a_batch_that_its_handler_keeps_is_none_of_the_later_ones() {
    let kept = Rc::new(RefCell::new(None));
    let keeps = Rc::clone(&kept);
    let (batcher, driver) = Batcher::builder().max(1).build(move |batch: Batch<u32>| {
        let kept = Rc::clone(&keeps);
        async move {
            match batch[0] {
                1 => {
                    kept.replace(Some(batch));
                    Ok(())
                }
                2 => {
                    // It comes home while the next one runs, which takes its items.
                    drop(kept.take());
                    batch.into_vec();
                    Err("error")
                }
                _ => future::pending().await,
            }
        }
    });
    for item in 1..=3 {
        batcher.try_push(item).unwrap();
    }
    let failed = Arc::new(Mutex::new(Vec::new()));
    let fails = Arc::clone(&failed);
    let driver = driver.on_failure(move |batch| fails.lock().unwrap().push(batch.items));
    let mut driver = Box::pin(driver);
    assert!(future::block_on(poll_once(&mut driver)).is_none());
    assert_eq!(*failed.lock().unwrap(), [vec![]]);
    drop(driver);
    assert_eq!(batcher.take_unflushed(), [3]);
}

/// An item whose destructor panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn code_of_others_that_panics_in_the_driver_leaves_no_flush_waiting() {
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    // The one who hears of failures, and then an item that a handler has left.
    for (ok, message) in [(false, "sink"), (true, "dropped")] {
        let handler = move |batch: Batch<Bomb>| async move {
            if ok {
                return Ok(());
            }
            std::mem::forget(batch.into_vec());
            Err(())
        };
        let (batcher, driver) = Batcher::builder().max(1).build(handler);
        let driver = driver.on_failure(|_| panic!("sink"));
        let mut driver = Box::pin(driver);
        assert!(batcher.try_push(Bomb).is_ok());
        let polled = AssertUnwindSafe(poll_once(&mut driver)).catch_unwind();
        let payload = future::block_on(polled).unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&message));
        // Whoever polls it again finds it whole.
        assert_eq!(future::block_on(batcher.flush()), Ok(()));
        batcher.close();
        assert_eq!(future::block_on(driver).batches, 1);
    }
    std::panic::set_hook(quiet);
}

#[test]
fn a_handler_that_pushes_what_it_gets_lets_others_run() {
    let batcher = Rc::new(RefCell::new(None));
    let handled = Rc::new(Cell::new(0));
    let (handle, count) = (Rc::clone(&batcher), Rc::clone(&handled));
    let (pusher, driver) = Batcher::builder().max(1).build(move |batch: Batch<u32>| {
        count.set(count.get() + 1);
        let item = batch.into_vec()[0];
        if let Some(batcher) = &*handle.borrow() {
            let batcher: &Batcher<u32> = batcher;
            assert!(count.get() < 1_000, "nobody else runs");
            batcher.try_push(item).unwrap();
        }
        future::ready(Ok::<_, ()>(()))
    });
    pusher.try_push(1).unwrap();
    batcher.replace(Some(pusher));
    let stop = async {
        while handled.get() < 200 {
            yield_now().await;
        }
        batcher.take();
    };
    let ((), report) = future::block_on(future::zip(stop, driver));
    assert!(report.failed.is_empty());
}

#[test]
fn a_flush_covers_what_was_pushed_before_and_nothing_else() {
    lab::run(1, |lab| async move {
        let log = log();
        let builder = builder().wait(SECOND * 100);
        let (batcher, driver) = builder.build(handler(&lab, &log, SECOND));
        let driver = spawn(driver);
        batcher.flush().await.unwrap();
        assert_eq!(lab.elapsed(), Duration::ZERO);
        for item in 1..=4 {
            batcher.push(item).await.unwrap();
        }
        let mut flush = Box::pin(batcher.flush());
        assert!(poll_once(&mut flush).await.is_none());
        sleep(SECOND * 3 / 2).await;
        batcher.push(5).await.unwrap();
        flush.await.unwrap();
        assert_eq!(lab.elapsed(), SECOND * 2);
        assert_eq!(*log.borrow(), [(0, vec![1, 2, 3]), (1_000, vec![4])]);
        assert_eq!(batcher.len(), 1);
        drop(batcher);
        driver.await;
    });
}

#[test]
fn a_flush_of_several_in_flight_waits_for_the_slowest() {
    lab::run(1, |lab| async move {
        let clock = lab.clone();
        let builder = Batcher::builder().max(1).in_flight(3);
        let (batcher, driver) = builder.build(|batch: Batch<u64>| async move {
            sleep(SECOND * batch[0] as u32).await;
            Ok::<_, ()>(())
        });
        let driver = spawn(driver);
        for seconds in [5, 1, 3] {
            batcher.push(seconds).await.unwrap();
        }
        batcher.flush().await.unwrap();
        assert_eq!(clock.elapsed(), SECOND * 5);
        drop(batcher);
        assert_eq!(driver.await.batches, 3);
    });
}

#[test]
fn a_push_that_is_dropped_leaves_nothing_and_holds_up_nobody() {
    lab::cancel_everywhere(|lab| async move {
        let log = log();
        let builder = builder().max(1).queue(1);
        let (batcher, driver) = builder.build(handler(&lab, &log, SECOND));
        let driver = spawn(driver);
        let batcher = Rc::new(batcher);
        let tasks: Vec<_> = ["first", "second", "third", "fourth"]
            .into_iter()
            .zip(1..)
            .map(|(name, item)| {
                let batcher = Rc::clone(&batcher);
                let push = async move { batcher.push(item).await.unwrap() };
                (item, spawn(lab.victim(name, push)))
            })
            .collect();
        let mut pushed = Vec::new();
        for (item, task) in tasks {
            if task.await.is_some() {
                pushed.push(item);
            }
        }
        drop(batcher);
        driver.await;
        let mut handled: Vec<_> = log
            .borrow()
            .iter()
            .flat_map(|(_, items)| items.clone())
            .collect();
        handled.sort_unstable();
        assert_eq!(handled, pushed);
    });
}

#[test]
fn a_flush_that_is_dropped_anywhere_lets_the_others_go_on() {
    lab::cancel_everywhere(|lab| async move {
        let log = log();
        let builder = builder().wait(SECOND * 100);
        let (batcher, driver) = builder.build(handler(&lab, &log, SECOND));
        let driver = spawn(driver);
        let batcher = Rc::new(batcher);
        batcher.push(1).await.unwrap();
        let flushes: Vec<_> = ["one", "other"]
            .into_iter()
            .map(|name| {
                let batcher = Rc::clone(&batcher);
                spawn(lab.victim(name, async move { batcher.flush().await.unwrap() }))
            })
            .collect();
        batcher.flush().await.unwrap();
        for flush in flushes {
            flush.await;
        }
        assert_eq!(*log.borrow(), [(0, vec![1])]);
        drop(batcher);
        driver.await;
    });
}

#[test]
fn a_driver_that_is_dropped_anywhere_loses_nothing() {
    lab::cancel_everywhere(|lab| async move {
        let log = log();
        let builder = builder().max(2).queue(2);
        let (batcher, driver) = builder.build(handler(&lab, &log, SECOND));
        let driver = spawn(lab.victim("driver", driver));
        let mut pushed = Vec::new();
        for item in 1..=6 {
            match batcher.push(item).await {
                Ok(()) => pushed.push(item),
                Err(Closed(back)) => assert_eq!(back, item),
            }
        }
        let flushed = batcher.flush().await;
        let rest = batcher.take_unflushed();
        assert_eq!(flushed.is_err(), !rest.is_empty());
        batcher.close();
        driver.await;
        // Whatever was being handled when the driver went is in both, as it may have been half done.
        let mut all: Vec<_> = log
            .borrow()
            .iter()
            .flat_map(|(_, items)| items.clone())
            .collect();
        all.extend(rest);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all, pushed);
    });
}

/// A case takes long here: a third of what other tests are asked for, by `PROPTEST_CASES` or by default.
fn some_cases() -> ProptestConfig {
    ProptestConfig::with_cases(ProptestConfig::default().cases.div_ceil(3))
}

proptest! {
    #![proptest_config(some_cases())]

    /// Pushes with pauses, beside a list of what ought to go when.
    #[test]
    fn batches_go_as_a_naive_batcher_has_them(
        max in 1..6usize,
        wait in 1..50u64,
        pauses in proptest::collection::vec(0..40u64, 1..60),
    ) {
        let wait = 2 * wait + 1;
        let pauses: Vec<_> = pauses.into_iter().map(|pause| pause * 2).collect();
        let mut expected: Vec<(u64, Vec<u32>)> = Vec::new();
        let (mut now, mut batch, mut since) = (0, Vec::new(), 0);
        for (item, pause) in pauses.iter().enumerate() {
            now += pause;
            if !batch.is_empty() && since + wait < now {
                expected.push((since + wait, std::mem::take(&mut batch)));
            }
            if batch.is_empty() {
                since = now;
            }
            batch.push(item as u32);
            if batch.len() == max {
                expected.push((now, std::mem::take(&mut batch)));
            }
        }
        if !batch.is_empty() {
            expected.push((now, batch));
        }
        let handled = lab::run(3, move |lab| async move {
            let log = log();
            let builder = Batcher::builder().max(max).wait(Duration::from_millis(wait));
            let (batcher, driver) = builder.build(handler(&lab, &log, Duration::ZERO));
            let driver = spawn(driver);
            for (item, pause) in pauses.into_iter().enumerate() {
                if pause > 0 {
                    sleep(Duration::from_millis(pause)).await;
                }
                batcher.push(item as u32).await.unwrap();
            }
            drop(batcher);
            driver.await;
            log.take()
        });
        prop_assert_eq!(handled, expected);
    }
}

/// Counts how often it is woken; may panic.
#[derive(Default)]
struct Bell {
    rung: AtomicUsize,
    breaks: bool,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.fetch_add(1, Ordering::Relaxed);
        assert!(!self.breaks, "it breaks");
    }
}

type Crowded = (Batcher<u32>, Pin<Box<dyn Future<Output = Report<u32, ()>>>>);

/// Makes a batcher of twos with room for one batch, which is full.
fn crowded() -> Crowded {
    let builder = Batcher::builder().max(2).queue(2);
    let (batcher, driver) = builder.build(async |_: Batch<u32>| Ok::<_, ()>(()));
    batcher.try_push(0).unwrap();
    batcher.try_push(1).unwrap();
    (batcher, Box::pin(driver))
}

/// Polls each with its bell, and finds none that need not wait.
fn all_wait(pushes: &mut [Pin<Box<Push<'_, u32>>>], bells: &[Arc<Bell>]) {
    for (push, bell) in pushes.iter_mut().zip(bells) {
        let waker = Waker::from(Arc::clone(bell));
        let polled = push.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
}

fn rung(bells: &[Arc<Bell>]) -> Vec<usize> {
    let rung = bells.iter().map(|bell| bell.rung.load(Ordering::Relaxed));
    rung.collect()
}

/// They need not wait for each other, and whoever comes later waits behind them.
#[test]
fn all_for_whom_there_is_room_go_on_at_once() {
    let bells: [Arc<Bell>; 4] = Default::default();
    let (batcher, mut driver) = crowded();
    let mut pushes: Vec<_> = (2..6).map(|item| Box::pin(batcher.push(item))).collect();
    all_wait(&mut pushes, &bells);
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(driver.as_mut().poll(cx).is_pending());
    assert_eq!(rung(&bells), [1, 1, 0, 0]);
    // Their places are kept.
    assert_eq!(batcher.try_push(9), Err(TryPushError::Full(9)));
    // One that does not want its place any more passes it on.
    drop(pushes.remove(0));
    assert_eq!(rung(&bells), [1, 1, 1, 0]);
    // The second may come before the first.
    assert!(pushes[1].as_mut().poll(cx).is_ready());
    assert!(pushes[0].as_mut().poll(cx).is_ready());
    assert_eq!(batcher.len(), 2);
    assert!(pushes[2].as_mut().poll(cx).is_pending());
    drop(pushes);
    drop(batcher);
    assert_eq!(future::block_on(driver).items, 4);
}

#[test]
fn a_waker_that_panics_keeps_neither_others_nor_a_batch() {
    let broken = Bell {
        breaks: true,
        ..Bell::default()
    };
    let bells = [Arc::new(broken), Arc::default()];
    let (batcher, mut driver) = crowded();
    let mut pushes = [2, 3].map(|item| Box::pin(batcher.push(item)));
    all_wait(&mut pushes, &bells);
    let cx = &mut Context::from_waker(Waker::noop());
    let polled = catch_unwind(AssertUnwindSafe(|| driver.as_mut().poll(cx)));
    assert!(polled.is_err());
    assert_eq!(rung(&bells), [1, 1]);
    for push in &mut pushes {
        assert_eq!(push.as_mut().poll(cx), Poll::Ready(Ok(())));
    }
    drop(pushes);
    drop(batcher);
    assert_eq!(future::block_on(driver).items, 4);
}

#[test]
fn who_has_a_place_when_it_is_closed_gets_the_item_back() {
    let (batcher, mut driver) = crowded();
    let mut pushes = [2, 3].map(|item| Box::pin(batcher.push(item)));
    let cx = &mut Context::from_waker(Waker::noop());
    for push in &mut pushes {
        assert!(push.as_mut().poll(cx).is_pending());
    }
    assert!(driver.as_mut().poll(cx).is_pending());
    batcher.close();
    for (push, item) in pushes.iter_mut().zip(2..) {
        assert_eq!(push.as_mut().poll(cx), Poll::Ready(Err(Closed(item))));
    }
    assert_eq!(future::block_on(driver).items, 2);
}

/// What the runtimes run: a batch by number, one by time, and one at the end.
async fn three_batches([patient, hasty]: [Batcher<u32>; 2], sizes: Receiver<usize>) {
    for item in 0..3 {
        patient.push(item).await.unwrap();
    }
    assert_eq!(sizes.recv().await, Ok(3));
    hasty.push(3).await.unwrap();
    assert_eq!(sizes.recv().await, Ok(1));
    patient.push(4).await.unwrap();
}

/// Makes batchers of threes, whose handler tells the sizes of the batches: one that never sends a batch
/// because of the time, however slow the machine is, and one that soon does.
fn threes() -> (
    [Batcher<u32>; 2],
    impl Future<Output = u64> + Send,
    Receiver<usize>,
) {
    let (sender, sizes) = async_channel::unbounded();
    let build = |wait| {
        let sender = sender.clone();
        let builder = Batcher::builder().max(3).wait(wait);
        builder.build(move |batch: Batch<u32>| {
            sender.try_send(batch.len()).unwrap();
            async { Ok::<_, ()>(()) }
        })
    };
    let (patient, drives) = build(SECOND * 3_600);
    let (hasty, drives_too) = build(SECOND / 100);
    let driver = async {
        let (reports, more) = future::zip(drives, drives_too).await;
        reports.batches + more.batches
    };
    ([patient, hasty], driver, sizes)
}

#[test]
fn runs_on_smol() {
    let (batchers, driver, sizes) = threes();
    let driver = smol::spawn(driver);
    let batches = smol::block_on(async {
        smol::spawn(three_batches(batchers, sizes)).await;
        driver.await
    });
    assert_eq!(batches, 3);
}

#[test]
fn runs_on_tokio() {
    let (batchers, driver, sizes) = threes();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let batches = runtime.unwrap().block_on(async {
        let driver = tokio::spawn(driver);
        three_batches(batchers, sizes).await;
        driver.await.unwrap()
    });
    assert_eq!(batches, 3);
}

#[test]
fn runs_on_corokit() {
    let (batchers, driver, sizes) = threes();
    let batches = corokit_sched_loop::run(async {
        let driver = spawn(driver);
        three_batches(batchers, sizes).await;
        driver.await
    });
    assert_eq!(batches, 3);
}

#[test]
fn threads_and_tasks_push_and_nothing_is_lost() {
    let handled = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&handled);
    let builder = Batcher::builder().max(10).queue(16).wait(SECOND / 1000);
    let (batcher, driver) = builder.build(move |batch: Batch<u32>| {
        seen.lock().unwrap().extend(batch);
        async { Ok::<_, ()>(()) }
    });
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let batcher = batcher.clone();
            std::thread::spawn(move || {
                for item in (0..250).map(|item| thread * 250 + item) {
                    match thread % 2 {
                        0 => batcher.push_blocking(item).unwrap(),
                        _ => smol::block_on(batcher.push(item)).unwrap(),
                    }
                }
            })
        })
        .collect();
    drop(batcher);
    let report = smol::block_on(driver);
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(report.items, 1_000);
    let mut handled = handled.lock().unwrap().clone();
    for thread in 0..4 {
        let own = |item: &&u32| (thread * 250..(thread + 1) * 250).contains(*item);
        assert!(handled.iter().filter(own).is_sorted());
    }
    handled.sort_unstable();
    assert!(handled.iter().copied().eq(0..1_000));
}
