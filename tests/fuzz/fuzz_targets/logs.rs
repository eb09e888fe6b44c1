//! `patrol_tests::fuzz::logs` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patrol_tests::fuzz::logs(data));
