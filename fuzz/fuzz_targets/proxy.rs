//! See the library of this crate.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::proxy(input));
