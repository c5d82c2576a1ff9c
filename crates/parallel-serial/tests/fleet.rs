//! Many loops on many threads, that come, go, stop and panic.
#![cfg(all(not(loom), feature = "fleet"))]

mod support;

use std::collections::HashSet;
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::task::Context;
use std::thread;
use std::time::{Duration, Instant};

use corokit_parallel_serial::{Fleet, FleetBuilder, FleetTask, JobError, Seat, gather};
use corokit_sched_loop::{self as sched_loop, EventLoop};
use futures_lite::future::{block_on, yield_now};
use support::Wakes;

fn on_event_loop(seat: Seat) {
    EventLoop::new().run(seat.serve(|job| sched_loop::spawn(job).detach()));
}

fn on_local_executor(seat: Seat) {
    let executor = async_executor::LocalExecutor::new();
    let serve = seat.serve(|job| executor.spawn(job).detach());
    smol::block_on(executor.run(serve));
}

fn on_nothing(seat: Seat) {
    block_on(seat.run());
}

fn on_tokio(seat: Seat) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let serve = seat.serve(|job| drop(tokio::task::spawn_local(job)));
    tokio::task::LocalSet::new().block_on(&runtime, serve);
}

const KINDS: [fn(Seat); 4] = [on_event_loop, on_local_executor, on_nothing, on_tokio];

fn fleet(loops: usize) -> FleetBuilder {
    Fleet::builder().loops(loops..=loops)
}

#[test]
fn jobs_run_on_every_loop_and_stay_there() {
    for kind in KINDS {
        let fleet = fleet(3).start(kind).unwrap();
        // All three are there at once only if each is on a thread of its own.
        let barrier = Arc::new(Barrier::new(3));
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                fleet.spawn_local(move || async move {
                    let here = thread::current().id();
                    let local = Rc::new(());
                    barrier.wait();
                    for _ in 0..10 {
                        yield_now().await;
                        assert_eq!(here, thread::current().id());
                    }
                    drop(local);
                    here
                })
            })
            .collect();
        let threads: HashSet<_> = block_on(gather(tasks))
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(threads.len(), 3);
        fleet.stop_blocking();
    }
}

#[test]
fn work_goes_to_the_loop_that_has_least() {
    let fleet = fleet(3).start(on_nothing).unwrap();
    let loads = || {
        fleet
            .loads()
            .into_iter()
            .map(|load| load.jobs)
            .collect::<Vec<_>>()
    };
    let mut tasks: Vec<_> = (0..7).map(|_| fleet.spawn(pending::<()>())).collect();
    assert_eq!(loads(), [3, 2, 2]);
    // The second loop gets rid of its jobs.
    for at in [4, 1] {
        drop(tasks.remove(at));
    }
    while loads()[1] > 0 {
        thread::yield_now();
    }
    tasks.extend((0..3).map(|_| fleet.spawn(pending::<()>())));
    assert_eq!(loads(), [3, 3, 2]);
}

#[test]
fn the_result_is_a_value_and_so_is_a_panic() {
    for kind in KINDS {
        let fleet = fleet(2).start(kind).unwrap();
        let bad = fleet.spawn(async { panic!("no") });
        let worse = fleet.spawn_local(|| -> std::future::Ready<()> { panic!("while it is made") });
        let good = fleet.spawn(async { 1 });
        assert!(
            matches!(block_on::<Result<(), _>>(bad), Err(JobError::Panicked(p)) if p.message() == "no")
        );
        assert!(matches!(block_on(worse), Err(JobError::Panicked(_))));
        assert_eq!(block_on(good).unwrap(), 1);
        // The loops are the same as before.
        assert_eq!(fleet.loads().iter().map(|load| load.index).max(), Some(1));
    }
}

#[test]
fn a_dropped_task_is_cancelled_on_its_loop_and_a_detached_one_is_not() {
    struct Where(std::sync::mpsc::Sender<thread::ThreadId>);
    impl Drop for Where {
        fn drop(&mut self) {
            self.0.send(thread::current().id()).unwrap();
        }
    }
    let fleet = fleet(1).start(on_event_loop).unwrap();
    let home = block_on(fleet.spawn(async { thread::current().id() })).unwrap();
    let (sender, receiver) = channel();
    let note = Where(sender);
    let task = fleet.spawn(async move {
        let _note = note;
        pending::<()>().await;
    });
    drop(task);
    assert_eq!(receiver.recv().unwrap(), home);

    let (sender, receiver) = channel();
    fleet.spawn(async move { sender.send(1).unwrap() }).detach();
    assert_eq!(receiver.recv(), Ok(1));
}

#[test]
fn a_graceful_stop_lets_every_job_end_and_refuses_new_ones() {
    for kind in KINDS {
        let fleet = fleet(2).start(kind).unwrap();
        let done = Arc::new(AtomicUsize::new(0));
        for n in 0..100 {
            let done = Arc::clone(&done);
            let job = async move {
                for _ in 0..n {
                    yield_now().await;
                }
                done.fetch_add(1, SeqCst);
            };
            fleet.spawn(job).detach();
        }
        block_on(fleet.stop());
        assert_eq!(done.load(SeqCst), 100);
        assert!(fleet.is_empty());
        assert!(fleet.try_spawn_local(|| async {}).is_err());
        // Once more is no more.
        block_on(fleet.stop());
    }
}

#[test]
fn a_stop_with_a_limit_cancels_the_rest() {
    for kind in KINDS {
        let fleet = fleet(2).start(kind).unwrap();
        let tasks: Vec<_> = (0..5).map(|_| fleet.spawn(pending::<()>())).collect();
        assert_eq!(block_on(fleet.stop_within(Duration::from_millis(1))), 5);
        for task in tasks {
            assert!(matches!(block_on(task), Err(JobError::Lost)));
        }
        assert_eq!(block_on(fleet.stop_within(Duration::ZERO)), 0);
    }
}

#[test]
fn dropping_the_last_handle_ends_everything_without_waiting() {
    let fleet = fleet(2).start(on_event_loop).unwrap();
    let copy = fleet.clone();
    let task = copy.spawn(pending::<()>());
    drop(fleet);
    assert_eq!(block_on(copy.spawn(async { 1 })).unwrap(), 1);
    drop(copy);
    assert!(matches!(block_on(task), Err(JobError::Lost)));
}

/// The jobs that a loop had begun with are lost with it, and said to be; everything else goes on.
#[test]
fn a_loop_that_panics_takes_nobody_with_it() {
    let (sender, receiver) = channel();
    let crash = Arc::new(AtomicUsize::new(usize::MAX));
    let which = Arc::clone(&crash);
    let fleet = fleet(2)
        .on_panic(move |index, panicked| {
            sender.send((index, panicked.message().to_owned())).unwrap()
        })
        .start(move |seat| {
            let (index, which) = (seat.index(), Arc::clone(&which));
            let event_loop = EventLoop::new();
            event_loop.run(seat.serve(move |job| {
                assert!(which.load(SeqCst) != index, "loop {index} is down");
                sched_loop::spawn(job).detach();
            }));
        })
        .unwrap();
    let ready = |fleet: &Fleet| block_on(fleet.spawn(async { 1 }));
    let first = fleet.spawn(pending::<()>());
    let second = fleet.spawn(pending::<()>());
    assert_eq!(ready(&fleet).unwrap(), 1);
    assert!(fleet.loads().iter().all(|load| load.jobs == 1));
    crash.store(0, SeqCst);
    // This one meets its end: the loop breaks when it takes it.
    let doomed = fleet.spawn(pending::<()>());
    assert_eq!(receiver.recv().unwrap(), (0, "loop 0 is down".to_owned()));
    assert!(matches!(block_on(first), Err(JobError::Lost)));
    assert!(matches!(block_on(doomed), Err(JobError::Lost)));
    // There are two again, one of them new.
    while fleet
        .loads()
        .iter()
        .map(|load| load.index)
        .collect::<Vec<_>>()
        != [1, 2]
    {
        thread::yield_now();
    }
    assert_eq!(ready(&fleet).unwrap(), 1);
    assert!(block_on(futures_lite::future::poll_once(second)).is_none());
}

/// Jobs that a dead loop had not begun with run elsewhere.
#[test]
fn what_a_dead_loop_has_not_begun_with_goes_to_the_others() {
    let (begin, begun) = channel::<()>();
    let begun = Mutex::new(begun);
    let fleet = fleet(2)
        .start(move |seat| {
            if seat.index() == 0 {
                // Panics before it serves: with jobs in its inbox, and nobody in its place.
                begun.lock().unwrap().recv().unwrap();
                panic!("never served");
            }
            on_event_loop(seat);
        })
        .unwrap();
    let tasks: Vec<_> = (0..10).map(|n| fleet.spawn(async move { n })).collect();
    begin.send(()).unwrap();
    let results: Vec<i32> = block_on(gather(tasks))
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert!(results.into_iter().eq(0..10));
    while fleet.len() > 1 {
        thread::yield_now();
    }
    // With no loop left there is nobody to take a job.
    let lonely = Fleet::builder()
        .loops(1..=1)
        .start(|_| panic!("none"))
        .unwrap();
    while !lonely.is_empty() {
        thread::yield_now();
    }
    assert!(lonely.try_spawn_local(|| async {}).is_err());
    block_on(lonely.stop());
}

/// The same while the fleet is being stopped: what it has taken is done, by another loop if need be.
#[test]
fn a_loop_that_panics_during_a_stop_loses_no_job_that_it_has_not_begun_with() {
    for loops in [1, 3] {
        let (begin, begun) = channel::<()>();
        let begun = Mutex::new(begun);
        let fleet = fleet(loops)
            .start(move |seat| {
                let is_first = seat.index() == 0;
                let begun = &begun;
                EventLoop::new().run(seat.serve(move |job| {
                    if is_first {
                        begun.lock().unwrap().recv().unwrap();
                        panic!("a loop that breaks");
                    }
                    sched_loop::spawn(job).detach();
                }));
            })
            .unwrap();
        let tasks: Vec<_> = (0..10).map(|n| fleet.spawn(async move { n })).collect();
        let stopped = fleet.stop();
        begin.send(()).unwrap();
        block_on(stopped);
        let results = block_on(gather(tasks)).into_iter();
        let lost = results.filter(|result| matches!(result, Err(JobError::Lost)));
        // The one with which it broke.
        assert_eq!(lost.count(), 1);
        assert!(fleet.is_empty());
    }
}

struct Bad;

impl Drop for Bad {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

/// A loop that panics drops its jobs while it does.
#[test]
fn a_destructor_that_panics_in_a_loop_that_does_is_no_double_panic() {
    let fleet = fleet(1)
        .start(|seat| {
            let count = std::cell::Cell::new(0);
            EventLoop::new().run(seat.serve(|job| {
                assert!(count.replace(count.get() + 1) == 0);
                sched_loop::spawn(job).detach();
            }));
        })
        .unwrap();
    let (sender, receiver) = channel();
    let bad = fleet.spawn(async move {
        let _bad = Bad;
        sender.send(()).unwrap();
        pending::<()>().await;
    });
    receiver.recv().unwrap();
    let breaks = fleet.spawn(async {});
    assert!(matches!(block_on(bad), Err(JobError::Lost)));
    assert!(matches!(block_on(breaks), Err(JobError::Lost)));
    assert_eq!(block_on(fleet.spawn(async { 1 })).unwrap(), 1);
}

/// Destructors of jobs, and of results that nobody waits for, are not the loop's.
#[test]
fn a_destructor_that_panics_takes_no_other_job_with_it() {
    for kind in KINDS {
        let fleet = fleet(1).start(kind).unwrap();
        let (go, gate) = async_channel::bounded::<()>(1);
        let bystander = fleet.spawn(async move { gate.recv().await.is_err() });
        // A job that is cancelled.
        let (sender, receiver) = channel();
        let cancelled = fleet.spawn(async move {
            let _bad = Bad;
            sender.send(()).unwrap();
            pending::<()>().await;
        });
        receiver.recv().unwrap();
        drop(cancelled);
        // A result that nobody has: it comes after the last one who could have it has let go.
        let (detached, waits) = async_channel::bounded::<()>(1);
        let ends = async move {
            let _ = waits.recv().await;
            Bad
        };
        fleet.spawn(ends).detach();
        drop(detached);
        // A job that has an output, and a destructor after it.
        struct Late(Bad);
        impl Future for Late {
            type Output = u32;
            fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> std::task::Poll<u32> {
                let _bad = &self.0;
                1.into()
            }
        }
        let late = fleet.spawn_local(|| Late(Bad));
        assert!(matches!(block_on(late), Err(JobError::Panicked(_))));
        // One that the loop ends with.
        let last = fleet.spawn(async {
            let _bad = Bad;
            pending::<()>().await;
        });
        drop(go);
        assert!(block_on(bystander).unwrap());
        // The cancelled one has its turn whenever its loop gives it one.
        while fleet.loads()[0].jobs > 1 {
            thread::yield_now();
        }
        assert_eq!(fleet.loads()[0].index, 0);
        assert_eq!(block_on(fleet.stop_within(Duration::ZERO)), 1);
        assert!(matches!(block_on(last), Err(JobError::Lost)));
    }
}

/// Who does not wait any more, or waits for what has ended, is not kept.
#[test]
fn a_task_that_is_let_go_keeps_no_waker() {
    let fleet = fleet(1).start(on_nothing).unwrap();
    let (wakes, waker) = Wakes::new();
    let mut task = fleet.spawn(pending::<()>());
    let mut cx = Context::from_waker(&waker);
    assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
    drop(waker);
    assert_eq!(Arc::strong_count(&wakes), 2);
    task.detach();
    assert_eq!(Arc::strong_count(&wakes), 1);
}

#[test]
fn a_thread_that_would_wait_for_its_own_end_is_told() {
    for kind in KINDS {
        let other = fleet(1).start(on_nothing).unwrap();
        let fleet = fleet(1).start(kind).unwrap();
        let inner = fleet.clone();
        let stop = fleet.spawn(async move {
            // Another fleet is another matter.
            other.stop_blocking();
            inner.stop_blocking();
        });
        let result = block_on(stop);
        assert!(
            matches!(result, Err(JobError::Panicked(p)) if p.message().starts_with("a thread of a fleet"))
        );
        assert_eq!(block_on(fleet.spawn(async { 1 })).unwrap(), 1);
    }
}

/// Keeps a loop's thread until another loop takes work. The job goes on without keeping it.
fn make_late(fleet: &Fleet) -> FleetTask<()> {
    let (release, released) = channel::<()>();
    let before = fleet.len();
    let hog = fleet.spawn(async move {
        let _ = released.recv();
        pending().await
    });
    while fleet.len() == before {
        fleet.balance();
        thread::yield_now();
    }
    drop(release);
    hog
}

/// A loop that leaves is one of those that there may be, and the first to be called back.
#[test]
fn there_are_never_more_loops_than_were_asked_for() {
    let fleet = Fleet::builder()
        .loops(1..=2)
        .grow_above(Duration::from_millis(5))
        .shrink_below(Duration::from_millis(5))
        .balance_by_hand()
        .start(on_nothing)
        .unwrap();
    let mut kept = vec![make_late(&fleet)];
    // The other one has nothing yet. So neither is ever without a job, and both go on.
    kept.push(fleet.spawn(pending::<()>()));
    for rounds in 1..4 {
        while fleet.len() > 1 {
            fleet.balance();
            thread::yield_now();
        }
        kept.push(make_late(&fleet));
        let loads = fleet.loads();
        assert!(
            loads.iter().all(|load| load.index < 2),
            "a third one was started"
        );
        assert_eq!(
            loads.iter().map(|load| load.jobs).sum::<usize>(),
            2 + rounds
        );
    }
    // The one that was called back takes work.
    while fleet.loads().iter().any(|load| load.jobs < 20) {
        kept.push(fleet.spawn(pending::<()>()));
        fleet.balance();
    }
    assert_eq!(block_on(fleet.stop_within(Duration::ZERO)), kept.len());
}

/// Whoever looks after the size at the same time, no more loops are started than there may be.
#[test]
fn many_may_balance_at_once() {
    let started = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&started);
    let probes = Mutex::new(Vec::new());
    let fleet = Fleet::builder()
        .loops(1..=2)
        .grow_above(Duration::ZERO)
        .shrink_below(Duration::ZERO)
        .balance_by_hand()
        .probe_with(move |probe| probes.lock().unwrap().push(probe))
        .start(move |seat| {
            count.fetch_add(1, SeqCst);
            on_nothing(seat);
        })
        .unwrap();
    // Sends a probe that never comes back, so that work seems to wait from here on.
    fleet.balance();
    let barrier = Arc::new(Barrier::new(4));
    let threads = [(); 4].map(|()| {
        let (fleet, barrier) = (fleet.clone(), Arc::clone(&barrier));
        thread::spawn(move || {
            barrier.wait();
            for _ in 0..100 {
                fleet.balance();
                assert!(fleet.len() <= 2);
            }
        })
    });
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(fleet.len(), 2);
    block_on(fleet.stop());
    assert_eq!(started.load(SeqCst), 2);
}

/// A probe that nobody calls is no sign of work that waits.
#[test]
fn a_probe_that_is_lost_measures_nothing() {
    let posted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&posted);
    let fleet = Fleet::builder()
        .loops(1..=2)
        .grow_above(Duration::ZERO)
        .shrink_below(Duration::ZERO)
        .balance_by_hand()
        .probe_with(move |probe| {
            drop(probe);
            count.fetch_add(1, SeqCst);
        })
        .start(on_nothing)
        .unwrap();
    for round in 1..5 {
        fleet.balance();
        assert_eq!((fleet.len(), posted.load(SeqCst)), (1, round));
        // Some time, however short.
        let now = Instant::now();
        while now.elapsed().is_zero() {}
    }
}

#[test]
#[should_panic(expected = "there is no time between the measures")]
fn a_fleet_is_not_measured_all_the_time() {
    drop(Fleet::builder().balance_every(Duration::ZERO));
}

#[test]
fn it_grows_while_work_waits_and_shrinks_when_it_does_not() {
    let fleet = Fleet::builder()
        .loops(1..=3)
        .grow_above(Duration::from_millis(5))
        .shrink_below(Duration::from_millis(5))
        .balance_by_hand()
        .start(on_event_loop)
        .unwrap();
    let (release, released) = channel::<()>();
    // A job that keeps its thread.
    let hog = fleet.spawn(async move {
        let _ = released.recv();
    });
    while fleet.len() < 2 {
        fleet.balance();
        thread::yield_now();
    }
    // The loop that is late gets nothing while there is another one.
    let tasks: Vec<_> = (0..5)
        .map(|_| fleet.spawn(async { thread::current().id() }))
        .collect();
    let threads: HashSet<_> = block_on(gather(tasks))
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert!(fleet.loads()[0].delay.unwrap() > Duration::from_millis(5));
    assert!(fleet.loads()[0].jobs == 1 && !threads.is_empty());
    drop(release);
    block_on(hog).unwrap();
    while fleet.len() > 1 {
        fleet.balance();
        thread::yield_now();
    }
    assert_eq!(block_on(fleet.spawn(async { 1 })).unwrap(), 1);
    block_on(fleet.stop());
}

/// A loop that leaves keeps the jobs that it has.
#[test]
fn a_loop_that_leaves_ends_its_jobs_first() {
    let fleet = Fleet::builder()
        .loops(1..=2)
        .grow_above(Duration::from_millis(1))
        .shrink_below(Duration::from_secs(3600))
        .balance_by_hand()
        .start(on_nothing)
        .unwrap();
    // Nothing is ever late here: it does not grow.
    for _ in 0..30 {
        fleet.balance();
    }
    assert_eq!(fleet.len(), 1);
    drop(fleet);

    let fleet = Fleet::builder()
        .loops(1..=2)
        .grow_above(Duration::ZERO)
        .shrink_below(Duration::ZERO);
    let fleet = fleet.balance_by_hand().start(on_nothing).unwrap();
    while fleet.len() < 2 {
        fleet.balance();
        thread::yield_now();
    }
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..4).map(|_| async_channel::bounded(1)).unzip();
    let tasks: Vec<_> = receivers
        .into_iter()
        .map(|receiver| fleet.spawn(async move { receiver.recv().await.unwrap() }))
        .collect();
    let stopped = fleet.stop();
    for (n, sender) in senders.iter().enumerate() {
        sender.try_send(n).unwrap();
    }
    block_on(stopped);
    let results = block_on(gather(tasks)).into_iter().map(Result::unwrap);
    assert!(results.eq(0..4));
}

#[test]
fn one_executor_on_many_threads_is_measured_by_its_probe() {
    let executor = Arc::new(smol::Executor::new());
    let (runs, probed) = (Arc::clone(&executor), Arc::clone(&executor));
    let fleet = Fleet::builder()
        .loops(1..=2)
        .grow_above(Duration::from_millis(5))
        .balance_by_hand()
        .probe_with(move |probe| probed.spawn(async move { probe() }).detach())
        .start(move |seat| smol::block_on(runs.run(seat.run())))
        .unwrap();
    let (release, released) = channel::<()>();
    let hog = executor.spawn(async move {
        let _ = released.recv();
    });
    while fleet.len() < 2 {
        fleet.balance();
        thread::yield_now();
    }
    // With two threads it goes on, though one is kept.
    assert_eq!(block_on(executor.spawn(async { 1 })), 1);
    drop(release);
    block_on(hog);
    block_on(fleet.stop());
}

/// Many threads spawn while loops panic and are replaced, and in the end the fleet is stopped: each job
/// has run once, or is said to be lost.
#[test]
fn under_load_every_job_has_one_end() {
    let serves = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&serves);
    let fleet = fleet(3)
        .start(move |seat| {
            let count = Arc::clone(&count);
            let event_loop = EventLoop::new();
            event_loop.run(seat.serve(move |job| {
                // One in so many breaks its loop.
                assert!(count.fetch_add(1, SeqCst) % 97 != 96);
                sched_loop::spawn(job).detach();
            }));
        })
        .unwrap();
    let ran = Arc::new(AtomicUsize::new(0));
    let spawners: Vec<_> = (0..4)
        .map(|_| {
            let (fleet, ran) = (fleet.clone(), Arc::clone(&ran));
            thread::spawn(move || {
                let tasks: Vec<_> = (0..200)
                    .map(|n| {
                        let ran = Arc::clone(&ran);
                        fleet.spawn(async move {
                            for _ in 0..n % 3 {
                                yield_now().await;
                            }
                            ran.fetch_add(1, SeqCst);
                        })
                    })
                    .collect();
                let results = block_on(gather(tasks));
                results.iter().filter(|result| result.is_ok()).count()
            })
        })
        .collect();
    let good: usize = spawners
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .sum();
    block_on(fleet.stop());
    assert_eq!(good, ran.load(SeqCst));
    assert!(good >= 400, "{good}");
    assert!(serves.load(SeqCst) <= 800);
}

/// Stopped while others spawn: each job has run, or was refused; none is lost.
#[test]
fn a_stop_in_the_middle_of_the_work_loses_nothing() {
    for kind in KINDS {
        let fleet = fleet(2).start(kind).unwrap();
        let ran = Arc::new(AtomicUsize::new(0));
        let barrier = Arc::new(Barrier::new(4));
        let spawners: Vec<_> = (0..3)
            .map(|_| {
                let (fleet, ran, barrier) = (fleet.clone(), Arc::clone(&ran), Arc::clone(&barrier));
                thread::spawn(move || {
                    barrier.wait();
                    let mut taken = 0;
                    for _ in 0..500 {
                        let ran = Arc::clone(&ran);
                        let job = fleet.try_spawn_local(move || async move {
                            yield_now().await;
                            ran.fetch_add(1, SeqCst);
                        });
                        match job {
                            Ok(task) => task.detach(),
                            Err(_) => return taken,
                        }
                        taken += 1;
                    }
                    taken
                })
            })
            .collect();
        barrier.wait();
        fleet.stop_blocking();
        let taken: usize = spawners
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum();
        assert_eq!(ran.load(SeqCst), taken);
    }
}
