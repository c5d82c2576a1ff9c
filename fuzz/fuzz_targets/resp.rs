//! The parser of kv: requests and replies.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| corokit_fuzz_harness::resp(bytes));
