//! What is measured, as data: a workload is a row. Knows neither processes nor figures.

use crate::findings::bar::{Against, Bar, Limit};

/// How the server and the load tester share the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Setting {
    /// One worker on one CPU, one thread of the load tester on another.
    Pinned,
    /// Two workers, and the system decides who runs where.
    Unpinned,
}

impl Setting {
    pub(crate) const ALL: [Self; 2] = [Self::Pinned, Self::Unpinned];

    /// As files and the command line call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Unpinned => "unpinned",
        }
    }

    /// As the page calls it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Pinned => "one worker, pinned",
            Self::Unpinned => "two workers, not pinned",
        }
    }

    /// Worker threads of each server.
    pub(crate) fn workers(self) -> u32 {
        match self {
            Self::Pinned => 1,
            Self::Unpinned => 2,
        }
    }

    /// Flags of `loadtest compare`.
    fn flags(self) -> &'static str {
        match self {
            Self::Pinned => "--threads 1 --pin-server 0 --pin-client 1",
            Self::Unpinned => "",
        }
    }
}

/// How a workload is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    /// By `loadtest compare`.
    Load,
    /// The same, at half of the rate that the yardstick reached in another workload.
    HalfTheRateOf(&'static str),
    /// By connections that are opened, speak once, and stay.
    Idle,
}

/// What both servers of a pair are put through.
#[derive(Debug)]
pub(crate) struct Workload {
    /// Of the section that it is in.
    pub(crate) number: u32,
    /// What tells it from others in the section.
    pub(crate) variant: Option<&'static str>,
    pub(crate) title: &'static str,
    pub(crate) means: Means,
    /// Flags of `loadtest compare`.
    pub(crate) load: &'static str,
    /// Further flags of our server.
    pub(crate) ours: &'static str,
    /// How many times as long as asked for its rounds are: what is rare takes time.
    pub(crate) rounds_last: u32,
    /// What is shown, by the names of `loadtest compare`; the first is plotted, and ranks the peers.
    pub(crate) metrics: &'static [&'static str],
    /// What we want to reach; judged in [`Setting::Pinned`].
    pub(crate) bars: &'static [Bar],
}

impl Workload {
    /// As files and the command line call it: `W1`, or `W1-busy-poll`.
    pub(crate) fn name(&self) -> String {
        match self.variant {
            Some(variant) => format!("{}-{variant}", self.section()),
            None => self.section(),
        }
    }

    /// Flags of `loadtest compare` in a setting, word by word.
    pub(crate) fn flags(&self, setting: Setting) -> Vec<&'static str> {
        [setting.flags(), self.load].into_iter().flat_map(str::split_whitespace).collect()
    }

    /// As the page calls the section that it is in.
    pub(crate) fn section(&self) -> String {
        format!("W{}", self.number)
    }
}

/// The peer that bars are set against: as little as an echo server can do.
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

const fn bar(metric: &'static str, against: Against, limit: Limit) -> Bar {
    Bar { metric, against, limit }
}

/// Response times: no worse than anybody's, as far as can be told. In a short round their tail is one
/// moment in which the machine had something else to do.
const RESPONSE_TIMES: Workload = Workload {
    number: 8,
    rounds_last: 3,
    metrics: &["p99", "p99.9", "cpu"],
    bars: &[
        bar("p99", Against::EveryPeer, Limit::NotShownAbove(1.00)),
        bar("p99.9", Against::EveryPeer, Limit::NotShownAbove(1.00)),
    ],
    ..NONE
};

/// What quiet connections feel of others that send all they can, and what those get all the same.
const FAIRNESS: Workload =
    Workload { number: 9, metrics: &["p99", "p50", "flood-throughput"], ..NONE };

const QUIET_ONES: Bar = bar("p99", Against::EveryPeer, Limit::AtMost(1.00));

const FLOODS: Bar = bar("flood-throughput", Against::EveryPeer, Limit::AtLeast(0.90));

const BARE: Against = Against::Peer(YARDSTICK);

/// All of them, in the order of the page.
pub(crate) const ALL: &[Workload] = &[
    Workload {
        number: 1,
        variant: Some("busy-poll"),
        title: "ping-pong over one connection, our server with --busy-poll",
        load: "--connections 1 --size 64 --busy-poll",
        ours: "--busy-poll 50us",
        metrics: &["p50", "p99", "cpu"],
        bars: &[bar("p50", Against::EveryPeer, Limit::AtMost(0.50))],
        ..NONE
    },
    Workload {
        number: 1,
        variant: Some("default"),
        title: "ping-pong over one connection, our server as it is",
        load: "--connections 1 --size 64 --busy-poll",
        metrics: &["p50", "p99", "cpu"],
        // Level: the page says why it goes so far.
        bars: &[bar("p50", Against::EveryPeer, Limit::AtMost(1.05))],
        ..NONE
    },
    Workload {
        number: 2,
        title: "50 connections, 128 B, one message in flight on each",
        load: "--connections 50 --size 128",
        metrics: &["cpu", "throughput", "p99"],
        bars: &[bar("cpu", BARE, Limit::AtMost(1.00))],
        ..NONE
    },
    Workload {
        number: 3,
        title: "1,000 connections, 128 B, one message in flight on each",
        // The load tester takes as much CPU as a server: a reply may wait as long for it.
        load: "--connections 1000 --size 128 --kernel-timestamps",
        metrics: &["cpu", "p99.9", "throughput"],
        bars: &[bar("cpu", BARE, Limit::AtMost(1.00)), bar("p99.9", BARE, Limit::AtMost(1.00))],
        ..NONE
    },
    Workload {
        number: 4,
        title: "50 connections, 64 B, 32 messages in flight on each",
        load: "--connections 50 --size 64 --depth 32",
        metrics: &["cpu", "throughput"],
        bars: &[bar("cpu", BARE, Limit::AtMost(0.95))],
        ..NONE
    },
    Workload {
        number: 5,
        title: "8 connections, lines of 64 KiB, 16 in flight on each",
        load: "--connections 8 --size 64KiB --depth 16",
        metrics: &["throughput", "p99.9", "cpu"],
        bars: &[
            bar("throughput", BARE, Limit::AtLeast(1.00)),
            bar("p99.9", Against::Nobody, Limit::AtMost(25e6)),
        ],
        ..NONE
    },
    Workload {
        number: 6,
        title: "churn: connect, one line, close; 32 at a time",
        // Each address has some 28,000 ports to a server, and a port rests for a minute.
        load: "--connections 32 --size 128 --churn \
               --source-ip 127.0.0.1,127.0.0.2,127.0.0.3,127.0.0.4",
        metrics: &["cpu", "throughput", "connect-p99"],
        bars: &[bar("cpu", BARE, Limit::AtMost(1.03))],
        ..NONE
    },
    Workload {
        number: 7,
        title: "10,000 connections that have echoed one line each, and are idle",
        means: Means::Idle,
        // Its timer is the one thing that would run.
        ours: "--report-interval 0",
        metrics: &["memory", "idle-cpu"],
        bars: &[
            bar("memory", Against::Nobody, Limit::AtMost(96.0)),
            // What is shown as 0.00 ms a second.
            bar("idle-cpu", Against::Nobody, Limit::AtMost(5e3)),
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
        title: "open loop at half of what the bare epoll loop reaches in W2",
        means: Means::HalfTheRateOf("W2"),
        load: "--connections 50 --size 128",
        ..RESPONSE_TIMES
    },
    Workload {
        variant: Some("2k"),
        title: "2,000 messages a second over 50 connections, 128 B, beside 4 that flood",
        load: "--connections 50 --size 128 --rate 2k --flood 4 --flood-size 64KiB --flood-depth 16 \
               --kernel-timestamps",
        bars: &[QUIET_ONES, FLOODS],
        ..FAIRNESS
    },
    Workload {
        variant: Some("ping-pong"),
        title: "50 connections of ping-pong, 128 B, beside 4 that flood",
        // The thread that measures has to share its CPU with the one that floods.
        load: "--connections 50 --size 128 --flood 4 --flood-size 64KiB --flood-depth 16 \
               --kernel-timestamps",
        bars: &[QUIET_ONES, FLOODS],
        ..FAIRNESS
    },
    Workload {
        number: 10,
        title: "3,000 connects at once",
        // Hardly any messages: what is looked at is over before the first.
        load: "--connections 3000 --size 128 --rate 3k",
        metrics: &["connect-max", "connect-p99"],
        bars: &[bar("connect-max", Against::Nobody, Limit::AtMost(100e6))],
        ..NONE
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_every_bar_is_of_a_metric_that_is_shown() {
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
    fn what_a_rate_is_taken_from_comes_before() {
        for (index, workload) in ALL.iter().enumerate() {
            if let Means::HalfTheRateOf(other) = workload.means {
                assert!(ALL[..index].iter().any(|before| before.name() == other), "{other}");
            }
        }
    }
}
