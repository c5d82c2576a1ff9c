//! A service that ends when it is told to, by Ctrl-C, SIGTERM, or itself after a tenth of a second.
//!
//! `cargo run -p corokit-bg-utils --features signal --example shutdown`

use corokit_bg_utils::shutdown::{Shutdown, Stages};
use std::io;
use std::time::Duration;

fn main() -> io::Result<()> {
    let (shutdown, signals) = Shutdown::on_signals()?;
    signals.force_after(Duration::from_secs(5)).spawn_thread()?;

    let told = shutdown.clone();
    let worker = std::thread::spawn(move || {
        let reason = told.wait_blocking();
        println!("the worker has heard of it: {reason}");
    });
    let ticking = shutdown.clone();
    let hold = shutdown.hold();
    let ticks = smol::spawn(async move {
        let _hold = hold;
        for tick in 1.. {
            let timer = smol::Timer::after(Duration::from_millis(30));
            if ticking.guard(timer).await.is_err() {
                break;
            }
            println!("tick {tick}");
            if tick == 3 {
                ticking.trigger("three ticks are enough");
            }
        }
    });
    let report = smol::block_on(async {
        let start = async |stages: &mut Stages| {
            stages.stage("close the database", async || println!("closed"));
            stages.thread("worker", worker);
            Ok::<_, io::Error>(())
        };
        let stages = Stages::new().each(Duration::from_secs(1));
        let ((), stages) = stages.start(start).await.map_err(|failed| failed.error)?;
        shutdown.wait().await;
        shutdown.done().await;
        ticks.await;
        io::Result::Ok(stages.run().await)
    })?;
    println!("{report}");
    assert!(report.is_ok());
    Ok(())
}
