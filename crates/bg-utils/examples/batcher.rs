//! Log lines that are written ten at a time, or after 20 ms.
//!
//! `cargo run -p corokit-bg-utils --features batcher --example batcher`

use corokit_bg_utils::batcher::{Batch, Batcher};
use std::io;
use std::time::Duration;

async fn write(lines: Batch<String>) -> io::Result<()> {
    println!("{} lines, from {:?} on", lines.len(), lines[0]);
    Ok(())
}

fn main() {
    let builder = Batcher::builder().max(10).wait(Duration::from_millis(20));
    let (log, driver) = builder.build(write);
    let driver = smol::spawn(driver);
    let report = smol::block_on(async {
        for line in 0..25 {
            log.push(format!("line {line}")).await.expect("it is open");
        }
        smol::Timer::after(Duration::from_millis(50)).await;
        log.push("the last line".to_owned())
            .await
            .expect("it is open");
        // The driver writes what is left, and ends.
        drop(log);
        driver.await
    });
    assert_eq!(report.batches, 4);
    assert_eq!(report.items, 26);
    assert!(report.failed.is_empty());
}
