//! Finds the binaries: builds them, once per process. A test gets those of its own profile, any
//! other program the optimised ones, as users build them.
//!
//! The tests are a package of their own, so cargo neither builds the binaries for them nor tells
//! where they are.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The server: of the same profile as the test that runs, or as users build it.
///
/// # Panics
/// When it cannot be built.
#[track_caller]
pub fn server_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| build("server"))
}

/// The client: of the same profile as the test that runs, or as users build it.
///
/// # Panics
/// When it cannot be built.
#[track_caller]
pub fn client_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| build("client"))
}

/// Cargo has released the lock on the target directory by the time it runs tests.
fn build(name: &str) -> PathBuf {
    let (target_dir, profile_dir) = place();
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(["build", "--quiet", "--bin", name, "--profile", profile(&profile_dir)])
        .arg("--target-dir")
        .arg(target_dir)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let binary = profile_dir.join(format!("{name}{}", env::consts::EXE_SUFFIX));
    assert!(binary.is_file(), "no {}", binary.display());
    binary
}

/// `target` and, in it, the binaries' directory: from `target/<profile>/deps/<test>` that of the
/// test, from `target/<profile>/<program>` that of what users build.
fn place() -> (PathBuf, PathBuf) {
    let exe = env::current_exe().unwrap();
    let dir = exe.parent().unwrap();
    match dir.parent() {
        Some(profile_dir) if dir.file_name() == Some(OsStr::new("deps")) => {
            (profile_dir.parent().unwrap().to_owned(), profile_dir.to_owned())
        }
        Some(target_dir) => (target_dir.to_owned(), target_dir.join("release")),
        None => panic!("unknown place: {}", exe.display()),
    }
}

/// The name by which `cargo build --profile` knows what lands in this directory.
fn profile(dir: &Path) -> &str {
    match dir.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(name) => name,
    }
}
