//! The scheduler's ready queue.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| corokit_fuzz_harness::ready_queue(bytes));
