//! What modules must not know, read from the sources.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

// The harness depends on this package, so the file is included instead.
#[path = "../../tests/src/sources.rs"]
pub mod sources;

use std::collections::BTreeMap;
use std::path::Path;

/// The only modules that name what is in [`SYSTEM`].
const IMPURE: [&str; 5] = ["mio_queue", "report", "server", "socket", "sync"];

/// The event library, channels, sockets, threads, and the clock. A length of time is no clock.
const SYSTEM: [&str; 10] = [
    "mio",
    "crossbeam_channel",
    "mpsc",
    "socket2",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "std::thread",
    "Instant",
    "SystemTime",
];

/// Returns the code of each module by its path below `src`, without tests, comments and documentation.
fn modules() -> BTreeMap<String, String> {
    sources::below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

/// Whether `code` has `name` as a whole word, or as the beginning of a path.
fn names(code: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        let rest = &code[at + name.len()..];
        !code[..at].ends_with(is_word) && (name.ends_with("::") || !rest.starts_with(is_word))
    })
}

#[test]
fn only_five_modules_name_the_event_library_channels_sockets_threads_or_the_clock() {
    for (module, code) in modules() {
        let is_impure = IMPURE.contains(&module.as_str());
        for name in SYSTEM {
            assert!(is_impure || !names(&code, name), "{module} names {name}");
        }
    }
}

#[test]
fn nothing_but_the_root_of_the_library_imports_the_server() {
    for (module, code) in modules() {
        for path in ["crate::server", "super::server", "server::"] {
            assert!(module == "lib" || !names(&code, path), "{module} imports the server");
        }
    }
}

#[test]
fn the_words_are_found_where_they_are() {
    let modules = modules();
    let code = |module: &str| &modules[module];
    for module in IMPURE {
        assert!(SYSTEM.iter().any(|name| names(code(module), name)), "{module} is pure");
    }
    assert!(names(code("connection/deadlines"), "crate::stream"));
    assert!(names(code("lib"), "server::"));
    assert!(!names("mioo amio mio_", "mio") && !names("echo_server::Server", "server::"));
}
