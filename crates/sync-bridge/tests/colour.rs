//! Either colour of function for either colour of caller.
#![cfg(all(feature = "colour", not(loom)))]

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use corokit_core::time::sleep;
use corokit_sync_bridge::{
    Pool, block, blocking, queue_background_thread, run, task, to_async, to_blocking, unblock,
};
use futures_lite::future::{block_on, or, yield_now, zip};

fn on_every_executor<T>(future: impl Fn() -> T, check: impl Fn(T::Output))
where
    T: Future,
{
    check(block_on(future()));
    check(smol::block_on(future()));
    let tokio = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    check(tokio.block_on(future()));
    check(corokit_sched_loop::run(future()));
}

#[test]
fn a_blocking_function_is_awaited_on_any_executor() {
    let whereabouts = to_async(|add: usize| (thread::current().id(), add + 1));
    let here = thread::current().id();
    on_every_executor(
        || zip(whereabouts(1), whereabouts(2)),
        |((a, one), (b, two))| {
            assert!(a != here && b != here);
            assert_eq!((one, two), (2, 3));
        },
    );
}

#[test]
fn an_async_function_is_called_from_anywhere() {
    let late = to_blocking(async |number: u32| {
        sleep(Duration::from_millis(1)).await;
        number + 1
    });
    assert_eq!(late(1), 2);
    // Inside of a running loop, where a_sync fails.
    on_every_executor(|| async { late(2) }, |number| assert_eq!(number, 3));
    // And nested in itself.
    assert_eq!(
        block(task(|| async { block(task(|| async { late(3) })) })),
        4
    );
}

#[test]
fn both_colours_are_run_and_blocked_alike() {
    on_every_executor(
        || async {
            let local = Rc::new(1);
            // An async one needs not be sendable: it stays here.
            let one = run(task(move || async move {
                yield_now().await;
                *local
            }));
            (
                one.await,
                run(blocking(|| 2)).await,
                blocking(|| 3).await,
                task(|| async { 4 }).await,
            )
        },
        |numbers| assert_eq!(numbers, (1, 2, 3, 4)),
    );
    let here = thread::current().id();
    assert_eq!(block(blocking(|| thread::current().id())), here);
    assert_eq!(block(task(|| async { thread::current().id() })), here);
}

#[test]
fn nothing_runs_before_it_is_awaited_and_nothing_that_was_dropped_before() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let counting = to_async(move |()| count.fetch_add(1, Ordering::SeqCst));
    drop(counting(()));
    let late = counting(());
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert_eq!(block_on(late), 0);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn a_call_that_was_given_up_runs_on_and_frees_its_thread() {
    let (release, blocked) = mpsc::channel::<()>();
    let (ends, ended) = mpsc::channel();
    let (begun, begins) = mpsc::channel();
    let call = unblock(move || {
        begun.send(()).unwrap();
        let _ = blocked.recv();
        ends.send(()).unwrap();
    });
    {
        let mut call = pin!(call);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(call.as_mut().poll(&mut cx).is_pending());
        begins.recv().unwrap();
        assert!(call.as_mut().poll(&mut cx).is_pending());
    }
    drop(release);
    ended.recv().unwrap();
}

#[test]
fn panics_reach_the_caller_of_either_colour() {
    let panics = to_async(|()| -> () { panic!("blocking") });
    let payload = catch_unwind(AssertUnwindSafe(|| block_on(panics(())))).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"blocking"));
    let panics = to_blocking(async |()| -> () { panic!("async") });
    let payload = catch_unwind(AssertUnwindSafe(|| panics(()))).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"async"));
}

#[test]
fn background_threads_take_either_colour() {
    let here = thread::current().id();
    let one = queue_background_thread(blocking(move || thread::current().id() != here));
    let two = queue_background_thread(task(move || async move {
        sleep(Duration::from_millis(1)).await;
        thread::current().id() != here
    }));
    assert_eq!(block_on(zip(one, two)), (Ok(true), Ok(true)));
    // How many there are and how many wait can be asked.
    let _ = Pool::global().stats().queued;
}

#[test]
fn background_threads_that_start_background_threads_do_not_starve() {
    fn tree(depth: u32) -> u32 {
        let Some(less) = depth.checked_sub(1) else {
            return 1;
        };
        let branches = [(); 3].map(|()| queue_background_thread(blocking(move || tree(less))));
        branches
            .into_iter()
            .map(|job| job.join_blocking().unwrap())
            .sum()
    }
    assert_eq!(
        queue_background_thread(blocking(|| tree(4))).join_blocking(),
        Ok(81)
    );
}

#[test]
fn the_first_of_two_calls_is_taken_and_the_other_left() {
    let (release, blocked) = mpsc::channel::<()>();
    let slow = unblock(move || {
        let _ = blocked.recv();
        "slow"
    });
    assert_eq!(block_on(or(slow, unblock(|| "quick"))), "quick");
    drop(release);
}

#[test]
#[cfg(debug_assertions)]
fn a_call_that_nobody_can_end_panics_instead() {
    // Nobody ever had the waker.
    let forever = to_blocking(async |()| pending::<()>().await);
    let payload = catch_unwind(AssertUnwindSafe(|| forever(()))).unwrap_err();
    assert!(
        payload
            .downcast_ref::<String>()
            .unwrap()
            .contains("wait for ever")
    );
    // It was given to a thread that drops it.
    let dropped = to_blocking(async |()| {
        let mut thrown_away = None;
        poll_fn(|cx| {
            let waker = cx.waker().clone();
            if thrown_away.is_none() {
                thrown_away = Some(thread::spawn(move || drop(waker)));
            }
            Poll::<()>::Pending
        })
        .await;
    });
    assert!(catch_unwind(AssertUnwindSafe(|| dropped(()))).is_err());
}

#[test]
fn futures_that_compare_wakers_and_stray_wake_ups_are_at_ease() {
    let (sender, receiver) = mpsc::channel::<Waker>();
    let waking = thread::spawn(move || {
        for waker in receiver {
            waker.wake_by_ref();
            waker.wake();
        }
    });
    let patient = to_blocking(async |rounds: u32| {
        let mut polls = 0;
        let mut kept: Option<Waker> = None;
        poll_fn(|cx| {
            if !kept.as_ref().is_some_and(|kept| kept.will_wake(cx.waker())) {
                kept = Some(cx.waker().clone());
            }
            polls += 1;
            match polls < rounds {
                true => {
                    sender.send(cx.waker().clone()).unwrap();
                    Poll::Pending
                }
                false => Poll::Ready(polls),
            }
        })
        .await
    });
    assert_eq!(patient(100), 100);
    assert_eq!(patient(1), 1);
    drop(patient);
    drop(sender);
    waking.join().unwrap();
}

/// What a_sync's tests of colour come to: 20 threads, each with a nested run of both colours.
#[test]
fn twenty_blocking_calls_that_each_run_async_ones_that_block_finish() {
    let calls: Vec<_> = (0..20)
        .map(|number| {
            queue_background_thread(blocking(move || {
                let inner = to_async(move |()| number);
                block(task(move || async move {
                    inner(()).await + blocking(|| 1).await
                }))
            }))
        })
        .collect();
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.join_blocking(), Ok(number + 1));
    }
}

#[test]
#[cfg(debug_assertions)]
fn a_loop_in_debug_mode_tells_who_blocks_it() {
    use corokit_sched_loop::{DebugOptions, EventLoop, Report, TaskExt};
    use std::cell::RefCell;

    let reports = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&reports);
    let options = DebugOptions::new()
        .slow_poll(Duration::MAX)
        .hook(move |report: &Report| log.borrow_mut().push(report.clone()));
    let event_loop = EventLoop::builder().debug_options(options).build();
    let line = line!() + 1;
    let late = to_blocking(async |()| sleep(Duration::from_millis(1)).await);
    let at_once = to_blocking(async |()| ());
    let blocker = event_loop.task().name("blocker").spawn(async move {
        // It does not block, and is not told of.
        at_once(());
        late(());
    });
    let id = blocker.id();
    event_loop.run(blocker);
    let reports = reports.take();
    let [Report::BlockingWait { task, location }] = &*reports else {
        panic!("{reports:?}")
    };
    assert_eq!((task.id(), task.name()), (id, Some("blocker")));
    assert_eq!((location.file(), location.line()), (file!(), line));
}

/// a_sync makes an event loop for each call and never closes it.
#[test]
#[cfg(target_os = "linux")]
fn calls_from_inside_of_a_loop_leave_no_file_open() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let late = to_blocking(async |()| yield_now().await);
    let twice = || {
        for _ in 0..2 {
            smol::block_on(async { late(()) });
            corokit_sched_loop::run(async { late(()) });
        }
    };
    twice();
    let before = open();
    (0..50).for_each(|_| twice());
    assert!(open() <= before);
}
