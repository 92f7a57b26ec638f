//! Runs a server in this process, on a free port of the loopback interface.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Once;
use std::thread::{self, JoinHandle};

use echo_common::descriptors;
use echo_server::{Config, Framing, Handle, Server, ServerError, Stats, Summary};
use log::{LevelFilter, Log, Metadata, Record};

use crate::peer;
use crate::wait::{DEADLINE, holds_in_time};

/// A server that runs on its own threads. Dropping this value stops the server.
pub struct Running {
    /// The address on which the server listens.
    pub address: SocketAddr,
    /// The handle of the server.
    pub handle: Handle,
    /// The thread of the server; `None` once its end has been awaited.
    thread: Option<JoinHandle<Result<Summary, ServerError>>>,
}

/// Returns the settings of a server with line framing, on a free port.
#[must_use]
pub fn line(workers: usize) -> Config {
    Config {
        address: (Ipv4Addr::LOCALHOST, 0).into(),
        num_workers: NonZeroUsize::new(workers).expect("a server has workers"),
        ..Config::default()
    }
}

/// Returns the settings of a server with raw framing, on a free port.
#[must_use]
pub fn raw(workers: usize) -> Config {
    Config { framing: Framing::Raw, ..line(workers) }
}

/// Returns settings with both framings, each with one worker and with several.
#[must_use]
pub fn every_kind() -> [Config; 4] {
    [line(1), line(3), raw(1), raw(3)]
}

/// Binds a server that does not run yet, so that connections wait in the backlog.
///
/// # Panics
/// When the server cannot bind.
#[must_use]
pub fn bind(config: Config) -> Server {
    prepare();
    Server::bind(config).expect("the server binds")
}

/// Prepares the process like a `main` does: raises the limit on descriptors, and starts a log, which
/// here discards the records.
pub fn prepare() {
    static PREPARED: Once = Once::new();
    PREPARED.call_once(|| {
        descriptors::raise_limit();
        log::set_logger(&Nowhere).expect("there is one logger");
        log::set_max_level(LevelFilter::Info);
    });
}

/// Formats records and discards them, so that the code that formats them runs.
struct Nowhere;

impl Log for Nowhere {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        let written = record.args().to_string();
        assert!(!written.contains('\n'), "a record is one line: {written}");
    }

    fn flush(&self) {}
}

impl Running {
    /// Binds and runs a server.
    #[must_use]
    pub fn start(config: Config) -> Self {
        Self::run(bind(config))
    }

    /// Runs a bound server.
    #[must_use]
    pub fn run(server: Server) -> Self {
        let (address, handle) = (server.local_addr(), server.handle());
        let thread = thread::spawn(move || server.run());
        Self { address, handle, thread: Some(thread) }
    }

    /// Opens a new connection.
    #[must_use]
    pub fn connect(&self) -> TcpStream {
        peer::connect(self.address)
    }

    /// Returns the sum of the workers' counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.handle.stats()
    }

    /// Waits until `condition` holds for the counters, and returns the counters.
    ///
    /// # Panics
    /// When it does not hold in time; the message contains `what` and the counters.
    #[track_caller]
    pub fn wait_for(&self, what: &str, condition: impl Fn(&Stats) -> bool) -> Stats {
        let mut stats = self.stats();
        let holds = holds_in_time(|| {
            stats = self.stats();
            condition(&stats)
        });
        assert!(holds, "waited {DEADLINE:?} in vain for {what}; {stats:?}");
        stats
    }

    /// Waits until the counters include everything that the worker of `stream` did before this call.
    /// A worker publishes its counters after each turn, so before it answers in a later turn.
    pub fn settle(&self, stream: &TcpStream) {
        peer::ping(stream);
        peer::ping(stream);
    }

    /// Stops the server and returns its summary.
    ///
    /// # Panics
    /// When the server fails or does not end in time.
    #[track_caller]
    pub fn stop(self) -> Summary {
        self.handle.shutdown();
        self.end().expect("the server ends well")
    }

    /// Stops the server, and checks that its summary reports no failure.
    #[track_caller]
    pub fn stop_clean(self) -> Summary {
        let summary = self.stop();
        let stats = summary.stats;
        assert!(summary.all_delivered(), "{stats:?}");
        assert_eq!((stats.open(), stats.failed, stats.cut), (0, 0, 0), "{stats:?}");
        assert_eq!(stats.received, stats.sent, "{stats:?}");
        summary
    }

    /// Waits for the end of the server.
    ///
    /// # Errors
    /// The error of the server.
    ///
    /// # Panics
    /// When the server does not end in time.
    #[track_caller]
    pub fn end(mut self) -> Result<Summary, ServerError> {
        let thread = self.thread.take().expect("it ends once");
        assert!(ends_in_time(&thread), "the server does not end; {:?}", self.stats());
        thread.join().expect("the server does not panic")
    }
}

fn ends_in_time<T>(thread: &JoinHandle<T>) -> bool {
    holds_in_time(|| thread.is_finished())
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.handle.shutdown();
            let ends = ends_in_time(&thread);
            assert!(ends || thread::panicking(), "the server does not end; {:?}", self.stats());
        }
    }
}
