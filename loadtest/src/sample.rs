//! A report for tests, and for people who want to see one: `schema/run.example.json`.

use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;

use crate::report::distribution::{self, Distribution};
use crate::report::run_report::{
    Arrival, Connections, Errors, FORMAT, Finding, Flood, FloodLoad, Generator, GeneratorThread,
    Interval, Load, Machine, Messages, Objective, RunReport, Size, Throughput, Verdict,
    VerdictKind,
};

/// When the sample began.
pub(crate) const STARTED_S: u64 = 1_795_000_000;

/// A moment of the sample's day, as it stands in a report.
pub(crate) fn at(seconds: f64) -> String {
    let moment = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(STARTED_S as f64 + seconds);
    humantime::format_rfc3339_nanos(moment).to_string()
}

/// A histogram of so many of each time.
pub(crate) fn times(counts: &[(u64, u64)]) -> Histogram<u64> {
    let mut times = distribution::histogram();
    counts.iter().for_each(|(time, count)| times.record_n(*time, *count).unwrap());
    times
}

/// An open loop of two seconds, all well but for one message.
pub(crate) fn report() -> RunReport {
    let second = times(&[(45_000, 4_900), (120_000, 90), (1_500_000, 9), (20_000_000, 1)]);
    let mut both = second.clone();
    both.add(&second).unwrap();
    let interval = |start_s| Interval::new(start_s, 1.0, 5_000, 640_000, 0, &second);
    RunReport {
        format: FORMAT.to_owned(),
        program: "loadtest 0.1.0".to_owned(),
        command: ["loadtest", "run", "127.0.0.1:9000", "--rate", "5k"].map(str::to_owned).to_vec(),
        machine: machine(),
        target: "127.0.0.1:9000".to_owned(),
        agents: 1,
        started_at: at(0.0),
        ended_at: at(2.0),
        load: load(),
        verdict: Verdict { kind: VerdictKind::Valid, reasons: vec![] },
        interrupted: false,
        connections: Connections { asked: 50, established: 50, opened: 51, missing: 0.002 },
        messages: Messages { asked: Some(10_000), sent: 10_000, verified: 10_000, unsent: 0 },
        throughput: throughput(),
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
    }
}

fn machine() -> Machine {
    Machine {
        system: "Debian GNU/Linux 12".to_owned(),
        kernel: "6.1.0".to_owned(),
        cpu: "a processor".to_owned(),
        cpus: 2,
        memory_bytes: 8 << 30,
    }
}

fn load() -> Load {
    Load {
        connections: 50,
        threads: 1,
        size: Size { min: 128, max: 128, file: None },
        depth: 1,
        send_burst: 1,
        arrival: Arrival::Constant,
        rate: Some(5_000.0),
        connect_rate: None,
        messages_per_connection: None,
        duration_s: Some(2.0),
        count: None,
        warmup_s: 1.0,
        timeout_s: 10.0,
        seed: 7,
        source_ips: vec![],
        busy_poll: false,
        kernel_timestamps: false,
        interval_s: 1.0,
        agent_index: 0,
        agent_count: 1,
        flood: Some(FloodLoad { connections: 4, size: 65_536, depth: 16 }),
    }
}

fn throughput() -> Throughput {
    Throughput {
        duration_s: 2.0,
        messages: 10_000,
        bytes: 1_280_000,
        messages_per_s: 5_000.0,
        bytes_per_s: 640_000.0,
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
        text: "reset by the server with 1 message in flight".to_owned(),
    }
}
