//! The checks that need more than `cargo test`: other tools, privilege, real peers, time.
//!
//! Each task is a module and a list of checks; [`check`] runs them and says what each came to.

// A check fails by panicking, as a test does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod abuse;
mod cargo;
mod check;
mod counts;
mod faults;
mod hosts;
mod interop;
mod load;
mod mutants;
mod packages;
mod page;
mod peers;
mod soak;
mod strace;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::check::run_all;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The checks that need more than `cargo test`")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// System calls of the release build that fail on purpose (installs strace)
    Faults(Filter),
    /// Clients and proxies that nobody here wrote (installs them)
    Interop(Filter),
    /// The servers that ours is measured against: that each is right (installs what they need)
    Peers(Filter),
    /// Instructions and system calls of a message and of a connection (installs valgrind, strace)
    Counts(counts::Counts),
    /// The page of a report in headless Chromium (installs it)
    Page(Filter),
    /// A server host, a router and a client host, in network namespaces (needs privilege)
    Hosts(Filter),
    /// Crowds, floods, garbage, killed and stopped processes, against one server
    Abuse(Filter),
    /// Everything at once, for minutes, with every byte compared
    Soak(soak::Soak),
    /// The hand-off between the threads in every order, under a model checker
    Loom(Filter),
    /// Undefined behaviour, under an interpreter (needs nightly with miri)
    Miri(Filter),
    /// The loopback tests under AddressSanitizer and ThreadSanitizer (needs nightly)
    Sanitizers(Filter),
    /// Both fuzz targets (needs nightly; installs cargo-fuzz)
    Fuzz {
        /// How long each of them runs
        #[arg(long, default_value = "60s", value_parser = humantime::parse_duration)]
        duration: Duration,
    },
    /// Known faults planted into a copy of the sources: each must be caught
    Mutants(Filter),
    /// Connections of `abuse` and `soak` in a process of its own
    #[command(hide = true)]
    Client(load::Client),
}

#[derive(Debug, clap::Args)]
struct Filter {
    /// Only checks whose name contains this
    filter: Option<String>,
}

fn main() -> ExitCode {
    let (checks, filter) = match Args::parse().task {
        Task::Faults(Filter { filter }) => (faults::checks(), filter),
        Task::Interop(Filter { filter }) => (interop::checks(), filter),
        Task::Peers(Filter { filter }) => (peers::checks(), filter),
        Task::Page(Filter { filter }) => (page::checks(), filter),
        Task::Hosts(Filter { filter }) => (hosts::checks(), filter),
        Task::Abuse(Filter { filter }) => (abuse::checks(), filter),
        Task::Loom(Filter { filter }) => (cargo::loom(filter.as_deref()), None),
        Task::Miri(Filter { filter }) => (cargo::miri(), filter),
        Task::Sanitizers(Filter { filter }) => (cargo::sanitizers(), filter),
        Task::Fuzz { duration } => (cargo::fuzz(duration), None),
        Task::Mutants(Filter { filter }) => (mutants::checks(filter.as_deref()), None),
        Task::Counts(counts) => return counts.run(),
        Task::Soak(soak) => return soak.run(),
        Task::Client(client) => return client.run(),
    };
    run_all(checks, filter.as_deref())
}
