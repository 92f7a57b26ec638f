//! The counters and the summary.

use std::num::NonZeroUsize;

use echo_server::{Config, Stats};
use echo_tests::peer::{self, echo, finish, ping, reset, send};
use echo_tests::running::{Running, every_kind, line, raw};

#[test]
fn the_summary_is_the_sum_of_the_workers() {
    for config in every_kind() {
        let workers = config.num_workers.get();
        let server = Running::start(config);
        for number in 0..30 {
            let stream = server.connect();
            echo(&stream, format!("{}\n", "x".repeat(number)));
            if number % 3 == 0 {
                reset(stream);
            }
        }
        drop(server.connect());
        server.wait_for("all ends", |stats| stats.closed == 31);
        let summary = server.stop();
        assert_eq!(summary.workers.len(), workers);
        assert_eq!(summary.workers.iter().copied().sum::<Stats>(), summary.stats);
        let Stats { adopted, closed, probes, received, sent, messages, failed, .. } = summary.stats;
        assert_eq!((adopted, closed, probes, failed, messages), (31, 31, 1, 10, 30));
        assert_eq!((received, sent), (30 * 29 / 2 + 30, 30 * 29 / 2 + 30));
    }
}

#[test]
fn a_connection_that_sends_nothing_is_a_probe() {
    for config in every_kind() {
        let server = Running::start(config);
        for _ in 0..5 {
            drop(server.connect());
            reset(server.connect());
            assert_eq!(finish(&server.connect()), b"");
        }
        ping(&server.connect());
        let stats = server.wait_for("all ends", |stats| stats.closed == 16);
        assert_eq!((stats.probes, stats.connections(), stats.open()), (15, 1, 0));
        assert_eq!(server.stop().stats, stats);
    }
}

#[test]
fn open_connections_are_counted() {
    let server = Running::start(line(2));
    let streams: Vec<_> = (0..10).map(|_| server.connect()).collect();
    let stats = server.wait_for("all of them", |stats| stats.open() == 10);
    assert_eq!((stats.adopted, stats.probes, stats.connections()), (10, 0, 10));
    drop(streams);
    let stats = server.wait_for("their end", |stats| stats.open() == 0);
    assert_eq!((stats.adopted, stats.probes, stats.connections()), (10, 10, 0));
}

/// Sends `text`, finishes, and checks that the server counts this number of messages.
fn check_messages(config: Config, text: &str, messages: u64) {
    let described = format!("{text:?} {} {}", config.framing, config.max_line_length);
    let server = Running::start(config);
    let stream = server.connect();
    send(&stream, text);
    assert_eq!(finish(&stream), text.as_bytes());
    assert_eq!(server.stop_clean().stats.messages, messages, "{described}");
}

#[test]
fn lines_and_the_rest_are_messages() {
    for (text, messages) in [("", 0), ("\n", 1), ("a", 1), ("a\nb\n", 2), ("a\n\nb", 3)] {
        check_messages(line(1), text, messages);
    }
}

#[test]
fn a_line_in_pieces_is_one_message() {
    let max_line_length = NonZeroUsize::new(4).unwrap();
    for (text, messages) in [("abcdef\n", 1), ("abc\n", 1), ("abcd\n", 1), ("abcdef", 1)] {
        check_messages(Config { max_line_length, ..line(1) }, text, messages);
    }
}

#[test]
fn a_rest_that_went_out_as_a_whole_piece_is_a_message() {
    let max_line_length = NonZeroUsize::new(4).unwrap();
    for (text, messages) in [("abcd", 1), ("abcdabcd", 1), ("a\nabcd", 2)] {
        check_messages(Config { max_line_length, ..line(1) }, text, messages);
    }
}

#[test]
fn a_rest_of_raw_bytes_is_a_message() {
    for (text, messages) in [("a\nb\n", 2), ("a\nb", 2), ("a", 1)] {
        check_messages(raw(1), text, messages);
    }
}

#[test]
fn all_that_was_received_is_all_that_was_sent() {
    for config in every_kind() {
        let server = Running::start(config);
        for len in [1, 10, 1_000, 100_000, 1_000_000] {
            let stream = server.connect();
            peer::exchange(&stream, &[vec![b'x'; len], b"\n".to_vec()].concat());
        }
        assert_eq!(server.stop_clean().stats.received, 1_101_011 + 5);
    }
}
