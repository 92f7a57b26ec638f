//! The echo servers that ours is measured against, of the package `echo-peers`: how each is built and
//! started here.

mod build;

use build::Built;

/// A server that can be started here.
#[derive(Debug, Clone)]
pub struct Peer {
    /// As a reader would call it.
    pub name: &'static str,
    /// Its command line, with `{port}` and `{workers}` where these go.
    pub command: String,
    /// What it is made of: "tokio 1.54.1".
    pub version: String,
}

impl Peer {
    /// Its command line with so many workers, and `{port}` left in.
    pub fn command(&self, workers: usize) -> String {
        self.command.replace("{workers}", &workers.to_string())
    }
}

/// How a peer is made.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    /// As a reader would call it.
    pub name: &'static str,
    build: fn() -> build::Outcome,
    /// What comes back unaltered.
    pub bytes: Bytes,
}

impl Recipe {
    const fn new(name: &'static str, build: fn() -> build::Outcome) -> Self {
        Self { name, build, bytes: Bytes::Any }
    }

    const fn of_lines(name: &'static str, build: fn() -> build::Outcome) -> Self {
        Self { name, build, bytes: Bytes::Lines }
    }

    /// Builds it and installs what that needs.
    ///
    /// # Errors
    /// Why it cannot be had here, in a sentence.
    ///
    /// # Panics
    /// When its own source is at fault.
    pub fn build(&self) -> Result<Peer, String> {
        let Built { command, version } = (self.build)()?;
        let command = format!("{command} --port {{port}} --workers {{workers}}");
        Ok(Peer { name: self.name, command, version })
    }
}

/// All of them, those first that have least between them and the system.
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

/// What comes back unaltered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bytes {
    /// Any bytes.
    Any,
    /// Lines of text, the last one with its newline.
    Lines,
}
