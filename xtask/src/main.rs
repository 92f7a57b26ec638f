//! The checks that need more than `cargo test`: other tools, privilege, real peers, time.
//!
//! Each task is a module and a list of checks; [`check`] runs them and says what each came to.

// A check fails by panicking, as a test does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cargo;
mod check;
mod faults;
mod hosts;
mod mutants;
mod packages;
mod peers;

use std::process::ExitCode;

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
    /// System calls of the release build that fail on purpose (needs strace)
    Faults {
        /// Only checks whose name contains this
        filter: Option<String>,
    },
    /// Clients and proxies that nobody here wrote (installs them)
    Peers {
        /// Only checks whose name contains this
        filter: Option<String>,
    },
    /// A server host, a router and a client host, in network namespaces (needs privilege)
    Hosts {
        /// Only checks whose name contains this
        filter: Option<String>,
    },
    Mutants(mutants::Mutants),
    /// The hand-off between the threads in every order, under a model checker
    Loom {
        /// Only tests whose name begins with this
        filter: Option<String>,
    },
    /// Undefined behaviour, under an interpreter (needs nightly with miri)
    Miri,
    /// The loopback tests under AddressSanitizer and ThreadSanitizer (needs nightly)
    Sanitizers {
        /// Only sanitizers whose name contains this
        filter: Option<String>,
    },
    /// Both fuzz targets (needs nightly; installs cargo-fuzz)
    Fuzz {
        /// How long each of them runs
        #[arg(long, default_value = "60s")]
        duration: humantime::Duration,
    },
}

fn main() -> ExitCode {
    match Args::parse().task {
        Task::Faults { filter } => run_all(faults::checks(), filter.as_deref()),
        Task::Peers { filter } => run_all(peers::checks(), filter.as_deref()),
        Task::Hosts { filter } => run_all(hosts::checks(), filter.as_deref()),
        Task::Mutants(mutants) => mutants.run(),
        Task::Loom { filter } => run_all(cargo::loom(filter), None),
        Task::Miri => run_all(cargo::miri(), None),
        Task::Sanitizers { filter } => run_all(cargo::sanitizers(), filter.as_deref()),
        Task::Fuzz { duration } => run_all(cargo::fuzz(*duration), None),
    }
}
