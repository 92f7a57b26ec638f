//! The echo servers that ours is measured against, of the package `echo-peers`: how each is built and
//! started here.
//!
//! Its checks hold each of them against the contract in the README of that package: a figure of a
//! server that loses bytes is worth nothing. Nothing here measures.

mod build;
mod conversations;
mod running;

use crate::check::{Check, Outcome, kept, skipped};

use build::Built;
use conversations::Bytes;
use running::Running;

/// A server that can be started here.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// As a reader would call it.
    pub(crate) name: &'static str,
    /// Its command line, with `{port}` and `{workers}` where these go.
    pub(crate) command: String,
    /// What it is made of: "tokio 1.54.1".
    pub(crate) version: String,
}

impl Peer {
    /// Its command line with so many workers, and `{port}` left in.
    pub(crate) fn command(&self, workers: usize) -> String {
        self.command.replace("{workers}", &workers.to_string())
    }
}

/// How a peer is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe {
    /// As a reader would call it.
    pub(crate) name: &'static str,
    build: fn() -> build::Outcome,
    bytes: Bytes,
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
    pub(crate) fn build(&self) -> Result<Peer, String> {
        let Built { command, version } = (self.build)()?;
        let command = format!("{command} --port {{port}} --workers {{workers}}");
        Ok(Peer { name: self.name, command, version })
    }
}

/// All of them, those first that have least between them and the system.
pub(crate) fn all() -> Vec<Recipe> {
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

/// One check a peer: that it can be started, echoes as it should, and ends.
pub(crate) fn checks() -> Vec<Check> {
    all().into_iter().map(|recipe| Check::new(recipe.name, move || check(&recipe))).collect()
}

fn check(recipe: &Recipe) -> Outcome {
    let peer = match recipe.build() {
        Ok(peer) => peer,
        Err(missing) => return skipped(missing),
    };
    for workers in [1, 2] {
        let running = Running::start(&peer, workers);
        conversations::have_all(running.address(), recipe.bytes);
        running.stop();
    }
    let Peer { version, command, .. } = peer;
    kept(format_args!("{version}, with 1 and with 2 workers: {command}"))
}
