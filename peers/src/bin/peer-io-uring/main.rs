//! An echo server on bare io_uring, one ring a worker. Accepts and receives are multishot: asked for
//! once, they go on, into buffers that all connections share. So a message costs one submission, the
//! send from that very buffer, and a round of messages costs two system calls.

mod buffers;
mod connection;
mod operation;
mod worker;

use std::process::ExitCode;

use echo_peers::{on_each_worker, run};

use worker::Worker;

fn main() -> ExitCode {
    run(|args| on_each_worker(args, |args, listener| Worker::new(args, listener)?.run()))
}
