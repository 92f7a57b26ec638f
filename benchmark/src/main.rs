//! Our server against its peers, and PERFORMANCE.md.

use std::process::ExitCode;

use benchmark::Compare;
use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "cargo benchmark", about = "Our server against its peers, and PERFORMANCE.md")]
struct Args {
    #[command(flatten)]
    compare: Compare,
}

fn main() -> ExitCode {
    Args::parse().compare.run()
}
