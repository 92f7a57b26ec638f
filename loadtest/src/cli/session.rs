//! What the commands that load a server share: the request to stop, the server inside, single runs.

use std::net::SocketAddr;
use std::path::Path;
use std::process;

use echo_common::command_line::exit;
use echo_common::{descriptors, logging, signal};
use echo_loadtest::address::Address;
use echo_loadtest::engine::{self, Stop};
use echo_loadtest::plan::Plan;
use echo_loadtest::run_report::RunReport;
use echo_loadtest::target::kill_all;

use crate::cli::arguments::LoadArgs;
use crate::cli::console::Console;
use crate::cli::embedded_server::EmbeddedServer;

/// Runs loads until it is asked to stop.
pub(crate) struct Session {
    stop: Stop,
    quiet: bool,
}

impl Session {
    /// Takes the signals: the first ends a run early, the second everything.
    ///
    /// # Errors
    /// A sentence when the system refuses to hand them over.
    pub(crate) fn new(quiet: bool) -> Result<Self, String> {
        descriptors::raise_limit();
        let stop = Stop::default();
        let asked = stop.clone();
        signal::on_stop(move |requests| {
            asked.stop();
            if requests > 1 {
                kill_all();
                logging::flush();
                process::exit(exit::INTERRUPTED.into());
            }
        })?;
        Ok(Self { stop, quiet })
    }

    /// Whether a signal came.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_asked()
    }

    /// One run.
    ///
    /// # Errors
    /// A sentence when it could not start.
    pub(crate) fn run(&self, plan: &Plan) -> Result<RunReport, String> {
        self.run_logged(plan, None).map(|(report, _)| report)
    }

    /// One run, and whether its interval log could be written: if not, the rest stands.
    ///
    /// # Errors
    /// A sentence when it could not start.
    pub(crate) fn run_logged(
        &self,
        plan: &Plan,
        hdr: Option<&Path>,
    ) -> Result<(RunReport, Result<(), String>), String> {
        let mut console = Console::new(plan, self.quiet, hdr)?;
        let report = engine::run(plan, &self.stop, &mut console)?;
        Ok((report, console.finish()))
    }

    /// Does `work` with the address of the target or, without one, of a server inside, and with the
    /// plan that the flags make of it.
    ///
    /// # Errors
    /// A sentence: there is no such target, the server inside failed, or the work.
    pub(crate) fn with_target<T>(
        target: Option<&Address>,
        load: &LoadArgs,
        work: impl FnOnce(Plan) -> Result<T, String>,
    ) -> Result<T, String> {
        if let Some(target) = target {
            return work(load.plan(target.resolve(load.timeout)?)?);
        }
        let nowhere: SocketAddr = ([127, 0, 0, 1], 0).into();
        let plan = load.plan(nowhere)?;
        let flood = plan.flood.map_or(0, |flood| flood.connections);
        let server = EmbeddedServer::start(plan.connections.saturating_add(flood), plan.threads)?;
        let done = work(Plan { target: server.address(), ..plan });
        server.stop()?;
        done
    }
}
