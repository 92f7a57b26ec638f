//! No two source files of a crate need each other, directly or through others.
//!
//! A file needs another file when it names something that the other file defines: in a `use`
//! declaration or in a path such as `crate::config::MAX`. A name that a file only re-exports counts
//! for the file that defines it. One need is not counted: a file may use the files of its own child
//! modules, because that is what they are for. The children may therefore take what their parent
//! defines, but siblings must not need each other, and no child may need a stranger that needs it.
//! Modules named `tests` are left out.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod circles;
mod modules;
mod tokens;

use std::path::Path;

use echo_tests::sources;

use crate::circles::circles;
use crate::modules::{imports, roots};

#[test]
fn no_source_files_need_each_other() {
    let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let sources = sources::below(workspace);
    let roots = roots(&sources);
    for package in ["benchmark", "client", "common", "loadtest", "server", "tests", "xtask"] {
        let is_found = roots.iter().any(|root| root.starts_with(&format!("{package}/")));
        assert!(is_found, "no crate found in {package}: {roots:?}");
    }
    let circles: Vec<_> = roots.iter().flat_map(|root| circles(&imports(&sources, root))).collect();
    let told: Vec<_> = circles.iter().map(ToString::to_string).collect();
    assert!(circles.is_empty(), "{} circles:\n{}", circles.len(), told.join("\n"));
}

#[test]
fn comments_and_the_contents_of_literals_are_no_code() {
    for (source, expected) in [
        ("a // crate::b\nc", "a \nc"),
        ("/// crate::b\n//! d\nc", "\n\nc"),
        ("a /* crate /* nested */ ::b */ c", "a  c"),
        (r#"f("crate::b \" //", 1)"#, r#"f("", 1)"#),
        (r##"f(r#"mod "x" {"#, b"}")"##, r#"f("", b"")"#),
        ("f('{', '\\'', '\\u{7d}', b'\\n')", "f(, , , b)"),
        ("fn f<'a>(r#type: &'a str) {}", "fn f<'a>(r#type: &'a str) {}"),
    ] {
        assert_eq!(sources::code(source), expected, "{source}");
    }
}

#[test]
fn test_modules_are_no_code() {
    for (source, expected) in [
        ("use a;\n#[cfg(test)]\nmod tests {\n use b; fn f() { {} }\n}\nuse c;", "use a;\n\nuse c;"),
        ("#[cfg(test)]\nmod tests;\nuse a;", "\nuse a;"),
        ("pub mod tests {}", "pub "),
        ("mod tests_of_b { use a; }", "mod tests_of_b { use a; }"),
    ] {
        assert_eq!(sources::code(source), expected, "{source}");
    }
}
