//! Fuzzes the line machine and its held bytes: chunks arrive and bytes are taken in any order.

#![no_main]

use echo_server::proof::simulation::fuzz_lines;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: &[u8]| fuzz_lines(script));
