//! The checks that need more than `cargo test`: other tools, privilege, real peers or time.
//!
//! Each task is a module with a list of checks. [`check`] runs a list and prints each result.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a check fails by panicking, as a test does"
)]

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
#[command(name = "cargo xtask", about = "Runs the checks that need more than `cargo test`")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Makes system calls of the release server fail on purpose (installs strace)
    Faults(Filter),
    /// Tests the server with clients and proxies of other projects (installs them)
    Interop(Filter),
    /// Checks that the servers ours is compared with are correct (installs what they need)
    Peers(Filter),
    /// Counts instructions and system calls per message and connection (installs valgrind, strace)
    Counts(counts::Counts),
    /// Shows the load tester's HTML pages in headless Chromium (installs it)
    Page(Filter),
    /// Simulates outages and slow paths between two hosts with network namespaces (needs root)
    Hosts(Filter),
    /// Attacks one server at a time with crowds, floods, garbage and killed processes
    Abuse(Filter),
    /// Runs all kinds of peers at once against one server, for minutes
    Soak(soak::Soak),
    /// Checks the hand-off between the threads in every order, with the model checker loom
    Loom(Filter),
    /// Looks for undefined behaviour with the interpreter Miri (needs nightly with miri)
    Miri(Filter),
    /// Runs the loopback tests under AddressSanitizer and ThreadSanitizer (needs nightly)
    Sanitizers(Filter),
    /// Runs both fuzz targets (needs nightly; installs cargo-fuzz)
    Fuzz {
        /// How long each target runs
        #[arg(long, default_value = "60s", value_parser = humantime::parse_duration)]
        duration: Duration,
    },
    /// Plants known faults into a copy of the sources; each of them must be caught
    Mutants(Filter),
    /// A child process of `abuse` and `soak` that holds connections
    #[command(hide = true)]
    Client(load::Client),
}

#[derive(Debug, clap::Args)]
struct Filter {
    /// Runs only the checks whose name contains this text
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
