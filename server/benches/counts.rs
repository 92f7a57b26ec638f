//! Does work by name, for whoever counts its instructions, and tells how often; without a name, tells
//! what work there is. `cargo xtask counts` runs it under valgrind.

use std::io::{self, Write};
use std::process::ExitCode;

use echo_server::proof::counts::{ROUNDS, names, perform};

fn main() -> ExitCode {
    let told = match std::env::args().nth(1) {
        None => names().try_for_each(|name| writeln!(io::stdout(), "{name}")),
        Some(name) if perform(&name).is_some() => writeln!(io::stdout(), "{ROUNDS}"),
        Some(_) => return ExitCode::FAILURE,
    };
    if told.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
