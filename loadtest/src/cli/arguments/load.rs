//! The flags that describe a load. They are the same for every command that loads a server.

use std::env;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use clap::builder::BoolishValueParser;
use clap::{ValueEnum, value_parser};
use echo_loadtest::plan::{Arrival, Flood, Limit, Plan, Share, Sizes};
use echo_loadtest::target::Cpus;

use crate::cli::arguments::messages;
use crate::cli::arguments::values::{self, SizeArg};

/// Kubernetes sets this variable in the pods of an Indexed Job.
const JOB_INDEX_VARIABLE: &str = "JOB_COMPLETION_INDEX";

/// Stands for the target where it is not known yet.
pub(crate) const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

const DEFAULT_DURATION: Duration = Duration::from_secs(10);

/// Random seeds are below this, so that they are short enough to type.
const SEED_LIMIT: u64 = 1 << 32;

/// The flags for a load.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Load")]
pub(crate) struct LoadArgs {
    /// Number of connections that are open at a time
    #[arg(
        long,
        allow_negative_numbers = true,
        env = "ECHO_LOADTEST_CONNECTIONS",
        value_name = "N"
    )]
    #[arg(default_value_t = 50, value_parser = value_parser!(u32).range(1..))]
    pub(crate) connections: u32,

    /// Number of threads that drive the connections, 1 to 1024 [default: half of the CPUs]
    #[arg(long, allow_negative_numbers = true, env = "ECHO_LOADTEST_THREADS", value_name = "N")]
    #[arg(value_parser = value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,

    /// Length of a message with its newline: a size, a range such as 64..1024, or @FILE
    ///
    /// In a range, each length is equally likely. With @messages.txt, each line of that file is one
    /// message.
    #[arg(long, env = "ECHO_LOADTEST_SIZE", value_name = "SIZE", default_value = "128")]
    #[arg(value_parser = values::size)]
    pub(crate) size: SizeArg,

    /// Maximum number of messages in flight on each connection, 1 to 65536
    #[arg(long, allow_negative_numbers = true, env = "ECHO_LOADTEST_DEPTH", value_name = "N")]
    #[arg(default_value_t = 1, value_parser = value_parser!(u32).range(1..=65_536))]
    pub(crate) depth: u32,

    /// Number of messages that are sent together in one write, at most --depth
    #[arg(long, allow_negative_numbers = true, env = "ECHO_LOADTEST_SEND_BURST", value_name = "N")]
    #[arg(default_value_t = 1, value_parser = value_parser!(u32).range(1..))]
    pub(crate) send_burst: u32,

    /// Messages per second over all connections, such as 50000, 50k or 1.5M [default: a closed loop]
    ///
    /// A rate makes an open loop: messages become due on schedule, whether earlier replies have arrived or
    /// not, and response times count from the due time. Without a rate, the load is a closed loop, in which
    /// each message follows the reply to the message before it.
    #[arg(long, allow_negative_numbers = true, env = "ECHO_LOADTEST_RATE", value_name = "RATE")]
    #[arg(value_parser = values::rate)]
    pub(crate) rate: Option<f64>,

    /// How the messages of an open loop are spread over time [default: constant]
    #[arg(long, env = "ECHO_LOADTEST_ARRIVAL", value_enum)]
    pub(crate) arrival: Option<ArrivalArg>,

    /// New connections per second [default: all at once]
    #[arg(long, allow_negative_numbers = true, env = "ECHO_LOADTEST_CONNECT_RATE")]
    #[arg(value_name = "RATE", value_parser = values::rate)]
    pub(crate) connect_rate: Option<f64>,

    /// Open a new connection for every message
    #[arg(long, env = "ECHO_LOADTEST_CHURN", value_parser = BoolishValueParser::new())]
    pub(crate) churn: bool,

    /// Number of messages after which a connection is replaced by a new one [default: no limit]
    #[arg(long, allow_negative_numbers = true, env = "ECHO_LOADTEST_MESSAGES_PER_CONNECTION")]
    #[arg(value_name = "N", value_parser = values::count)]
    pub(crate) messages_per_connection: Option<u64>,

    /// How long to measure, at most 365 days [default: 10s]
    #[arg(long, env = "ECHO_LOADTEST_DURATION", value_name = "DURATION")]
    #[arg(value_parser = values::positive_duration)]
    pub(crate) duration: Option<Duration>,

    /// Number of messages to measure instead of a duration, such as 1000000 or 1M
    #[arg(long, allow_negative_numbers = true, env = "ECHO_LOADTEST_COUNT", value_name = "N")]
    #[arg(value_parser = values::count)]
    pub(crate) count: Option<u64>,

    /// How long to apply the load before the measurement begins; may be 0
    #[arg(long, env = "ECHO_LOADTEST_WARMUP", value_name = "DURATION", default_value = "1s")]
    #[arg(value_parser = values::duration)]
    pub(crate) warmup: Duration,

    /// How long a connect, a message or the end of a stream may take, such as 500ms or 10s
    #[arg(long, env = "ECHO_LOADTEST_TIMEOUT", value_name = "DURATION", default_value = "10s")]
    #[arg(value_parser = values::positive_duration)]
    pub(crate) timeout: Duration,

    /// Seed of the content and of every random choice [default: a random seed, which is shown]
    ///
    /// The same seed sends the same bytes.
    #[arg(long, allow_negative_numbers = true, env = "ECHO_LOADTEST_SEED", value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Local addresses to connect from, in turn [default: the system chooses]
    ///
    /// Repeat the flag, or separate several addresses with commas. Each address has about 64,000 ports, so
    /// more connections than that to one server need more addresses.
    #[arg(long, env = "ECHO_LOADTEST_SOURCE_IP", value_name = "IP", value_delimiter = ',')]
    pub(crate) source_ip: Vec<IpAddr>,

    /// Number of additional connections that flood the server beside the measured load
    ///
    /// The flood starts before the other connections and lasts until the end of the measurement. Each of its
    /// connections sends a line whenever one comes back. Its bytes are verified, and its times are not
    /// measured. With --rate and without --busy-poll, the thread of the flood yields its CPU to every other
    /// thread (Linux).
    #[arg(long, allow_negative_numbers = true, env = "ECHO_LOADTEST_FLOOD", value_name = "N")]
    #[arg(default_value_t = 0)]
    pub(crate) flood: u32,

    /// Length of a line of the flood, with its newline
    #[arg(long, env = "ECHO_LOADTEST_FLOOD_SIZE", value_name = "SIZE", default_value = "64KiB")]
    #[arg(value_parser = values::length)]
    pub(crate) flood_size: usize,

    /// Number of lines in flight on each connection of the flood, 1 to 65536
    #[arg(long, allow_negative_numbers = true, env = "ECHO_LOADTEST_FLOOD_DEPTH")]
    #[arg(value_name = "N", default_value_t = 16)]
    #[arg(value_parser = value_parser!(u32).range(1..=65_536))]
    pub(crate) flood_depth: u32,

    /// Poll for replies without sleeping: the times are finer, and each thread uses a whole CPU
    #[arg(long, env = "ECHO_LOADTEST_BUSY_POLL", value_parser = BoolishValueParser::new())]
    pub(crate) busy_poll: bool,

    /// Take the time of arrival from the kernel instead of from the load tester (Linux)
    ///
    /// A message then counts as received when the system received it, not when the load tester read it.
    #[arg(long, env = "ECHO_LOADTEST_KERNEL_TIMESTAMPS", value_parser = BoolishValueParser::new())]
    pub(crate) kernel_timestamps: bool,

    /// CPUs for the threads of the load tester, in turn, such as 0,2-3 [default: any]
    #[arg(long, env = "ECHO_LOADTEST_PIN_CLIENT", value_name = "CPUS")]
    pub(crate) pin_client: Option<Cpus>,

    /// Number of this generator among those that share the load, from 0 [default: JOB_COMPLETION_INDEX]
    ///
    /// --connections, --rate and --count are the totals of all generators. Kubernetes sets the variable
    /// JOB_COMPLETION_INDEX, which counts only together with --agent-count.
    #[arg(
        long,
        allow_negative_numbers = true,
        env = "ECHO_LOADTEST_AGENT_INDEX",
        value_name = "N"
    )]
    pub(crate) agent_index: Option<u32>,

    /// Number of generators that share the load
    #[arg(
        long,
        allow_negative_numbers = true,
        env = "ECHO_LOADTEST_AGENT_COUNT",
        value_name = "N"
    )]
    #[arg(default_value_t = 1, value_parser = value_parser!(u32).range(1..))]
    pub(crate) agent_count: u32,

    /// When the load begins, such as 2026-11-24T03:20:40Z [default: when every connection has been tried]
    ///
    /// Several generators can begin together in this way. The time may have an offset such as +01:00, or
    /// may be a number of seconds since 1970.
    #[arg(
        long,
        allow_negative_numbers = true,
        env = "ECHO_LOADTEST_START_AT",
        value_name = "TIME"
    )]
    #[arg(value_parser = values::time)]
    pub(crate) start_at: Option<SystemTime>,

    /// Length of an interval of the report, at least 10ms
    ///
    /// Without a terminal, progress is logged at this interval too.
    #[arg(long, env = "ECHO_LOADTEST_REPORT_INTERVAL", value_name = "DURATION")]
    #[arg(default_value = "1s", value_parser = values::report_interval)]
    pub(crate) report_interval: Duration,
}

/// The ways in which messages are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArrivalArg {
    /// At equal distances
    Constant,
    /// At random, as from many independent users
    Poisson,
}

impl LoadArgs {
    /// Refuses flags that contradict each other, with a sentence.
    pub(super) fn check(&self) -> Result<(), String> {
        let contradictions = [
            (
                self.duration.is_some() && self.count.is_some(),
                "--duration cannot be used with --count",
            ),
            (self.arrival.is_some() && self.rate.is_none(), "--arrival needs --rate"),
            (
                self.churn && self.messages_per_connection.is_some(),
                "--churn is one message per connection: it cannot be used with \
                 --messages-per-connection",
            ),
        ];
        if let Some((_, sentence)) = contradictions.iter().find(|(holds, _)| *holds) {
            return Err((*sentence).to_owned());
        }
        // A file of messages is read, and checked, when its run begins.
        let any = Sizes::Range(1, 1);
        self.plan_with(NOWHERE, any)?.check()
    }

    /// Returns our part of the load. The variable of Kubernetes counts only if the load is shared,
    /// because a job may be indexed for another reason.
    fn share(&self, job_index: Option<&str>) -> Result<Share, String> {
        let count = self.agent_count;
        let index = match (self.agent_index, job_index) {
            (Some(_), _) if count == 1 => {
                return Err("--agent-index needs an --agent-count of at least 2".to_owned());
            }
            (None, _) if count == 1 => return Ok(Share::WHOLE),
            (Some(index), _) => index,
            (None, Some(text)) => text
                .parse()
                .map_err(|_| format!("{JOB_INDEX_VARIABLE} is {text:?}, which is no number"))?,
            (None, None) => {
                return Err(
                    "--agent-count needs --agent-index, the number of this generator".to_owned()
                );
            }
        };
        if index >= count {
            let last = count - 1;
            return Err(format!("--agent-index must be from 0 to {last}"));
        }
        Ok(Share { index, count })
    }

    /// Returns the load that the flags ask for.
    ///
    /// # Errors
    /// A sentence when the file of messages cannot be used.
    pub(crate) fn plan(&self, target: SocketAddr) -> Result<Plan, String> {
        let sizes = match &self.size {
            SizeArg::Range(min, max) => Sizes::Range(*min, *max),
            SizeArg::File(path) => messages::read(path)?,
        };
        self.plan_with(target, sizes)
    }

    fn plan_with(&self, target: SocketAddr, sizes: Sizes) -> Result<Plan, String> {
        Ok(Plan {
            target,
            connections: self.connections,
            threads: self.threads.unwrap_or_else(default_threads),
            sizes,
            depth: self.depth,
            send_burst: self.send_burst,
            arrival: self.arrival(),
            connect_rate: self.connect_rate,
            messages_per_connection: if self.churn {
                Some(1)
            } else {
                self.messages_per_connection
            },
            limit: self.limit(),
            warmup: self.warmup,
            timeout: self.timeout,
            seed: self.seed.unwrap_or_else(|| fastrand::u64(..SEED_LIMIT)),
            source_ips: self.source_ip.clone(),
            busy_poll: self.busy_poll,
            kernel_timestamps: self.kernel_timestamps,
            cpus: self.pin_client.as_ref().map_or(vec![], |cpus| cpus.numbers().to_vec()),
            gives_way: false,
            share: self.share(env::var(JOB_INDEX_VARIABLE).ok().as_deref())?,
            start_at: self.start_at,
            interval: self.report_interval,
            samples: None,
            flood: self.flood(),
        })
    }

    fn arrival(&self) -> Arrival {
        match (self.rate, self.arrival.unwrap_or(ArrivalArg::Constant)) {
            (None, _) => Arrival::Closed,
            (Some(rate), ArrivalArg::Constant) => Arrival::Constant(rate),
            (Some(rate), ArrivalArg::Poisson) => Arrival::Poisson(rate),
        }
    }

    fn flood(&self) -> Option<Flood> {
        let (connections, size, depth) = (self.flood, self.flood_size, self.flood_depth);
        (connections > 0).then_some(Flood { connections, size, depth })
    }

    fn limit(&self) -> Limit {
        match self.count {
            Some(count) => Limit::Count(count),
            None => Limit::Duration(self.duration.unwrap_or(DEFAULT_DURATION)),
        }
    }
}

/// Returns half of the CPUs, because a server on the same machine needs the other half.
fn default_threads() -> u32 {
    u32::try_from(num_cpus::get() / 2).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Only {
        #[command(flatten)]
        load: LoadArgs,
    }

    fn load(flags: &str) -> LoadArgs {
        Only::parse_from(["loadtest"].into_iter().chain(flags.split_whitespace())).load
    }

    fn plan(flags: &str) -> Plan {
        let load = load(flags);
        load.check().unwrap();
        load.plan(SocketAddr::from(([127, 0, 0, 1], 7))).unwrap()
    }

    #[test]
    fn the_defaults_are_a_closed_loop_of_ten_seconds() {
        let plan = plan("");
        assert_eq!((plan.connections, plan.depth, plan.send_burst), (50, 1, 1));
        assert_eq!((plan.sizes, plan.arrival), (Sizes::Range(128, 128), Arrival::Closed));
        assert_eq!(plan.limit, Limit::Duration(Duration::from_secs(10)));
        assert_eq!((plan.warmup, plan.timeout), (Duration::from_secs(1), Duration::from_secs(10)));
        assert_eq!((plan.share, plan.interval), (Share::WHOLE, Duration::from_secs(1)));
        assert_eq!((plan.connect_rate, plan.messages_per_connection), (None, None));
        assert!(plan.threads >= 1 && plan.seed < SEED_LIMIT && plan.start_at.is_none());
        assert!(plan.source_ips.is_empty() && plan.cpus.is_empty());
        assert!(!plan.busy_poll && !plan.kernel_timestamps);
        assert_eq!(plan.target.port(), 7);
    }

    #[test]
    fn every_flag_gets_to_its_place() {
        let plan = plan(
            "--connections 4 --threads 2 --size 64..1KiB --depth 8 --send-burst 4 --rate 1.5k \
             --arrival poisson --connect-rate 100 --messages-per-connection 3 --duration 2s \
             --warmup 0 --timeout 1s --seed 9 --source-ip 127.0.0.1,127.0.0.2 --source-ip ::1 \
             --busy-poll --pin-client 0,2-3 --agent-index 1 --agent-count 2 --start-at 1795000000 \
             --report-interval 500ms --flood 3 --flood-size 1MiB --flood-depth 2",
        );
        assert_eq!((plan.connections, plan.threads, plan.depth, plan.send_burst), (4, 2, 8, 4));
        assert_eq!((plan.sizes, plan.arrival), (Sizes::Range(64, 1024), Arrival::Poisson(1_500.0)));
        assert_eq!((plan.connect_rate, plan.messages_per_connection), (Some(100.0), Some(3)));
        assert_eq!(plan.limit, Limit::Duration(Duration::from_secs(2)));
        assert_eq!((plan.warmup, plan.timeout), (Duration::ZERO, Duration::from_secs(1)));
        assert_eq!((plan.seed, plan.busy_poll, plan.cpus), (9, true, vec![0, 2, 3]));
        assert_eq!(plan.source_ips.len(), 3);
        assert_eq!(plan.share, Share { index: 1, count: 2 });
        assert_eq!(plan.flood, Some(Flood { connections: 3, size: 1 << 20, depth: 2 }));
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
        assert_eq!((plan.start_at, plan.interval), (Some(start), Duration::from_millis(500)));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn times_by_the_system_are_to_be_had_on_linux() {
        assert!(plan("--kernel-timestamps").kernel_timestamps);
    }

    #[test]
    #[cfg(not(target_os = "linux"))]
    fn times_by_the_system_are_to_be_had_on_linux() {
        let sentence = load("--kernel-timestamps").check().unwrap_err();
        assert!(sentence.contains("--kernel-timestamps needs Linux"), "{sentence}");
    }

    #[test]
    fn there_is_no_flood_unless_it_is_asked_for() {
        assert_eq!(plan("--flood-size 1KiB").flood, None);
        assert_eq!(
            plan("--flood 2").flood,
            Some(Flood { connections: 2, size: 65_536, depth: 16 })
        );
    }

    #[test]
    fn a_rate_alone_is_constant_and_churn_is_one_message() {
        let plan = plan("--rate 2M --churn --count 10k");
        assert_eq!(plan.arrival, Arrival::Constant(2e6));
        assert_eq!(plan.messages_per_connection, Some(1));
        assert_eq!(plan.limit, Limit::Count(10_000));
    }

    #[test]
    fn contradictions_are_told_in_a_sentence() {
        for (flags, named) in [
            ("--duration 1s --count 5", "--duration cannot be used with --count"),
            ("--arrival constant", "--arrival needs --rate"),
            ("--send-burst 2", "--send-burst cannot be greater than --depth"),
            ("--churn --messages-per-connection 2", "--messages-per-connection"),
            ("--agent-index 0", "--agent-index needs an --agent-count"),
            ("--agent-count 2 --agent-index 2", "--agent-index must be from 0 to 1"),
            ("--agent-count 3 --agent-index 0 --connections 2", "fewer --connections than"),
            ("--agent-count 3 --agent-index 0 --flood 2", "fewer connections of the --flood"),
            ("--agent-count 3 --agent-index 0 --count 2", "fewer messages (--count) than"),
        ] {
            let sentence = load(flags).check().unwrap_err();
            assert!(sentence.contains(named), "{flags}: {sentence}");
        }
    }

    #[test]
    fn the_index_of_a_job_counts_where_the_load_is_shared() {
        let share = |flags, job| load(flags).share(job);
        assert_eq!(share("--agent-count 4", Some("3")), Ok(Share { index: 3, count: 4 }));
        assert_eq!(
            share("--agent-count 4 --agent-index 1", Some("3")),
            Ok(Share { index: 1, count: 4 })
        );
        assert_eq!(share("", Some("3")), Ok(Share::WHOLE));
        assert!(share("--agent-count 4", None).unwrap_err().contains("--agent-index"));
        assert!(share("--agent-count 4", Some("x")).unwrap_err().contains("\"x\""));
        assert!(share("--agent-count 4", Some("4")).is_err());
    }

    #[test]
    fn seeds_differ_unless_given() {
        let seeds: std::collections::HashSet<_> = (0..8).map(|_| plan("").seed).collect();
        assert!(seeds.len() > 1);
    }
}
