//! What modules of the engine must not know, read from the sources. Each rule is about a folder.

use std::path::Path;

use echo_tests::sources;

/// What decides: bytes and times go in, decisions come out. Each name stands for a file and for the
/// folder of the same name.
const PURE: [&str; 4] = ["protocol", "stream", "threads/driver/openings", "threads/driver/turns"];

/// What moves the bytes. It reads the time, and knows the socket only by the trait `Stream`.
const MOVES_BYTES: [&str; 3] = ["connection", "context", "messages"];

/// What waits for events of the system.
const WAITS: [&str; 3] = ["threads/crew", "threads/driver", "threads/driver/tokens"];

/// Sockets and the kernel.
const SYSTEM: [&str; 5] = ["nix::", "socket2", "TcpStream", "SourceFd", "echo_common::scheduling"];

/// Channels, threads and the clock. A length of time is no clock, and the system's calendar only stands
/// in reports.
const THREADS: [&str; 6] =
    ["crossbeam_channel", "mpsc", "std::thread", "Instant", "now_ns()", "threads::"];

/// Returns whether a module is one of `places` or lies in a folder of that name.
fn is_in(module: &str, places: &[&str]) -> bool {
    places.iter().any(|place| {
        module.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Fails where a module that `applies` chooses names one of `names`. Returns how many were looked at.
fn forbid(names: &[&str], applies: impl Fn(&str) -> bool) -> usize {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine");
    let sources = sources::below(&engine);
    let chosen = sources.iter().filter(|(module, _)| applies(module));
    chosen
        .map(|(module, code)| {
            for line in code.lines() {
                let named = names.iter().find(|name| line.contains(**name));
                assert!(named.is_none(), "{module} names {named:?}: {line}");
            }
        })
        .count()
}

/// Tests of a connection have files of their own, and use real sockets.
fn is_test(module: &str) -> bool {
    module.ends_with("tests")
}

#[test]
fn what_decides_knows_neither_sockets_nor_clocks_nor_channels() {
    let names = [&SYSTEM[..], &THREADS, &["mio::", "system::"]].concat();
    let count = forbid(&names, |module| is_in(module, &PURE) && !is_test(module));
    assert!(count >= 13, "only {count} modules decide");
}

#[test]
fn only_the_folder_system_names_sockets_or_the_kernel() {
    let count = forbid(&SYSTEM, |module| !is_in(module, &["system"]) && !is_test(module));
    assert!(count >= 25, "only {count} modules were looked at");
}

#[test]
fn only_what_waits_for_events_names_the_event_library() {
    let count = forbid(&["mio::"], |module| {
        !is_in(module, &["system"]) && !WAITS.contains(&module) && !is_test(module)
    });
    assert!(count >= 22, "only {count} modules were looked at");
}

#[test]
fn what_moves_bytes_names_no_threads() {
    let names = ["crossbeam_channel", "mpsc", "std::thread", "Instant", "threads::"];
    let count = forbid(&names, |module| is_in(module, &MOVES_BYTES) && !is_test(module));
    assert_eq!(count, MOVES_BYTES.len());
}
