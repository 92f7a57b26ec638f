//! Builds the programs that the tests run, once per process, and finds them. A test gets programs of
//! its own profile; every other caller gets optimised programs, as users build them.
//!
//! Cargo does not do this by itself, because the tests are a package of their own.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Returns the path of the server, which has the profile of the running test or the release profile.
///
/// # Panics
/// When it cannot be built.
#[track_caller]
pub fn server_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| build("server"))
}

/// Returns the path of the client, which has the profile of the running test or the release profile.
///
/// # Panics
/// When it cannot be built.
#[track_caller]
pub fn client_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| build("client"))
}

/// Builds a program. This does not block, because cargo holds no lock on the target directory while it
/// runs tests.
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
    assert!(binary.is_file(), "cargo did not build {}", binary.display());
    binary
}

/// Returns the target directory and the directory of the programs inside it.
///
/// For a test, which is `target/<profile>/deps/<test>`, the programs are in `target/<profile>`. For
/// any other program, which is `target/<profile>/<program>`, they are in `target/release`.
fn place() -> (PathBuf, PathBuf) {
    let exe = env::current_exe().unwrap();
    let dir = exe.parent().unwrap();
    match dir.parent() {
        Some(profile_dir) if dir.file_name() == Some(OsStr::new("deps")) => {
            (profile_dir.parent().unwrap().to_owned(), profile_dir.to_owned())
        }
        Some(target_dir) => (target_dir.to_owned(), target_dir.join("release")),
        None => panic!("{} is in no target directory", exe.display()),
    }
}

/// Returns the profile whose programs `cargo build --profile` puts into this directory.
fn profile(dir: &Path) -> &str {
    match dir.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(name) => name,
    }
}
