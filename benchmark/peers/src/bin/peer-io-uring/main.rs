//! An echo server on bare io_uring with one ring per worker. Accepts and receives are multishot: one
//! submission goes on until it ends, into buffers that all connections share. So a message costs one
//! submission, which sends from the same buffer, and a round of messages costs two system calls.

mod buffers;
mod connection;
mod operation;
mod worker;

use std::process::ExitCode;

use clap::Parser;
use echo_peers::{BufferedArgs, on_each_worker, run};

use worker::Worker;

// Larger buffers make no difference.
#[derive(Debug, Clone, Copy, Parser)]
#[command(mut_arg("buffer_size", |arg| arg.default_value("64KiB")))]
struct Flags {
    #[command(flatten)]
    buffered: BufferedArgs,
}

fn main() -> ExitCode {
    run(|Flags { buffered: BufferedArgs { args, buffer_size } }| {
        on_each_worker(args, move |listener| Worker::new(buffer_size, listener)?.run())
    })
}
