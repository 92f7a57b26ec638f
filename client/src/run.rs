//! What the `client` program does: many clients at once, each on a thread of its own, each with its
//! own connection. Knows no command line and no exit code.

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

/// The stack of a client's thread. The buffers are on the heap; most of this is for writing a log
/// record, and no memory is taken for what is never touched.
const CLIENT_STACK_LEN: usize = 128 * 1024;

/// What to do.
#[derive(Debug, Clone)]
pub struct Config {
    /// A name or an address of the server; an IPv6 address without brackets.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// How many clients run at once.
    pub num_clients: u32,
    /// What each of them sends.
    pub messages: Messages,
    /// For connecting, for each reply, and for the server's end; longer than zero.
    pub timeout: Duration,
    /// What becomes of the replies.
    pub output: Output,
    /// How often the throughput is logged; zero is never.
    pub report_interval: Duration,
}

/// What each client sends.
#[derive(Debug, Clone)]
pub enum Messages {
    /// The same line, so many times.
    Repeated(Line, u64),
    /// Each line of standard input, as soon as it is there.
    StandardInput,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every client sent everything, and every reply was right.
    AllRight,
    /// Something failed; it is in the log.
    Failed,
    /// Nobody reads standard output any more. Nothing had failed, and not everything was done.
    OutputClosed,
}

/// Why everything ends at once, whatever the other clients do.
#[derive(Debug)]
enum Halt {
    Output(io::Error),
    Input(io::Error),
}

/// Why one client ended too early.
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
    /// Prepares a run; its time begins here.
    #[must_use]
    pub fn new(config: Config) -> Arc<Self> {
        let progress = Progress::new(config.num_clients);
        Arc::new(Self { config, progress })
    }

    /// Runs all clients to their end, and logs what fails and the summary. May return while threads
    /// still run, when nothing they could do matters any more; the caller then ends the process.
    pub fn work(self: &Arc<Self>) -> Ending {
        let ending = match self.run_reported() {
            Ok(None) if self.progress.all_succeeded() => Ending::AllRight,
            Ok(None) => Ending::Failed,
            Ok(Some(halt)) => self.halted(&halt),
            Err(error) => {
                // Only before the first client started.
                self.progress.all_failed();
                error!("{error}");
                Ending::Failed
            }
        };
        self.log_summary();
        ending
    }

    /// Logs what was done so far, unless it was logged before. For any thread.
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

    /// Runs the clients beside the thread that reports.
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
        // A report that panicked is told by the panic; the clients' work is not touched by it.
        let _ = reporter.join();
        halt
    }

    /// Starts all clients, and waits until each of them ended, or for a halt.
    fn run_clients(self: &Arc<Self>) -> Result<Option<Halt>, ClientError> {
        let addresses = connect::resolve(&self.config.host, self.config.port)?.into();
        let (sources, input_failed) = self.sources()?;
        let (halt, halted) = unbounded();
        for (number, source) in (1..).zip(sources) {
            self.start_client(number, &addresses, source, halt.clone());
        }
        drop(halt);
        // Each client holds a sender until it ended; the input does not, for it may never end.
        Ok(halted.recv().or_else(|_| input_failed.try_recv().map(Halt::Input)).ok())
    }

    /// A source for each client, and where a failure of the input appears before they end.
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

    /// The whole life of one client.
    fn client(&self, number: u32, addresses: &[SocketAddr], source: Source, halt: &Sender<Halt>) {
        match self.converse(number, addresses, source) {
            Ok(()) => self.progress.succeeded(),
            Err(Failure::Client(error)) => self.failed(number, &error),
            // Nobody listens any more when another client was first.
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
                // An output that fails too is the lesser news.
                let _ = self.config.output.reply(matched, rest);
                Err(Failure::Client(error))
            }
        }
    }
}
