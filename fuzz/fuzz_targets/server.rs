//! Fuzzes the whole server on the simulated network: acceptor, hand-off, workers and connections.

#![no_main]

use echo_server::proof::simulation::fuzz_server;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: &[u8]| fuzz_server(script));
