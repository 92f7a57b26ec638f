//! For tests: reports of runs that never were, and servers in Python.

use std::io::{Write, stderr};
use std::process::Command;

use crate::capacity::{self, CapacityReport};
use crate::compare::{self, CompareReport, Measured, ServerUse, Side};
use crate::report::distribution::{Distribution, histogram};
use crate::report::run_report::{
    Arrival, Connections, Errors, Generator, Load, Messages, RunReport, Throughput, Verdict,
    VerdictKind,
};
use crate::sample;
use crate::target::Target;

/// Echoes on every connection, one at a time, until it is ended.
pub(crate) const PYTHON_ECHO: &str = "
import socket, sys
listener = socket.create_server((\"127.0.0.1\", int(sys.argv[1])))
while True:
    peer = listener.accept()[0]
    while data := peer.recv(65536):
        peer.sendall(data)
";

/// A command that runs `script`, without apostrophes, with the port as its argument. Where there is no
/// Python, this says so, and there is none.
pub(crate) fn python_server(script: &str) -> Option<Target> {
    let mut check = Command::new("python3");
    if !check.args(["-c", ""]).status().is_ok_and(|status| status.success()) {
        let _ = writeln!(stderr(), "skipped: there is no python3");
        return None;
    }
    let target = format!("python3 -c '{script}' {{port}}").parse();
    Some(target.expect("the scripts have no apostrophes"))
}

/// A second of a closed loop, in which messages took these times in nanoseconds. Its verdict is VALID.
pub(crate) fn closed(times: impl IntoIterator<Item = u64>) -> RunReport {
    report(None, distribution(times))
}

/// The same of an open loop, in which every message was sent when it was due.
pub(crate) fn open(rate: f64, times: impl IntoIterator<Item = u64>) -> RunReport {
    report(Some(rate), distribution(times))
}

fn distribution(times: impl IntoIterator<Item = u64>) -> Distribution {
    let mut recorded = histogram();
    for time in times {
        recorded.record(time).expect("within bounds");
    }
    Distribution::new(&recorded)
}

#[allow(clippy::cast_precision_loss)]
fn report(rate: Option<f64>, times: Distribution) -> RunReport {
    let count = times.count;
    let sample = sample::report();
    RunReport {
        started_at: "2026-01-01T00:00:00.000000000Z".to_owned(),
        ended_at: "2026-01-01T00:00:01.000000000Z".to_owned(),
        verdict: Verdict { kind: VerdictKind::Valid, reasons: vec![] },
        connections: Connections { asked: 1, established: 1, opened: 1, missing: 0.0 },
        messages: Messages { asked: rate.map(|_| count), sent: count, verified: count, unsent: 0 },
        throughput: Throughput {
            duration_s: 1.0,
            messages: count,
            bytes: count * 64,
            messages_per_s: count as f64,
            bytes_per_s: count as f64 * 64.0,
        },
        load: Load {
            connections: 1,
            arrival: if rate.is_some() { Arrival::Constant } else { Arrival::Closed },
            rate,
            duration_s: Some(1.0),
            flood: None,
            ..sample.load.clone()
        },
        flood: None,
        response_time: rate.map(|_| times.clone()),
        service_time: times,
        connect_time: distribution([100_000]),
        errors: Errors::default(),
        findings: vec![],
        generator: Generator {
            threads: vec![],
            cpu_per_message_ns: 0.0,
            lateness: None,
            without_stamp: None,
        },
        intervals: vec![],
        objectives: vec![],
        ..sample
    }
}

/// A comparison in which `b` is a tenth slower, but for noise.
pub(crate) fn comparison() -> CompareReport {
    let settings = compare::Settings {
        fail_if: vec!["p99>1.05".parse().expect("a condition")],
        ..compare::Settings::default()
    };
    let mut noise = (0..).map(|round: u64| round * 7 % 5);
    let measure = |side, _| {
        let time_ns = if side == Side::A { 10_000 } else { 11_000 } + noise.next().unwrap_or(0);
        let server = ServerUse {
            cpu_per_message_ns: Some(4_900.0),
            memory_per_connection_bytes: Some(96.0),
        };
        Ok(Measured { report: closed([time_ns; 100]), server: Some(server) })
    };
    compare::compare(&settings, "server --port {port}", "127.0.0.1:9000", measure)
        .expect("no run fails")
}

/// A search at a server that keeps its objective up to 5,000 messages a second.
pub(crate) fn capacity() -> CapacityReport {
    let objectives = ["p99<1ms".parse().expect("an objective")];
    let measure = |rate| {
        let time_ns = if rate <= 5_000.0 { 100_000 } else { 2_000_000 };
        Ok(open(rate, [time_ns; 100]))
    };
    capacity::find(&capacity::Settings::default(), &objectives, measure).expect("no run fails")
}
