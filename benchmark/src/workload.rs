//! The workloads, as data: one value per workload. Knows neither processes nor results.

use crate::findings::bar::{Against, Bar, Limit};
use crate::setting::Setting;

/// How a workload is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    /// With `loadtest compare`.
    Load,
    /// With `loadtest compare`, at half of the rate that the yardstick reaches in this other workload.
    HalfTheRateOf(&'static str),
    /// With connections that echo one line each and then stay open without traffic.
    Idle,
}

/// Workloads that are shown together.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// What the section shows.
    pub(crate) purpose: &'static str,
}

/// What both servers of a comparison are measured under.
#[derive(Debug)]
pub(crate) struct Workload {
    /// Number of the section, from 1.
    pub(crate) number: u32,
    /// Distinguishes the workloads of one section.
    pub(crate) variant: Option<&'static str>,
    pub(crate) title: &'static str,
    pub(crate) means: Means,
    /// Flags of `loadtest compare`.
    pub(crate) load: &'static str,
    /// Additional flags of our server.
    pub(crate) ours: &'static str,
    /// Factor on the duration of a round. Rare events need longer rounds.
    pub(crate) rounds_last: u32,
    /// The metrics that the table shows, by the names of `loadtest compare`. The first one ranks the
    /// peers.
    pub(crate) metrics: &'static [&'static str],
    /// The bars. They are judged in [`Setting::Pinned`].
    pub(crate) bars: &'static [Bar],
}

impl Workload {
    /// Returns the name in files and on the command line: `W2`, or `W1-busy-poll`.
    pub(crate) fn name(&self) -> String {
        match self.variant {
            Some(variant) => format!("{}-{variant}", self.section()),
            None => self.section(),
        }
    }

    /// Returns the flags of `loadtest compare` in a setting, word by word.
    pub(crate) fn flags(&self, setting: Setting) -> Vec<&'static str> {
        [setting.flags(), self.load].into_iter().flat_map(str::split_whitespace).collect()
    }

    /// Returns the name of the section.
    pub(crate) fn section(&self) -> String {
        format!("W{}", self.number)
    }
}

/// The peer that most bars refer to: an echo server that does as little as possible.
pub(crate) const YARDSTICK: &str = "bare epoll";

const NONE: Workload = Workload {
    number: 0,
    variant: None,
    title: "",
    means: Means::Load,
    load: "",
    ours: "",
    rounds_last: 1,
    metrics: &[],
    bars: &[],
};

const BARE: Against = Against::Peer(YARDSTICK);

/// Response times at a fixed rate. A single stall of the machine decides the tail of a short round, so
/// the rounds are longer.
const RESPONSE_TIMES: Workload = Workload {
    number: 8,
    rounds_last: 3,
    metrics: &["p99", "p99.9", "cpu"],
    bars: &[
        Bar::new("p99", Against::EveryPeer, Limit::NotShownAbove(1.00)),
        Bar::new("p99.9", Against::EveryPeer, Limit::NotShownAbove(1.00)),
    ],
    ..NONE
};

/// Quiet connections beside floods: the waiting times of the former, the rate of the latter.
const FAIRNESS: Workload = Workload {
    number: 9,
    metrics: &["p99", "p50", "flood-throughput"],
    bars: &[
        Bar::new("p99", Against::EveryPeer, Limit::AtMost(1.00)),
        Bar::new("flood-throughput", Against::EveryPeer, Limit::AtLeast(0.90)),
    ],
    ..NONE
};

/// The sections W1 to W10.
pub(crate) const SECTIONS: [Section; 10] = [
    Section {
        title: "Ping-pong",
        purpose: "One connection with one message at a time: how long a round trip takes when nothing else \
                  happens. The load tester spins, so its own wake-up is not part of the time.",
    },
    Section { title: "50 connections", purpose: "What a message costs when each comes alone." },
    Section {
        title: "1,000 connections",
        purpose: "What a message costs with more connections than fit in a cache, and the tail of the times.",
    },
    Section {
        title: "Pipelining",
        purpose: "What a line costs when many lines arrive together and share the system calls.",
    },
    Section {
        title: "Large lines",
        purpose: "Bytes instead of messages: each line is as long as the server allows.",
    },
    Section {
        title: "Churn",
        purpose: "One connection for each line: accept, hand over, register and close. A message here is a \
                  connection.",
    },
    Section {
        title: "Idle connections",
        purpose: "How much resident memory each connection adds after it has echoed a line, and how much CPU \
                  time the server takes while all connections are silent. `cargo benchmark` measures this \
                  itself. The socket buffers of the kernel are not included.",
    },
    Section {
        title: "Response times at a fixed rate",
        purpose: "Response times at a fixed rate. A message is due whether or not earlier ones are back, and \
                  its waiting time begins when it is due.",
    },
    Section {
        title: "Fairness",
        purpose: "How long a quiet connection waits beside connections that send as fast as they can.",
    },
    Section {
        title: "A burst of connects",
        purpose: "How long the slowest of 3,000 connects takes, opened by one thread as fast as it can. The \
                  system completes a connect whether or not the server accepts it. So this shows a queue that \
                  is too short, as a second or more, and CPU time that a server takes from the system. W6 \
                  shows how soon connections are accepted and answered.",
    },
];

/// All workloads, in the order of the page of results.
pub(crate) const ALL: &[Workload] = &[
    Workload {
        number: 1,
        variant: Some("busy-poll"),
        title: "ping-pong over one connection, our server with --busy-poll",
        load: "--connections 1 --size 64 --busy-poll",
        ours: "--busy-poll 50us",
        metrics: &["p50", "p99", "cpu"],
        bars: &[Bar::new("p50", Against::EveryPeer, Limit::AtMost(0.50))],
        ..NONE
    },
    Workload {
        number: 1,
        variant: Some("default"),
        title: "ping-pong over one connection, our server as it is",
        load: "--connections 1 --size 64 --busy-poll",
        metrics: &["p50", "p99", "cpu"],
        // The bar asks for the same time as the best peer. A twentieth more counts as the same.
        bars: &[Bar::new("p50", Against::EveryPeer, Limit::AtMost(1.05))],
        ..NONE
    },
    Workload {
        number: 2,
        title: "50 connections, 128 B, one message in flight on each",
        load: "--connections 50 --size 128",
        metrics: &["cpu", "throughput", "p99"],
        bars: &[Bar::new("cpu", BARE, Limit::AtMost(1.00))],
        ..NONE
    },
    Workload {
        number: 3,
        title: "1,000 connections, 128 B, one message in flight on each",
        // The load tester takes as much CPU time per message as a server, so a reply may wait for it.
        // Times therefore end with the kernel's timestamp.
        load: "--connections 1000 --size 128 --kernel-timestamps",
        metrics: &["cpu", "p99.9", "throughput"],
        bars: &[
            Bar::new("cpu", BARE, Limit::AtMost(1.00)).missed_because(
                "the thread that accepts costs a part of the difference, although it sleeps; nobody knows \
                 where the rest is",
            ),
            Bar::new("p99.9", BARE, Limit::AtMost(1.00)),
        ],
        ..NONE
    },
    Workload {
        number: 4,
        title: "50 connections, 64 B, 32 messages in flight on each",
        load: "--connections 50 --size 64 --depth 32",
        metrics: &["cpu", "throughput"],
        bars: &[Bar::new("cpu", BARE, Limit::AtMost(0.95)).missed_because(
            "nearly all of the time is inside `send`, `recv` and `epoll_wait`, and both servers make about the \
             same number of these calls",
        )],
        ..NONE
    },
    Workload {
        number: 5,
        title: "8 connections, lines of 64 KiB, 16 in flight on each",
        load: "--connections 8 --size 64KiB --depth 16",
        metrics: &["throughput", "p99.9", "cpu"],
        bars: &[
            Bar::new("throughput", BARE, Limit::AtLeast(1.00)),
            Bar::new("p99.9", Against::Nobody, Limit::AtMost(25e6)),
        ],
        ..NONE
    },
    Workload {
        number: 6,
        title: "churn: connect, one line, close; 32 at a time",
        // A local address has about 28,000 ports to one server, and a used port rests for a minute.
        load: "--connections 32 --size 128 --churn \
               --source-ip 127.0.0.1,127.0.0.2,127.0.0.3,127.0.0.4",
        metrics: &["cpu", "throughput", "connect-p99"],
        bars: &[Bar::new("cpu", BARE, Limit::AtMost(1.03)).missed_because(
            "acceptor and worker are two threads that share one CPU here, and handing a connection over costs \
             a wake-up and a thread switch",
        )],
        ..NONE
    },
    Workload {
        number: 7,
        title: "10,000 connections that have echoed one line each, and are idle",
        means: Means::Idle,
        // The timer of the throughput report would be the only thing that runs.
        ours: "--report-interval 0",
        metrics: &["memory", "idle-cpu"],
        bars: &[
            Bar::new("memory", Against::Nobody, Limit::AtMost(96.0)),
            // A page would show this as 0.00 ms per second.
            Bar::new("idle-cpu", Against::Nobody, Limit::AtMost(5e3)),
        ],
        ..NONE
    },
    Workload {
        variant: Some("40k"),
        title: "open loop, 40,000 messages a second over 50 connections, 128 B",
        load: "--connections 50 --size 128 --rate 40k",
        ..RESPONSE_TIMES
    },
    Workload {
        variant: Some("half"),
        title: "open loop at half of the rate that the bare epoll loop reaches in W2",
        means: Means::HalfTheRateOf("W2"),
        load: "--connections 50 --size 128",
        ..RESPONSE_TIMES
    },
    Workload {
        variant: Some("2k"),
        title: "2,000 messages a second over 50 connections, 128 B, beside 4 that flood",
        load: "--connections 50 --size 128 --rate 2k --flood 4 --flood-size 64KiB --flood-depth 16 \
               --kernel-timestamps",
        ..FAIRNESS
    },
    Workload {
        variant: Some("ping-pong"),
        title: "50 connections of ping-pong, 128 B, beside 4 that flood",
        // The thread that measures shares its CPU with the thread that floods, so times end with the
        // kernel's timestamp.
        load: "--connections 50 --size 128 --flood 4 --flood-size 64KiB --flood-depth 16 \
               --kernel-timestamps",
        ..FAIRNESS
    },
    Workload {
        number: 10,
        title: "3,000 connects at once",
        // Nearly no messages, because the connects are over before the first one.
        load: "--connections 3000 --size 128 --rate 3k",
        metrics: &["connect-max", "connect-p99"],
        bars: &[Bar::new("connect-max", Against::Nobody, Limit::AtMost(100e6))],
        ..NONE
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use echo_loadtest::compare::Metric;

    use super::*;
    use crate::findings::metric::IDLE_CPU;

    #[test]
    fn names_are_unique_and_each_bar_is_about_a_metric_of_the_table() {
        let names: BTreeSet<String> = ALL.iter().map(Workload::name).collect();
        assert_eq!(names.len(), ALL.len());
        for workload in ALL {
            let name = workload.name();
            assert!(!workload.metrics.is_empty(), "{name} shows nothing");
            for bar in workload.bars {
                assert!(workload.metrics.contains(&bar.metric), "{name}: {}", bar.metric);
            }
        }
    }

    #[test]
    fn loadtest_knows_every_metric_except_the_cpu_time_of_an_idle_server() {
        for workload in ALL {
            for name in workload.metrics.iter().filter(|name| **name != IDLE_CPU) {
                assert!(name.parse::<Metric>().is_ok(), "{}: {name}", workload.name());
            }
        }
    }

    #[test]
    fn a_workload_at_half_a_rate_comes_after_the_workload_that_gives_the_rate() {
        for (index, workload) in ALL.iter().enumerate() {
            if let Means::HalfTheRateOf(other) = workload.means {
                assert!(ALL[..index].iter().any(|before| before.name() == other), "{other}");
            }
        }
    }

    #[test]
    fn every_section_has_a_workload() {
        let numbers: BTreeSet<u32> = ALL.iter().map(|workload| workload.number).collect();
        assert!(numbers.into_iter().eq(1..=10));
    }
}
