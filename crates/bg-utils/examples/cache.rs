//! A slow backend behind a cache: a decorated function, a prefetch, and what they cost.
//!
//! `cargo run -p corokit-bg-utils --features cache --example cache`

use corokit_bg_utils::cache::{Cache, ErrorPolicy};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

static QUERIES: AtomicUsize = AtomicUsize::new(0);

async fn price(article: u32) -> Result<u32, &'static str> {
    QUERIES.fetch_add(1, Ordering::Relaxed);
    smol::Timer::after(Duration::from_millis(50)).await;
    match article {
        0 => Err("no such article"),
        _ => Ok(article * 99),
    }
}

fn main() {
    let price = Cache::builder()
        .capacity(1_000)
        .ttl(Duration::from_secs(60))
        .errors(ErrorPolicy::KeepFor(Duration::from_secs(1)))
        .memo_fallible(price);
    let price = Arc::new(price);
    let start = Instant::now();
    smol::block_on(async {
        // The page of article 1 will link to article 2.
        let (_, driver) = price.prefetch(2);
        smol::spawn(driver).detach();
        let visitors: Vec<_> = (0..100)
            .map(|visitor| {
                let price = Arc::clone(&price);
                smol::spawn(async move { (visitor, price.call(visitor % 3).await) })
            })
            .collect();
        for visitor in visitors {
            let (visitor, price) = visitor.await;
            if visitor < 3 {
                println!("article {visitor}: {price:?}");
            }
        }
    });
    let queries = QUERIES.load(Ordering::Relaxed);
    println!("100 visitors, {queries} queries, {:?}", start.elapsed());
    assert_eq!(queries, 3);
}
