//! Caches of async functions: hits, misses, and many who ask at once.

use std::cell::Cell;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Mutex;
use std::task::Context;
use std::time::Duration;

use async_executor::LocalExecutor;
use async_lock::OnceCell;
use corokit_benches::Stopwatch;
use corokit_bg_utils::cache::{Cache, Memo};
use foldhash::fast::RandomState;
use futures_lite::future::{block_on, yield_now};
use quick_cache::UnitWeighter;
use quick_cache::sync::DefaultLifecycle;

/// Whose cache it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CacheOf {
    Corokit,
    CorokitTtl,
    CorokitMemo,
    CorokitShards,
    QuickCache,
    Moka,
    Cached,
    OnceCell,
    Floor,
}

const KEYS: u64 = 1_024;
const MINUTE: Duration = Duration::from_secs(60);

type QuickCache = quick_cache::sync::Cache<u64, u64, UnitWeighter, RandomState>;
type MokaCache = moka::future::Cache<u64, u64, RandomState>;

fn quick_cache(capacity: usize) -> QuickCache {
    let (weighter, hasher) = (UnitWeighter, RandomState::default());
    let lifecycle = DefaultLifecycle::default();
    QuickCache::with(capacity, capacity as u64, weighter, hasher, lifecycle)
}

fn moka(capacity: u64) -> MokaCache {
    let builder = moka::future::Cache::builder().max_capacity(capacity);
    builder.build_with_hasher(RandomState::default())
}

#[cached::macros::cached(max_size = 2048)]
async fn cached_double(n: u64) -> u64 {
    2 * n
}

/// Calls an async function `count` times with keys in turn: nanoseconds for each.
async fn measure<F: Future<Output = u64>>(count: u64, keys: u64, call: impl Fn(u64) -> F) -> f64 {
    for key in 0..keys.min(KEYS) {
        black_box(call(key).await);
    }
    let watch = Stopwatch::start();
    for n in 0..count {
        black_box(call(black_box(n.wrapping_mul(7) % keys)).await);
    }
    watch.per_op(count)
}

/// Asks for keys that are there: nanoseconds for each.
pub(crate) fn hit(cache: CacheOf, count: u64) -> f64 {
    run(cache, count, KEYS, 2 * KEYS as usize)
}

/// Asks for keys that are not there: nanoseconds for each.
pub(crate) fn miss(cache: CacheOf, count: u64) -> f64 {
    run(cache, count, u64::MAX, KEYS as usize)
}

fn run(cache: CacheOf, count: u64, keys: u64, capacity: usize) -> f64 {
    block_on(async {
        match cache {
            CacheOf::Corokit | CacheOf::CorokitTtl | CacheOf::CorokitShards => {
                let mut builder = Cache::builder().capacity(capacity);
                if let CacheOf::CorokitTtl = cache {
                    builder = builder.ttl(MINUTE);
                }
                if let CacheOf::CorokitShards = cache {
                    builder = builder.shards(16);
                }
                let cache = builder.build::<u64, u64>();
                let call = |key| cache.get_or_init(key, async move || 2 * key);
                measure(count, keys, call).await
            }
            CacheOf::CorokitMemo => {
                let memo = Cache::builder().capacity(capacity);
                let memo = memo.memo(async |n: u64| 2 * n);
                measure(count, keys, |key| memo.call(key)).await
            }
            CacheOf::QuickCache => {
                let cache = quick_cache(capacity);
                let cache = &cache;
                let call = |key| async move {
                    let double = async { Ok::<_, std::convert::Infallible>(2 * key) };
                    cache.get_or_insert_async(&key, double).await.unwrap_or(0)
                };
                measure(count, keys, call).await
            }
            CacheOf::Moka => {
                let cache = moka(capacity as u64);
                measure(count, keys, |key| {
                    cache.get_with(key, async move { 2 * key })
                })
                .await
            }
            CacheOf::Cached => measure(count, keys, cached_double).await,
            CacheOf::OnceCell => unreachable!("it has one key"),
            CacheOf::Floor => {
                let map = Mutex::new(HashMap::with_hasher(RandomState::default()));
                let map = &map;
                let call = |key| async move {
                    let mut map = map.lock().expect("nobody panics");
                    *map.entry(key).or_insert(2 * key)
                };
                measure(count, keys, call).await
            }
        }
    })
}

/// Lets so many tasks ask for one key, whose value takes a turn of the executor: nanoseconds for
/// each, with spawning and joining them; how often the value is made; and how often each of those who only wait is
/// woken.
pub(crate) fn stampede(cache: CacheOf, tasks: usize, repeat: u64) -> Vec<f64> {
    let mut total = [0.0; 3];
    for _ in 0..repeat {
        let inits = Rc::new(Cell::new(0));
        let (each, polls) = match cache {
            CacheOf::Corokit => {
                let cache = Rc::new(Cache::<u64, u64>::new(8));
                crowd(tasks, || {
                    let inits = Rc::clone(&inits);
                    let cache = Rc::clone(&cache);
                    async move { cache.get_or_init(1, || work(inits)).await }
                })
            }
            CacheOf::CorokitMemo => {
                let count = Rc::clone(&inits);
                let memo = Rc::new(Memo::new(move |_: u64| work(Rc::clone(&count))));
                crowd(tasks, || {
                    let memo = Rc::clone(&memo);
                    async move { memo.call(1).await }
                })
            }
            CacheOf::QuickCache => {
                let cache = Rc::new(quick_cache(8));
                crowd(tasks, || {
                    let inits = Rc::clone(&inits);
                    let cache = Rc::clone(&cache);
                    async move {
                        let work = async { Ok::<_, std::convert::Infallible>(work(inits).await) };
                        cache.get_or_insert_async(&1, work).await.unwrap_or(0)
                    }
                })
            }
            CacheOf::Moka => {
                let cache = Rc::new(moka(8));
                crowd(tasks, || {
                    let inits = Rc::clone(&inits);
                    let cache = Rc::clone(&cache);
                    async move { cache.get_with(1, work(inits)).await }
                })
            }
            CacheOf::OnceCell => {
                let cell = Rc::new(OnceCell::new());
                crowd(tasks, || {
                    let inits = Rc::clone(&inits);
                    let cell = Rc::clone(&cell);
                    async move { *cell.get_or_init(|| work(inits)).await }
                })
            }
            _ => crowd(tasks, || async {
                yield_now().await;
                7
            }),
        };
        assert!(inits.get() <= 1, "it is a stampede after all");
        // Everybody is polled once without having been woken, and who makes the value wakes itself.
        let wakes = polls - tasks as u64 - if inits.get() == 1 { WORK } else { 0 };
        let waiting = tasks as u64 - u64::from(inits.get());
        let measured = [each, f64::from(inits.get()), wakes as f64 / waiting as f64];
        for (total, measured) in total.iter_mut().zip(measured) {
            *total += measured;
        }
    }
    total.map(|total| total / repeat as f64).to_vec()
}

/// How many turns the value takes to be made.
const WORK: u64 = 3;

async fn work(inits: Rc<Cell<u32>>) -> u64 {
    inits.set(inits.get() + 1);
    for _ in 0..WORK {
        yield_now().await;
    }
    7
}

/// Nanoseconds for each task, and how often they were polled, all together.
fn crowd<F>(tasks: usize, call: impl Fn() -> F) -> (f64, u64)
where
    F: Future<Output = u64> + 'static,
{
    let executor = LocalExecutor::new();
    let polls = Rc::new(Cell::new(0));
    let counted = |call: F| {
        let polls = Rc::clone(&polls);
        async move {
            let mut call = pin!(call);
            let poll = |cx: &mut Context<'_>| {
                polls.set(polls.get() + 1);
                call.as_mut().poll(cx)
            };
            poll_fn(poll).await
        }
    };
    let watch = Stopwatch::start();
    block_on(executor.run(async {
        let calls = (0..tasks).map(|_| executor.spawn(counted(call())));
        let calls: Vec<_> = calls.collect();
        for call in calls {
            assert_eq!(call.await, 7);
        }
    }));
    (watch.per_op(tasks as u64), polls.get())
}
