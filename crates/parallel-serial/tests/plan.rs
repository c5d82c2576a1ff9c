//! Plans of async and blocking jobs.
#![cfg(all(not(loom), feature = "plan"))]

use std::collections::HashSet;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;

use corokit_parallel_serial::{JobError, Parallel, Progress, Serial, Unblock, blocking, task};
use futures_lite::future::{block_on, yield_now};
use proptest::prelude::*;

type Work = Box<dyn FnOnce() + Send>;

/// A pool of so many threads and no more. One of none keeps what it was given, which knows how to give it more: so
/// that goes with the pool, and not with the last who can give it anything.
struct Small {
    sender: Sender<Work>,
    _receiver: Arc<Mutex<Receiver<Work>>>,
}

impl Small {
    fn new(threads: usize) -> Arc<Self> {
        let (sender, receiver) = channel::<Work>();
        let receiver: Arc<Mutex<Receiver<Work>>> = Arc::new(Mutex::new(receiver));
        for _ in 0..threads {
            let receiver = Arc::clone(&receiver);
            thread::spawn(move || {
                loop {
                    let Ok(job) = receiver.lock().unwrap().recv() else {
                        return;
                    };
                    job();
                }
            });
        }
        Arc::new(Small {
            sender,
            _receiver: receiver,
        })
    }

    fn taker(&self) -> impl Unblock + use<> {
        let sender = self.sender.clone();
        move |job: Work| sender.send(job).unwrap()
    }
}

fn mixed() -> Parallel<usize> {
    let serial = Serial::new()
        .blocking(|| 1)
        .task(|| async {
            yield_now().await;
            2
        })
        .plan(Parallel::new().each_blocking(3..6, |n| n));
    Parallel::new()
        .task(|| async { 0 })
        .plan(serial)
        .each(6..40, |n| async move {
            yield_now().await;
            n
        })
        .blocking(|| 40)
}

#[test]
fn a_plan_runs_again_and_again_with_results_in_its_order() {
    let plan = mixed();
    let expected: Vec<_> = (0..41).collect();
    for _ in 0..20 {
        assert_eq!(block_on(plan.run()), expected);
        assert_eq!(plan.run_blocking(), expected);
        let settled = block_on(plan.run_settled()).into_iter().map(Result::unwrap);
        assert!(settled.eq(0..41));
        let settled = plan.run_settled_blocking().into_iter().map(Result::unwrap);
        assert!(settled.eq(0..41));
    }
    assert_eq!(plan.clone().limit(3).run_blocking(), expected);
}

/// The place where it would fail in Python.
#[test]
fn a_blocking_run_inside_of_an_executor_is_a_run_like_any_other() {
    let sum = || mixed().run_blocking().into_iter().sum::<usize>();
    let executor = smol::LocalExecutor::new();
    assert_eq!(
        block_on(executor.run(executor.spawn(async move { sum() }))),
        820
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    assert_eq!(runtime.block_on(async move { sum() }), 820);
    assert_eq!(corokit_sched_loop::run(async move { sum() }), 820);
}

#[test]
fn it_runs_on_every_executor() {
    async fn check() {
        assert_eq!(mixed().run().await.len(), 41);
    }
    smol::block_on(smol::spawn(check()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::spawn(check()).await.unwrap() });
    corokit_sched_loop::run(async { corokit_sched_loop::spawn(check()).await });
}

/// The thread of the pool waits for the inner plan, whose jobs come a few at a time: between them nobody may be
/// left who works on them.
#[test]
fn a_plan_inside_of_the_only_thread_of_the_pool_goes_on_by_itself() {
    let pool = Small::new(1);
    let (inner, outer) = (
        Arc::clone(&pool),
        Parallel::new().unblock_with(pool.taker()),
    );
    let outer = outer.blocking(move || {
        for _ in 0..300 {
            let plan = Parallel::new().unblock_with(inner.taker());
            let plan = plan.threads(4).limit(2).each_blocking(0..6, |n| n);
            assert_eq!(block_on(plan.run()), [0, 1, 2, 3, 4, 5]);
        }
    });
    block_on(outer.run());
}

/// Twenty jobs, each of which waits for jobs of its own, on a pool that has two threads: blocking,
/// and async inside of a job; several levels deep; with and without async work.
#[test]
fn nested_plans_never_wait_for_a_thread_that_waits_for_them() {
    fn nest(pool: &Arc<Small>, depth: usize, kind: usize) -> Parallel<usize> {
        let plan = Parallel::new().threads(20).unblock_with(pool.taker());
        if depth == 0 {
            return plan.each_blocking(0..3, |n| n);
        }
        let pool = Arc::clone(pool);
        let plan = plan.each_blocking(0..20 / depth, move |_| {
            let inner = nest(&pool, depth - 1, kind);
            let inner = if kind == 1 {
                inner.task(|| async { 0 })
            } else {
                inner
            };
            let results = match kind {
                0 | 1 => inner.run_blocking(),
                _ => block_on(inner.run()),
            };
            results.into_iter().sum()
        });
        // Something async that is not over before the jobs have begun.
        if kind == 1 {
            plan.task(|| async { 0 })
        } else {
            plan
        }
    }
    for kind in 0..3 {
        let pool = Small::new(2);
        assert_eq!(
            nest(&pool, 1, kind)
                .run_blocking()
                .into_iter()
                .sum::<usize>(),
            60
        );
        assert_eq!(
            nest(&pool, 2, kind)
                .run_blocking()
                .into_iter()
                .sum::<usize>(),
            600
        );
        assert_eq!(
            block_on(nest(&pool, 1, kind).run())
                .into_iter()
                .sum::<usize>(),
            60
        );
    }
}

/// All threads of the pool are busy with something else, and async work is not over.
#[test]
fn a_blocking_run_does_not_need_the_pool() {
    let pool = Small::new(1);
    let (release, released) = channel::<()>();
    pool.taker().unblock(Box::new(move || {
        let _ = released.recv();
    }));
    let (sender, receiver) = async_channel::bounded(1);
    let plan = Parallel::new()
        // Waits for its neighbour, which needs a thread.
        .task(move || {
            let receiver = receiver.clone();
            async move { receiver.recv().await.unwrap() }
        })
        .blocking(move || sender.send_blocking(1).map(|()| 2).unwrap())
        .unblock_with(pool.taker());
    assert_eq!(plan.run_blocking(), [1, 2]);
    drop(release);
}

#[test]
fn blocking_jobs_and_async_jobs_may_wait_for_each_other() {
    let (to_thread, in_thread) = async_channel::bounded(1);
    let (to_task, in_task) = async_channel::bounded(1);
    let plan = Parallel::new()
        .blocking(move || {
            to_task.send_blocking(1).unwrap();
            in_thread.recv_blocking().unwrap()
        })
        .task(move || {
            let (to_thread, in_task) = (to_thread.clone(), in_task.clone());
            async move {
                let got = in_task.recv().await.unwrap();
                to_thread.send(got + 1).await.unwrap();
                got
            }
        });
    for _ in 0..50 {
        assert_eq!(plan.run_blocking(), [2, 1]);
        assert_eq!(block_on(plan.run()), [2, 1]);
    }
}

#[test]
fn a_serial_plan_that_blocks_runs_its_jobs_on_the_callers_thread() {
    let here = thread::current().id();
    let plan = Serial::new().each_blocking(0..10, |_| thread::current().id());
    assert_eq!(plan.run_blocking(), vec![here; 10]);
}

#[test]
fn few_threads_do_many_jobs() {
    let plan = Parallel::new()
        .each_blocking(0..2_000, |_| thread::current().id())
        .threads(3);
    let threads: HashSet<_> = block_on(plan.run()).into_iter().collect();
    // A runner that ends may be followed by another one; there are never more than three.
    assert!(threads.len() < 50, "{}", threads.len());
}

/// Those included that the caller runs.
#[test]
fn no_more_block_at_a_time_than_there_may_be_threads() {
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (now, high) = (Arc::clone(&running), Arc::clone(&most));
    let plan = Parallel::new().each_blocking(0..500, move |_| {
        high.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
        thread::yield_now();
        now.fetch_sub(1, SeqCst);
    });
    let plan = plan.threads(2);
    plan.run_blocking();
    block_on(plan.run());
    assert!(most.load(SeqCst) <= 2);
}

#[test]
fn no_more_run_at_a_time_than_the_limit_says() {
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (now, high) = (Arc::clone(&running), Arc::clone(&most));
    let order = Arc::new(Mutex::new(Vec::new()));
    let begun = Arc::clone(&order);
    let plan = Parallel::new()
        .each(0..100, move |n| {
            let (now, high) = (Arc::clone(&now), Arc::clone(&high));
            begun.lock().unwrap().push(n);
            async move {
                high.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                for _ in 0..n % 4 {
                    yield_now().await;
                }
                now.fetch_sub(1, SeqCst);
                n
            }
        })
        .limit(7);
    assert!(block_on(plan.run()).into_iter().eq(0..100));
    assert_eq!(most.load(SeqCst), 7);
    assert!(order.lock().unwrap().iter().copied().eq(0..100));
}

#[test]
fn the_first_error_in_time_ends_the_run_and_leaves_nothing_running() {
    let running = Arc::new(AtomicUsize::new(0));
    let dropped = Arc::new(AtomicUsize::new(0));
    struct Count(Arc<AtomicUsize>);
    impl Drop for Count {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    // The async job fails when both blocking ones have begun.
    let barrier = Arc::new(Barrier::new(3));
    let (late, gone) = (Arc::clone(&running), Arc::clone(&dropped));
    let (waiting, ending) = (Arc::clone(&barrier), Arc::clone(&dropped));
    let plan = Parallel::<Result<usize, usize>>::new()
        .task(|| async { Ok(0) })
        .task(move || {
            let gone = Count(Arc::clone(&gone));
            async move {
                let _gone = gone;
                pending::<()>().await;
                Ok(1)
            }
        })
        .each_blocking([2, 3], move |n| {
            late.fetch_add(1, SeqCst);
            waiting.wait();
            // The run goes on ending while these have not.
            while ending.load(SeqCst) == 0 {
                thread::yield_now();
            }
            late.fetch_sub(1, SeqCst);
            if n == 2 { Ok(n) } else { Err(n) }
        })
        .task(move || {
            let barrier = Arc::clone(&barrier);
            async move {
                blocking_wait(barrier).await;
                Err(4)
            }
        })
        .threads(2)
        // Never begun with: there is no thread for it before the error.
        .blocking(|| unreachable!());
    for blocks in [false, true] {
        dropped.store(0, SeqCst);
        let result = match blocks {
            false => block_on(plan.try_run()),
            true => plan.try_run_blocking(),
        };
        let failed = result.unwrap_err();
        assert_eq!((failed.index, failed.error), (4, 4));
        assert_eq!(failed.done, [Some(0), None, Some(2), None, None, None]);
        assert_eq!(failed.also, [(3, 3)]);
        assert_eq!(running.load(SeqCst), 0);
        assert_eq!(dropped.load(SeqCst), 1);
    }
}

/// Waits at a barrier without blocking the executor.
async fn blocking_wait(barrier: Arc<Barrier>) {
    smol::unblock(move || barrier.wait()).await;
}

#[test]
fn a_serial_run_stops_at_its_first_error() {
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let plan = Serial::new().each_blocking(0..10, move |n| {
        count.fetch_add(1, SeqCst);
        if n < 3 { Ok(n) } else { Err("no") }
    });
    let failed = block_on(plan.try_run()).unwrap_err();
    assert_eq!(
        (failed.index, failed.error, failed.also.len()),
        (3, "no", 0)
    );
    assert_eq!(failed.done.iter().flatten().count(), 3);
    assert_eq!(begun.load(SeqCst), 4);
    assert_eq!(failed.to_string(), "job 3 failed: no");
}

#[test]
fn a_panic_goes_to_the_caller_when_everything_is_down() {
    for parallel in [true, false] {
        for blocks in [true, false] {
            let bad = |plan: Serial<u32>| plan.blocking(|| 1).task(|| async { panic!("async") });
            let inner = bad(Serial::new());
            let plan = match parallel {
                true => Serial::new().plan(Parallel::new().plan(inner).task(pending)),
                false => inner,
            };
            let caught = catch_unwind(AssertUnwindSafe(|| match blocks {
                true => plan.run_blocking(),
                false => block_on(plan.run()),
            }));
            assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "async");
        }
    }
    let plan = Parallel::<()>::new()
        .blocking(|| panic!("blocking"))
        .task(pending);
    let caught = catch_unwind(AssertUnwindSafe(|| block_on(plan.run())));
    assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "blocking");
    // Settled, everything else has its result.
    let plan = Parallel::new()
        .blocking(|| panic!("no"))
        .task(|| async { 1 });
    let results = plan.run_settled_blocking();
    assert!(matches!(&results[0], Err(JobError::Panicked(p)) if p.message() == "no"));
    assert_eq!(*results[1].as_ref().unwrap(), 1);
}

/// An async job that is never idle does not keep blocking ones from beginning.
#[test]
fn async_work_that_spins_lets_blocking_work_begin() {
    let spins = |pool: &Small| {
        let done = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&done);
        let spin = move || {
            let seen = Arc::clone(&seen);
            async move {
                while seen.load(SeqCst) < 2 {
                    yield_now().await;
                }
                2
            }
        };
        Parallel::new()
            .task(spin)
            .each_blocking(0..2, move |n| {
                done.fetch_add(1, SeqCst);
                n
            })
            .unblock_with(pool.taker())
    };
    assert_eq!(spins(&Small::new(1)).run_blocking(), [2, 0, 1]);
    assert_eq!(block_on(spins(&Small::new(1)).run()), [2, 0, 1]);
    // Nor does it do so where the pool takes none of them.
    assert_eq!(spins(&Small::new(0)).run_blocking(), [2, 0, 1]);
}

/// As many threads as there are jobs, also if the pool has fewer, and async work waits for them.
#[test]
fn blocking_jobs_that_wait_for_each_other_find_their_threads() {
    for (threads, jobs) in [(0, 1), (0, 3), (1, 2), (2, 5)] {
        let barrier = Arc::new(Barrier::new(jobs));
        let (done, all_done) = async_channel::bounded::<()>(jobs);
        let plan = Parallel::new()
            .task(move || {
                let all_done = all_done.clone();
                async move {
                    for _ in 0..jobs {
                        all_done.recv().await.unwrap();
                    }
                }
            })
            .each_blocking(0..jobs, move |_| {
                barrier.wait();
                done.try_send(()).unwrap();
            });
        let pool = Small::new(threads);
        let plan = plan.threads(jobs).unblock_with(pool.taker());
        for _ in 0..3 {
            assert_eq!(plan.run_blocking().len(), jobs + 1);
        }
    }
}

#[test]
fn a_callback_that_panics_is_heard_once_and_costs_no_result() {
    let on_all = |step: Progress| assert!(matches!(step, Progress::Started { .. }), "callback");
    let once = |step: Progress| assert!(!matches!(step, Progress::Finished { .. }), "callback");
    let plan = || Parallel::new().task(|| async { 1 });
    let plans = [
        plan().progress(on_all),
        plan().progress(on_all).spawn_on(smol::spawn),
        plan().progress(once).spawn_on(smol::spawn),
        Parallel::new().blocking(|| 1).progress(on_all),
    ];
    for plan in plans {
        for blocks in [true, false] {
            let caught = catch_unwind(AssertUnwindSafe(|| match blocks {
                true => plan.run_settled_blocking(),
                false => block_on(plan.run_settled()),
            }));
            assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "callback");
        }
    }
}

#[test]
fn a_job_that_is_lost_is_told() {
    let lossy = |job: Work| drop(job);
    let plan = Parallel::new()
        .each_blocking(0..5, |n| n)
        .unblock_with(lossy);
    let results = block_on(plan.run_settled());
    assert!(
        results
            .iter()
            .all(|result| matches!(result, Err(JobError::Lost)))
    );
    // A run that blocks does them itself.
    assert_eq!(plan.run_blocking(), [0, 1, 2, 3, 4]);
    // Also while it has async work that waits for them.
    let (sender, receiver) = async_channel::bounded(1);
    let plan = Parallel::new()
        .task(move || {
            let receiver = receiver.clone();
            async move { receiver.recv().await.unwrap() }
        })
        .blocking(move || sender.send_blocking(1).map_or(0, |()| 2))
        .unblock_with(lossy);
    assert_eq!(plan.run_blocking(), [1, 2]);
    // The same for an executor that goes away.
    let plan = Parallel::<u32>::new().task(|| async { 1 }).spawn_on(drop);
    let results = block_on(plan.run_settled());
    assert!(matches!(results[0], Err(JobError::Lost)));
    let caught = catch_unwind(AssertUnwindSafe(|| plan.run_blocking()));
    let message = *caught.unwrap_err().downcast::<String>().unwrap();
    assert!(
        message.starts_with("the job was dropped by its executor"),
        "{message}"
    );
}

#[test]
fn async_jobs_can_use_the_threads_of_an_executor() {
    let executor = Arc::new(smol::Executor::new());
    let (stop, stopped) = async_channel::bounded::<()>(1);
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (executor, stopped) = (Arc::clone(&executor), stopped.clone());
            thread::spawn(move || {
                let _ = block_on(executor.run(stopped.recv()));
            })
        })
        .collect();
    // They can all be there only if each has a thread of its own.
    let barrier = Arc::new(Barrier::new(3));
    let on = Arc::clone(&executor);
    let plan = Parallel::new()
        .each(0..3, move |n| {
            let barrier = Arc::clone(&barrier);
            async move {
                barrier.wait();
                n
            }
        })
        .spawn_on(move |future| on.spawn(future));
    for _ in 0..20 {
        assert_eq!(plan.run_blocking(), [0, 1, 2]);
        assert_eq!(block_on(plan.run()), [0, 1, 2]);
    }
    // An error cancels the tasks, and waits until they are gone.
    let alive = Arc::new(());
    let (on, token) = (Arc::clone(&executor), Arc::clone(&alive));
    let plan = Parallel::new()
        .each(0..20, move |n| {
            let token = Arc::clone(&token);
            async move {
                let _token = token;
                match n {
                    13 => Err("thirteen"),
                    _ => pending().await,
                }
            }
        })
        .spawn_on(move |future| on.spawn(future));
    let failed: corokit_parallel_serial::Failed<(), _> = block_on(plan.try_run()).unwrap_err();
    assert_eq!(failed.index, 13);
    // The one of the plan itself, and this one.
    assert_eq!(Arc::strong_count(&alive), 2);
    drop(stop);
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

#[test]
fn progress_tells_of_every_job_and_of_the_end() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&log);
    let plan = mixed().progress(move |step| note.lock().unwrap().push(step));
    plan.run_blocking();
    let steps = std::mem::take(&mut *log.lock().unwrap());
    assert_eq!(steps.len(), 43);
    assert_eq!(steps[0], Progress::Started { total: 41 });
    assert_eq!(
        steps[42],
        Progress::Ended {
            done: 41,
            total: 41
        }
    );
    let mut seen: Vec<_> = steps
        .iter()
        .filter_map(|step| match step {
            Progress::Finished { index, .. } => Some(*index),
            _ => None,
        })
        .collect();
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..41));
    // A run that is given up has an end, too.
    let plan = plan.task(pending);
    assert!(block_on(futures_lite::future::poll_once(plan.run())).is_none());
    let ended = |step: &Progress| matches!(step, Progress::Ended { done, .. } if *done < 42);
    assert!(log.lock().unwrap().iter().any(ended));
}

#[test]
fn a_run_dropped_at_every_poll_leaves_no_async_job() {
    for polls in 0..12 {
        let alive = Arc::new(());
        let token = Arc::clone(&alive);
        let plan = Serial::new()
            .plan(Parallel::new().each(0..3, move |n| {
                let token = Arc::clone(&token);
                async move {
                    let _token = token;
                    for _ in 0..n {
                        yield_now().await;
                    }
                }
            }))
            .each(0..4, |_| yield_now());
        {
            let mut run = pin!(plan.run());
            let mut cx = Context::from_waker(Waker::noop());
            let done = (0..polls).any(|_| run.as_mut().poll(&mut cx) != Poll::Pending);
            assert_eq!(done, polls >= 6, "{polls}");
        }
        assert_eq!(Arc::strong_count(&alive), 2);
    }
}

#[test]
fn blocking_jobs_of_a_dropped_run_that_have_not_begun_never_do() {
    let pool = Small::new(1);
    let (release, released) = channel::<()>();
    pool.taker().unblock(Box::new(move || {
        let _ = released.recv();
    }));
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let plan = Parallel::new()
        .each_blocking(0..5, move |_| count.fetch_add(1, SeqCst))
        .unblock_with(pool.taker());
    assert!(block_on(futures_lite::future::poll_once(plan.run())).is_none());
    drop(release);
    // When this has run, the runner of the plan has had its turn.
    let (sender, receiver) = channel();
    pool.taker()
        .unblock(Box::new(move || sender.send(()).unwrap()));
    receiver.recv().unwrap();
    assert_eq!(begun.load(SeqCst), 0);
}

#[test]
fn tuples_of_jobs_run_again_too() {
    let plan = Serial::of((
        task(|| async { 1 }),
        Parallel::of((blocking(|| "two"), task(|| async { yield_now().await }))),
        mixed(),
    ));
    for _ in 0..10 {
        let (one, (two, ()), many) = plan.run_blocking();
        assert_eq!((one, two, many.len()), (1, "two", 41));
        assert_eq!(block_on(plan.run()).2.len(), 41);
    }
    let plan = Parallel::of((blocking(|| panic!("no") as u32), task(pending::<()>)));
    for blocks in [true, false] {
        let caught = catch_unwind(AssertUnwindSafe(|| match blocks {
            true => plan.run_blocking(),
            false => block_on(plan.run()),
        }));
        assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "no");
    }
}

/// As in other plans: nothing of a run is left when its panic goes on.
#[test]
fn a_panic_in_a_tuple_of_jobs_waits_for_blocking_ones() {
    let (running, gone) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    struct Count(Arc<AtomicUsize>);
    impl Drop for Count {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let barrier = Arc::new(Barrier::new(2));
    let begun = Arc::clone(&barrier);
    let (job, ending, dropped) = (Arc::clone(&running), Arc::clone(&gone), Arc::clone(&gone));
    let plan = Parallel::of((
        blocking(move || {
            job.fetch_add(1, SeqCst);
            begun.wait();
            // The run goes on ending while this has not.
            while ending.load(SeqCst) == 0 {
                thread::yield_now();
            }
            job.fetch_sub(1, SeqCst);
        }),
        task(move || {
            let gone = Count(Arc::clone(&dropped));
            async move {
                let _gone = gone;
                pending::<()>().await;
            }
        }),
        task(move || {
            let barrier = Arc::clone(&barrier);
            async move {
                blocking_wait(barrier).await;
                panic!("async");
            }
        }),
    ));
    for _ in 0..10 {
        for blocks in [false, true] {
            gone.store(0, SeqCst);
            let caught = catch_unwind(AssertUnwindSafe(|| match blocks {
                true => plan.run_blocking(),
                false => block_on(plan.run()),
            }));
            assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "async");
            assert_eq!((running.load(SeqCst), gone.load(SeqCst)), (0, 1));
        }
    }
}

#[test]
fn a_tuple_of_jobs_ends_at_its_first_error() {
    let running = Arc::new(AtomicUsize::new(0));
    let token = Arc::new(());
    let barrier = Arc::new(Barrier::new(2));
    let (count, begun, held) = (running.clone(), barrier.clone(), Arc::clone(&token));
    let plan = Parallel::of((
        blocking(move || {
            count.fetch_add(1, SeqCst);
            begun.wait();
            count.fetch_sub(1, SeqCst);
            Ok::<_, &str>(1)
        }),
        task(move || {
            let held = Arc::clone(&held);
            async move {
                let _held = held;
                pending::<Result<char, _>>().await
            }
        }),
        task(move || {
            let barrier = Arc::clone(&barrier);
            async move {
                blocking_wait(barrier).await;
                Err::<(), _>("no")
            }
        }),
    ));
    for _ in 0..10 {
        for blocks in [false, true] {
            let result = match blocks {
                true => plan.try_run_blocking(),
                false => block_on(plan.try_run()),
            };
            assert_eq!(result, Err("no"));
            // The blocking job is over, the async one dropped; the plan itself holds the token, too.
            assert_eq!((running.load(SeqCst), Arc::strong_count(&token)), (0, 2));
        }
    }
}

#[test]
fn a_tuple_of_jobs_in_turn_begins_with_none_after_an_error() {
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let plan = Serial::of((
        task(|| async { Ok::<_, &str>(1) }),
        blocking(|| Err::<(), _>("no")),
        blocking(move || Ok(count.fetch_add(1, SeqCst))),
    ));
    assert_eq!(plan.try_run_blocking(), Err("no"));
    assert_eq!(block_on(plan.try_run()), Err("no"));
    assert_eq!(begun.load(SeqCst), 0);
}

#[test]
fn a_panic_before_any_error_ends_a_tuple_of_jobs() {
    let plan = Serial::of((
        blocking(|| -> Result<(), &str> { panic!("first") }),
        task(|| async { Err::<(), _>("never") }),
    ));
    for blocks in [true, false] {
        let caught = catch_unwind(AssertUnwindSafe(|| match blocks {
            true => plan.try_run_blocking(),
            false => block_on(plan.try_run()),
        }));
        assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "first");
    }
}

#[test]
fn panics_are_results_of_a_tuple_of_jobs() {
    let running = Arc::new(AtomicUsize::new(0));
    let barrier = Arc::new(Barrier::new(2));
    let (count, begun) = (Arc::clone(&running), Arc::clone(&barrier));
    let inner = Parallel::of((
        blocking(move || {
            count.fetch_add(1, SeqCst);
            begun.wait();
            count.fetch_sub(1, SeqCst);
        }),
        task(move || {
            let barrier = Arc::clone(&barrier);
            async move {
                blocking_wait(barrier).await;
                panic!("inner");
            }
        }),
    ));
    let plan = Serial::of((
        task(|| async { panic!("async") }),
        blocking(|| -> u32 { panic!("blocking") }),
        inner,
        blocking(|| "all run"),
    ));
    let message = |error: JobError| error.to_string();
    for _ in 0..10 {
        for blocks in [false, true] {
            let (first, second, inner, last) = match blocks {
                true => plan.run_settled_blocking(),
                false => block_on(plan.run_settled()),
            };
            assert_eq!(message(first.unwrap_err()), "the job panicked: async");
            assert_eq!(message(second.unwrap_err()), "the job panicked: blocking");
            assert_eq!(message(inner.unwrap_err()), "the job panicked: inner");
            assert_eq!(last.unwrap(), "all run");
            // What the tuple inside has begun with is over, too.
            assert_eq!(running.load(SeqCst), 0);
        }
    }
}

#[test]
fn a_tuple_of_jobs_uses_no_more_threads_than_it_may() {
    let running = Arc::new(AtomicUsize::new(0));
    let alone = || {
        let running = Arc::clone(&running);
        blocking(move || {
            let before = running.fetch_add(1, SeqCst);
            thread::yield_now();
            running.fetch_sub(1, SeqCst);
            before
        })
    };
    let inner = Parallel::of((alone(), alone()));
    let plan = Parallel::of((alone(), inner, alone(), alone())).threads(1);
    for _ in 0..20 {
        assert_eq!(block_on(plan.run()), (0, (0, 0), 0, 0));
        assert_eq!(plan.run_blocking(), (0, (0, 0), 0, 0));
    }
}

/// A plan, described.
#[derive(Clone, Debug)]
enum Tree {
    Task(usize),
    Blocking,
    Fails(bool),
    Parallel(Vec<Tree>, usize),
    Serial(Vec<Tree>),
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        4 => (0..4_usize).prop_map(Tree::Task),
        3 => Just(Tree::Blocking),
        1 => any::<bool>().prop_map(Tree::Fails),
    ];
    leaf.prop_recursive(3, 30, 5, |tree| {
        let trees = proptest::collection::vec(tree, 0..5);
        prop_oneof![
            (trees.clone(), 1..6_usize).prop_map(|(trees, limit)| Tree::Parallel(trees, limit)),
            trees.prop_map(Tree::Serial),
        ]
    })
}

/// Adds a tree to a plan; each job gives its number, or fails with it.
macro_rules! add {
    ($plan:expr, $tree:expr, $next:expr) => {{
        let number = *$next;
        match $tree {
            Tree::Task(yields) => {
                *$next += 1;
                let yields = *yields;
                $plan.task(move || async move {
                    for _ in 0..yields {
                        yield_now().await;
                    }
                    Ok(number)
                })
            }
            Tree::Blocking => {
                *$next += 1;
                $plan.blocking(move || Ok(number))
            }
            Tree::Fails(true) => {
                *$next += 1;
                $plan.blocking(move || Err(number))
            }
            Tree::Fails(false) => {
                *$next += 1;
                $plan.task(move || async move { Err(number) })
            }
            Tree::Parallel(trees, limit) => {
                let inner = Parallel::new().limit(*limit);
                $plan.plan(
                    trees
                        .iter()
                        .fold(inner, |plan, tree| add_parallel(plan, tree, $next)),
                )
            }
            Tree::Serial(trees) => {
                let inner = Serial::new();
                $plan.plan(
                    trees
                        .iter()
                        .fold(inner, |plan, tree| add_serial(plan, tree, $next)),
                )
            }
        }
    }};
}

type Checked = Result<usize, usize>;

fn add_parallel(plan: Parallel<Checked>, tree: &Tree, next: &mut usize) -> Parallel<Checked> {
    add!(plan, tree, next)
}

fn add_serial(plan: Serial<Checked>, tree: &Tree, next: &mut usize) -> Serial<Checked> {
    add!(plan, tree, next)
}

/// The results of all jobs, in order.
fn results(tree: &Tree, into: &mut Vec<Checked>) {
    let number = into.len();
    match tree {
        Tree::Task(_) | Tree::Blocking => into.push(Ok(number)),
        Tree::Fails(_) => into.push(Err(number)),
        Tree::Parallel(trees, _) | Tree::Serial(trees) => {
            trees.iter().for_each(|tree| results(tree, into));
        }
    }
}

/// A case takes long here: a quarter of what other tests are asked for, by `PROPTEST_CASES` or by default.
fn some_cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: usual.cases.div_ceil(4),
        failure_persistence: None,
        ..usual
    }
}

proptest! {
    #![proptest_config(some_cases())]

    #[test]
    fn any_plan_gives_what_its_jobs_give(tree in trees()) {
        let plan = add_serial(Serial::new(), &tree, &mut 0);
        let mut expected = Vec::new();
        results(&tree, &mut expected);
        prop_assert_eq!(plan.len(), expected.len());
        prop_assert_eq!(&block_on(plan.run()), &expected);
        prop_assert_eq!(&plan.run_blocking(), &expected);
        for blocks in [true, false] {
            let tried = if blocks { plan.try_run_blocking() } else { block_on(plan.try_run()) };
            match tried {
                Ok(values) => {
                    prop_assert!(values.into_iter().eq(0..expected.len()));
                    prop_assert!(expected.iter().all(Result::is_ok));
                }
                Err(failed) => {
                    prop_assert_eq!(expected[failed.index], Err(failed.error));
                    for (index, value) in failed.done.iter().enumerate() {
                        prop_assert!(value.is_none_or(|value| expected[index] == Ok(value)));
                    }
                }
            }
        }
    }
}
