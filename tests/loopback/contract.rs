//! The promises of the README, by their numbers there, and raw framing. The other modules test the
//! unusual cases of each promise.

use std::net::Shutdown;
use std::num::NonZeroUsize;
#[cfg(target_os = "linux")]
use std::time::Duration;

use echo_server::Config;
use echo_tests::alone::alone;
use echo_tests::content::Content;
use echo_tests::peer::{self, echo, expect, expect_silence, finish, ping, send};
use echo_tests::random::Random;
use echo_tests::running::{Running, every_kind, line, raw};

#[test]
fn contract_1_every_byte_comes_back_once_in_order_unaltered() {
    let every_byte: Vec<u8> = (0..=255).collect();
    let texts: [&[u8]; 9] = [
        &every_byte,
        b"crlf\r\n",
        b"\r\r\n\n\r",
        b"\0\n\0\0",
        b"\xff\xfe\xc3\x28\xed\xa0\x80\n",
        b"\n",
        b"\n\n\n\n",
        b"no newline",
        b"one\ntwo\n\nfour",
    ];
    for config in every_kind() {
        let server = Running::start(config);
        for text in texts {
            let stream = server.connect();
            send(&stream, text);
            assert_eq!(finish(&stream), text);
        }
        let stats = server.stop_clean().stats;
        assert_eq!(stats.received, texts.iter().map(|text| text.len() as u64).sum::<u64>());
    }
}

#[test]
fn contract_2_a_line_comes_back_before_the_next_is_sent() {
    for config in every_kind() {
        let server = Running::start(config);
        let stream = server.connect();
        for number in 0..500 {
            echo(&stream, format!("line {number}\n"));
        }
        drop(stream);
        assert_eq!(server.stop_clean().stats.messages, 500);
    }
}

#[test]
fn contract_2_a_line_does_not_come_back_before_it_is_complete() {
    let server = Running::start(line(1));
    let (stream, other) = (server.connect(), server.connect());
    for part in ["a", "bc", "def\r", "\0"] {
        let before = server.stats().received;
        send(&stream, part);
        let after = before + part.len() as u64;
        server.wait_for("the part of a line", |stats| stats.received == after);
        // The only worker answers this ping in a later turn.
        ping(&other);
        server.wait_for("the ping", |stats| stats.received == after + 5);
        expect_silence(&stream);
    }
    send(&stream, "\nnext");
    expect(&stream, "abcdef\r\0\n");
    ping(&other);
    expect_silence(&stream);
    send(&stream, "\n");
    expect(&stream, "next\n");
}

#[test]
fn contract_3_half_close_returns_the_unterminated_rest_and_then_the_end() {
    for config in every_kind() {
        let server = Running::start(config);
        for (text, lines) in [("rest", 0), ("line\nrest", 1), ("line\n", 1), ("\n", 1), ("", 0)] {
            let stream = server.connect();
            send(&stream, text);
            let complete = text.rfind('\n').map_or(0, |at| at + 1);
            assert_eq!(text.matches('\n').count(), lines);
            expect(&stream, &text[..complete]);
            assert_eq!(finish(&stream), &text.as_bytes()[complete..]);
        }
        assert_eq!(server.stop_clean().stats.probes, 1);
    }
}

#[test]
fn contract_4_a_longer_line_comes_back_in_pieces_of_the_longest_length() {
    for max_line_length in [1, 2, 7, 1_000, 65_535, 65_536, 65_537] {
        let config =
            Config { max_line_length: NonZeroUsize::new(max_line_length).unwrap(), ..line(1) };
        let server = Running::start(config);
        let (stream, other) = (server.connect(), server.connect());
        let mut random = Random::new();
        let (mut sent, mut back) = (vec![], 0);
        while sent.len() <= 3 * max_line_length {
            let text =
                vec![b'a' + u8::try_from(sent.len() % 26).unwrap(); random.up_to(max_line_length)];
            send(&stream, &text);
            sent.extend(text);
            // All complete pieces are due, and no byte more.
            let due = sent.len() - sent.len() % max_line_length;
            expect(&stream, &sent[back..due]);
            back = due;
            ping(&other);
            expect_silence(&stream);
        }
        send(&stream, "\n");
        sent.push(b'\n');
        expect(&stream, &sent[back..]);
        drop((stream, other));
        server.stop_clean();
    }
}

#[test]
fn raw_framing_waits_for_no_newline() {
    for workers in [1, 3] {
        let server = Running::start(Config { max_line_length: NonZeroUsize::MIN, ..raw(workers) });
        let stream = server.connect();
        for text in ["a", "bc", "\n", "d\ne", "\r\0"] {
            echo(&stream, text);
        }
        drop(stream);
        server.stop_clean();
    }
}

#[test]
fn contract_5_a_peer_that_does_not_read_is_not_read_from() {
    for config in [line(1), raw(1)] {
        let held = (config.max_line_length.get() + Config::MAX_READ_LEN) as u64;
        let server = Running::start(config);
        let (stream, other) = (server.connect(), server.connect());
        let content = Content::new(&mut Random::new());
        let taken = peer::stuff(&stream, content, 200 << 20);
        server.settle(&other);
        let stats = server.stats();
        assert!(stats.received < taken as u64, "the server read all of {taken}: {stats:?}");
        assert!(stats.received - stats.sent <= held, "{stats:?}");
        // When the peer reads at last, it gets everything that it sent.
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(peer::drain(&stream, content), taken);
        drop((stream, other));
        server.stop_clean();
    }
}

#[test]
fn contract_6_one_connection_never_ends_another() {
    for config in every_kind() {
        let workers = config.num_workers.get();
        let server = Running::start(config);
        let good: Vec<_> = (0..2 * workers).map(|_| server.connect()).collect();
        for round in 0..20 {
            for _ in 0..workers {
                drop(server.connect());
                peer::reset(server.connect());
                let breaks = server.connect();
                send(&breaks, b"line\n\xff\0 and half of");
                peer::reset(breaks);
                let leaves = server.connect();
                send(&leaves, vec![b'x'; 100_000]);
                drop(leaves);
            }
            good.iter().for_each(|stream| echo(stream, format!("round {round}\n")));
        }
        let strangers = 20 * 4 * workers as u64;
        server.wait_for("the end of the others", |stats| stats.closed == strangers);
        good.iter().for_each(ping);
        assert_eq!(server.stats().open(), good.len() as u64);
        drop(good);
        assert!(server.stop().all_delivered());
    }
}

#[test]
fn contract_7_shutdown_returns_what_had_arrived_and_finishes() {
    for config in every_kind() {
        let server = Running::start(config);
        let texts = ["", "half a line", "line\n", "line\nand a half"];
        let streams = texts.map(|text| {
            let stream = server.connect();
            send(&stream, text);
            stream
        });
        server.wait_for("all that was sent", |stats| stats.adopted == 4 && stats.received == 31);
        server.handle.shutdown();
        for (stream, text) in streams.iter().zip(texts) {
            assert_eq!(peer::rest(stream), text.as_bytes());
        }
        drop(streams);
        server.stop_clean();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn contract_8_without_traffic_no_thread_wakes_up() {
    alone("contract::contract_8_without_traffic_no_thread_wakes_up", || {
        expect_quiet_between_messages(line(2));
    });
}

#[test]
#[cfg(target_os = "linux")]
fn contract_8_busy_polling_ends_without_traffic() {
    alone("contract::contract_8_busy_polling_ends_without_traffic", || {
        let busy_poll = Some(Duration::from_millis(50));
        expect_quiet_between_messages(Config { busy_poll, ..line(2) });
    });
}

#[cfg(target_os = "linux")]
fn expect_quiet_between_messages(config: Config) {
    let server = Running::start(config);
    let streams: Vec<_> = (0..200).map(|_| server.connect()).collect();
    streams.iter().for_each(ping);
    crate::quiet::expect_quiet(&streams[0]);
    streams.iter().for_each(ping);
}
