//! Builds the peers below the target directory. The compilers run each time, because they know best what
//! has to be built again.

#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "a fault of our own sources panics, so that a check of the peers fails and is not skipped"
)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use echo_loadtest::target::Target;

use echo_tests::packages::install;
use echo_tests::workspace::{target_dir, workspace};

/// Number of bytes that most peers read at once, as our server does.
const READ_LEN: usize = 256 * 1024;

/// Number of bytes that the io_uring peer reads at once. Larger buffers made no difference.
const RING_READ_LEN: usize = 64 * 1024;

/// Number of bytes that three peers read at once, because they move most bytes this way: the loop that
/// reads until nothing is left, Go, and may, whose own example has the same size.
const SMALL_READ_LEN: usize = 16 * 1024;

/// A peer that was built.
#[derive(Debug, Clone)]
pub(super) struct Built {
    /// The command line, without the port and the workers.
    pub(super) command: String,
    /// The libraries that it uses, with their versions.
    pub(super) version: String,
}

impl Built {
    /// Adds the buffer size to the command, even if it is the default, so that the results show it.
    fn reading(self, len: usize) -> Self {
        Self { command: format!("{} --buffer-size {len}", self.command), ..self }
    }
}

/// A built peer, or the reason why it cannot be built here. A fault of our own sources panics.
pub(super) type Outcome = Result<Built, String>;

/// Builds a program of `echo-peers` that uses `crates` and reads [`READ_LEN`] bytes at once.
pub(super) fn buffered_on_crates(program: &str, crates: &[&str]) -> Outcome {
    Ok(on_crates(program, crates)?.reading(READ_LEN))
}

pub(super) fn may() -> Outcome {
    Ok(on_crates("may", &["may"])?.reading(SMALL_READ_LEN))
}

/// Builds a program of `echo-peers` that uses `crates`.
pub(super) fn on_crates(program: &str, crates: &[&str]) -> Outcome {
    let command = quoted(&rust_programs().join(format!("peer-{program}")));
    let versions: Vec<_> = crates.iter().map(|krate| crate_version(krate)).collect();
    Ok(Built { command, version: versions.join(", ") })
}

pub(super) fn epoll() -> Outcome {
    Ok(Built { version: kernel()?, ..buffered_on_crates("epoll", &[])? })
}

/// Builds the epoll loop that reads each socket until nothing is left.
pub(super) fn epoll_until_empty() -> Outcome {
    let built = Built { version: kernel()?, ..on_crates("epoll", &[])? }.reading(SMALL_READ_LEN);
    Ok(Built { command: format!("{} --reads {}", built.command, u32::MAX), ..built })
}

/// Builds the io_uring peer and starts it for a moment, because only this shows whether the kernel
/// supports it.
pub(super) fn io_uring() -> Outcome {
    const NONE: &str = "io_uring as of Linux 6.1";
    let built = on_crates("io-uring", &["io-uring"])?;
    let target: Target = format!("{} --port {{port}}", built.command).parse()?;
    match target.start(None) {
        Err(sentence) if sentence.contains(NONE) => Err(sentence),
        _ => Ok(Built { version: format!("{}, {}", built.version, kernel()?), ..built }
            .reading(RING_READ_LEN)),
    }
}

pub(super) fn go() -> Outcome {
    have("go", "version", &["golang-go"])?;
    let program = place("go")?;
    let mut build = Command::new("go");
    // The standard library suffices, so neither modules nor a C compiler are needed.
    build.env("GO111MODULE", "off").env("CGO_ENABLED", "0").env("GOFLAGS", "");
    build.env("GOCACHE", place("go-cache")?);
    build.arg("build").arg("-o").arg(&program).arg(source("go/echo.go"));
    succeeded(output(&mut build));
    let printed = output(Command::new("go").arg("version"))?;
    let version = printed.split_whitespace().nth(2).unwrap_or(&printed).to_owned();
    Ok(Built { command: quoted(&program), version }.reading(SMALL_READ_LEN))
}

pub(super) fn libuv() -> Outcome {
    install(&["gcc", "libc6-dev", "libuv1-dev"])?;
    let command = compile("cc", &["-std=c11"], "libuv", "libuv/echo.c", &["-luv"])?;
    let version = format!("libuv {}", package_version("libuv1-dev")?);
    Ok(Built { command, version }.reading(READ_LEN))
}

pub(super) fn asio() -> Outcome {
    install(&["g++", "libasio-dev"])?;
    let command = compile("c++", &["-std=c++17", "-pthread"], "asio", "asio/echo.cpp", &[])?;
    let version = format!("asio {}", package_version("libasio-dev")?);
    Ok(Built { command, version }.reading(READ_LEN))
}

pub(super) fn node() -> Outcome {
    have("node", "--version", &["nodejs"])?;
    let version = output(Command::new("node").arg("--version"))?;
    let command = format!("node {}", quoted(&source("node/echo.js")));
    Ok(Built { command, version: format!("Node {version}") })
}

pub(super) fn uvloop() -> Outcome {
    let python = environment()?;
    let script = "import uvloop, platform as p; \
                  print(f'uvloop {uvloop.__version__}, Python {p.python_version()}')";
    let version = output(Command::new(&python).args(["-c", script]))?;
    let command = format!("{} {}", quoted(&python), quoted(&source("uvloop/echo.py")));
    Ok(Built { command, version })
}

/// Returns the Python of a virtual environment in which the requirements are installed.
fn environment() -> Result<PathBuf, String> {
    let folder = place("uvloop")?;
    let python = folder.join("bin/python");
    if !python.exists() {
        if output(Command::new("python3").args(["-c", "import ensurepip"])).is_err() {
            install(&["python3-venv"])?;
        }
        output(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--requirement"]);
    output(pip.arg(source("uvloop/requirements.txt")))?;
    Ok(python)
}

/// Builds the Rust programs like our server, all at once, and returns their folder.
fn rust_programs() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let mut build = cargo();
        build.args(["build", "--quiet", "--release", "--package", "echo-peers"]);
        build.arg("--target-dir").arg(target_dir());
        succeeded(output(&mut build));
        target_dir().join("release")
    })
}

fn crate_version(krate: &str) -> String {
    let mut tree = cargo();
    tree.args(["tree", "--package", "echo-peers", "--depth", "1", "--prefix", "none"]);
    let tree = succeeded(output(&mut tree));
    let version = tree.lines().find_map(|line| line.strip_prefix(&format!("{krate} v")));
    format!("{krate} {}", version.expect("echo-peers depends on it"))
}

fn cargo() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(workspace());
    command
}

fn kernel() -> Result<String, String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_err(|error| format!("read the version of the kernel: {error}"))?;
    Ok(format!("Linux {}", release.trim()))
}

fn package_version(package: &str) -> Result<String, String> {
    let format = "${source:Upstream-Version}";
    let show = ["--show", "--showformat", format, package];
    output(Command::new("dpkg-query").args(show))
}

/// Compiles and links one file with optimisations like our server's. Returns the command.
fn compile(
    compiler: &str,
    flags: &[&str],
    name: &str,
    file: &str,
    libraries: &[&str],
) -> Result<String, String> {
    let program = place(name)?;
    let mut compile = Command::new(compiler);
    compile.args(flags).args(["-O3", "-flto=auto", "-Wall", "-Wextra", "-Werror", "-o"]);
    succeeded(output(compile.arg(&program).arg(source(file)).args(libraries)));
    Ok(quoted(&program))
}

/// Installs `packages` if `program` is missing.
fn have(program: &str, version: &str, packages: &[&str]) -> Result<(), String> {
    match Command::new(program).arg(version).output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => install(packages),
        _ => Ok(()),
    }
}

fn source(path: &str) -> PathBuf {
    workspace().join("benchmark/peers").join(path)
}

/// Returns the path of a built file called `name`.
fn place(name: &str) -> Result<PathBuf, String> {
    let folder = target_dir().join("peers");
    fs::create_dir_all(&folder).map_err(|error| format!("create {}: {error}", folder.display()))?;
    Ok(folder.join(name))
}

/// Quotes a path as one word of a command line.
fn quoted(path: &Path) -> String {
    shell_words::quote(&path.to_string_lossy()).into_owned()
}

/// Runs a command and returns what it prints.
///
/// # Errors
/// The name of a command that failed, and what it printed.
fn output(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(format!("{program} failed: {}", text(&output.stderr)))
    }
}

/// Returns the output of a command that can only fail if our own sources are at fault.
///
/// # Panics
/// If the command failed.
#[track_caller]
fn succeeded(output: Result<String, String>) -> String {
    output.unwrap_or_else(|error| panic!("{error}"))
}
