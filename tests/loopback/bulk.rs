//! Large amounts of data.

use std::io::Write;
use std::net::Shutdown;
use std::thread;

use echo_tests::content::Content;
use echo_tests::peer::{self, echo};
use echo_tests::random::Random;
use echo_tests::running::{Running, line, raw};
use echo_tests::wait::Over;

#[test]
fn a_hundred_megabytes_in_random_fragments_come_back_while_others_ping() {
    const TOTAL: usize = 100_000_000;
    for config in [line(2), raw(1)] {
        let server = Running::start(config);
        let mut random = Random::new();
        let content = Content::new(&mut random);
        let bulk = server.connect();
        let over = Over::default();
        let pings: u64 = thread::scope(|scope| {
            let until = over.guard();
            let pinging: Vec<_> =
                (0..20).map(|_| scope.spawn(|| ping_until(&server, &over))).collect();
            scope.spawn(|| send_in_fragments(&bulk, content, TOTAL, random));
            assert_eq!(peer::drain(&bulk, content), TOTAL);
            drop(until);
            pinging.into_iter().map(|pinging| pinging.join().unwrap()).sum()
        });
        drop(bulk);
        let summary = server.stop_clean();
        assert_eq!(summary.stats.received, TOTAL as u64 + pings);
    }
}

/// Sends pings until `over`. Returns the number of bytes that came back.
fn ping_until(server: &Running, over: &Over) -> u64 {
    let stream = server.connect();
    let mut bytes = 0;
    for number in 0.. {
        if number > 50 && over.is_over() {
            break;
        }
        let text = format!("ping {number}\n");
        echo(&stream, &text);
        bytes += text.len() as u64;
    }
    bytes
}

fn send_in_fragments(
    mut stream: &std::net::TcpStream,
    content: Content,
    total: usize,
    mut random: Random,
) {
    let mut buffer = vec![0; 200_000];
    let mut sent = 0;
    while sent < total {
        // Most fragments are short, and some are long.
        let max = [10, 1_000, 70_000, buffer.len()][random.up_to(4) - 1];
        let len = random.up_to(max).min(total - sent);
        content.fill(sent, &mut buffer[..len]);
        stream.write_all(&buffer[..len]).unwrap();
        sent += len;
    }
    stream.shutdown(Shutdown::Write).unwrap();
}
