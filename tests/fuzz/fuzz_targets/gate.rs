//! `patrol_tests::fuzz::gate` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patrol_tests::fuzz::gate(data));
