//! The echo servers that ours is compared with: how each is built and started on this machine. Most of
//! them are programs of the package `echo-peers`. `cargo xtask peers` checks that each is a correct echo
//! server.

mod build;

use build::Built;

/// A server that can be started on this machine.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The name in documents.
    pub name: &'static str,
    /// The command line, with the placeholders `{port}` and `{workers}`.
    pub command: String,
    /// The libraries that it uses, with their versions: "tokio 1.54.1".
    pub version: String,
}

impl Peer {
    /// Returns the command line with this number of workers. The placeholder `{port}` stays.
    #[must_use]
    pub fn command(&self, workers: usize) -> String {
        self.command.replace("{workers}", &workers.to_string())
    }
}

/// Which bytes a peer returns unaltered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bytes {
    /// All bytes.
    Any,
    /// Lines of text. A last line without a newline gets one.
    Lines,
}

/// How a peer is built.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    /// The name in documents.
    pub name: &'static str,
    /// Which bytes it returns unaltered.
    pub bytes: Bytes,
    build: fn() -> build::Outcome,
}

impl Recipe {
    const fn new(name: &'static str, build: fn() -> build::Outcome) -> Self {
        Self { name, build, bytes: Bytes::Any }
    }

    const fn of_lines(name: &'static str, build: fn() -> build::Outcome) -> Self {
        Self { name, build, bytes: Bytes::Lines }
    }

    /// Builds the peer, and installs what the build needs.
    ///
    /// # Errors
    /// The reason why it cannot be built here, in a sentence.
    ///
    /// # Panics
    /// If the peer's own source is at fault.
    pub fn build(&self) -> Result<Peer, String> {
        let Built { command, version } = (self.build)()?;
        let command = format!("{command} --port {{port}} --workers {{workers}}");
        Ok(Peer { name: self.name, command, version })
    }
}

/// Returns all recipes. The first peers have the least code between them and the system.
#[must_use]
pub fn all() -> Vec<Recipe> {
    vec![
        Recipe::new("bare epoll", build::epoll),
        Recipe::new("bare epoll until empty", build::epoll_until_empty),
        Recipe::new("io_uring", build::io_uring),
        Recipe::new("tokio raw", || build::buffered_on_crates("tokio-raw", &["tokio"])),
        Recipe::of_lines("tokio lines", || {
            build::on_crates("tokio-lines", &["tokio-util", "tokio"])
        }),
        Recipe::of_lines("tokio lines, forwarded", || {
            build::on_crates("tokio-lines-forward", &["tokio-util", "tokio"])
        }),
        Recipe::new("may", build::may),
        Recipe::new("monoio", || build::buffered_on_crates("monoio", &["monoio"])),
        Recipe::new("Go", build::go),
        Recipe::new("libuv", build::libuv),
        Recipe::new("asio", build::asio),
        Recipe::new("Node", build::node),
        Recipe::new("uvloop", build::uvloop),
    ]
}
