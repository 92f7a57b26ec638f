//! What modules must not know, read from the sources.

// A test fails by panicking, its helpers too.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// Modules without the event library, channels, sockets or a clock.
const PURE: [&str; 15] = [
    "accept_error",
    "acceptor",
    "acceptor_loop",
    "allowance",
    "balancer",
    "close_reason",
    "connection",
    "echo",
    "handoff",
    "queue",
    "slots",
    "spill",
    "stream",
    "worker",
    "worker_loop",
];

/// What those do not name.
const IMPURE: [&str; 7] =
    ["mio", "crossbeam_channel", "socket2", "std::thread", "std::time", "TcpStream", "Instant"];

/// A source file's name and its code: without tests, comments and documentation.
fn modules() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            let source = fs::read_to_string(path).unwrap();
            let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, lines.collect::<Vec<_>>().join("\n"))
        })
        .collect()
}

/// Whether `code` has `name` as a whole word.
fn names(code: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        !code[..at].ends_with(is_word) && !code[at + name.len()..].starts_with(is_word)
    })
}

#[test]
fn pure_modules_name_no_event_library_channel_socket_or_clock() {
    let modules = modules();
    for pure in PURE {
        let (_, code) = modules.iter().find(|(name, _)| name == pure).unwrap();
        for impure in IMPURE {
            assert!(!names(code, impure), "{pure} names {impure}");
        }
    }
}

#[test]
fn nothing_imports_the_server() {
    for (module, code) in modules() {
        let is_root = ["lib", "main", "args"].contains(&module.as_str());
        assert!(is_root || !names(&code, "crate::server"), "{module} imports the server");
    }
}

#[test]
fn the_words_are_found_where_they_are() {
    let modules = modules();
    let code = |wanted: &str| &modules.iter().find(|(name, _)| name == wanted).unwrap().1;
    assert!(names(code("mio_queue"), "mio") && names(code("sync"), "crossbeam_channel"));
    assert!(names(code("lib"), "server") && !names("mioo amio mio_", "mio"));
}
