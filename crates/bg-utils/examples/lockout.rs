//! A server says "too many requests", and nobody asks again until it may be asked.
//!
//! `cargo run -p corokit-bg-utils --features lockout --example lockout`

use corokit_bg_utils::lockout::Lockout;
use std::time::{Duration, Instant};

static SERVER: Lockout = Lockout::new();

fn main() {
    let start = Instant::now();
    smol::block_on(async {
        SERVER.wait().await;
        println!("the first request is refused: retry after 100 ms");
        SERVER.lock_for(Duration::from_millis(100));
        let clients = (0..3).map(|client| {
            smol::spawn(async move {
                SERVER.wait().await;
                let elapsed = start.elapsed().as_millis();
                println!("{elapsed:>4} ms: client {client} asks again");
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await;
        }
    });
    assert!(start.elapsed() >= Duration::from_millis(100));
}
