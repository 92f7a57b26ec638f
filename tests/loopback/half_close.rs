//! The peer finishes its side and continues to read.

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use echo_tests::content::Content;
use echo_tests::peer::{self, expect, finish, send};
use echo_tests::random::Random;
use echo_tests::running::{Running, every_kind};

/// Holds the written bytes back until the connection is finished, so that the bytes and the FIN leave in
/// one segment.
#[cfg(target_os = "linux")]
fn cork(stream: &TcpStream) {
    socket2::SockRef::from(stream).set_tcp_cork(true).unwrap();
}

#[cfg(not(target_os = "linux"))]
fn cork(_: &TcpStream) {}

#[test]
fn a_fin_in_the_same_segment_as_data_loses_nothing() {
    for config in every_kind() {
        let server = Running::start(config);
        for round in 0..300 {
            let text = format!("line {round}\nand the rest {round}");
            let text = &text[..text.len() - round % 20];
            let stream = server.connect();
            cork(&stream);
            send(&stream, text);
            assert_eq!(finish(&stream), text.as_bytes());
        }
        assert_eq!(server.stop_clean().stats.adopted, 300);
    }
}

#[test]
fn a_fin_in_the_same_segment_as_data_is_seen_after_earlier_lines() {
    for config in every_kind() {
        let server = Running::start(config);
        for round in 0..300 {
            let stream = server.connect();
            peer::ping(&stream);
            if round % 2 == 0 {
                send(&stream, "half ");
            }
            cork(&stream);
            send(&stream, "rest");
            let back = finish(&stream);
            assert!(back.ends_with(b"rest"), "{back:?}");
        }
        server.stop_clean();
    }
}

#[test]
fn a_fin_right_after_data_loses_nothing() {
    let content = Content::new(&mut Random::new());
    for config in every_kind() {
        let server = Running::start(config);
        for len in [1, 2, 1_000, 64 * 1024, 64 * 1024 + 1, 100_000, 300_000] {
            for _ in 0..20 {
                let text = content.bytes(len);
                let mut stream = server.connect();
                stream.write_all(&text).unwrap();
                peer::assert_same(&finish(&stream), &text);
            }
        }
        server.stop_clean();
    }
}

#[test]
fn a_fin_behind_more_than_fits_between_the_ends_loses_nothing() {
    let content = Content::new(&mut Random::new());
    for config in every_kind() {
        let server = Running::start(config);
        let stream = server.connect();
        let sent = peer::stuff(&stream, content, 200 << 20);
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(peer::drain(&stream, content), sent);
        server.wait_for("the server's end", |stats| stats.closed == 1);
        server.stop_clean();
    }
}

#[test]
fn the_server_closes_once_the_peer_has_finished() {
    for config in every_kind() {
        let server = Running::start(config);
        let streams: Vec<_> = (0..50).map(|_| server.connect()).collect();
        for stream in &streams {
            send(stream, "line\nrest");
            stream.shutdown(Shutdown::Write).unwrap();
        }
        // The server closes although no peer has read or closed yet.
        let stats = server.wait_for("the ends", |stats| stats.closed == 50);
        assert_eq!((stats.received, stats.sent, stats.failed), (9 * 50, 9 * 50, 0));
        for stream in &streams {
            expect(stream, "line\nrest");
            assert_eq!(peer::rest(stream), b"");
        }
        server.stop_clean();
    }
}
