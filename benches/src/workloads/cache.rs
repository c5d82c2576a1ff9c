//! Async functions whose outputs are kept.

use std::hint::black_box;

use corokit_bg_utils::cache::Cache;
use futures_lite::future::block_on;

use crate::clock::Stopwatch;

/// Asks `count` times for one of `keys` keys in turn, of which `kept` are kept; a value that is not there is ready at once:
/// nanoseconds for each.
///
/// ```
/// assert!(corokit_benches::ask_cache(8, 8, 10) > 0.0);
/// ```
#[must_use]
pub fn ask_cache(keys: u64, kept: usize, count: u64) -> f64 {
    let cache = Cache::<u64, u64>::new(kept);
    let ask = async |key: u64| {
        black_box(cache.get_or_init(key, async move || 2 * key).await);
    };
    block_on(async {
        for key in 0..keys {
            ask(key).await;
        }
        let watch = Stopwatch::start();
        for number in 0..count {
            ask(black_box(number % keys)).await;
        }
        watch.per_op(count)
    })
}
