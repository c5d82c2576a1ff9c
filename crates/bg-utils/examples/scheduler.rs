//! Reminders: one is moved, one is cancelled, and one goes by the wall clock.
//!
//! `cargo run -p corokit-bg-utils --features scheduler --example scheduler`

use corokit_bg_utils::scheduler::Scheduler;
use std::time::{Duration, Instant, SystemTime};

fn main() {
    let (start, wall) = (Instant::now(), SystemTime::now());
    let at = |millis| start + Duration::from_millis(millis);
    let reminders = Scheduler::new();
    let open = "nothing has closed it";
    let bread = reminders.at(at(20), "take the bread out").expect(open);
    let call = reminders.at(at(10), "call back").expect(open);
    let time = wall + Duration::from_millis(40);
    reminders.at_wall(time, "the news begin").expect(open);

    reminders.reschedule(bread, at(30));
    assert_eq!(reminders.cancel(call), Some("call back"));

    smol::block_on(async {
        while !reminders.is_empty() {
            if let Some((_, reminder)) = reminders.next().await {
                println!("{:>3} ms: {reminder}", start.elapsed().as_millis());
            }
        }
    });
    assert!(start.elapsed() >= Duration::from_millis(40));
}
