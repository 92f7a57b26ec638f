//! What only the program needs: arguments, commands, the console, exit codes.

pub(crate) mod arguments;
pub(crate) mod capacity;
pub(crate) mod compare;
mod console;
mod embedded_server;
mod exit_code;
pub(crate) mod man;
pub(crate) mod merge;
mod progress;
pub(crate) mod results;
pub(crate) mod run;
mod session;
