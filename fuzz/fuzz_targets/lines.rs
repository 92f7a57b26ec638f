//! Fuzzes the line machine and the spill: chunks arrive and bytes are sent in any sequence.

#![no_main]

use echo_server::proof::simulation::fuzz_lines;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: &[u8]| fuzz_lines(script));
