//! A job each 20 ms, one each second by a pattern of cron, and one that runs once.
//!
//! `cargo run -p corokit-bg-utils --features cron --example runner`

use corokit_bg_utils::runner::{Job, Runner};
use std::time::Duration;

fn main() {
    let (runner, driver) = Runner::new(|run| smol::spawn(run).detach());
    let driver = smol::spawn(driver);
    let open = "nothing has closed it";
    let often = Job::every(Duration::from_millis(20), async || println!("20 ms"));
    let often = runner.add(often).expect(open);
    let seconds = Job::cron("* * * * * *", async || println!("a second")).expect("a pattern");
    let seconds = runner.add(seconds).expect(open);
    println!("the next second is due {:?}", runner.next_run(seconds));
    let closer = runner.clone();
    let end = Job::after(Duration::from_millis(100), async move {
        closer.cancel(often);
        closer.close();
    });
    runner.add(end).expect(open);
    smol::block_on(driver);
    assert!(runner.is_empty());
}
