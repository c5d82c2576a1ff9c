//! The elastic pool.
#![cfg(all(feature = "pool", not(loom)))]

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use corokit_sync_bridge::{Job, JobError, Pool, TryRunError, pool_wait};
use futures_lite::future::{block_on, zip};
use proptest::prelude::*;

/// A job that ends when the sender is used or dropped, once it has begun.
fn blocked_job(pool: &Pool) -> (Job<()>, Sender<()>) {
    let (release, blocked) = mpsc::channel();
    let (begun, begins) = mpsc::channel();
    let job = pool.run(move || {
        begun.send(()).unwrap();
        let _ = blocked.recv();
    });
    begins.recv().unwrap();
    (job, release)
}

/// Tells on which thread it is dropped.
struct Tells(Sender<ThreadId>);

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.0.send(thread::current().id());
    }
}

fn tells() -> (Tells, Receiver<ThreadId>) {
    let (sender, receiver) = mpsc::channel();
    (Tells(sender), receiver)
}

fn one() -> Pool {
    Pool::builder().max_threads(1).build()
}

#[test]
fn a_job_is_awaited_on_any_executor() {
    let pool = Pool::new();
    let work = async || zip(pool.run(|| 1), pool.run(|| 2)).await;
    let tokio = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let results = [
        block_on(work()),
        smol::block_on(work()),
        tokio.block_on(work()),
        corokit_sched_loop::run(work()),
    ];
    assert_eq!(results, [(Ok(1), Ok(2)); 4]);
    assert_eq!(pool.run_wait(|| 3), Ok(3));
    pool.join_blocking();
    assert_eq!(pool.stats().completed, 9);
}

#[test]
fn jobs_begin_in_the_order_of_their_coming() {
    let pool = one();
    let (first, release) = blocked_job(&pool);
    let order = Arc::new(Mutex::new(Vec::new()));
    let jobs: Vec<_> = (0..50)
        .map(|number| {
            let order = Arc::clone(&order);
            pool.run(move || order.lock().unwrap().push(number))
        })
        .collect();
    drop(release);
    for job in jobs {
        job.join_blocking().unwrap();
    }
    first.join_blocking().unwrap();
    assert!(order.lock().unwrap().iter().copied().eq(0..50));
}

#[test]
fn it_grows_as_long_as_jobs_wait_for_each_other() {
    // None of them ends before all of them run.
    let pool = Pool::builder().max_threads(60).build();
    let barrier = Arc::new(Barrier::new(60));
    let jobs: Vec<_> = (0..60)
        .map(|_| {
            let barrier = Arc::clone(&barrier);
            pool.run(move || barrier.wait().is_leader())
        })
        .collect();
    let leaders = jobs.into_iter().filter_map(|job| job.join_blocking().ok());
    assert_eq!(leaders.filter(|leader| *leader).count(), 1);
    // Of one more it need not have been more than the one that watches.
    assert!((60..=61).contains(&pool.stats().peak_threads));
}

#[test]
fn the_limit_holds() {
    let pool = Pool::builder().max_threads(3).prompt_threads(2).build();
    let (working, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let jobs: Vec<_> = (0..300)
        .map(|_| {
            let (working, most) = (Arc::clone(&working), Arc::clone(&most));
            pool.run(move || {
                let now = working.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                thread::yield_now();
                working.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    for job in jobs {
        job.join_blocking().unwrap();
    }
    assert!(most.load(Ordering::SeqCst) <= 3);
}

#[test]
fn threads_leave_after_keep_alive_down_to_the_minimum() {
    thread_local! {
        static AT_EXIT: RefCell<Option<Tells>> = const { RefCell::new(None) };
    }
    let keep_alive = Duration::from_millis(5);
    let pool = Pool::builder()
        .min_threads(2)
        .keep_alive(keep_alive)
        .prompt_threads(6)
        .build();
    let barrier = Arc::new(Barrier::new(6));
    let (sender, left) = mpsc::channel();
    let jobs: Vec<_> = (0..6)
        .map(|_| {
            let (barrier, sender) = (Arc::clone(&barrier), sender.clone());
            pool.run(move || {
                AT_EXIT.set(Some(Tells(sender)));
                barrier.wait();
            })
        })
        .collect();
    drop(sender);
    for job in jobs {
        job.join_blocking().unwrap();
    }
    // At most one of those that leave is a watcher that never had a job.
    for _ in 0..4 {
        left.recv().unwrap();
    }
    while pool.stats().threads > 2 {
        thread::yield_now();
    }
    assert_eq!(left.try_recv(), Err(mpsc::TryRecvError::Empty));
    assert_eq!(pool.stats().idle, 2);
    pool.join_blocking();
    assert_eq!(left.iter().count(), 2);
}

#[test]
fn twenty_jobs_that_each_wait_for_a_job_of_the_same_pool_finish() {
    for threads in [1, 2, 20] {
        let pool = Pool::builder().max_threads(threads).build();
        let jobs: Vec<_> = (0..20)
            .map(|number| {
                let inner = pool.clone();
                pool.run(move || match number % 3 {
                    0 => inner.run_wait(move || number),
                    1 => block_on(inner.run(move || number)),
                    _ => inner.run(move || number).join_blocking(),
                })
            })
            .collect();
        for (number, job) in jobs.into_iter().enumerate() {
            assert_eq!(job.join_blocking(), Ok(Ok(number)));
        }
        // An output may be there a moment before its thread is counted.
        pool.join_blocking();
        assert_eq!(pool.stats().waiting, 0);
    }
}

#[test]
fn jobs_may_wait_for_jobs_to_any_depth() {
    fn deep(pool: Pool, depth: u32) -> u32 {
        match depth.checked_sub(1) {
            None => 0,
            Some(less) => {
                let inner = pool.clone();
                1 + block_on(pool.run(move || deep(inner, less))).unwrap()
            }
        }
    }
    let pool = one();
    let inner = pool.clone();
    assert_eq!(pool.run_wait(move || deep(inner, 30)), Ok(30));
}

#[test]
fn a_job_may_wait_by_other_means_for_one_behind_it() {
    let pool = one();
    let (sender, receiver) = mpsc::channel();
    let first = pool.run(move || pool_wait(|| receiver.recv()));
    pool.run(move || sender.send(1)).detach();
    assert_eq!(first.join_blocking(), Ok(Ok(1)));
    // Outside of a pool it is nothing.
    assert_eq!(pool_wait(|| 1), 1);
}

#[test]
fn a_job_that_has_waited_counts_again() {
    let (pool, other) = (one(), one());
    let (theirs, release) = blocked_job(&other);
    let (resume, resumed) = mpsc::channel();
    let (release_own, blocked) = mpsc::channel::<()>();
    let job = pool.run(move || {
        theirs.join_blocking().unwrap();
        resume.send(()).unwrap();
        let _ = blocked.recv();
    });
    while pool.stats().waiting == 0 {
        thread::yield_now();
    }
    drop(release);
    resumed.recv().unwrap();
    // It works again, and the limit is one.
    assert_eq!(pool.stats().waiting, 0);
    assert!(pool.try_run(|| ()).is_err());
    drop(release_own);
    job.join_blocking().unwrap();
}

#[test]
fn the_one_that_watches_does_not_outlast_a_pool_that_is_closed() {
    for abandons in [false, true] {
        let hour = Duration::from_secs(3_600);
        let builder = Pool::builder().max_threads(2).prompt_threads(1);
        let pool = builder.grow_after(hour).build();
        let (first, release) = blocked_job(&pool);
        // There is a thread for it, but no room: the other thread watches for an hour.
        let second = pool.run(|| 1);
        assert_eq!(pool.stats().threads, 2);
        match abandons {
            true => assert_eq!(pool.abandon(), 1),
            false => assert!(pool.close()),
        }
        drop(release);
        first.join_blocking().unwrap();
        assert_eq!(second.join_blocking().is_ok(), !abandons);
        let far = Instant::now() + Duration::from_secs(20);
        assert_eq!(pool.join_deadline(far), Ok(()));
    }
}

#[test]
fn try_run_does_not_queue() {
    let pool = Pool::builder().max_threads(2).build();
    let (first, release) = blocked_job(&pool);
    let second = pool.try_run(|| 1).unwrap();
    assert_eq!(second.join_blocking(), Ok(1));
    let (third, release_too) = blocked_job(&pool);
    let (guard, dropped) = tells();
    let refused = pool.try_run(move || drop(guard)).unwrap_err();
    assert!(matches!(refused, TryRunError::WouldQueue(_)));
    assert_eq!(dropped.try_recv(), Err(mpsc::TryRecvError::Empty));
    refused.into_inner()();
    assert_eq!(dropped.recv().unwrap(), thread::current().id());
    drop((release, release_too));
    first.join_blocking().unwrap();
    third.join_blocking().unwrap();
    pool.close();
    assert!(matches!(pool.try_run(|| 1), Err(TryRunError::Closed(_))));
}

#[test]
fn try_run_takes_as_many_as_there_may_be_threads_and_not_one_more() {
    let pool = Pool::builder().max_threads(5).build();
    let (release, blocked) = mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let taken: Vec<_> = (0..8)
        .filter_map(|_| {
            let blocked = Arc::clone(&blocked);
            pool.try_run(move || {
                let _ = blocked.lock().unwrap().recv();
            })
            .ok()
        })
        .collect();
    assert_eq!(taken.len(), 5);
    drop(release);
    for job in taken {
        job.join_blocking().unwrap();
    }
}

#[test]
fn try_run_takes_a_job_whenever_a_thread_is_free() {
    let pool = one();
    for number in 0..300 {
        assert_eq!(
            pool.try_run(move || number).unwrap().join_blocking(),
            Ok(number)
        );
        while pool.stats().idle == 0 {
            thread::yield_now();
        }
    }
    assert_eq!(pool.stats().peak_threads, 1);
}

#[test]
fn a_job_dropped_before_it_began_never_runs_and_is_dropped_here() {
    let pool = one();
    let (first, release) = blocked_job(&pool);
    let (guard, dropped) = tells();
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    let second = pool.run(move || {
        let _guard = guard;
        count.fetch_add(1, Ordering::SeqCst);
    });
    assert_eq!(pool.stats().queued, 1);
    drop(second);
    assert_eq!(dropped.recv().unwrap(), thread::current().id());
    assert_eq!((pool.stats().queued, pool.stats().cancelled), (0, 1));
    // Also after it was polled.
    let count = Arc::clone(&ran);
    let mut third = pin!(pool.run(move || count.fetch_add(1, Ordering::SeqCst)));
    assert!(
        third
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    assert!(third.cancel());
    assert!(!third.cancel() && third.is_finished());
    drop(release);
    first.join_blocking().unwrap();
    pool.join_blocking();
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

#[test]
fn a_job_dropped_while_it_runs_goes_on_and_its_output_is_dropped_there() {
    let pool = one();
    let (output, dropped) = tells();
    let (release, blocked) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let mut job = pool.run(move || {
        begun.send(thread::current().id()).unwrap();
        let _ = blocked.recv();
        output
    });
    let there = begins.recv().unwrap();
    assert!(!job.cancel());
    drop(job);
    assert!(dropped.try_recv().is_err());
    drop(release);
    assert_eq!(dropped.recv().unwrap(), there);
}

#[test]
fn a_detached_job_runs_in_any_case() {
    let pool = one();
    let (_first, release) = blocked_job(&pool);
    let (guard, dropped) = tells();
    pool.run(move || guard).detach();
    drop(release);
    drop(pool);
    assert_ne!(dropped.recv().unwrap(), thread::current().id());
}

#[test]
fn a_panic_reaches_who_awaits_and_costs_no_thread() {
    let pool = one();
    let thread = pool.run_wait(|| thread::current().id()).unwrap();
    let job = pool.run(|| panic!("the job"));
    let payload = catch_unwind(AssertUnwindSafe(|| block_on(job))).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"the job"));
    assert_eq!(pool.run_wait(|| thread::current().id()), Ok(thread));
    assert_eq!((pool.stats().panicked, pool.stats().threads), (1, 1));
    // Nobody hears of it: it costs nothing either.
    pool.run(|| panic!("nobody")).detach();
    assert_eq!(pool.run_wait(|| thread::current().id()), Ok(thread));
}

#[test]
fn destructors_and_wakers_that_panic_cost_no_thread() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            // Of no size: it is kept for ever where it is what the drop of a payload panics with.
            std::panic::panic_any(());
        }
    }
    struct Rude;
    impl Wake for Rude {
        fn wake(self: Arc<Self>) {
            std::panic::panic_any(Bomb);
        }
    }
    let pool = one();
    let thread = pool.run_wait(|| thread::current().id()).unwrap();
    // Behind a job that holds them up, so that they end there with nobody who wants them.
    let (job, release) = blocked_job(&pool);
    pool.run(|| Bomb).detach();
    pool.run(|| std::panic::panic_any(Bomb)).detach();
    drop(release);
    assert_eq!(job.join_blocking(), Ok(()));
    let (mut job, release) = blocked_job(&pool);
    let waker = Waker::from(Arc::new(Rude));
    assert!(
        Pin::new(&mut job)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(release);
    assert_eq!(pool.run_wait(|| thread::current().id()), Ok(thread));
    assert_eq!(job.join_blocking(), Ok(()));
}

/// What nobody hears of goes, too.
#[test]
fn what_destructors_and_wakers_panic_with_is_dropped() {
    struct Bomb(Arc<()>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::panic_any(Arc::clone(&self.0));
        }
    }
    struct Rude(Arc<()>);
    impl Wake for Rude {
        fn wake(self: Arc<Self>) {
            std::panic::panic_any(Arc::clone(&self.0));
        }
    }
    let payload = Arc::new(());
    let pool = one();
    let (mut job, release) = blocked_job(&pool);
    let bomb = Bomb(Arc::clone(&payload));
    pool.run(move || bomb).detach();
    let waker = Waker::from(Arc::new(Rude(Arc::clone(&payload))));
    assert!(
        Pin::new(&mut job)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(waker);
    drop(release);
    assert_eq!(pool.run_wait(|| ()), Ok(()));
    assert_eq!(Arc::strong_count(&payload), 1);
}

#[test]
fn the_last_waker_is_the_one_that_is_woken() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let pool = one();
    let (mut job, release) = blocked_job(&pool);
    let counts = [(); 2].map(|()| Arc::new(Count(AtomicUsize::new(0))));
    for count in &counts {
        let waker = Waker::from(Arc::clone(count));
        for _ in 0..2 {
            assert!(
                Pin::new(&mut job)
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        }
    }
    drop(release);
    pool.join_blocking();
    assert_eq!(counts.map(|count| count.0.load(Ordering::SeqCst)), [0, 1]);
    assert!(job.is_finished());
    assert_eq!(
        Pin::new(&mut job).poll(&mut Context::from_waker(Waker::noop())),
        Poll::Ready(Ok(()))
    );
}

#[test]
fn many_jobs_that_are_cancelled_leave_nothing_behind() {
    let pool = one();
    let (first, release) = blocked_job(&pool);
    let held = Arc::new(());
    for _ in 0..1_000 {
        let job = |held: Arc<()>| pool.run(move || drop(held));
        let (kept, left) = (job(Arc::clone(&held)), job(Arc::clone(&held)));
        drop(left);
        assert_eq!(pool.stats().queued, 1);
        drop(kept);
    }
    assert_eq!(Arc::strong_count(&held), 1);
    assert_eq!((pool.stats().queued, pool.stats().oldest_wait), (0, None));
    let kept = pool.run(|| 1);
    assert!(pool.stats().oldest_wait.is_some());
    drop(release);
    assert_eq!(kept.join_blocking(), Ok(1));
    first.join_blocking().unwrap();
    assert_eq!(pool.stats().cancelled, 2_000);
}

#[test]
fn closing_lets_the_queue_run_and_takes_nothing_new() {
    let pool = one();
    let (first, release) = blocked_job(&pool);
    let second = pool.run(|| 2);
    assert!(pool.close() && !pool.close());
    let refused = pool.run(|| 3);
    assert!(refused.is_finished());
    assert_eq!(refused.join_blocking(), Err(JobError::Closed));
    drop(release);
    assert_eq!(second.join_blocking(), Ok(2));
    first.join_blocking().unwrap();
    pool.join_blocking();
    assert_eq!(pool.stats().threads, 0);
    // Once more, with nothing to wait for.
    block_on(pool.join());
}

#[test]
fn abandoning_refuses_what_is_in_the_queue_and_lets_the_rest_run() {
    let pool = one();
    let (first, release) = blocked_job(&pool);
    let (guard, dropped) = tells();
    let second = pool.run(move || drop(guard));
    let third = pool.run(|| ());
    let waiting = thread::spawn(move || second.join_blocking());
    assert_eq!(pool.abandon(), 2);
    assert_eq!(waiting.join().unwrap(), Err(JobError::Abandoned));
    assert_eq!(dropped.recv().unwrap(), thread::current().id());
    assert_eq!(third.join_blocking(), Err(JobError::Abandoned));
    assert!(!first.is_finished());
    drop(release);
    first.join_blocking().unwrap();
    assert_eq!(pool.abandon(), 0);
}

#[test]
fn joining_waits_for_the_last_job_from_any_colour() {
    let pool = Pool::new();
    let (job, release) = blocked_job(&pool);
    job.detach();
    let mut join = pin!(pool.join());
    assert!(
        join.as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    assert!(pool.join_deadline(Instant::now()).is_err());
    let clone = pool.clone();
    let waiting = thread::spawn(move || clone.join_blocking());
    drop(release);
    corokit_sched_loop::run(join);
    waiting.join().unwrap();
    assert_eq!(pool.stats().threads, 0);
}

#[test]
fn a_join_that_is_given_up_is_forgotten() {
    struct Nothing;
    impl Wake for Nothing {
        fn wake(self: Arc<Self>) {}
    }
    let pool = Pool::new();
    let (job, release) = blocked_job(&pool);
    let nothing = Arc::new(Nothing);
    let waker = Waker::from(Arc::clone(&nothing));
    let mut joins: Vec<_> = (0..3).map(|_| Box::pin(pool.join())).collect();
    for join in &mut joins {
        for _ in 0..2 {
            assert!(
                join.as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        }
    }
    assert_eq!(Arc::strong_count(&nothing), 2 + 3);
    drop(joins.remove(1));
    assert_eq!(Arc::strong_count(&nothing), 2 + 2);
    drop(release);
    for join in joins {
        block_on(join);
    }
    assert_eq!(Arc::strong_count(&nothing), 2);
    job.join_blocking().unwrap();
}

/// The processor time that the threads of this name have used, in ticks of mostly 10 ms.
#[cfg(target_os = "linux")]
fn ticks_of(name: &str) -> u64 {
    let mut ticks = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let Ok(stat) = std::fs::read_to_string(task.unwrap().path().join("stat")) else {
            continue;
        };
        if stat.contains(name) {
            let fields = stat.rsplit(')').next().unwrap().split_whitespace();
            ticks += fields
                .skip(11)
                .take(2)
                .map(|ticks| ticks.parse::<u64>().unwrap())
                .sum::<u64>();
        }
    }
    ticks
}

/// a_sync's pool has a thread that spins while a job runs.
#[test]
#[cfg(target_os = "linux")]
fn a_pool_whose_jobs_block_uses_no_processor() {
    let pool = Pool::builder().name("at-rest").max_threads(4).build();
    let blocked: Vec<_> = (0..3).map(|_| blocked_job(&pool)).collect();
    pool.run_wait(|| ()).unwrap();
    let (_sender, never) = mpsc::channel::<()>();
    let before = ticks_of("at-rest");
    // What is measured is the use of time, so some has to pass.
    let _ = never.recv_timeout(Duration::from_millis(100));
    assert!(ticks_of("at-rest") - before <= 2);
    for (job, release) in blocked {
        drop(release);
        job.join_blocking().unwrap();
    }
}

#[test]
fn a_thread_of_the_pool_cannot_wait_for_its_end() {
    let pool = Pool::new();
    let inner = pool.clone();
    let job = pool.run(move || catch_unwind(AssertUnwindSafe(|| inner.join_blocking())).is_err());
    assert_eq!(job.join_blocking(), Ok(true));
    pool.join_blocking();
}

#[test]
fn a_deadline_gives_the_job_back() {
    let pool = one();
    let (job, release) = blocked_job(&pool);
    let job = job.join_deadline(Instant::now()).unwrap_err();
    let job = job
        .join_deadline(Instant::now() + Duration::from_millis(1))
        .unwrap_err();
    drop(release);
    let far = Instant::now() + Duration::from_secs(3_600);
    assert_eq!(job.join_deadline(far).unwrap(), Ok(()));
}

#[test]
fn jobs_of_two_pools_may_wait_for_each_other() {
    let (a, b) = (one(), one());
    let (first, second) = (a.clone(), b.clone());
    let job = a.run(move || {
        let inner = second.run(move || block_on(first.run(|| 1)));
        block_on(inner)
    });
    assert_eq!(job.join_blocking(), Ok(Ok(Ok(1))));
}

#[test]
fn pools_do_not_mix() {
    let (a, b) = (one(), one());
    let inner = b.clone();
    let job = a.run(move || {
        inner
            .run_wait(|| thread::current().id())
            .map(|id| (id, thread::current().id()))
    });
    let (there, here) = job.join_blocking().unwrap().unwrap();
    assert_ne!(there, here);
    a.join_blocking();
    b.join_blocking();
    assert_eq!((a.stats().completed, b.stats().completed), (1, 1));
}

#[test]
fn many_threads_submit_and_nothing_is_lost() {
    let pool = Pool::builder()
        .max_threads(4)
        .keep_alive(Duration::ZERO)
        .build();
    let ran = Arc::new(AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for number in 0..500 {
                    let ran = Arc::clone(&ran);
                    let job = pool.run(move || ran.fetch_add(1, Ordering::SeqCst));
                    match number % 3 {
                        0 => job.detach(),
                        1 => drop(job.join_blocking().unwrap()),
                        _ => drop(job),
                    }
                }
            });
        }
    });
    pool.join_blocking();
    let stats = pool.stats();
    let ran = ran.load(Ordering::SeqCst) as u64;
    assert_eq!(stats.completed, ran);
    assert_eq!(stats.completed + stats.cancelled, 2_000);
    assert_eq!((stats.queued, stats.threads, stats.waiting), (0, 0, 0));
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Run,
    TryRun,
    Poll(usize),
    Drop(usize),
    Detach(usize),
    Cancel(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let which = || 0..8_usize;
    prop_oneof![
        4 => Just(Op::Run),
        1 => Just(Op::TryRun),
        2 => which().prop_map(Op::Poll),
        2 => which().prop_map(Op::Drop),
        2 => which().prop_map(Op::Detach),
        1 => which().prop_map(Op::Cancel),
    ]
}

/// A case takes long here: a fifth of what other tests are asked for, by `PROPTEST_CASES` or by default.
fn some_cases() -> ProptestConfig {
    ProptestConfig::with_cases(ProptestConfig::default().cases.div_ceil(5))
}

proptest! {
    #![proptest_config(some_cases())]

    /// While one job blocks the only thread, the queue is a list. What is left of it runs in order,
    /// or is refused, as the pool ends.
    #[test]
    fn the_queue_is_a_list(ops in prop::collection::vec(op(), 0..60), abandons in any::<bool>()) {
        let pool = one();
        let (first, release) = blocked_job(&pool);
        let ran = Arc::new(Mutex::new(Vec::new()));
        let mut jobs: Vec<(usize, Job<usize>)> = Vec::new();
        let (mut queue, mut cancelled) = (Vec::new(), 0);
        for (number, op) in ops.into_iter().enumerate() {
            let ran = Arc::clone(&ran);
            let job = move || {
                ran.lock().unwrap().push(number);
                number
            };
            match op {
                Op::Run => {
                    jobs.push((number, pool.run(job)));
                    queue.push(number);
                }
                Op::TryRun => prop_assert!(pool.try_run(job).is_err()),
                Op::Poll(at) => {
                    if let Some((_, job)) = jobs.get_mut(at) {
                        let mut cx = Context::from_waker(Waker::noop());
                        prop_assert!(Pin::new(job).poll(&mut cx).is_pending());
                    }
                }
                Op::Drop(at) | Op::Cancel(at) if at < jobs.len() => {
                    let (number, mut job) = jobs.remove(at);
                    prop_assert!(matches!(op, Op::Drop(_)) || job.cancel());
                    drop(job);
                    queue.retain(|queued| *queued != number);
                    cancelled += 1;
                }
                Op::Detach(at) if at < jobs.len() => jobs.remove(at).1.detach(),
                Op::Drop(_) | Op::Cancel(_) | Op::Detach(_) => {}
            }
            let stats = pool.stats();
            prop_assert_eq!((stats.queued, stats.cancelled), (queue.len(), cancelled));
            prop_assert_eq!(stats.oldest_wait.is_some(), !queue.is_empty());
        }
        if abandons {
            prop_assert_eq!(pool.abandon(), queue.len());
            queue.clear();
        }
        drop(release);
        for (number, job) in jobs {
            let expected = if abandons { Err(JobError::Abandoned) } else { Ok(number) };
            prop_assert_eq!(job.join_blocking(), expected);
        }
        first.join_blocking().unwrap();
        pool.join_blocking();
        prop_assert_eq!(&*ran.lock().unwrap(), &queue);
        prop_assert_eq!(pool.stats().completed, queue.len() as u64 + 1);
    }
}
