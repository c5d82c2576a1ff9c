//! A cache whose hits cost a function call: only the misses become tasks.
//!
//! `cargo run -p corokit-coro-start --example eager_cache`

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use async_executor::LocalExecutor;
use corokit_coro_start::{Eager, eager};
use smol::Timer;
use smol::future::block_on;

/// Returns the square of a number, from the cache if it is there, otherwise from a slow computation.
async fn square(cache: &RefCell<HashMap<u64, u64>>, number: u64) -> u64 {
    let cached = cache.borrow().get(&number).copied();
    if let Some(square) = cached {
        return square;
    }
    Timer::after(Duration::from_millis(20)).await;
    cache.borrow_mut().insert(number, number * number);
    number * number
}

fn main() {
    let cache = RefCell::new(HashMap::from([(2, 4), (3, 9)]));
    let executor = LocalExecutor::new();

    block_on(executor.run(async {
        // Every look-up starts at once, in the order written here, so the two misses wait at the same time.
        let lookups: Vec<_> = [2, 12, 3, 13]
            .into_iter()
            .map(|number| {
                let lookup = eager(square(&cache, number), |rest| executor.spawn(rest));
                match &lookup {
                    Eager::Ready(square) => println!("{number}: a hit, {square}, without a task"),
                    Eager::Task(_) | Eager::Taken => println!("{number}: a miss, now a task"),
                }
                (number, lookup)
            })
            .collect();

        for (number, lookup) in lookups {
            println!("{number} squared is {}", lookup.await);
        }
    }));
}
