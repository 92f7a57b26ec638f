//! What modules of the engine must not know, read from the sources: modules that decide something are
//! pure.

use std::path::Path;

use echo_tests::sources;

/// The modules that decide something: bytes and times go in, decisions come out.
const PURE: [&str; 13] = [
    "protocol/arrivals",
    "protocol/content",
    "protocol/conversation",
    "threads/driver/openings",
    "threads/driver/turns",
    "protocol/exchange",
    "protocol/fault",
    "protocol/inspection",
    "protocol/orders",
    "protocol/recorder",
    "protocol/retries",
    "stream",
    "protocol/window",
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
    let sources = sources::below(&engine);
    for module in PURE {
        for line in sources[module].lines() {
            let named = SYSTEM.iter().find(|name| line.contains(**name));
            assert!(named.is_none(), "{module} names {named:?}: {line}");
        }
    }
}
