//! The cache: what is kept, for how long, and who pays for it.
#![cfg(all(feature = "cache", not(loom)))]

#[path = "support/clock.rs"]
mod clock;
#[path = "support/wakes.rs"]
mod wakes;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::error::Error;
use std::future::{Future, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use clock::Clock;
use corokit_bg_utils::cache::{Cache, ErrorPolicy, PrefetchError};
use corokit_lab::{Lab, Options, cancel_everywhere, panic_everywhere};
use corokit_sched_loop::{sleep, spawn};
use futures_lite::future::{block_on, poll_once, yield_now, zip};
use proptest::prelude::*;
use wakes::Wakes;

const SECOND: Duration = Duration::from_secs(1);

type Boxed<'f, T> = Pin<Box<dyn Future<Output = T> + 'f>>;

fn poll<T>(future: &mut Boxed<'_, T>, wakes: &Wakes) -> Poll<T> {
    future
        .as_mut()
        .poll(&mut Context::from_waker(&wakes.waker()))
}

fn fill(cache: &Cache<u32, u32>, key: u32, value: u32) -> u32 {
    block_on(cache.get_or_init(key, || ready(value)))
}

#[test]
fn what_was_not_used_for_longest_goes() {
    // By reading, by a hit, by writing.
    let uses: [fn(&Cache<u32, u32>); 3] = [
        |cache| assert_eq!(cache.get(&1), Some(1)),
        |cache| assert_eq!(fill(cache, 1, 7), 1),
        |cache| assert_eq!(cache.insert(1, 1), Some(1)),
    ];
    for used in uses {
        let cache = Cache::new(2);
        fill(&cache, 1, 1);
        fill(&cache, 2, 2);
        used(&cache);
        fill(&cache, 3, 3);
        let there = [1, 2, 3].map(|key| cache.peek(&key).is_some());
        assert_eq!(there, [true, false, true]);
    }
    // A look is no use.
    let cache = Cache::new(2);
    fill(&cache, 1, 1);
    fill(&cache, 2, 2);
    assert_eq!(cache.peek(&1), Some(1));
    fill(&cache, 3, 3);
    assert_eq!(cache.peek(&1), None);
}

#[test]
fn a_time_to_live_begins_with_the_value_and_a_flight_is_joined_however_old() {
    corokit_lab::run(1, |lab| async move {
        let cache = Rc::new(Cache::builder().ttl(SECOND).build::<&str, u32>());
        let inits = Rc::new(Cell::new(0));
        let call = || {
            let (cache, inits) = (Rc::clone(&cache), Rc::clone(&inits));
            async move {
                let init = async || {
                    inits.set(inits.get() + 1);
                    sleep(5 * SECOND).await;
                    inits.get()
                };
                cache.get_or_init("key", init).await
            }
        };
        let first = spawn(call());
        sleep(4 * SECOND).await;
        assert_eq!(call().await, 1);
        assert_eq!(first.await, 1);
        assert_eq!(lab.elapsed(), 5 * SECOND);
        sleep(SECOND - Duration::from_nanos(1)).await;
        assert_eq!((cache.get("key"), call().await), (Some(1), 1));
        sleep(Duration::from_nanos(1)).await;
        assert_eq!(cache.get("key"), None);
        assert_eq!(call().await, 2);
    });
}

#[test]
fn an_entry_that_comes_again_lives_its_full_time() {
    let (clock, _installed) = Clock::install();
    let cache = Cache::builder().ttl(SECOND).build();
    cache.insert("key", 1);
    clock.advance(SECOND / 2);
    cache.remove("key");
    assert_eq!(block_on(cache.get_or_init("key", || ready(2))), 2);
    clock.advance(SECOND / 2);
    assert_eq!(cache.get("key"), Some(2));
    cache.insert("key", 3);
    clock.advance(SECOND - Duration::from_nanos(1));
    assert_eq!(cache.get("key"), Some(3));
    clock.advance(Duration::from_nanos(1));
    assert_eq!(cache.get("key"), None);
}

#[test]
fn what_has_expired_goes_with_what_comes() {
    let (clock, _installed) = Clock::install();
    let cache = Cache::builder().ttl(SECOND).build();
    for key in 0..100 {
        cache.insert(key, ());
    }
    clock.advance(SECOND);
    for key in 100..150 {
        cache.insert(key, ());
    }
    assert_eq!(cache.len(), 50);
    clock.advance(SECOND);
    assert_eq!((cache.purge_expired(), cache.len()), (50, 0));
}

#[test]
fn errors_are_shared_by_those_who_had_joined_and_kept_as_the_policy_says() {
    let (clock, _installed) = Clock::install();
    let policies = [
        (ErrorPolicy::Forget, [2, 2, 3]),
        (ErrorPolicy::Keep, [1, 1, 2]),
        (ErrorPolicy::KeepFor(SECOND / 4), [1, 2, 3]),
    ];
    for (policy, expected) in policies {
        let builder = Cache::builder().ttl(SECOND).errors(policy);
        let cache = builder.build_fallible::<&str, (), u32>();
        let inits = Cell::new(0);
        let call = || {
            cache.get_or_try_init("key", async || {
                inits.set(inits.get() + 1);
                yield_now().await;
                Err(inits.get())
            })
        };
        block_on(async {
            let three = zip(call(), zip(call(), call())).await;
            assert_eq!(three, (Err(1), (Err(1), Err(1))));
            assert_eq!(cache.get("key"), None);
            assert_eq!(call().await, Err(expected[0]));
            // Errors that are forgotten at once are tried again with each call.
            inits.set(expected[0]);
            clock.advance(SECOND / 4);
            if policy != ErrorPolicy::Forget {
                assert_eq!(call().await, Err(expected[1]));
            }
            clock.advance(SECOND);
            inits.set(expected[1]);
            assert_eq!(call().await, Err(expected[2]));
        });
    }
}

#[test]
fn a_short_life_of_errors_is_not_held_up_by_long_lives_of_values() {
    let (clock, _installed) = Clock::install();
    let builder = Cache::builder().ttl(10 * SECOND);
    let builder = builder.errors(ErrorPolicy::KeepFor(SECOND));
    let cache = builder.build_fallible::<u32, u32, u32>();
    for key in 0..10 {
        cache.insert(key, key);
        let failing = cache.get_or_try_init(100 + key, || ready(Err(key)));
        assert_eq!(block_on(failing), Err(key));
    }
    clock.advance(SECOND);
    assert_eq!(cache.purge_expired(), 10);
    clock.advance(9 * SECOND);
    assert_eq!(cache.purge_expired(), 10);
}

#[test]
fn flights_do_not_count_for_the_capacity() {
    let cache = Cache::new(1);
    let call = |key: u32| -> Boxed<'_, u32> {
        Box::pin(cache.get_or_init(key, async move || {
            yield_now().await;
            key
        }))
    };
    let wakes = Wakes::default();
    let (mut one, mut two) = (call(1), call(2));
    assert!(poll(&mut one, &wakes).is_pending());
    assert!(poll(&mut two, &wakes).is_pending());
    assert_eq!((cache.in_flight(), cache.len()), (2, 0));
    assert_eq!(poll(&mut one, &wakes), Poll::Ready(1));
    assert_eq!(poll(&mut two, &wakes), Poll::Ready(2));
    assert_eq!((cache.in_flight(), cache.len()), (0, 1));
    assert_eq!(cache.peek(&2), Some(2));
}

#[test]
fn a_capacity_of_zero_keeps_nothing_and_still_shares() {
    let cache = Cache::new(0);
    let inits = Cell::new(0);
    let call = || {
        cache.get_or_init("key", async || {
            inits.set(inits.get() + 1);
            yield_now().await;
            inits.get()
        })
    };
    assert_eq!(block_on(zip(call(), call())), (1, 1));
    assert_eq!(block_on(call()), 2);
    assert_eq!((cache.insert("other", 1), cache.len()), (None, 0));
}

#[test]
fn who_has_joined_gets_the_value_of_a_flight_that_is_removed_and_it_is_not_kept() {
    let removals: [fn(&Cache<u32, u32>); 3] = [
        |cache| assert_eq!(cache.remove(&1), None),
        |cache| cache.clear(),
        |cache| assert_eq!(cache.insert(1, 77), None),
    ];
    for (index, remove) in removals.into_iter().enumerate() {
        let cache = Cache::new(8);
        let inits = Cell::new(0);
        let call = || -> Boxed<'_, u32> {
            Box::pin(cache.get_or_init(1, async || {
                inits.set(inits.get() + 1);
                let mine = inits.get();
                yield_now().await;
                mine
            }))
        };
        let wakes = Wakes::default();
        let (mut first, mut second, mut third) = (call(), call(), call());
        assert!(poll(&mut first, &wakes).is_pending());
        assert!(poll(&mut second, &wakes).is_pending());
        remove(&cache);
        let written = index == 2;
        if written {
            assert_eq!(poll(&mut third, &wakes), Poll::Ready(77));
        } else {
            assert!(poll(&mut third, &wakes).is_pending());
        }
        assert_eq!(poll(&mut first, &wakes), Poll::Ready(1));
        assert_eq!(poll(&mut second, &wakes), Poll::Ready(1));
        if written {
            assert_eq!((cache.get(&1), cache.len()), (Some(77), 1));
        } else {
            assert_eq!(cache.get(&1), None);
            assert_eq!(poll(&mut third, &wakes), Poll::Ready(2));
            assert_eq!(cache.get(&1), Some(2));
        }
    }
}

#[test]
fn a_panic_reaches_one_caller_and_leaves_nothing_behind() {
    let cache = Cache::<u32, u32>::new(8);
    let wakes: [Wakes; 2] = Default::default();
    let mut leader: Boxed<'_, u32> = Box::pin(cache.get_or_init(1, async || {
        yield_now().await;
        panic!("half way")
    }));
    let mut follower: Boxed<'_, u32> = Box::pin(cache.get_or_init(1, || ready(7)));
    assert!(poll(&mut leader, &wakes[0]).is_pending());
    assert!(poll(&mut follower, &wakes[1]).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut leader, &wakes[0]))).is_err());
    assert_eq!(wakes[1].take(), 1);
    assert_eq!(poll(&mut follower, &wakes[1]), Poll::Ready(7));
    // And a panic before there is a future: the key is not dead for the next caller.
    let early = catch_unwind(AssertUnwindSafe(|| {
        let init = || -> std::future::Ready<u32> { panic!("wrong arguments") };
        block_on(cache.get_or_init(2, init))
    }));
    assert!(early.is_err());
    assert_eq!(cache.in_flight(), 0);
    assert_eq!(fill(&cache, 2, 3), 3);
}

#[test]
fn the_same_key_inside_of_itself_is_a_panic_and_another_one_works() {
    let cache = Cache::<u32, u32>::new(8);
    let other = cache.get_or_init(1, || cache.get_or_init(2, || ready(5)));
    assert_eq!(block_on(other), 5);
    let nested = catch_unwind(AssertUnwindSafe(|| {
        block_on(cache.get_or_init(3, || cache.get_or_init(3, || ready(5))))
    }));
    assert!(nested.is_err());
    assert_eq!(cache.in_flight(), 0);
}

/// A value and a key whose destructors use the cache.
#[derive(Clone)]
struct Nosy {
    cache: Option<Arc<Cache<NosyKey, Nosy>>>,
    drops: Arc<AtomicUsize>,
}

struct NosyKey {
    number: u32,
    _nosy: Nosy,
}

impl PartialEq for NosyKey {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for NosyKey {}

impl std::hash::Hash for NosyKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl Drop for Nosy {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Ordering::Relaxed);
        if let Some(cache) = &self.cache {
            assert!(cache.len() <= 2);
            assert!(cache.in_flight() <= 1);
        }
    }
}

#[test]
fn keys_and_values_are_dropped_without_a_lock() {
    let (clock, _installed) = Clock::install();
    let cache = Arc::new(Cache::builder().capacity(2).ttl(SECOND).build());
    let drops = Arc::new(AtomicUsize::new(0));
    let nosy = || Nosy {
        cache: Some(Arc::clone(&cache)),
        drops: Arc::clone(&drops),
    };
    let key = |number| NosyKey {
        number,
        _nosy: nosy(),
    };
    for number in 0..4 {
        cache.insert(key(number), nosy());
        block_on(cache.get_or_init(key(number), || ready(nosy())));
        block_on(cache.get_or_init(key(10 + number), || ready(nosy())));
    }
    cache.insert(key(13), nosy());
    assert!(cache.get(&key(13)).is_some());
    assert!(cache.remove(&key(13)).is_some());
    {
        let mut call: Boxed<'_, _> = Box::pin(cache.get_or_init(key(20), pending::<Nosy>));
        assert!(poll(&mut call, &Wakes::default()).is_pending());
        let mut follower: Boxed<'_, _> = Box::pin(cache.get_or_init(key(20), pending::<Nosy>));
        assert!(poll(&mut follower, &Wakes::default()).is_pending());
        cache.remove(&key(20));
    }
    clock.advance(SECOND);
    assert!(cache.get(&key(3)).is_none());
    cache.insert(key(30), nosy());
    cache.clear();
    clock.advance(SECOND);
    cache.purge_expired();
    assert!(drops.load(Ordering::Relaxed) > 20);
}

#[test]
fn an_initialiser_may_use_the_cache() {
    let cache = Cache::new(8);
    let sum = block_on(cache.get_or_init(3, async || {
        cache.insert(1, 1);
        cache.clear();
        cache.insert(2, cache.in_flight() as u32);
        cache.get(&2).unwrap_or(9)
    }));
    assert_eq!(sum, 0);
}

#[test]
fn a_prefetch_goes_on_with_no_caller_left() {
    let cache = Arc::new(Cache::new(8));
    let wakes = Wakes::default();
    let (handle, driver) = cache.prefetch("key", async {
        yield_now().await;
        yield_now().await;
        7
    });
    let mut driver: Boxed<'_, ()> = Box::pin(driver);
    // The flight has begun, whether or not the driver has run.
    assert_eq!(cache.in_flight(), 1);
    assert!(poll(&mut driver, &wakes).is_pending());
    drop(handle);
    let mut caller: Boxed<'_, u32> = Box::pin(cache.get_or_init("key", || ready(8)));
    assert!(poll(&mut caller, &wakes).is_pending());
    drop(caller);
    assert_eq!(cache.in_flight(), 1);
    block_on(driver);
    assert_eq!(cache.get("key"), Some(7));
    // What is there is not fetched again.
    let (handle, driver) = cache.prefetch("key", async { unreachable!() });
    block_on(driver);
    assert_eq!(block_on(handle), Ok(7));
}

#[test]
fn a_prefetch_whose_driver_is_dropped_is_driven_by_those_who_wait() {
    let cache = Arc::new(Cache::new(8));
    let polls = Arc::new(AtomicUsize::new(0));
    let work = |polls: &Arc<AtomicUsize>| {
        let polls = Arc::clone(polls);
        async move {
            polls.fetch_add(1, Ordering::Relaxed);
            yield_now().await;
            polls.fetch_add(1, Ordering::Relaxed);
            7
        }
    };
    block_on(async {
        // Never polled.
        let (handle, driver) = cache.prefetch(1, work(&polls));
        drop(driver);
        assert_eq!(handle.await, Ok(7));
        // Half done, by a driver that others wait for.
        let (handle, driver) = cache.prefetch(2, work(&polls));
        let (mut handle, mut driver) = (Box::pin(handle), Box::pin(driver));
        assert!(poll_once(&mut driver).await.is_none());
        assert!(poll_once(&mut handle).await.is_none());
        drop(driver);
        assert_eq!(handle.await, Ok(7));
        // Joined, and dropped with the handle.
        let (handle, driver) = cache.prefetch(3, work(&polls));
        let mut caller = Box::pin(cache.get_or_init(3, || ready(8)));
        assert!(poll_once(&mut caller).await.is_none());
        drop((handle, driver));
        assert_eq!(caller.await, 7);
        // All are gone, and so is the work.
        let (handle, driver) = cache.prefetch(4, work(&polls));
        drop((handle, driver));
        assert_eq!(cache.in_flight(), 0);
    });
    assert_eq!(polls.load(Ordering::Relaxed), 6);
}

#[test]
fn a_prefetch_that_joins_is_there_when_the_others_go() {
    let cache = Arc::new(Cache::new(8));
    let wakes: [Wakes; 3] = Default::default();
    let mut caller: Boxed<'_, u32> = Box::pin(cache.get_or_init(1, pending));
    assert!(poll(&mut caller, &wakes[0]).is_pending());
    let (handle, driver) = cache.prefetch(1, async { 7 });
    let mut handle: Boxed<'_, _> = Box::pin(handle);
    let mut driver: Boxed<'_, ()> = Box::pin(driver);
    assert!(poll(&mut handle, &wakes[1]).is_pending());
    assert!(poll(&mut driver, &wakes[2]).is_pending());
    drop(caller);
    // The handle, which has no work of its own, is first in line, and does what the driver brought.
    assert_eq!(wakes[1].take(), 1);
    assert_eq!(poll(&mut handle, &wakes[1]), Poll::Ready(Ok(7)));
    assert_eq!(wakes[2].take(), 1);
    assert_eq!(poll(&mut driver, &wakes[2]), Poll::Ready(()));
    assert_eq!(cache.get(&1), Some(7));
}

#[test]
fn a_prefetch_that_panics_tells_its_handle_and_costs_others_nothing() {
    let cache = Arc::new(Cache::new(8));
    let wakes = Wakes::default();
    let (handle, driver) = cache.prefetch(1, async { panic!("no such page") });
    let mut driver: Boxed<'_, ()> = Box::pin(driver);
    let mut handle: Boxed<'_, Result<u32, _>> = Box::pin(handle);
    let mut caller: Boxed<'_, u32> = Box::pin(cache.get_or_init(1, || ready(7)));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut driver, &wakes))).is_err());
    drop(driver);
    assert_eq!(
        poll(&mut handle, &wakes),
        Poll::Ready(Err(PrefetchError::Panicked))
    );
    assert_eq!(poll(&mut caller, &wakes), Poll::Ready(7));
}

#[test]
fn a_prefetch_whose_work_is_well_never_hears_of_the_panic_of_another() {
    let cache = Arc::new(Cache::new(8));
    let wakes = Wakes::default();
    let (bad_handle, bad_driver) = cache.prefetch(1, async {
        yield_now().await;
        panic!("no such page")
    });
    let (handle, driver) = cache.prefetch(1, async { 7 });
    let mut bad_driver: Boxed<'_, ()> = Box::pin(bad_driver);
    assert!(poll(&mut bad_driver, &wakes).is_pending());
    let mut handle: Boxed<'_, _> = Box::pin(handle);
    let mut driver: Boxed<'_, ()> = Box::pin(driver);
    assert!(poll(&mut handle, &wakes).is_pending());
    assert!(poll(&mut driver, &wakes).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut bad_driver, &wakes))).is_err());
    drop(bad_driver);
    assert_eq!(poll(&mut handle, &wakes), Poll::Ready(Ok(7)));
    assert_eq!(poll(&mut driver, &wakes), Poll::Ready(()));
    // Nor does the one who waits for the work that has panicked, as there is a value.
    assert_eq!(block_on(bad_handle), Ok(7));
}

#[test]
fn work_that_was_not_needed_goes_with_its_callers() {
    let cache = Arc::new(Cache::new(8));
    let wakes = Wakes::default();
    let mut caller: Boxed<'_, u32> = Box::pin(cache.get_or_init(1, pending));
    assert!(poll(&mut caller, &wakes).is_pending());
    let held = Arc::new(());
    for _ in 0..100 {
        let held = Arc::clone(&held);
        drop(cache.prefetch(1, async move {
            drop(held);
            7
        }));
    }
    // One is kept for the caller, who may pass it on.
    assert_eq!(Arc::strong_count(&held), 2);
    drop(caller);
    assert_eq!(Arc::strong_count(&held), 1);
}

/// The program for exploration: callers of each kind, of whom any may be dropped.
async fn explored(lab: Lab) {
    let cache = Arc::new(Cache::new(8));
    let work = || async {
        yield_now().await;
        yield_now().await;
        7
    };
    let mut tasks = Vec::new();
    let caller = {
        let cache = Arc::clone(&cache);
        async move { Some(cache.get_or_init(1, work).await) }
    };
    tasks.push(spawn(lab.victim("caller", caller)));
    let (handle, driver) = cache.prefetch(1, work());
    tasks.push(spawn(
        lab.victim("handle", async move { handle.await.ok() }),
    ));
    let driver = spawn(lab.victim("driver", driver));
    let (handle, other) = cache.prefetch(1, work());
    tasks.push(spawn(
        lab.victim("other handle", async move { handle.await.ok() }),
    ));
    let other = spawn(lab.victim("other driver", other));
    let kept = {
        let cache = Arc::clone(&cache);
        async move { Some(cache.get_or_init_kept(1, work).await) }
    };
    tasks.push(spawn(lab.victim("kept", kept)));
    driver.await;
    other.await;
    for task in tasks {
        assert!(matches!(task.await, None | Some(Some(7))));
    }
    assert_eq!(cache.in_flight(), 0);
    assert_eq!(cache.get_or_init(1, work).await, 7);
}

#[test]
fn callers_may_be_dropped_or_panic_anywhere() {
    cancel_everywhere(explored);
    panic_everywhere(explored);
}

#[test]
fn in_every_order_everybody_is_served() {
    for strategy in [
        corokit_lab::Strategy::Random,
        corokit_lab::Strategy::Pct { depth: 3 },
    ] {
        let options = Options::new().strategy(strategy).spurious_wakes(true);
        if let Err(failure) = options.try_check(300, explored) {
            panic!("{failure}");
        }
    }
}

#[test]
fn threads_share_and_each_key_is_made_once() {
    let cache = Arc::new(Cache::builder().shards(4).build::<u32, u32>());
    let inits = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..500 {
                    let value = block_on(cache.get_or_init(round, async || {
                        inits.fetch_add(1, Ordering::Relaxed);
                        yield_now().await;
                        round * 2
                    }));
                    assert_eq!(value, round * 2);
                }
            });
        }
    });
    assert_eq!(inits.load(Ordering::Relaxed), 500);
    assert_eq!((cache.len(), cache.in_flight()), (500, 0));
}

#[test]
fn on_tokio_and_on_corokit_s_loop() {
    let program = || async {
        let cache = Cache::new(8);
        let call = || {
            cache.get_or_init(1, async || {
                yield_now().await;
                7
            })
        };
        assert_eq!(zip(call(), call()).await, (7, 7));
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(program());
    corokit_sched_loop::run(program());
    smol::block_on(smol::LocalExecutor::new().run(program()));
}

#[test]
fn futures_go_where_they_may() {
    fn sendable<T: Send>(_: &T) {}
    fn shared<T: Send + Sync>(_: &T) {}
    let cache = Arc::new(Cache::<String, String>::new(8));
    shared(&cache);
    sendable(&cache.get_or_init(String::new(), || ready(String::new())));
    let (handle, driver) = cache.prefetch(String::new(), ready(String::new()));
    sendable(&handle);
    sendable(&driver);
    let local = Cache::new(8);
    let borrowed = RefCell::new(1);
    let init = async || Rc::new(*borrowed.borrow());
    assert_eq!(*block_on(local.get_or_init(1, init)), 1);
}

/// What a program may do.
#[derive(Clone, Debug)]
enum Do {
    Get(u8),
    Peek(u8),
    Init(u8),
    Fail(u8),
    Insert(u8),
    Remove(u8),
    Clear,
    Wait(u8),
    Purge,
}

fn program() -> impl Strategy<Value = Vec<Do>> {
    let key = || 0_u8..10;
    let one = prop_oneof![
        3 => key().prop_map(Do::Get),
        1 => key().prop_map(Do::Peek),
        6 => key().prop_map(Do::Init),
        2 => key().prop_map(Do::Fail),
        2 => key().prop_map(Do::Insert),
        2 => key().prop_map(Do::Remove),
        1 => Just(Do::Clear),
        3 => (0_u8..60).prop_map(Do::Wait),
        1 => Just(Do::Purge),
    ];
    proptest::collection::vec(one, 0..120)
}

/// A map that looks through all of itself each time.
#[derive(Default)]
struct Naive {
    entries: HashMap<u8, (Result<u32, u32>, u64, u64)>,
    uses: u64,
    now: u64,
}

impl Naive {
    fn get(&mut self, key: u8, used: bool) -> Option<Result<u32, u32>> {
        let now = self.now;
        self.entries.retain(|_, entry| entry.1 > now);
        let entry = self.entries.get_mut(&key)?;
        if used {
            self.uses += 1;
            entry.2 = self.uses;
        }
        Some(entry.0)
    }

    fn put(&mut self, key: u8, value: Result<u32, u32>, expires: u64, capacity: usize) {
        if self.get(key, false).is_none() && self.entries.len() >= capacity {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.2);
            let oldest = *oldest.unwrap().0;
            self.entries.remove(&oldest);
        }
        self.uses += 1;
        self.entries.insert(key, (value, expires, self.uses));
    }
}

proptest! {
    /// With as many keys as fit there is no doubt about what has expired and still takes room; with
    /// fewer, nothing expires.
    #[test]
    fn like_a_naive_map(capacity in prop_oneof![1_usize..6, 10_usize..12], program in program()) {
        let (clock, _installed) = Clock::install();
        // With a lifetime for all, for errors alone, or without.
        let (timed, timed_errors) = (capacity == 10, capacity >= 10);
        let mut builder = Cache::builder().capacity(capacity).errors(ErrorPolicy::Keep);
        if timed {
            builder = builder.ttl(Duration::from_millis(100));
        }
        if timed_errors {
            builder = builder.errors(ErrorPolicy::KeepFor(Duration::from_millis(30)));
        }
        let cache = builder.build_fallible::<u8, u32, u32>();
        let mut naive = Naive::default();
        let ttl = |ok| match ok {
            true if timed => 100,
            false if timed_errors => 30,
            _ => u64::MAX,
        };
        for (value, action) in (0_u32..).zip(program) {
            match action {
                Do::Get(key) => {
                    prop_assert_eq!(cache.get(&key), naive.get(key, true).and_then(Result::ok));
                }
                Do::Peek(key) => {
                    prop_assert_eq!(cache.peek(&key), naive.get(key, false).and_then(Result::ok));
                }
                Do::Init(key) | Do::Fail(key) => {
                    let ok = matches!(action, Do::Init(_));
                    let made = if ok { Ok(value) } else { Err(value) };
                    let got = block_on(cache.get_or_try_init(key, || ready(made)));
                    let expected = naive.get(key, true).unwrap_or_else(|| {
                        let expires = naive.now.saturating_add(ttl(ok));
                        naive.put(key, made, expires, capacity);
                        made
                    });
                    prop_assert_eq!(got, expected);
                }
                Do::Insert(key) => {
                    let old = naive.get(key, false).and_then(Result::ok);
                    let expires = naive.now.saturating_add(ttl(true));
                    naive.put(key, Ok(value), expires, capacity);
                    prop_assert_eq!(cache.insert(key, value), old);
                }
                Do::Remove(key) => {
                    let old = naive.get(key, false).and_then(Result::ok);
                    naive.entries.remove(&key);
                    prop_assert_eq!(cache.remove(&key), old);
                }
                Do::Clear => {
                    cache.clear();
                    naive.entries.clear();
                }
                Do::Wait(millis) => {
                    naive.now += u64::from(millis);
                    clock.advance(Duration::from_millis(millis.into()));
                }
                Do::Purge => {
                    cache.purge_expired();
                    naive.get(0, false);
                    prop_assert_eq!(cache.len(), naive.entries.len());
                }
            }
            prop_assert!(cache.len() <= capacity);
            prop_assert_eq!(cache.in_flight(), 0);
        }
        for key in 0..10 {
            prop_assert_eq!(cache.peek(&key), naive.get(key, false).and_then(Result::ok));
        }
    }
}

/// The clock that hits look at goes in ticks of some milliseconds. What lives shorter has one that does not.
#[test]
fn what_lives_shorter_than_a_tick_of_the_clock_expires_in_time() {
    const SHORT: Duration = Duration::from_micros(300);
    let passes = || {
        let start = Instant::now();
        while start.elapsed() <= SHORT {}
    };
    let values: Cache<u32, u32> = Cache::builder().ttl(SHORT).build();
    let errors = Cache::builder().errors(ErrorPolicy::KeepFor(SHORT));
    let errors: Cache<u32, u32, &str> = errors.build_fallible();
    // Whatever part of a tick has passed.
    for round in 0..50 {
        values.insert(1, round);
        passes();
        assert_eq!(values.get(&1), None);

        block_on(errors.get_or_try_init(1, || ready(Err("no")))).unwrap_err();
        passes();
        let again = block_on(errors.get_or_try_init(1, || ready(Ok(round))));
        assert_eq!(again, Ok(round));
        errors.remove(&1);
    }
}

#[test]
fn it_says_how_full_it_is() {
    let cache: Cache<u32, u32> = Cache::new(7);
    assert_eq!(
        (cache.capacity(), cache.len(), cache.is_empty()),
        (7, 0, true)
    );
    cache.insert(1, 1);
    assert_eq!((cache.len(), cache.is_empty()), (1, false));
    cache.clear();
    assert!(cache.is_empty());
}

#[test]
fn what_goes_wrong_ahead_says_so() {
    let error = PrefetchError::Failed(std::fmt::Error);
    assert!(error.to_string().starts_with("the work has failed: "));
    assert!(
        error
            .source()
            .is_some_and(|source| source.is::<std::fmt::Error>())
    );
    let error = PrefetchError::<std::fmt::Error>::Panicked;
    assert_eq!(error.to_string(), "the work has panicked: ask again");
    assert!(error.source().is_none());
}
