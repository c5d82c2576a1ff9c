//! Mutexes with priority inheritance.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| corokit_fuzz_harness::mutex(bytes));
