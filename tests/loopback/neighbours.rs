//! Connections that share a worker with floods.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use echo_tests::peer::ping;
use echo_tests::running::{Running, line, raw};
use echo_tests::wait::Over;

const FLOODS: usize = 4;
const PINGS: usize = 20;
const ROUNDS: u64 = 100;

/// Maximum number of bytes that all floods together may get during one ping: a few turns of each. A
/// worker that serves a flood for as long as it lasts exceeds this limit by far.
const MAX_FLOOD_PER_ROUND: u64 = 16 << 20;

#[test]
fn neighbours_of_floods_get_through() {
    for config in [line(1), raw(1)] {
        let server = Running::start(config);
        let floods: Vec<_> = (0..FLOODS).map(|_| server.connect()).collect();
        let over = Over::default();
        let echoed: Vec<usize> = thread::scope(|scope| {
            let flooding: Vec<_> =
                floods.iter().map(|stream| scope.spawn(|| flood(stream, &over))).collect();
            let until = over.guard();
            let before = server.wait_for("the floods", |stats| stats.sent > 8 << 20);
            let pinging: Vec<_> =
                (0..PINGS).map(|_| scope.spawn(|| ping_rounds(&server))).collect();
            // Every ping comes back, although the floods go on.
            pinging.into_iter().for_each(|pinging| pinging.join().unwrap());
            let passed = server.stats().sent - before.sent;
            drop(until);
            let per_round = passed / ROUNDS;
            assert!(per_round < MAX_FLOOD_PER_ROUND, "{per_round} bytes of flood in each round");
            flooding.into_iter().map(|flooding| flooding.join().unwrap()).collect()
        });
        // Every flood gets a share, too.
        let most = *echoed.iter().max().unwrap();
        assert!(echoed.iter().all(|&bytes| bytes > most / 100), "{echoed:?}");
        drop(floods);
        server.stop_clean();
    }
}

/// Sends all pings but the last on one connection, and the last on a new one.
fn ping_rounds(server: &Running) {
    let stream = server.connect();
    (1..ROUNDS).for_each(|_| ping(&stream));
    ping(&server.connect());
}

/// Sends until `over`. Returns the number of sent bytes, all of which came back.
fn flood(stream: &TcpStream, over: &Over) -> usize {
    thread::scope(|scope| {
        let sending = scope.spawn(|| send_until(stream, over));
        let echoed = count(stream);
        assert_eq!(sending.join().unwrap(), echoed);
        echoed
    })
}

fn send_until(mut stream: &TcpStream, over: &Over) -> usize {
    let text = b"a line of the flood\n".repeat(3_000);
    let mut sent = 0;
    while !over.is_over() {
        stream.write_all(&text).unwrap();
        sent += text.len();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    sent
}

fn count(mut stream: &TcpStream) -> usize {
    let mut buffer = vec![0; 256 * 1024];
    let mut count = 0;
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => return count,
            len => count += len,
        }
    }
}
