//! What the commands that load a server share: the request to stop, the embedded server, single runs.

use std::path::Path;
use std::process;

use echo_common::command_line::exit;
use echo_common::{descriptors, logging, signal};
use echo_loadtest::address::Address;
use echo_loadtest::engine::{self, Stop};
use echo_loadtest::plan::Plan;
use echo_loadtest::run_report::RunReport;
use echo_loadtest::target::kill_all;

use crate::cli::arguments::{LoadArgs, NOWHERE, Verbosity};
use crate::cli::console::Console;
use crate::cli::embedded_server::EmbeddedServer;

/// Runs loads until it is asked to stop.
pub(crate) struct Session {
    stop: Stop,
    verbosity: Verbosity,
}

impl Session {
    /// Begins to handle signals. The first ends a run early, the second ends the program.
    ///
    /// # Errors
    /// A sentence when signals cannot be handled.
    pub(crate) fn new(verbosity: Verbosity) -> Result<Self, String> {
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
        Ok(Self { stop, verbosity })
    }

    /// Returns whether a signal came.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_asked()
    }

    /// Does one run.
    ///
    /// # Errors
    /// A sentence when the run could not start.
    pub(crate) fn run(&self, plan: &Plan) -> Result<RunReport, String> {
        self.run_logged(plan, None).map(|(report, _)| report)
    }

    /// Does one run. The second part of the result says whether the interval log could be written; the
    /// report is good even if not.
    ///
    /// # Errors
    /// A sentence when the run could not start.
    pub(crate) fn run_logged(
        &self,
        plan: &Plan,
        hdr: Option<&Path>,
    ) -> Result<(RunReport, Result<(), String>), String> {
        let mut console = Console::new(plan, self.verbosity, hdr)?;
        let report = engine::run(plan, &self.stop, &mut console)?;
        Ok((report, console.finish()))
    }

    /// Does `work` with the plan that the flags ask for. Its target is the given one or, without one, an
    /// embedded server.
    ///
    /// # Errors
    /// A sentence when there is no such target, the embedded server failed, or the work failed.
    pub(crate) fn with_target<T>(
        target: Option<&Address>,
        load: &LoadArgs,
        work: impl FnOnce(Plan) -> Result<T, String>,
    ) -> Result<T, String> {
        if let Some(target) = target {
            return work(load.plan(target.resolve(load.timeout)?)?);
        }
        let plan = load.plan(NOWHERE)?;
        let flood = plan.flood.map_or(0, |flood| flood.connections);
        let server = EmbeddedServer::start(plan.connections.saturating_add(flood), plan.threads)?;
        let done = work(Plan { target: server.address(), ..plan });
        server.stop()?;
        done
    }
}
