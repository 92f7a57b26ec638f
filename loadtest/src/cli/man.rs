//! Documents about the command line: completions and manual pages.

use std::fs;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use echo_loadtest::files;

use crate::PROGRAM;
use crate::cli::arguments::Args;

/// Prints the completions for a shell.
///
/// # Errors
/// A sentence when they cannot be written to standard output.
pub(crate) fn completions(shell: Shell) -> Result<(), String> {
    let mut script = vec![];
    // The library writes to memory here, because it panics when a pipe is closed.
    clap_complete::generate(shell, &mut Args::command(), PROGRAM, &mut script);
    files::write(Path::new(files::STANDARD_OUTPUT), &script)
}

/// Writes a manual page for the program and one for each of its commands.
///
/// # Errors
/// A sentence that names the folder.
pub(crate) fn manual(folder: &Path) -> Result<(), String> {
    let written =
        fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Args::command(), folder));
    written.map_err(|error| format!("write manual pages to {}: {error}", folder.display()))
}
