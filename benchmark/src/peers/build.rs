//! How peers are built. What comes of it is below the target directory. Compilers are asked each
//! time, and know better than the age of a file what has to be done.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use echo_loadtest::target::Target;

use echo_tests::packages::install;
use echo_tests::workspace::{target_dir, workspace};

/// What most of them read at once at most: as much as our server does.
const READ_LEN: usize = 256 * 1024;

/// What the ring reads: more made no difference.
const RING_READ_LEN: usize = 64 * 1024;

/// What those read that move most bytes so: the loop that reads until nothing is left, may, whose own
/// example has it too, and Go.
const SMALL_READ_LEN: usize = 16 * 1024;

/// A peer that can be started.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    /// The command line, without the port and the workers.
    pub(crate) command: String,
    /// What it is made of.
    pub(crate) version: String,
}

impl Built {
    /// Told to read as much at once as it does unasked: what is kept shows it then.
    fn reading(self, len: usize) -> Self {
        Self { command: format!("{} --buffer-size {len}", self.command), ..self }
    }
}

/// Or else why it cannot be started here. What is our own fault panics.
pub(crate) type Outcome = Result<Built, String>;

/// A program of the package, on these crates, that is told how much to read.
pub(crate) fn buffered_on_crates(program: &str, crates: &[&str]) -> Outcome {
    Ok(on_crates(program, crates)?.reading(READ_LEN))
}

pub(crate) fn may() -> Outcome {
    Ok(on_crates("may", &["may"])?.reading(SMALL_READ_LEN))
}

/// A program of the package, on these crates.
pub(crate) fn on_crates(program: &str, crates: &[&str]) -> Outcome {
    let command = quoted(&rust_programs().join(format!("peer-{program}")));
    let versions: Vec<_> = crates.iter().map(|krate| crate_version(krate)).collect();
    Ok(Built { command, version: versions.join(", ") })
}

pub(crate) fn epoll() -> Outcome {
    Ok(Built { version: kernel()?, ..buffered_on_crates("epoll", &[])? })
}

/// The same, reading each socket until nothing is left, with the buffer with which that moves most.
pub(crate) fn epoll_until_empty() -> Outcome {
    let built = Built { version: kernel()?, ..on_crates("epoll", &[])? }.reading(SMALL_READ_LEN);
    Ok(Built { command: format!("{} --reads {}", built.command, u32::MAX), ..built })
}

/// Started for a moment: whether there is an io_uring, only the system can tell.
pub(crate) fn io_uring() -> Outcome {
    const NONE: &str = "io_uring as of Linux 6.1";
    let built = on_crates("io-uring", &["io-uring"])?;
    let target: Target = format!("{} --port {{port}}", built.command).parse()?;
    match target.start(None) {
        Err(sentence) if sentence.contains(NONE) => Err(sentence),
        _ => Ok(Built { version: format!("{}, {}", built.version, kernel()?), ..built }
            .reading(RING_READ_LEN)),
    }
}

pub(crate) fn go() -> Outcome {
    have("go", "version", &["golang-go"])?;
    let program = place("go")?;
    let mut build = Command::new("go");
    // Neither modules nor a C compiler: the standard library does.
    build.env("GO111MODULE", "off").env("CGO_ENABLED", "0").env("GOFLAGS", "");
    build.env("GOCACHE", place("go-cache")?);
    build.arg("build").arg("-o").arg(&program).arg(source("go/echo.go"));
    succeeded(output(&mut build));
    let said = output(Command::new("go").arg("version"))?;
    let version = said.split_whitespace().nth(2).unwrap_or(&said).to_owned();
    Ok(Built { command: quoted(&program), version }.reading(SMALL_READ_LEN))
}

pub(crate) fn libuv() -> Outcome {
    install(&["gcc", "libc6-dev", "libuv1-dev"])?;
    let command = compile("cc", &["-std=c11"], "libuv", "libuv/echo.c", &["-luv"])?;
    let version = format!("libuv {}", package_version("libuv1-dev")?);
    Ok(Built { command, version }.reading(READ_LEN))
}

pub(crate) fn asio() -> Outcome {
    install(&["g++", "libasio-dev"])?;
    let command = compile("c++", &["-std=c++17", "-pthread"], "asio", "asio/echo.cpp", &[])?;
    let version = format!("asio {}", package_version("libasio-dev")?);
    Ok(Built { command, version }.reading(READ_LEN))
}

pub(crate) fn node() -> Outcome {
    have("node", "--version", &["nodejs"])?;
    let version = output(Command::new("node").arg("--version"))?;
    let command = format!("node {}", quoted(&source("node/echo.js")));
    Ok(Built { command, version: format!("Node {version}") })
}

pub(crate) fn uvloop() -> Outcome {
    let python = environment()?;
    let script = "import uvloop, platform as p; \
                  print(f'uvloop {uvloop.__version__}, Python {p.python_version()}')";
    let version = output(Command::new(&python).args(["-c", script]))?;
    let command = format!("{} {}", quoted(&python), quoted(&source("uvloop/echo.py")));
    Ok(Built { command, version })
}

/// The Python of an environment that has what is required.
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

/// Where those in Rust are, all built at once, as our server is built.
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

/// Compiles and links one file, as thoroughly as our server is; returns the command.
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

/// A program that is there, or else comes with these packages.
fn have(program: &str, version: &str, packages: &[&str]) -> Result<(), String> {
    match Command::new(program).arg(version).output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => install(packages),
        _ => Ok(()),
    }
}

fn source(path: &str) -> PathBuf {
    workspace().join("benchmark/peers").join(path)
}

/// Where what is built gets this name.
fn place(name: &str) -> Result<PathBuf, String> {
    let folder = target_dir().join("peers");
    fs::create_dir_all(&folder).map_err(|error| format!("create {}: {error}", folder.display()))?;
    Ok(folder.join(name))
}

/// As one word of a command line.
fn quoted(path: &Path) -> String {
    shell_words::quote(&path.to_string_lossy()).into_owned()
}

/// What a command prints.
///
/// # Errors
/// What it was and what it said, when it fails.
fn output(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(said(&output.stdout))
    } else {
        Err(format!("{program} failed: {}", said(&output.stderr)))
    }
}

/// For what depends on nothing but our own sources.
#[track_caller]
fn succeeded(output: Result<String, String>) -> String {
    output.unwrap_or_else(|said| panic!("{said}"))
}
