//! Runs a load against one of the two servers: starts the server, watches it, and stops it.

use std::time::SystemTime;

use super::round::{ServerUse, Side};
use super::usage_watch::{UsageSamples, UsageWatch};
use crate::plan::Plan;
use crate::report::run_report::RunReport;
use crate::target::{Cpus, Target};

/// A run, and what the server used.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The run.
    pub report: RunReport,
    /// What the server used, if it is a command. `None` for an address.
    pub server: Option<ServerUse>,
}

/// Two targets and a load.
///
/// A command is started anew for every run. Some properties of a process are random, such as the layout
/// of its memory. If a process lived through all runs, these would be taken for properties of the
/// program, and even a program compared with itself would differ. A new start also means that only one
/// of the two servers runs at a time.
#[derive(Debug)]
pub struct SideRunner<L> {
    a: Target,
    b: Target,
    plan: Plan,
    server_cpus: Option<Cpus>,
    load: L,
}

impl<L: FnMut(&Plan) -> Result<RunReport, String>> SideRunner<L> {
    /// Returns a runner of `plan` with another target and seed each time. `load` carries a plan out.
    /// Commands that are started may use only `server_cpus`, if they are given.
    pub fn new(a: Target, b: Target, plan: Plan, server_cpus: Option<Cpus>, load: L) -> Self {
        Self { a, b, plan, server_cpus, load }
    }

    /// Does one run against a side.
    ///
    /// # Errors
    /// A sentence when the server could not be started, it ended, or the run failed.
    pub fn measure(&mut self, side: Side, seed: u64) -> Result<Measured, String> {
        let target = match side {
            Side::A => &self.a,
            Side::B => &self.b,
        };
        let mut running = target.start(self.server_cpus.as_ref())?;
        let plan = Plan { target: running.address(), seed, ..self.plan.clone() };
        let watch = running.process().map(|process| UsageWatch::start(process.id())).transpose()?;
        let outcome = (self.load)(&plan);
        let samples = watch.map(UsageWatch::stop);
        // That the server ended says more than the error of the run.
        if let (Err(_), Some(process)) = (&outcome, running.process_mut()) {
            process.check_after_failure()?;
        }
        running.stop()?;
        let report = outcome?;
        let server = samples.map(|samples| server_use(&samples, &report));
        Ok(Measured { report, server })
    }
}

/// Returns what the samples say about the measured part of the run.
fn server_use(samples: &UsageSamples, report: &RunReport) -> ServerUse {
    let Some((start, end)) = measured_part(report) else { return ServerUse::default() };
    let ratio = |amount: u64, count: u64| (count > 0).then(|| amount as f64 / count as f64);
    let cpu_ns = samples.cpu_ns(end).zip(samples.cpu_ns(start));
    let cpu_ns = cpu_ns.filter(|_| report.flood.is_none());
    let grown = samples.growth_bytes(start, end);
    let connections =
        report.load.connections + report.load.flood.map_or(0, |flood| flood.connections);
    ServerUse {
        cpu_per_message_ns: cpu_ns
            .and_then(|(end, start)| ratio(end.saturating_sub(start), report.throughput.messages)),
        memory_per_connection_bytes: grown.and_then(|grown| ratio(grown, connections)),
    }
}

fn measured_part(report: &RunReport) -> Option<(SystemTime, SystemTime)> {
    let time = |text: &str| humantime::parse_rfc3339(text).ok();
    Some((time(&report.started_at)?, time(&report.ended_at)?))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};
    use std::time::{Duration, Instant, UNIX_EPOCH};

    use echo_tests::python;

    use super::*;
    use crate::compare::usage_watch::PERIOD;
    use crate::harness;
    use crate::plan::Limit;
    use crate::target::Usage;

    #[test]
    fn what_the_server_took_while_it_was_measured_is_shared_out() {
        let mut report = harness::closed_loop_of([1_000; 100]);
        report.load.connections = 10;
        let start = humantime::parse_rfc3339(&report.started_at).expect("a time");
        let samples = UsageSamples::new(
            [
                (0, 5_000, 1_000),
                (1_000, 10_000, 3_000),
                (1_500, 11_000, 6_000),
                (2_500, 13_000, 9_000),
            ]
            .map(|(ms, cpu_ns, resident_bytes)| {
                let at = start - Duration::from_secs(1) + Duration::from_millis(ms);
                (at, Usage { cpu_ns, resident_bytes })
            })
            .to_vec(),
        );
        let server = server_use(&samples, &report);
        // The CPU time goes from 10,000 to 12,000, which is half way from 11,000 to 13,000.
        assert_eq!(server.cpu_per_message_ns, Some(20.0));
        // The last sample was taken after the measured part.
        assert_eq!(server.memory_per_connection_bytes, Some(500.0));
    }

    #[test]
    fn beside_a_flood_cpu_per_message_is_not_known_and_all_connections_share_the_memory() {
        let mut report = harness::closed_loop_of([1_000; 100]);
        (report.load.flood, report.flood) =
            (harness::example().load.flood, harness::example().flood);
        let start = humantime::parse_rfc3339(&report.started_at).expect("a time");
        let samples = [(0, 1_000), (1_000, 6_000)].map(|(ms, resident_bytes)| {
            (start + Duration::from_millis(ms), Usage { cpu_ns: ms, resident_bytes })
        });
        let server = server_use(&UsageSamples::new(samples.to_vec()), &report);
        assert_eq!(server.cpu_per_message_ns, None);
        // There are one connection and the four of the flood.
        assert_eq!(server.memory_per_connection_bytes, Some(1_000.0));
    }

    #[test]
    fn what_was_not_sampled_is_not_known() {
        let report = harness::closed_loop_of([1_000; 100]);
        assert_eq!(server_use(&UsageSamples::new(vec![]), &report), ServerUse::default());
        let long_ago = UsageSamples::new(vec![(UNIX_EPOCH, Usage::default()); 2]);
        assert_eq!(server_use(&long_ago, &report), ServerUse::default());
    }

    fn plan() -> Plan {
        Plan {
            connections: 1,
            warmup: Duration::ZERO,
            ..Plan::new(([127, 0, 0, 1], 9).into(), Limit::Duration(Duration::from_millis(400)))
        }
    }

    /// Exchanges one message after the other for four times the time between two samples.
    fn exchange(plan: &Plan) -> Result<RunReport, String> {
        let mut stream = TcpStream::connect(plan.target).map_err(|error| error.to_string())?;
        let (mut messages, mut reply) = (0, [0; 6]);
        let (start, started_at) = (Instant::now(), SystemTime::now());
        while start.elapsed() < 4 * PERIOD {
            stream.write_all(b"hello\n").map_err(|error| error.to_string())?;
            stream.read_exact(&mut reply).map_err(|error| error.to_string())?;
            messages += 1;
        }
        let mut report = harness::closed_loop_of([1_000]);
        report.started_at = humantime::format_rfc3339_nanos(started_at).to_string();
        report.ended_at = humantime::format_rfc3339_nanos(SystemTime::now()).to_string();
        report.throughput.messages = messages;
        report.target = plan.target.to_string();
        Ok(report)
    }

    #[test]
    fn a_command_is_started_loaded_watched_and_stopped() {
        let Some(server) = harness::python_server(python::ECHO) else { return };
        let mut runner = SideRunner::new(server.clone(), server, plan(), None, exchange);
        let measured = runner.measure(Side::B, 1).expect("it runs");
        let server = measured.server.expect("it is a command");
        if cfg!(target_os = "linux") {
            // A Python interpreter needs at least the first time for anything, and less than the second.
            let cpu_ns = server.cpu_per_message_ns.expect("the system tells");
            assert!((500.0..50e6).contains(&cpu_ns), "{cpu_ns}");
            assert!(server.memory_per_connection_bytes.is_some());
        }
        let address: SocketAddr = measured.report.target.parse().expect("an address");
        assert!(TcpStream::connect(address).is_err(), "somebody still listens");
    }

    #[test]
    fn a_server_that_ends_is_blamed_rather_than_the_run() {
        let script = "
import socket, sys
listener = socket.create_server((\"127.0.0.1\", int(sys.argv[1])))
listener.accept()
listener.accept()[0].recv(1)
sys.exit(\"out of luck\")
";
        let Some(server) = harness::python_server(script) else { return };
        let mut runner = SideRunner::new(server.clone(), server, plan(), None, exchange);
        let error = runner.measure(Side::A, 1).expect_err("it ends");
        assert!(error.contains("ended") && error.ends_with("out of luck"), "{error}");
    }

    #[test]
    fn an_address_is_loaded_and_not_watched() {
        let target: Target = "127.0.0.1:9000".parse().expect("an address");
        let mut seeds = vec![];
        let mut runner = SideRunner::new(target.clone(), target, plan(), None, |plan: &Plan| {
            seeds.push((plan.target.to_string(), plan.seed));
            Ok(harness::closed_loop_of([1_000]))
        });
        assert_eq!(runner.measure(Side::A, 5).expect("nothing fails").server, None);
        assert_eq!(seeds, [("127.0.0.1:9000".to_owned(), 5)]);
    }
}
