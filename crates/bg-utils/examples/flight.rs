//! A thousand visitors ask for the same slow page at the same time, and it is rendered once.
//!
//! `cargo run -p corokit-bg-utils --features flight --example flight`

use corokit_bg_utils::flight::Flight;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn main() {
    let flight = Arc::new(Flight::new());
    let rendered = Arc::new(AtomicUsize::new(0));
    let visitors: Vec<_> = (0..1_000)
        .map(|_| {
            let (flight, rendered) = (Arc::clone(&flight), Arc::clone(&rendered));
            smol::spawn(async move {
                let page = flight.run("/index", async || {
                    smol::Timer::after(Duration::from_millis(50)).await;
                    rendered.fetch_add(1, Ordering::Relaxed);
                    Arc::<str>::from("<h1>Hello</h1>")
                });
                page.await
            })
        })
        .collect();
    smol::block_on(async {
        for visitor in visitors {
            assert_eq!(&*visitor.await, "<h1>Hello</h1>");
        }
    });
    println!("rendered {} times", rendered.load(Ordering::Relaxed));
}
