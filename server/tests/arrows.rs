//! What modules must not know, read from the sources.

// A test fails by panicking, its helpers too.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

/// The only modules that name what is in [`SYSTEM`].
const IMPURE: [&str; 5] =
    ["system/mio_poller", "threads/report", "server", "system/socket", "threads/sync"];

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

/// A source file's path below `src`, without its extension, and its code: without tests, comments and
/// documentation.
type Module = (String, String);

fn modules() -> Vec<Module> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut modules = vec![];
    collect(&root, &root, &mut modules);
    modules
}

/// Those of a folder and of the folders in it.
fn collect(root: &Path, folder: &Path, modules: &mut Vec<Module>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, modules);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            let name = path.strip_prefix(root).unwrap().with_extension("");
            let name = name.to_string_lossy().replace('\\', "/");
            modules.push((name, code(&fs::read_to_string(&path).unwrap())));
        }
    }
}

fn code(source: &str) -> String {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
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
    let code = |wanted: &str| &modules.iter().find(|(name, _)| name == wanted).unwrap().1;
    for module in IMPURE {
        assert!(SYSTEM.iter().any(|name| names(code(module), name)), "{module} is pure");
    }
    assert!(names(code("connection/deadlines"), "crate::seams"));
    assert!(names(code("lib"), "server::"));
    assert!(!names("mioo amio mio_", "mio") && !names("echo_server::Server", "server::"));
}
