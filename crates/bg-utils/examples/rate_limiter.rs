//! Twelve requests by three clients, five in each tenth of a second.
//!
//! `cargo run -p corokit-bg-utils --features rate-limiter --example rate_limiter`

use corokit_bg_utils::rate_limiter::RateLimiter;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() {
    let five = NonZeroU32::new(5).expect("it is not zero");
    let limiter = Arc::new(RateLimiter::window(five, Duration::from_millis(100)));
    let start = Instant::now();
    smol::block_on(async {
        let clients = (0..3).map(|client| {
            let limiter = Arc::clone(&limiter);
            smol::spawn(async move {
                for request in 0..4 {
                    limiter.acquire().await;
                    let elapsed = start.elapsed().as_millis();
                    println!("{elapsed:>4} ms: client {client}, request {request}");
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await;
        }
    });
    assert!(start.elapsed() >= Duration::from_millis(200));
}
