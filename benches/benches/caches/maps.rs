//! Bounded maps: reading and writing, all with the hasher of the workspace.

use std::hint::black_box;
use std::time::Duration;

use corokit_benches::Stopwatch;
use corokit_bg_utils::lru::{Lru, TtlLru};
use foldhash::fast::RandomState;

/// Whose map it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MapOf {
    Corokit,
    CorokitTtl,
    Hashlink,
    Lru,
    Schnellru,
}

const KEYS: u64 = 1_024;

/// The keys in an order that is not theirs.
#[inline(always)]
fn key(n: u64) -> u64 {
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20
}

/// A key that is there, in yet another order.
#[inline(always)]
fn order(n: u64) -> u64 {
    key(n.wrapping_mul(7) % KEYS)
}

#[inline(never)]
fn measure(count: u64, mut once: impl FnMut(u64)) -> f64 {
    for n in 0..count.div_ceil(10) {
        once(n);
    }
    let watch = Stopwatch::start();
    for n in 0..count {
        once(n);
    }
    watch.per_op(count)
}

/// Reads keys that are there: nanoseconds for each.
pub(crate) fn get(map: MapOf, count: u64) -> f64 {
    let hasher = RandomState::default;
    match map {
        MapOf::Corokit => {
            let mut map = Lru::with_hasher(KEYS as usize, hasher());
            (0..KEYS).for_each(|n| _ = map.insert(key(n), n));
            measure(count, |n| {
                black_box(map.get(&order(n)));
            })
        }
        MapOf::CorokitTtl => {
            let mut map = TtlLru::with_hasher(KEYS as usize, Duration::from_secs(60), hasher());
            (0..KEYS).for_each(|n| _ = map.insert(key(n), n));
            measure(count, |n| {
                black_box(map.get(&order(n)));
            })
        }
        MapOf::Hashlink => {
            let mut map = hashlink::LruCache::with_hasher(KEYS as usize, hasher());
            (0..KEYS).for_each(|n| _ = map.insert(key(n), n));
            measure(count, |n| {
                black_box(map.get(&order(n)));
            })
        }
        MapOf::Lru => {
            let capacity = (KEYS as usize).try_into().expect("it is not zero");
            let mut map = lru::LruCache::with_hasher(capacity, hasher());
            (0..KEYS).for_each(|n| _ = map.put(key(n), n));
            measure(count, |n| {
                black_box(map.get(&order(n)));
            })
        }
        MapOf::Schnellru => {
            let limit = schnellru::ByLength::new(KEYS as u32);
            let mut map = schnellru::LruMap::with_hasher(limit, hasher());
            (0..KEYS).for_each(|n| _ = map.insert(key(n), n));
            measure(count, |n| {
                black_box(map.get(&order(n)));
            })
        }
    }
}

/// Writes keys that are not there, so that another one has to go: nanoseconds for each.
pub(crate) fn put(map: MapOf, count: u64) -> f64 {
    let hasher = RandomState::default;
    match map {
        MapOf::Corokit => {
            let mut map = Lru::with_hasher(KEYS as usize, hasher());
            measure(count, |n| {
                black_box(map.insert(key(n), n));
            })
        }
        MapOf::CorokitTtl => {
            let mut map = TtlLru::with_hasher(KEYS as usize, Duration::from_secs(60), hasher());
            measure(count, |n| {
                black_box(map.insert(key(n), n));
            })
        }
        MapOf::Hashlink => {
            let mut map = hashlink::LruCache::with_hasher(KEYS as usize, hasher());
            measure(count, |n| {
                black_box(map.insert(key(n), n));
            })
        }
        MapOf::Lru => {
            let capacity = (KEYS as usize).try_into().expect("it is not zero");
            let mut map = lru::LruCache::with_hasher(capacity, hasher());
            measure(count, |n| {
                black_box(map.push(key(n), n));
            })
        }
        MapOf::Schnellru => {
            let limit = schnellru::ByLength::new(KEYS as u32);
            let mut map = schnellru::LruMap::with_hasher(limit, hasher());
            measure(count, |n| {
                black_box(map.insert(key(n), n));
            })
        }
    }
}
