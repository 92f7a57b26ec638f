//! The `server` program: it turns flags into a server, and the end of the server into an exit code.

mod args;

use std::process::ExitCode;

use clap::Parser;
use echo_common::command_line::{exit, fail};
use echo_common::{descriptors, logging, signal};
use echo_server::{Handle, Server, Summary};
use log::{error, info, warn};

use crate::args::Args;

const PROGRAM: &str = "server";

/// Exit code when the drain timeout cut off a connection that was owed bytes.
const EXIT_CUT: u8 = 3;

fn main() -> ExitCode {
    let args = Args::parse();
    if let Err(message) = logging::init(args.log_level) {
        return fail(PROGRAM, &message);
    }
    let code = serve(&args);
    logging::flush();
    code
}

fn serve(args: &Args) -> ExitCode {
    descriptors::raise_limit();
    let server = match Server::bind(args.config()) {
        Ok(server) => server,
        Err(error) => return fail(PROGRAM, &error.to_string()),
    };
    let handle = server.handle();
    if let Err(message) = signal::on_stop(move |requests| stop(&handle, requests)) {
        return fail(PROGRAM, &message);
    }
    match server.run() {
        Ok(summary) => conclude(&summary),
        Err(error) => fail(PROGRAM, &error.to_string()),
    }
}

fn stop(handle: &Handle, requests: u32) {
    if requests == 1 {
        info!("stopping connections={}; a second signal ends at once", handle.stats().open());
        handle.shutdown();
    } else {
        error!("ended at once by a second signal connections={}", handle.stats().open());
        logging::flush();
        std::process::exit(exit::INTERRUPTED.into());
    }
}

fn conclude(summary: &Summary) -> ExitCode {
    let stats = &summary.stats;
    for (number, worker) in summary.workers.iter().enumerate() {
        info!(
            "summary worker={number} connections={} messages={} bytes={}",
            worker.connections(),
            worker.messages,
            worker.sent
        );
    }
    info!(
        "summary connections={} probes={} messages={} received={} sent={} failed={} idle={} \
         cut={} not_shown={} duration={:.3}s",
        stats.connections(),
        stats.probes,
        stats.messages,
        stats.received,
        stats.sent,
        stats.failed,
        stats.idle,
        stats.cut,
        stats.not_shown,
        summary.duration.as_secs_f64()
    );
    if summary.all_delivered() {
        return ExitCode::from(exit::OK);
    }
    warn!("the drain timeout cut off connections={}", stats.cut);
    ExitCode::from(EXIT_CUT)
}
