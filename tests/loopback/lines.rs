//! Lines of every length, sent whole and in pieces.

use std::io::Read;
use std::net::TcpStream;
use std::num::NonZeroUsize;

use echo_server::Config;
use echo_tests::peer::{self, echo, exchange, finish, ping, send};
use echo_tests::random::Random;
use echo_tests::running::{Running, every_kind, line};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Returns a line of `len` bytes, including the newline. A byte in the wrong place is noticed.
fn line_of(len: usize) -> Vec<u8> {
    let mut text: Vec<u8> = (0..len).map(|at| b"abcdefghijklmnopqrstuvw"[at % 23]).collect();
    text[len - 1] = b'\n';
    text
}

#[test]
fn lines_around_the_longest_length_come_back() {
    for config in every_kind() {
        let server = Running::start(config);
        let stream = server.connect();
        let lens = [1, 2, 63 * KIB, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 65 * KIB, 128 * KIB];
        for len in lens {
            exchange(&stream, &line_of(len));
            ping(&stream);
        }
        drop(stream);
        // Each line is one message, even if it was returned in several pieces.
        assert_eq!(server.stop_clean().stats.messages, 2 * lens.len() as u64);
    }
}

#[test]
fn a_line_of_16_mib_comes_back() {
    for config in every_kind() {
        let server = Running::start(config);
        let stream = server.connect();
        exchange(&stream, &line_of(16 * MIB));
        exchange(&stream, &line_of(16 * MIB));
        drop(stream);
        assert_eq!(server.stop_clean().stats.messages, 2);
    }
}

#[test]
fn a_line_of_16_mib_may_be_within_the_limit() {
    let max_line_length = NonZeroUsize::new(16 * MIB).unwrap();
    let server = Running::start(Config { max_line_length, ..line(1) });
    let (stream, other) = (server.connect(), server.connect());
    let text = line_of(16 * MIB);
    send(&stream, &text[..16 * MIB - 1]);
    server.wait_for("the line but its newline", |stats| stats.received == 16 * MIB as u64 - 1);
    ping(&other);
    peer::expect_silence(&stream);
    exchange_last(&stream, &text);
    drop((stream, other));
    server.stop_clean();
}

/// Sends the newline and receives the whole line.
fn exchange_last(stream: &TcpStream, text: &[u8]) {
    send(stream, "\n");
    peer::expect(stream, text);
}

#[test]
fn lines_of_every_length_come_back_under_tiny_limits() {
    for max in [1, 2, 7] {
        let max_line_length = NonZeroUsize::new(max).unwrap();
        let server = Running::start(Config { max_line_length, ..line(2) });
        let stream = server.connect();
        for len in 1..=50 {
            echo(&stream, line_of(len));
        }
        let all: Vec<u8> = (1..=50).flat_map(line_of).collect();
        echo(&stream, &all);
        echo(&stream, vec![b'\n'; 1_000]);
        drop(stream);
        assert_eq!(server.stop_clean().stats.messages, 50 + 50 + 1_000);
    }
}

#[test]
fn one_byte_at_a_time_comes_back() {
    for config in every_kind() {
        let server = Running::start(config);
        let stream = server.connect();
        let text: Vec<u8> = [1, 100, 1, 1, 500, 2].into_iter().flat_map(line_of).collect();
        for byte in text.chunks(1) {
            send(&stream, byte);
        }
        peer::expect(&stream, &text);
        drop(stream);
        server.stop_clean();
    }
}

#[test]
fn a_thousand_lines_in_one_write_come_back_together() {
    let text: Vec<u8> = (0..1_000).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
    for config in every_kind() {
        let server = Running::start(config);
        let mut stream = server.connect();
        let mut reads = 0;
        for _ in 0..20 {
            send(&stream, &text);
            let mut back = vec![];
            while back.len() < text.len() {
                let mut buffer = [0; 64 * KIB];
                let len = stream.read(&mut buffer).unwrap();
                assert_ne!(len, 0, "the server ended the connection early");
                back.extend(&buffer[..len]);
                reads += 1;
            }
            peer::assert_same(&back, &text);
        }
        // One segment holds all lines, so one read gets all of them unless the server sends each line
        // by itself.
        assert!(reads < 200, "{reads} reads of 20,000 lines");
        drop(stream);
        server.stop_clean();
    }
}

#[test]
fn writes_of_any_length_come_back() {
    let mut random = Random::new();
    for config in every_kind() {
        let server = Running::start(config);
        let stream = server.connect();
        for _ in 0..200 {
            let lens: Vec<usize> = (0..random.up_to(5)).map(|_| random.up_to(3_000)).collect();
            let text: Vec<u8> = lens.into_iter().flat_map(line_of).collect();
            let mut rest = &text[..];
            while !rest.is_empty() {
                let (part, later) = rest.split_at(random.up_to(rest.len()));
                send(&stream, part);
                rest = later;
            }
            peer::expect(&stream, &text);
        }
        assert_eq!(finish(&stream), b"");
        drop(stream);
        server.stop_clean();
    }
}
