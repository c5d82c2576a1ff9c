//! Sessions of a server: at most a thousand, and none older than an hour.
//!
//! `cargo run -p corokit-bg-utils --features ttl-lru --example lru`

use corokit_bg_utils::lru::TtlLru;
use std::time::Duration;

fn main() {
    let mut sessions = TtlLru::new(1_000, Duration::from_secs(3_600));
    for user in 0..1_200 {
        // What had to make room says so, for instance to be written to disk.
        if let Some((user, _)) = sessions.insert(user, format!("token {user}")) {
            if user % 100 == 0 {
                println!("{user} has not been here for longest, and is logged out");
            }
        }
        // The first user comes back again and again.
        assert!(sessions.get(&0).is_some());
    }
    println!("{} sessions", sessions.len());
}
