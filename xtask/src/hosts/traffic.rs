//! Traffic in which every byte is compared.

use std::io::Read;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use echo_tests::content::Content;
use echo_tests::peer;
use echo_tests::process::{Finished, Process, ServerProcess, client_command};
use echo_tests::random::Random;
use echo_tests::wait::{Over, wait_until};

use super::network::Network;
use crate::check::{Outcome, passed};

/// Checks many connections at once, our own and those of the client program. The server must log the
/// peers' addresses, and the kernel must run keepalive timers for silent connections.
pub(super) fn is_exact(network: &Network) -> Outcome {
    const PER_FAMILY: usize = 50;
    let server = network.serve(&[]);
    let streams = network.connect(&server, PER_FAMILY);
    let bytes = exchange(&streams, 250_000);
    wait_until_acknowledged(network, &server, streams.len());
    for address in network.addresses(&server) {
        let command =
            client_command(address, &["--num-clients", "20", "--max-count", "50", "--quiet"]);
        let client = network.client.namespace.within(|| Process::run(command));
        client.expect_code(0);
        let _ = client.line_with(&["summary clients=20 succeeded=20 failed=0 messages=1000 "]);
    }
    finish(&streams);
    let end = stop_clean(server);
    let [v4, v6] = network.client.ips();
    for peer in [format!("connection opened peer={v4}:"), format!("connection opened peer=[{v6}]:")]
    {
        assert!(!end.lines_with(&[&peer]).is_empty(), "no {peer:?} in\n{}", end.stderr);
    }
    let _ = end.line_with(&["summary connections=140 probes=0 "]);
    passed(format_args!(
        "{bytes} bytes on {} connections, 2000 messages on 40 more connections",
        streams.len()
    ))
}

/// Waits until the clients have acknowledged everything. The server's kernel then runs only a keepalive
/// timer for each of its `count` connections.
pub(super) fn wait_until_acknowledged(network: &Network, server: &ServerProcess, count: usize) {
    let filter = format!("sport = :{}", server.addr().port());
    let is_watched = |line: &String| line.contains("timer:(keepalive,");
    wait_until("keepalive timers only", || {
        let connections = network.server.connections(&filter);
        connections.len() == count && connections.iter().all(is_watched)
    });
}

/// Sends `len` bytes and a newline on all connections at once, and receives the echo. Returns the total
/// number of bytes.
pub(super) fn exchange(streams: &[TcpStream], len: usize) -> usize {
    let mut random = Random::new();
    thread::scope(|scope| {
        for stream in streams {
            let mut bytes = Content::new(&mut random).bytes(len);
            bytes.push(b'\n');
            scope.spawn(move || peer::exchange(stream, &bytes));
        }
    });
    streams.len() * (len + 1)
}

/// Finishes connections. The server must owe nothing to any of them.
pub(super) fn finish(streams: &[TcpStream]) {
    for stream in streams {
        assert_eq!(peer::finish(stream), b"");
    }
}

/// Stops a server, and checks that its summary counts no failed, idle or cut connection.
#[track_caller]
pub(super) fn stop_clean(server: ServerProcess) -> Finished {
    expect_clean(server.stop())
}

/// Checks that the summary of a server that has ended counts no failed, idle or cut connection.
#[track_caller]
pub(super) fn expect_clean(end: Finished) -> Finished {
    end.expect_code(0);
    let _ = end.line_with(&["summary connections=", " failed=0 idle=0 cut=0 "]);
    end
}

/// A transfer in both directions.
#[derive(Debug)]
pub(super) struct Flow {
    stream: TcpStream,
    content: Content,
    received: AtomicUsize,
}

/// Maximum number of bytes of a flow. No check lasts long enough to reach it.
const MAX_FLOW_LEN: usize = 1 << 30;

impl Flow {
    pub(super) fn new(stream: TcpStream, random: &mut Random) -> Self {
        Self { stream, content: Content::new(random), received: AtomicUsize::new(0) }
    }

    /// Returns how many bytes have come back so far. All of them were right.
    pub(super) fn received(&self) -> usize {
        self.received.load(Ordering::Relaxed)
    }

    /// Transfers until `over`, then finishes.
    ///
    /// # Panics
    /// If the echo is wrong.
    pub(super) fn run(&self, over: &Over) {
        thread::scope(|scope| {
            let sent = scope.spawn(|| self.send(over));
            self.receive();
            assert_eq!(sent.join().expect("the server reads"), self.received());
        });
    }

    fn send(&self, over: &Over) -> usize {
        let mut chunk = vec![0; 64 * 1024];
        let mut sent = 0;
        while !over.is_over() && sent < MAX_FLOW_LEN {
            self.content.fill(sent, &mut chunk);
            peer::send(&self.stream, &chunk);
            sent += chunk.len();
        }
        self.stream.shutdown(Shutdown::Write).expect("the connection lives");
        sent
    }

    fn receive(&self) {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let len = (&self.stream).read(&mut chunk).expect("the server echoes");
            if len == 0 {
                return;
            }
            self.content.check(self.received(), &chunk[..len]);
            self.received.fetch_add(len, Ordering::Relaxed);
        }
    }
}
