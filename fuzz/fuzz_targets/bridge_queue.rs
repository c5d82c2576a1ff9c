//! The queue between threads and tasks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| corokit_fuzz_harness::bridge_queue(bytes));
