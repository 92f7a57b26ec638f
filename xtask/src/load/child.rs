//! Connections held by a process of its own: it has its own descriptors, and it can be killed.
//!
//! The process is this program with a hidden task. It tells on stderr how far it is, takes orders on
//! stdin, and ends when that does: with the parent at the latest.

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

use super::{Crowd, Echoed, Session};

/// After so many connections more a crowd says how many it has.
const REPORT_EVERY: usize = 500;

/// A transfer is under way when so many bytes have come back.
const UNDER_WAY_LEN: usize = 256 * 1024;

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Role {
    /// Speaks once for each line of standard input, and leaves at its end
    Crowd,
    /// Sends and receives without end
    Transfers,
}

/// What the child process is told.
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
                tell(&format!("joined {}", crowd.len()));
            }
        }
        for (round, _) in (1..).zip(io::stdin().lock().lines()) {
            crowd.speak(self.count, || {});
            tell(&format!("spoke {round}"));
        }
        let Echoed { bytes, messages } = crowd.leave(self.count);
        tell(&format!("left bytes={bytes} messages={messages}"));
    }

    fn transfers(&self) {
        let (sender, under_way) = mpsc::channel();
        for number in 0..self.count {
            let session = Session::connect(self.server, self.source);
            let content = Content::new(&mut Random::seeded(number as u64));
            let sender = sender.clone();
            thread::spawn(move || {
                let mut is_told = false;
                session.exchange_for_ever(content, |received| {
                    if !is_told && received >= UNDER_WAY_LEN {
                        is_told = sender.send(()).is_ok();
                    }
                })
            });
        }
        // When all of them fail, nobody is waited for.
        drop(sender);
        for _ in 0..self.count {
            under_way.recv_timeout(DEADLINE).expect("every transfer gets under way");
        }
        tell("under way");
        // Until the parent kills this process, or is gone.
        io::stdin().lock().lines().for_each(drop);
    }
}

/// Nothing can be done when nobody listens.
fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}.");
}

/// Such a process, as its parent sees it. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Child {
    process: Process,
    orders: PipeWriter,
    count: usize,
    spoken: usize,
}

impl Child {
    /// A process that holds `count` connections; it makes them while others do.
    pub(crate) fn crowd(server: SocketAddr, source: u8, count: usize) -> Self {
        Self::spawn("crowd", server, source, count)
    }

    /// Waits until all of the crowd have joined.
    #[track_caller]
    pub(crate) fn wait_until_joined(&self) {
        for joined in (REPORT_EVERY..self.count).step_by(REPORT_EVERY).chain([self.count]) {
            self.process.stderr().wait_for(&format!("joined {joined}."));
        }
    }

    /// Orders the crowd to speak: lines of its own on every connection.
    pub(crate) fn order_to_speak(&mut self) {
        self.spoken += 1;
        self.orders.write_all(b"speak\n").expect("the child lives");
    }

    /// Waits until everything that the crowd was ordered to say has come back.
    #[track_caller]
    pub(crate) fn wait_until_spoken(&self) {
        self.process.stderr().wait_for(&format!("spoke {}.", self.spoken));
    }

    /// The crowd finishes its connections, and the process ends. Returns what came back.
    #[track_caller]
    pub(crate) fn leave(self) -> Echoed {
        drop(self.orders);
        let finished = self.process.wait();
        let left = finished.expect_code(0).line_with(&["left "]).trim_end_matches('.');
        Echoed { bytes: number(left, "bytes"), messages: number(left, "messages") }
    }

    /// A process with `count` connections in mid-transfer, reading and writing.
    #[track_caller]
    pub(crate) fn transfers(server: SocketAddr, source: u8, count: usize) -> Self {
        let child = Self::spawn("transfers", server, source, count);
        child.process.stderr().wait_for("under way.");
        child
    }

    /// Kills the process: its connections are reset.
    #[track_caller]
    pub(crate) fn kill(self) {
        self.process.signal(Signal::SIGKILL);
        let finished = self.process.wait();
        let is_right = finished.code.is_none() && finished.stderr == "under way.\n";
        assert!(is_right, "a child had failed: {finished:?}");
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
