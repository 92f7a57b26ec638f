//! The work of the `client` program: many clients at once. Each client has its own thread and its own
//! connection. This module knows no command line and no exit code.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, never, unbounded};
use log::{debug, error};

use crate::client::Client;
use crate::connect;
use crate::error::{ClientError, ClientErrorKind};
use crate::input;
use crate::line::Line;
pub use crate::output::Output;
use crate::report::Progress;

/// Size of the stack of a client's thread. The buffers are on the heap, so writing a log record needs
/// the most. The system allocates only the pages that a thread touches.
const CLIENT_STACK_LEN: usize = 128 * 1024;

/// The settings of a run.
#[derive(Debug, Clone)]
pub struct Config {
    /// The server's name or address; an IPv6 address has no brackets.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// Number of clients that run at once.
    pub num_clients: u32,
    /// What each of them sends.
    pub messages: Messages,
    /// Time limit for connecting, for each reply, and for the server's end of the connection; longer
    /// than zero.
    pub timeout: Duration,
    /// What the program does with the replies.
    pub output: Output,
    /// How often to log the throughput; zero turns these reports off.
    pub report_interval: Duration,
}

/// What each client sends.
#[derive(Debug, Clone)]
pub enum Messages {
    /// The same line, this many times.
    Repeated(Line, u64),
    /// Each line of standard input, as soon as it is complete.
    StandardInput,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every client sent everything, and every reply was right.
    AllRight,
    /// Something failed, and the log says what.
    Failed,
    /// The reader of standard output went away before the end, and nothing had failed until then.
    OutputClosed,
}

/// Why the whole run ends at once, although clients are still running.
#[derive(Debug)]
enum Halt {
    Output(io::Error),
    Input(io::Error),
}

/// Why one client failed.
#[derive(Debug)]
enum Failure {
    Client(ClientError),
    Output(io::Error),
}

/// The messages of one client.
enum Source {
    Repeated(Line, u64),
    Queue(Receiver<Line>),
}

/// One run of many clients.
#[derive(Debug)]
pub struct Run {
    config: Config,
    progress: Progress,
}

impl Run {
    /// Prepares a run. The time of the run begins now.
    #[must_use]
    pub fn new(config: Config) -> Arc<Self> {
        let progress = Progress::new(config.num_clients);
        Arc::new(Self { config, progress })
    }

    /// Runs all clients to their end. Logs each failure and the summary.
    ///
    /// After a failure of standard input or output this may return while client threads still run.
    /// The caller then ends the process, because their work has no more use.
    pub fn work(self: &Arc<Self>) -> Ending {
        let ending = match self.run_reported() {
            Ok(None) if self.progress.all_succeeded() => Ending::AllRight,
            Ok(None) => Ending::Failed,
            Ok(Some(halt)) => self.halted(&halt),
            Err(error) => {
                // This error comes before the first client has started.
                self.progress.all_failed();
                error!("{error}");
                Ending::Failed
            }
        };
        self.log_summary();
        ending
    }

    /// Logs the summary of the work so far, unless it was logged before. Any thread may call this.
    pub fn log_summary(&self) {
        self.progress.log_summary();
    }

    fn halted(&self, halt: &Halt) -> Ending {
        match halt {
            Halt::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                let failed = self.progress.any_failed();
                return if failed { Ending::Failed } else { Ending::OutputClosed };
            }
            Halt::Output(error) => error!("write standard output: {error}"),
            Halt::Input(error) => error!("read standard input: {error}"),
        }
        Ending::Failed
    }

    /// Runs the clients and, next to them, the thread that reports the throughput.
    fn run_reported(self: &Arc<Self>) -> Result<Option<Halt>, ClientError> {
        let interval = self.config.report_interval;
        if interval.is_zero() {
            return self.run_clients();
        }
        let (end, ended) = unbounded();
        let run = Arc::clone(self);
        let reporter = thread::Builder::new()
            .name("report".to_owned())
            .spawn(move || run.progress.log_throughput(interval, &ended))
            .map_err(|source| self.no_thread("the report", source))?;
        let halt = self.run_clients();
        drop(end);
        // A panic of the reporter has printed its message, and does not affect the clients.
        let _ = reporter.join();
        halt
    }

    /// Starts all clients, and waits until all have ended or the run halts.
    fn run_clients(self: &Arc<Self>) -> Result<Option<Halt>, ClientError> {
        let addresses = connect::resolve(&self.config.host, self.config.port)?.into();
        let (sources, input_failed) = self.sources()?;
        let (halt, halted) = unbounded();
        for (number, source) in (1..).zip(sources) {
            self.start_client(number, &addresses, source, halt.clone());
        }
        drop(halt);
        // Each client holds a sender until it ends. The input thread holds none, because it may wait
        // for input for ever.
        Ok(halted.recv().or_else(|_| input_failed.try_recv().map(Halt::Input)).ok())
    }

    /// Returns a source for each client, and the channel that carries a failure of the input. The
    /// failure is in the channel before the sources end.
    fn sources(&self) -> Result<(Vec<Source>, Receiver<io::Error>), ClientError> {
        let clients = self.config.num_clients;
        match &self.config.messages {
            Messages::Repeated(line, count) => {
                let source = |_| Source::Repeated(line.clone(), *count);
                Ok(((0..clients).map(source).collect(), never()))
            }
            Messages::StandardInput => {
                let (queues, failed) = input::start(clients)
                    .map_err(|source| self.no_thread("standard input", source))?;
                Ok((queues.into_iter().map(Source::Queue).collect(), failed))
            }
        }
    }

    fn start_client(
        self: &Arc<Self>,
        number: u32,
        addresses: &Arc<[SocketAddr]>,
        source: Source,
        halt: Sender<Halt>,
    ) {
        let (run, addresses) = (Arc::clone(self), Arc::clone(addresses));
        let started = thread::Builder::new()
            .name(format!("client-{number}"))
            .stack_size(CLIENT_STACK_LEN)
            .spawn(move || run.client(number, &addresses, source, &halt));
        if let Err(source) = started {
            self.failed(number, &self.no_thread("a client", source));
        }
    }

    fn no_thread(&self, purpose: &'static str, source: io::Error) -> ClientError {
        let server = format!("{}:{}", self.config.host, self.config.port);
        ClientError::new(server, ClientErrorKind::Thread { purpose, source })
    }

    /// Runs one client from its connection to its end.
    fn client(&self, number: u32, addresses: &[SocketAddr], source: Source, halt: &Sender<Halt>) {
        match self.converse(number, addresses, source) {
            Ok(()) => self.progress.succeeded(),
            Err(Failure::Client(error)) => self.failed(number, &error),
            // The send fails if another client has halted the run already.
            Err(Failure::Output(error)) => drop(halt.send(Halt::Output(error))),
        }
    }

    fn failed(&self, number: u32, error: &ClientError) {
        self.progress.failed();
        error!("client {number}: {error}");
    }

    fn converse(
        &self,
        number: u32,
        addresses: &[SocketAddr],
        source: Source,
    ) -> Result<(), Failure> {
        let mut client =
            Client::connect(addresses, self.config.timeout).map_err(Failure::Client)?;
        let _connected = self.progress.connected();
        debug!("client {number}: connected to {}", client.server());
        match source {
            Source::Repeated(line, count) => {
                (0..count).try_for_each(|_| self.echo(&mut client, &line))?;
            }
            Source::Queue(lines) => {
                lines.iter().try_for_each(|line| self.echo(&mut client, &line))?;
            }
        }
        client.finish().map_err(Failure::Client)?;
        debug!("client {number}: finished");
        Ok(())
    }

    fn echo(&self, client: &mut Client, line: &Line) -> Result<(), Failure> {
        let bytes = line.as_bytes();
        match client.echo_line(line) {
            Ok(()) => {
                self.progress.echoed(bytes.len());
                self.config.output.reply(bytes, &[]).map_err(Failure::Output)
            }
            Err(error) => {
                let (matched_len, rest) = error.kind.received();
                let matched = bytes.get(..matched_len).unwrap_or_default();
                // The error of the client matters more than a second error, of the output.
                let _ = self.config.output.reply(matched, rest);
                Err(Failure::Client(error))
            }
        }
    }
}
