//! The reports that `loadtest/schema` shows as examples, and reports whose times are given.

use std::time::{Duration, SystemTime};

use echo_loadtest::capacity::{self, CapacityReport};
use echo_loadtest::compare::{self, CompareReport, Measured, ServerUse, Side};
use echo_loadtest::distribution::{Distribution, histogram};
use echo_loadtest::run_report::{
    Arrival, Connections, Counts, Errors, Finding, Flood, FloodLoad, Generator, GeneratorThread,
    Interval, Load, Messages, Objective, RunReport, Size, Throughput,
};
use hdrhistogram::Histogram;

use super::made;

/// When the example began, in seconds since 1970.
pub const STARTED_S: u64 = 1_795_000_000;

/// Returns a moment of the example's day, as it stands in a report.
#[must_use]
pub fn at(seconds: f64) -> String {
    let moment = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(STARTED_S as f64 + seconds);
    humantime::format_rfc3339_nanos(moment).to_string()
}

/// Returns a histogram of times in nanoseconds, each with its count.
#[must_use]
pub fn times(counts: &[(u64, u64)]) -> Histogram<u64> {
    let mut times = histogram();
    counts.iter().for_each(|(time, count)| times.record_n(*time, *count).expect("within bounds"));
    times
}

/// Returns an open loop of two seconds, in which all went well except for one message.
#[must_use]
pub fn example() -> RunReport {
    let second = times(&[(45_000, 4_900), (120_000, 90), (1_500_000, 9), (20_000_000, 1)]);
    let mut both = second.clone();
    both.add(&second).expect("of the same form");
    let counts = Counts { messages: 5_000, bytes: 640_000, errors: 0 };
    let interval = |start_s| Interval::new(start_s, 1.0, counts, &second);
    RunReport {
        command: ["loadtest", "run", "127.0.0.1:9000", "--rate", "5k"].map(str::to_owned).to_vec(),
        started_at: at(0.0),
        ended_at: at(2.0),
        load: load(),
        connections: Connections { asked: 50, established: 50, opened: 51, missing: 0.002 },
        messages: Messages { asked: Some(10_000), sent: 10_000, verified: 10_000, unsent: 0 },
        throughput: throughput(2.0, 10_000, 128),
        flood: Some(flood()),
        response_time: Some(Distribution::new(&both)),
        service_time: Distribution::new(&times(&[(44_000, 9_980), (1_000_000, 20)])),
        connect_time: Distribution::new(&times(&[(80_000, 51)])),
        errors: Errors { reset: 1, ..Errors::default() },
        findings: vec![finding()],
        generator: Generator {
            threads: vec![GeneratorThread { busy: 0.125, waiting: 0.001, cpu_s: 0.023 }],
            cpu_per_message_ns: 2_310.0,
            lateness: Some(Distribution::new(&times(&[(2_000, 10_000)]))),
            without_stamp: None,
        },
        intervals: vec![interval(0.0), interval(1.0)],
        objectives: vec![Objective {
            text: "p99<2ms".to_owned(),
            measured: "p99 120 µs".to_owned(),
            met: true,
        }],
        ..made::blank()
    }
}

fn load() -> Load {
    Load {
        threads: 1,
        size: Size { min: 128, max: 128, file: None },
        arrival: Arrival::Constant,
        rate: Some(5_000.0),
        duration_s: Some(2.0),
        warmup_s: 1.0,
        seed: 7,
        flood: Some(FloodLoad { connections: 4, size: 65_536, depth: 16 }),
        ..made::blank().load
    }
}

fn throughput(duration_s: f64, messages: u64, message_len: u64) -> Throughput {
    let bytes = messages * message_len;
    Throughput {
        duration_s,
        messages,
        bytes,
        messages_per_s: messages as f64 / duration_s,
        bytes_per_s: bytes as f64 / duration_s,
    }
}

fn flood() -> Flood {
    Flood {
        connections: Connections { asked: 4, established: 4, opened: 4, missing: 0.0 },
        messages: 20_000,
        bytes: 1_310_720_000,
        bytes_per_s: 655_360_000.0,
        busy: Some(0.5),
        errors: Errors::default(),
    }
}

fn finding() -> Finding {
    Finding {
        kind: "reset".to_owned(),
        connection: 17,
        at_s: 0.25,
        text: "receive: Connection reset by peer (os error 104), waiting for line 250".to_owned(),
    }
}

/// Returns a VALID second of a closed loop, in which messages took these times in nanoseconds.
#[must_use]
pub fn closed_loop_of(times: impl IntoIterator<Item = u64>) -> RunReport {
    of_times(None, times)
}

/// Returns a VALID second of an open loop, in which messages took these times in nanoseconds. Every
/// message was sent when it was due.
#[must_use]
pub fn open_loop_of(rate: f64, times: impl IntoIterator<Item = u64>) -> RunReport {
    of_times(Some(rate), times)
}

fn of_times(rate: Option<f64>, times_ns: impl IntoIterator<Item = u64>) -> RunReport {
    let times_ns: Vec<_> = times_ns.into_iter().map(|time_ns| (time_ns, 1)).collect();
    let times = times(&times_ns);
    let count = times.len();
    let example = example();
    RunReport {
        started_at: "2026-01-01T00:00:00.000000000Z".to_owned(),
        ended_at: "2026-01-01T00:00:01.000000000Z".to_owned(),
        connections: Connections { asked: 1, established: 1, opened: 1, missing: 0.0 },
        messages: Messages { asked: rate.map(|_| count), sent: count, verified: count, unsent: 0 },
        throughput: throughput(1.0, count, 64),
        load: Load {
            connections: 1,
            arrival: if rate.is_some() { Arrival::Constant } else { Arrival::Closed },
            rate,
            duration_s: Some(1.0),
            flood: None,
            ..example.load
        },
        response_time: rate.map(|_| Distribution::new(&times)),
        service_time: Distribution::new(&times),
        connect_time: Distribution::new(&self::times(&[(100_000, 1)])),
        command: example.command,
        ..made::blank()
    }
}

/// Returns a comparison in which `b` is a tenth slower, but for noise.
#[must_use]
pub fn example_comparison() -> CompareReport {
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
        Ok(Measured { report: closed_loop_of([time_ns; 100]), server: Some(server) })
    };
    compare::compare(&settings, "server --port {port}", "127.0.0.1:9000", measure)
        .expect("no run fails")
}

/// Returns a search at a server that keeps its objective up to 5,000 messages a second.
#[must_use]
pub fn example_capacity() -> CapacityReport {
    let objectives = ["p99<1ms".parse().expect("an objective")];
    let measure = |rate| {
        let time_ns = if rate <= 5_000.0 { 100_000 } else { 2_000_000 };
        Ok(open_loop_of(rate, [time_ns; 100]))
    };
    capacity::find(&capacity::Settings::default(), &objectives, measure).expect("no run fails")
}
