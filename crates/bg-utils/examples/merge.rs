//! Readings of three sensors in one stream, in chunks, and without the errors.
//!
//! `cargo run -p corokit-bg-utils --features merge --example merge`

use corokit_bg_utils::merge::{ReadyChunks, Results, as_completed, merge};
use smol::Timer;
use smol::stream::{self, Stream, StreamExt};
use std::time::Duration;

/// A sensor that is read every so many milliseconds, five times, and fails now and then.
fn sensor(name: &'static str, millis: u64) -> impl Stream<Item = Result<String, &'static str>> {
    stream::unfold(0, move |reading| async move {
        if reading == 5 {
            return None;
        }
        Timer::after(Duration::from_millis(millis)).await;
        let result = match reading {
            3 => Err("out of range"),
            _ => Ok(format!("{name}{reading}")),
        };
        Some((result, reading + 1))
    })
}

fn main() {
    smol::block_on(async {
        let readings = merge([sensor("a", 20), sensor("b", 20), sensor("c", 50)]);
        let chunks = readings.errs_last().ready_chunks(8);
        let mut chunks = std::pin::pin!(chunks);
        while let Some(chunk) = chunks.next().await {
            println!("{chunk:?}");
        }
        let good = merge([sensor("d", 1), sensor("e", 1)]).ok_only();
        assert_eq!(good.count().await, 8);
        let mut races = as_completed([30, 10, 20].map(|millis| async move {
            Timer::after(Duration::from_millis(millis)).await;
        }));
        while let Some((number, ())) = races.next().await {
            println!("number {number}, {} to come", races.len());
        }
    });
}
