//! Checks which modules may name what. The tests read the sources of this package.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

// The file is included, because a dependency on the harness would build the load tester for every test
// of the server.
#[path = "../../tests/src/sources.rs"]
pub mod sources;

use std::path::Path;

/// The modules that decide. They name nothing of [`SYSTEM`] or [`THREADS`]. Each name stands for a file
/// and for the folder of the same name.
const CORE: [&str; 9] =
    ["acceptor", "config", "connection", "echo", "limits", "records", "seams", "stats", "worker"];

/// Names of the event library, of sockets and of the kernel. Only the folder `system` uses them.
const SYSTEM: [&str; 8] =
    ["mio", "nix", "rustix", "socket2", "thread_priority", "TcpListener", "TcpStream", "UdpSocket"];

/// Names of channels, threads and clocks. The core does not use them either. It may use `Duration`,
/// which is no clock.
const THREADS: [&str; 5] = ["crossbeam_channel", "mpsc", "std::thread", "Instant", "SystemTime"];

/// The path of a source file below `src`, without its extension, and the file's code without tests and
/// comments.
type Module = (String, String);

fn modules() -> Vec<Module> {
    sources::below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).into_iter().collect()
}

/// Returns whether `code` has `name` as a whole word, or as the beginning of a path.
fn names(code: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        let rest = &code[at + name.len()..];
        !code[..at].ends_with(is_word) && (name.ends_with("::") || !rest.starts_with(is_word))
    })
}

/// Returns whether a module is one of `places` or lies in a folder of that name.
fn is_in(module: &str, places: &[&str]) -> bool {
    places.iter().any(|place| {
        module.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Returns the modules that ship.
fn shipped() -> impl Iterator<Item = Module> {
    modules().into_iter().filter(|(module, _)| !is_in(module, &["proof"]))
}

#[test]
fn only_the_folder_system_names_the_event_library_sockets_or_the_kernel() {
    for (module, code) in shipped() {
        for name in SYSTEM {
            assert!(is_in(&module, &["system"]) || !names(&code, name), "{module} names {name}");
        }
    }
}

#[test]
fn the_core_names_neither_channels_nor_threads_nor_the_clock() {
    for (module, code) in shipped().filter(|(module, _)| is_in(module, &CORE)) {
        for name in THREADS {
            assert!(!names(&code, name), "{module} names {name}");
        }
    }
}

#[test]
fn nothing_that_ships_names_the_proof() {
    for (module, code) in shipped() {
        assert!(module == "lib" || !names(&code, "proof"), "{module} names the proof");
    }
}

#[test]
fn nothing_that_ships_changes_under_test() {
    for (module, code) in shipped().filter(|(module, _)| module != "lib") {
        for flag in ["fuzzing", "cfg(test", "cfg!(test", "(any(test", "(all(test", "not(test"] {
            assert!(!code.contains(flag), "{module} has {flag}");
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
fn the_checks_find_each_name_where_it_is_used() {
    let modules = modules();
    let all_of = |places: &[&str]| -> String {
        let found = modules.iter().filter(|(module, _)| is_in(module, places));
        found.map(|(_, code)| code.as_str()).collect::<Vec<_>>().join("\n")
    };
    for place in CORE {
        assert!(modules.iter().any(|(module, _)| module == place), "there is no module {place}");
    }
    for name in ["mio", "nix", "socket2", "TcpListener", "TcpStream"] {
        assert!(names(&all_of(&["system"]), name), "the folder system does not name {name}");
    }
    for name in ["crossbeam_channel", "std::thread", "Instant"] {
        assert!(names(&all_of(&["threads"]), name), "the folder threads does not name {name}");
    }
    assert!(names(&all_of(&["connection/deadlines"]), "crate::seams"));
    assert!(names(&all_of(&["lib"]), "server::") && names(&all_of(&["lib"]), "proof"));
    assert!(!names("mioo amio mio_", "mio") && !names("echo_server::Server", "server::"));
}
