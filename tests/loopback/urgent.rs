//! Urgent data (the TCP urgent pointer, "out of band") is ordinary data: it comes back in its place.

use std::net::TcpStream;
use std::thread;

use echo_tests::content::Content;
use echo_tests::peer::{self, expect, finish, ping, send};
use echo_tests::random::Random;
use echo_tests::running::{Running, every_kind};
use socket2::SockRef;

/// Sends bytes, of which the last is urgent.
fn send_urgent(stream: &TcpStream, bytes: &str) {
    let sent = SockRef::from(stream).send_out_of_band(bytes.as_bytes()).unwrap();
    assert_eq!(sent, bytes.len());
}

#[test]
fn an_urgent_byte_comes_back_in_its_place() {
    for config in every_kind() {
        let server = Running::start(config);
        for _ in 0..100 {
            let stream = server.connect();
            for _ in 0..3 {
                send(&stream, "before ");
                send_urgent(&stream, "!");
                send(&stream, " after\n");
                expect(&stream, "before ! after\n");
                ping(&stream);
            }
        }
        server.stop_clean();
    }
}

#[test]
fn an_urgent_byte_may_be_the_first_the_last_or_the_newline() {
    for config in every_kind() {
        let server = Running::start(config);
        for parts in [
            ["", "!", "after\n"],
            ["before", "\n", ""],
            ["", "urgent\n", "after\n"],
            ["", "\n", ""],
            ["a\nb", "!", "c\nd\n"],
            ["a\nb\n", "c", "\n"],
        ] {
            for _ in 0..30 {
                let stream = server.connect();
                let [before, urgent, after] = parts;
                send(&stream, before);
                send_urgent(&stream, urgent);
                send(&stream, after);
                expect(&stream, parts.concat());
                ping(&stream);
            }
        }
        server.stop_clean();
    }
}

#[test]
fn an_urgent_byte_before_the_end_comes_back() {
    for config in every_kind() {
        let server = Running::start(config);
        for round in 0..100 {
            let stream = server.connect();
            send(&stream, "before ");
            send_urgent(&stream, "!");
            let after = &"after"[..round % 6];
            send(&stream, after);
            assert_eq!(finish(&stream), format!("before !{after}").into_bytes());
        }
        server.stop_clean();
    }
}

#[test]
fn many_urgent_bytes_in_a_row_come_back() {
    for config in every_kind() {
        let server = Running::start(config);
        let stream = server.connect();
        for _ in 0..100 {
            "urgent".split_inclusive(|_| true).for_each(|byte| send_urgent(&stream, byte));
            "after\n".split_inclusive(|_| true).for_each(|byte| send(&stream, byte));
            expect(&stream, "urgentafter\n");
        }
        drop(stream);
        server.stop_clean();
    }
}

#[test]
fn urgent_bytes_amid_a_full_connection_come_back_in_their_place() {
    const CHUNKS: usize = 400;
    const CHUNK: usize = 50_000;
    let content = Content::new(&mut Random::new());
    for config in every_kind() {
        let server = Running::start(config);
        let stream = server.connect();
        thread::scope(|scope| {
            scope.spawn(|| {
                let text = content.bytes(CHUNK);
                for _ in 0..CHUNKS {
                    send(&stream, &text);
                    send_urgent(&stream, "!");
                }
                stream.shutdown(std::net::Shutdown::Write).unwrap();
            });
            let mut text = content.bytes(CHUNK);
            text.push(b'!');
            (0..CHUNKS).for_each(|_| expect(&stream, &text));
        });
        assert_eq!(peer::rest(&stream), b"");
        server.stop_clean();
    }
}
