//! Schedules per second: lab beside shuttle. `cargo bench -p corokit-benches-lab`.

#![forbid(unsafe_code)]
