//! The decorator.
#![cfg(all(feature = "cache", not(loom)))]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use corokit_bg_utils::cache::{Cache, ErrorPolicy, Memo, PrefetchError};
use corokit_lab::{Lab, cancel_everywhere, panic_everywhere};
use corokit_sched_loop::{sleep, spawn};
use futures_lite::future::{block_on, poll_once, yield_now, zip};

#[test]
fn equal_arguments_are_one_call() {
    let calls = Cell::new(0);
    let function = |(a, b): (u32, &'static str)| {
        calls.set(calls.get() + 1);
        async move {
            yield_now().await;
            format!("{a}{b}")
        }
    };
    let memo = Memo::new(function);
    let two = zip(memo.call((1, "a")), memo.call((1, "a")));
    assert_eq!(block_on(two), ("1a".into(), "1a".into()));
    assert_eq!(block_on(memo.call((1, "b"))), "1b");
    assert_eq!(block_on(memo.call((1, "a"))), "1a");
    assert_eq!((calls.get(), memo.len()), (2, 2));
    assert_eq!(memo.peek(&(1, "a")), Some("1a".into()));
    assert_eq!(memo.remove(&(1, "a")), Some("1a".into()));
    assert_eq!(block_on(memo.call((1, "a"))), "1a");
    assert_eq!(calls.get(), 3);
}

#[test]
fn a_key_function_tells_calls_apart() {
    let calls = Cell::new(0);
    let function = |(tenant, page): (u32, u32)| {
        calls.set(calls.get() + 1);
        async move { tenant * 100 + page }
    };
    let memo = Cache::builder().memo_by(|&(tenant, _)| tenant, function);
    assert_eq!(block_on(memo.call((1, 1))), 101);
    assert_eq!(block_on(memo.call((1, 2))), 101);
    assert_eq!(block_on(memo.call((2, 2))), 202);
    assert_eq!((calls.get(), memo.peek(&(1, 9))), (2, Some(101)));
}

#[test]
fn hits_count_as_use() {
    let calls = Cell::new(0);
    let function = |n: u32| {
        calls.set(calls.get() + 1);
        async move { n }
    };
    let memo = Cache::builder().capacity(2).memo(function);
    for n in [1, 2, 1, 1, 3, 1] {
        block_on(memo.call(n));
    }
    assert_eq!(calls.get(), 3);
}

#[test]
fn errors_are_tried_again_unless_they_are_to_be_kept() {
    for (policy, expected) in [(ErrorPolicy::Forget, 2), (ErrorPolicy::Keep, 1)] {
        let calls = Cell::new(0);
        let function = |_: ()| {
            calls.set(calls.get() + 1);
            async { Err::<(), _>("down") }
        };
        let memo = Cache::builder().errors(policy).memo_fallible(function);
        assert_eq!(block_on(memo.call(())), Err("down"));
        assert_eq!(block_on(memo.call(())), Err("down"));
        assert_eq!(calls.get(), expected);
    }
}

#[test]
fn a_time_to_live() {
    corokit_lab::run(1, |_| async {
        let calls = Rc::new(Cell::new(0));
        let function = |_: ()| {
            calls.set(calls.get() + 1);
            let call = calls.get();
            async move {
                sleep(Duration::from_secs(5)).await;
                call
            }
        };
        let memo = Cache::builder().ttl(Duration::from_secs(1)).memo(function);
        assert_eq!(memo.call(()).await, 1);
        assert_eq!(memo.call(()).await, 1);
        sleep(Duration::from_secs(1)).await;
        assert_eq!((memo.purge_expired(), memo.peek(&())), (1, None));
        assert_eq!(memo.call(()).await, 2);
    });
}

#[test]
fn what_a_dropped_caller_has_done_is_not_done_again() {
    let calls = Cell::new(0);
    let function = |_: ()| {
        calls.set(calls.get() + 1);
        async {
            yield_now().await;
            yield_now().await;
            7
        }
    };
    let memo = Memo::new(function);
    block_on(async {
        let (mut first, mut second) = (Box::pin(memo.call(())), Box::pin(memo.call(())));
        assert!(poll_once(&mut first).await.is_none());
        assert!(poll_once(&mut second).await.is_none());
        drop(first);
        assert!(poll_once(&mut second).await.is_none());
        assert_eq!(poll_once(&mut second).await, Some(7));
    });
    assert_eq!(calls.get(), 1);
}

#[test]
fn a_function_that_panics_when_it_is_called_leaves_no_dead_key() {
    let calls = Cell::new(0);
    let function = |n: u32| {
        calls.set(calls.get() + 1);
        assert!(calls.get() > 1, "wrong arguments");
        async move { n }
    };
    let memo = Memo::new(function);
    let call = std::panic::AssertUnwindSafe(|| block_on(memo.call(7)));
    assert!(std::panic::catch_unwind(call).is_err());
    assert_eq!(block_on(memo.call(7)), 7);
}

#[test]
fn a_function_may_call_itself_for_other_arguments() {
    type Sums = Memo<u64, corokit_bg_utils::cache::Plain<fn(u64) -> Sum>>;
    type Sum = std::pin::Pin<Box<dyn Future<Output = u64> + Send>>;
    static SUMS: std::sync::OnceLock<Sums> = std::sync::OnceLock::new();
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    fn sum(n: u64) -> Sum {
        CALLS.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            match n {
                0 => 0,
                _ => n + SUMS.get().unwrap().call(n - 1).await,
            }
        })
    }
    let memo = SUMS.get_or_init(|| Memo::new(sum as fn(u64) -> Sum));
    assert_eq!(block_on(memo.call(100)), 5_050);
    assert_eq!(block_on(memo.call(101)), 5_151);
    assert_eq!(CALLS.load(Ordering::Relaxed), 102);
}

#[test]
fn a_prefetch_goes_on_with_no_caller_left() {
    let executor = smol::LocalExecutor::new();
    let calls = Cell::new(0);
    block_on(executor.run(async {
        let memo = Rc::new(Memo::fallible(|n: u32| {
            calls.set(calls.get() + 1);
            async move {
                yield_now().await;
                100_u32.checked_div(n).ok_or("zero")
            }
        }));
        // Not spawned, but driven here: futures that borrow need an executor that outlives them.
        let (handle, driver) = memo.prefetch_local(5);
        assert_eq!(calls.get(), 1);
        drop(handle);
        driver.await;
        assert_eq!(memo.call(5).await, Ok(20));
        let (handle, driver) = memo.prefetch_local(5);
        assert_eq!(zip(handle, driver).await, (Ok(20), ()));
        assert_eq!(calls.get(), 1);
        let (handle, driver) = memo.prefetch_local(0);
        drop(driver);
        assert_eq!(handle.await, Err(PrefetchError::Failed("zero")));
    }));
}

async fn explored(lab: Lab) {
    let calls = Rc::new(Cell::new(0));
    let function = {
        let calls = Rc::clone(&calls);
        move |n: u32| {
            calls.set(calls.get() + 1);
            async move {
                yield_now().await;
                yield_now().await;
                n
            }
        }
    };
    let memo = Rc::new(Memo::new(function));
    let mut tasks = Vec::new();
    for name in ["first", "second", "third"] {
        let memo = Rc::clone(&memo);
        tasks.push(spawn(lab.victim(name, async move { memo.call(7).await })));
    }
    for task in tasks {
        assert!(matches!(task.await, None | Some(7)));
    }
    assert_eq!(memo.call(7).await, 7);
    assert!(calls.get() <= 4);
}

#[test]
fn callers_may_be_dropped_or_panic_anywhere() {
    cancel_everywhere(explored);
    panic_everywhere(explored);
}

#[test]
fn a_memo_goes_where_its_function_may() {
    fn shared<T: Send + Sync>(_: &T) {}
    fn sendable<T: Send>(_: &T) {}
    let memo = Memo::new(async |n: u32| n);
    shared(&memo);
    sendable(&memo.call(1));
}

#[test]
fn results_are_forgotten_by_hand_or_when_their_time_is_up() {
    corokit_lab::run(1, |_| async {
        let memo = Cache::builder().ttl(Duration::from_secs(1));
        let memo = memo.memo(async |n: u32| 2 * n);
        assert!(memo.is_empty());
        memo.call(1).await;
        assert!(!memo.is_empty());
        memo.clear();
        assert!(memo.is_empty());

        memo.call(1).await;
        memo.call(2).await;
        assert_eq!(memo.purge_expired(), 0);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(memo.purge_expired(), 2);
        assert!(memo.is_empty());
    });
}
