//! Makes a report from a few properties of a run.

use std::ops::Range;

use echo_loadtest::distribution::{Distribution, histogram};
use echo_loadtest::run_report::{
    Arrival, Connections, Counts, Errors, FORMAT, Generator, GeneratorThread, Interval, Load,
    Machine, Messages, RunReport, Size, Throughput, Verdict, VerdictKind,
};

use crate::random::Random;

type Times = hdrhistogram::Histogram<u64>;

const CONNECTIONS: u64 = 50;
const MESSAGE_LEN: u64 = 64;

/// Number of times that are made up for a second of a closed loop, and number of messages for each of
/// them.
const CLOSED_LOOP_TIMES: u64 = 9_000;
const CLOSED_LOOP_WEIGHT: u64 = 16;

/// The properties of a run.
pub(super) struct Made {
    pub(super) seed: u64,
    pub(super) seconds: u64,
    /// Messages a second; `None` in a closed loop.
    pub(super) rate: Option<f64>,
    pub(super) median_ns: f64,
    /// How long the server does nothing, once a second.
    pub(super) stall_ms: f64,
    /// Seconds in which nothing comes back.
    pub(super) silent: Range<u64>,
    /// The part of the time in which the load tester's threads had something to do.
    pub(super) busy: f64,
}

impl Default for Made {
    fn default() -> Self {
        Self {
            seed: 17,
            seconds: 60,
            rate: None,
            median_ns: 240_000.0,
            stall_ms: 0.0,
            silent: 0..0,
            busy: 0.412,
        }
    }
}

/// Replies so far.
struct Back {
    response: Times,
    service: Times,
    intervals: Vec<Interval>,
}

impl Made {
    pub(super) fn report(&self) -> RunReport {
        let mut random = Random::seeded(self.seed);
        let back = self.back(&mut random);
        let messages = back.service.len();
        let bytes = messages * MESSAGE_LEN;
        let duration_s = float(self.seconds);
        let asked = self.rate.map(|rate| whole(rate * duration_s));
        RunReport {
            command: self.command(),
            load: self.load(),
            messages: Messages { asked, sent: messages, verified: messages, unsent: 0 },
            throughput: Throughput {
                duration_s,
                messages,
                bytes,
                messages_per_s: float(messages) / duration_s,
                bytes_per_s: float(bytes) / duration_s,
            },
            response_time: self.rate.map(|_| Distribution::new(&back.response)),
            service_time: Distribution::new(&back.service),
            connect_time: around(90_000.0, CONNECTIONS, &mut random),
            generator: self.generator(&mut random),
            intervals: back.intervals,
            ..blank()
        }
    }

    fn back(&self, random: &mut Random) -> Back {
        let mut back = Back { response: histogram(), service: histogram(), intervals: vec![] };
        for second in 0..self.seconds {
            let (mut response, mut service) = (histogram(), histogram());
            if !self.silent.contains(&second) {
                self.second(random, &mut response, &mut service);
            }
            let seen = if self.rate.is_some() { &response } else { &service };
            back.intervals.push(interval(second, seen));
            back.response.add(&response).expect("of the same form");
            back.service.add(&service).expect("of the same form");
        }
        back
    }

    /// Makes up the messages of a second that begins with the stall.
    fn second(&self, random: &mut Random, response: &mut Times, service: &mut Times) {
        let spread = 1.0 + 0.06 * normal(random);
        let (count, weight) = match self.rate {
            Some(rate) => (whole(rate), 1),
            None => (CLOSED_LOOP_TIMES, CLOSED_LOOP_WEIGHT),
        };
        let stall_ns = self.stall_ms * 1e6;
        for message in 0..count {
            let due_ns = float(message) / float(count) * 1e9;
            let served = spread * lognormal(self.median_ns, random);
            let waited = (stall_ns - due_ns).max(0.0);
            // One message is in flight on each connection when the stall comes; the others wait
            // unsent.
            let in_flight = if message < CONNECTIONS { waited } else { 0.0 };
            record(service, served + in_flight, weight);
            record(response, served + waited, weight);
        }
    }

    fn generator(&self, random: &mut Random) -> Generator {
        let thread =
            |busy: f64| GeneratorThread { busy, waiting: 0.004, cpu_s: busy * float(self.seconds) };
        Generator {
            threads: vec![thread(self.busy), thread(self.busy * 0.97)],
            cpu_per_message_ns: 1_842.5,
            lateness: self.rate.map(|_| around(3_200.0, 10_000, random)),
            without_stamp: None,
        }
    }

    fn command(&self) -> Vec<String> {
        let line = match self.rate {
            Some(rate) => {
                format!(
                    "loadtest run 127.0.0.1:9000 --rate {rate} --duration {}s --slo p99<20ms",
                    self.seconds
                )
            }
            None => format!("loadtest run 127.0.0.1:9000 --duration {}s", self.seconds),
        };
        line.split(' ').map(str::to_owned).collect()
    }

    fn load(&self) -> Load {
        Load {
            arrival: if self.rate.is_some() { Arrival::Constant } else { Arrival::Closed },
            rate: self.rate,
            duration_s: Some(float(self.seconds)),
            seed: self.seed,
            ..blank().load
        }
    }
}

/// Returns the report of a VALID run that sent nothing: what all made-up reports have in common.
pub(super) fn blank() -> RunReport {
    let nothing = Distribution::new(&histogram());
    RunReport {
        format: FORMAT.to_owned(),
        program: "loadtest 0.1.0".to_owned(),
        command: vec![],
        machine: machine(),
        target: "127.0.0.1:9000".to_owned(),
        agents: 1,
        started_at: "2026-11-24T03:18:05.123456789Z".to_owned(),
        ended_at: "2026-11-24T03:19:05.124008112Z".to_owned(),
        load: load(),
        verdict: Verdict { kind: VerdictKind::Valid, reasons: vec![] },
        interrupted: false,
        connections: Connections {
            asked: CONNECTIONS,
            established: CONNECTIONS,
            opened: CONNECTIONS,
            missing: 0.0,
        },
        messages: Messages { asked: None, sent: 0, verified: 0, unsent: 0 },
        throughput: Throughput {
            duration_s: 0.0,
            messages: 0,
            bytes: 0,
            messages_per_s: 0.0,
            bytes_per_s: 0.0,
        },
        flood: None,
        response_time: None,
        service_time: nothing.clone(),
        connect_time: nothing,
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
    }
}

fn load() -> Load {
    Load {
        connections: CONNECTIONS,
        threads: 2,
        size: Size { min: 64, max: 64, file: None },
        depth: 1,
        send_burst: 1,
        arrival: Arrival::Closed,
        rate: None,
        connect_rate: None,
        messages_per_connection: None,
        duration_s: None,
        count: None,
        warmup_s: 2.0,
        timeout_s: 10.0,
        seed: 0,
        source_ips: vec![],
        busy_poll: false,
        kernel_timestamps: false,
        interval_s: 1.0,
        agent_index: 0,
        agent_count: 1,
        flood: None,
    }
}

fn machine() -> Machine {
    Machine {
        system: "Debian GNU/Linux 12".to_owned(),
        kernel: "6.1.0-18-amd64".to_owned(),
        cpu: "AMD EPYC 7763".to_owned(),
        cpus: 2,
        memory_bytes: 25_276_510_208,
    }
}

fn interval(second: u64, times: &Times) -> Interval {
    let messages = times.len();
    let counts = Counts { messages, bytes: messages * MESSAGE_LEN, errors: 0 };
    Interval::new(float(second), 1.0, counts, times)
}

fn around(median_ns: f64, count: u64, random: &mut Random) -> Distribution {
    let mut times = histogram();
    for _ in 0..count {
        record(&mut times, lognormal(median_ns, random), 1);
    }
    Distribution::new(&times)
}

fn record(times: &mut Times, ns: f64, weight: u64) {
    times.saturating_record_n(whole(ns).max(1), weight);
}

/// Draws a time with a long tail, as a server has: most times are near the median, and a few are
/// disturbed.
fn lognormal(median_ns: f64, random: &mut Random) -> f64 {
    let disturbed = if random.number().is_multiple_of(700) { 6.0 } else { 1.0 };
    disturbed * median_ns * (0.28 * normal(random)).exp()
}

/// Draws a number around 0 with deviation 1. The sum of twelve uniform numbers is nearly normal.
fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| float(random.number() >> 11) / float(1 << 53)).sum::<f64>() - 6.0
}

fn float(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_truncation, reason = "all numbers here are below 2^53")]
#[expect(clippy::cast_sign_loss, reason = "no number here is below 0")]
fn whole(number: f64) -> u64 {
    number.round() as u64
}
