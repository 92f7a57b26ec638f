//! What modules of the engine must not know, read from the sources: modules that decide something are
//! pure.

use std::fs;
use std::path::Path;

/// The modules that decide something: bytes and times go in, decisions come out.
const PURE: [&str; 13] = [
    "arrivals",
    "content",
    "conversation",
    "driver/openings",
    "driver/turns",
    "exchange",
    "fault",
    "inspection",
    "orders",
    "recorder",
    "retries",
    "stream",
    "window",
];

/// The event library, channels, sockets, threads, and the clock. A length of time is no clock, and the
/// system's calendar only stands in reports.
const SYSTEM: [&str; 8] = [
    "mio::",
    "crossbeam_channel",
    "mpsc",
    "socket2",
    "TcpStream",
    "std::thread",
    "Instant",
    "now_ns()",
];

#[test]
fn what_decides_knows_neither_sockets_nor_clocks_nor_channels() {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine");
    for module in PURE {
        let source = fs::read_to_string(engine.join(module).with_extension("rs")).unwrap();
        let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in lines {
            let named = SYSTEM.iter().find(|name| line.contains(**name));
            assert!(named.is_none(), "{module} names {named:?}: {line}");
        }
    }
}
