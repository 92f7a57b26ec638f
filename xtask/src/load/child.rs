//! A child process that holds connections. It has its own descriptors, and it can be killed.
//!
//! The process is this program with a hidden task. It reports its progress on stderr and takes orders on
//! stdin. It ends at the end of stdin, which comes at the latest when the parent ends.

use std::env;
use std::io::{self, BufRead, PipeWriter, Write};
use std::net::SocketAddr;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;

use echo_common::descriptors;
use echo_tests::content::Content;
use echo_tests::process::Process;
use echo_tests::random::Random;
use echo_tests::records::number;
use echo_tests::wait::DEADLINE;
use nix::sys::signal::Signal;

use super::crowd::Crowd;
use super::session::{Echoed, Session};

/// Number of new connections after which a crowd reports its size.
const REPORT_EVERY: usize = 500;

/// Number of echoed bytes after which a transfer counts as under way.
const UNDER_WAY_LEN: usize = 256 * 1024;

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Role {
    /// Sends lines once for each line of standard input, and leaves at its end
    Crowd,
    /// Sends and receives without end
    Transfers,
}

/// The arguments of the child process.
#[derive(Debug, clap::Args)]
pub(crate) struct Client {
    role: Role,
    server: SocketAddr,
    source: u8,
    count: usize,
}

impl Client {
    pub(crate) fn run(self) -> ExitCode {
        match self.role {
            Role::Crowd => self.crowd(),
            Role::Transfers => self.transfers(),
        }
        ExitCode::SUCCESS
    }

    fn crowd(&self) {
        descriptors::raise_limit();
        let mut crowd = Crowd::new(self.server, self.source);
        while crowd.len() < self.count {
            crowd.join();
            if crowd.len().is_multiple_of(REPORT_EVERY) || crowd.len() == self.count {
                report(&format!("joined {}", crowd.len()));
            }
        }
        for (round, _) in (1..).zip(io::stdin().lock().lines()) {
            crowd.speak(self.count, || {});
            report(&format!("spoke {round}"));
        }
        let Echoed { bytes, messages } = crowd.leave(self.count);
        report(&format!("left bytes={bytes} messages={messages}"));
    }

    fn transfers(&self) {
        let (sender, under_way) = mpsc::channel();
        for number in 0..self.count {
            let session = Session::connect(self.server, self.source);
            let content = Content::new(&mut Random::seeded(number as u64));
            let sender = sender.clone();
            thread::spawn(move || {
                let mut is_reported = false;
                session.exchange_for_ever(content, |received| {
                    if !is_reported && received >= UNDER_WAY_LEN {
                        is_reported = sender.send(()).is_ok();
                    }
                })
            });
        }
        // Without this, the wait below would not end early if all transfers fail.
        drop(sender);
        for _ in 0..self.count {
            under_way.recv_timeout(DEADLINE).expect("every transfer gets under way");
        }
        report("under way");
        // Waits until the parent kills this process or ends.
        io::stdin().lock().lines().for_each(drop);
    }
}

/// Writes a line to stderr. Errors are ignored: nothing can be done if the parent is gone.
fn report(line: &str) {
    let _ = writeln!(io::stderr(), "{line}.");
}

/// The parent's view of such a process. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct Child {
    process: Process,
    orders: PipeWriter,
    count: usize,
    spoken: usize,
}

impl Child {
    /// Starts a process that makes and holds `count` connections. Does not wait for them.
    pub(crate) fn crowd(server: SocketAddr, source: u8, count: usize) -> Self {
        Self::spawn("crowd", server, source, count)
    }

    /// Waits until the crowd has all its connections.
    #[track_caller]
    pub(crate) fn wait_until_joined(&self) {
        for joined in (REPORT_EVERY..self.count).step_by(REPORT_EVERY).chain([self.count]) {
            self.process.stderr().wait_for(&format!("joined {joined}."));
        }
    }

    /// Orders the crowd to send different lines on every connection.
    pub(crate) fn order_to_speak(&mut self) {
        self.spoken += 1;
        self.orders.write_all(b"speak\n").expect("the child lives");
    }

    /// Waits until the crowd has received the echo of everything that it was ordered to send.
    #[track_caller]
    pub(crate) fn wait_until_spoken(&self) {
        self.process.stderr().wait_for(&format!("spoke {}.", self.spoken));
    }

    /// Makes the crowd finish its connections and the process end. Returns the echo that it received.
    #[track_caller]
    pub(crate) fn leave(self) -> Echoed {
        drop(self.orders);
        let finished = self.process.wait();
        let left = finished.expect_code(0).line_with(&["left "]).trim_end_matches('.');
        Echoed { bytes: number(left, "bytes"), messages: number(left, "messages") }
    }

    /// Starts a process with `count` connections, and returns once all of them are in mid-transfer.
    #[track_caller]
    pub(crate) fn transfers(server: SocketAddr, source: u8, count: usize) -> Self {
        let child = Self::spawn("transfers", server, source, count);
        child.process.stderr().wait_for("under way.");
        child
    }

    /// Kills the process, which resets its connections.
    #[track_caller]
    pub(crate) fn kill(self) {
        self.process.signal(Signal::SIGKILL);
        let finished = self.process.wait();
        let is_right = finished.code.is_none() && finished.stderr == "under way.\n";
        assert!(is_right, "a child process failed before it was killed: {finished:?}");
    }

    fn spawn(role: &str, server: SocketAddr, source: u8, count: usize) -> Self {
        let (orders_end, orders) = io::pipe().unwrap();
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["client", role, &server.to_string(), &source.to_string()]);
        command.arg(count.to_string());
        command.stdin(orders_end).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { process: Process::spawn(command), orders, count, spoken: 0 }
    }
}
