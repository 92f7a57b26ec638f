//! Does the work that is named by the argument, and prints how often it did it. Without an argument,
//! prints the names of all work. `cargo xtask counts` runs this program under valgrind to count the
//! instructions of the work.

use std::io::{self, Write};
use std::process::ExitCode;

use echo_server::proof::counts::{ROUNDS, names, perform};

fn main() -> ExitCode {
    let printed = match std::env::args().nth(1) {
        None => names().try_for_each(|name| writeln!(io::stdout(), "{name}")),
        Some(name) if perform(&name).is_some() => writeln!(io::stdout(), "{ROUNDS}"),
        Some(_) => return ExitCode::FAILURE,
    };
    if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
