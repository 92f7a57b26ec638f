//! The log records about connections and messages, at the default level and at DEBUG.

use std::time::SystemTime;

use echo_tests::peer::{connect, echo, finish, send};
use echo_tests::process::ServerProcess;

use echo_tests::records::{Record, record, records};

#[test]
fn a_conversation_is_told_from_opening_to_close() {
    let server = ServerProcess::start(&[], &[]);
    let stream = connect(server.addr());
    let peer = stream.local_addr().unwrap().to_string();
    echo(&stream, "foo\n");
    send(&stream, "bar");
    assert_eq!(finish(&stream), b"bar");
    server.wait_for_line("connection closed");
    let finished = server.stop();
    finished.expect_code(0);

    let opened = record(&finished.stderr, "connection opened ");
    let messages = records(&finished.stderr, "message ");
    let closed = record(&finished.stderr, "connection closed ");
    for said in [opened, messages[0], messages[1], closed] {
        assert_eq!((said.level, said.field("peer")), ("INFO", &*peer), "{said:?}");
        assert_eq!(said.field("connection"), "1", "{said:?}");
    }
    assert!(messages[0].text.ends_with(r#" bytes=4 text="foo""#), "{messages:?}");
    assert!(messages[1].text.ends_with(r#" bytes=3 text="bar""#), "{messages:?}");
    assert_eq!(opened.number::<usize>("worker"), closed.number::<usize>("worker"));
    let end = ["reason", "received", "sent", "messages"].map(|key| closed.field(key));
    assert_eq!(end, ["finished", "7", "7", "2"]);
    assert!(closed.seconds("duration") < 30.0, "{closed:?}");
    let order = [opened, messages[0], messages[1], closed].map(|said| said.time);
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn connections_are_numbered_and_a_reset_is_told() {
    let server = ServerProcess::start(&[], &[]);
    for number in 1..4 {
        let stream = connect(server.addr());
        let peer = stream.local_addr().unwrap();
        echo(&stream, "hello\n");
        send(&stream, "unread\n");
        server.wait_for_line(&format!("message peer={peer} connection={number} bytes=7"));
        // A peer that closes with an unread echo resets the connection.
        drop(stream);
        server.wait_for_line(&format!("connection closed peer={peer} connection={number} "));
    }
    let finished = server.stop();
    let closed = records(&finished.stderr, "connection closed ");
    assert_eq!(closed.iter().map(|said| said.field("reason")).collect::<Vec<_>>(), ["reset"; 3]);
    assert_eq!(record(&finished.stderr, "summary connections=").field("failed"), "3");
}

#[test]
fn the_time_is_utc_wherever_the_server_runs() {
    let server = ServerProcess::start(&[], &[("TZ", "Asia/Kolkata")]);
    let line = server.wait_for_line("listening");
    let clock = &Record::parse(&line).time[11..19];
    let logged: i64 = clock.split(':').fold(0, |sum, part| 60 * sum + part.parse::<i64>().unwrap());
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs().cast_signed();
    let behind = (now - logged).rem_euclid(86_400);
    assert!(!(60..86_340).contains(&behind), "{line} is {behind} s behind");
}

#[test]
fn a_probe_shows_nothing_at_info_and_is_counted() {
    let server = ServerProcess::start(&[], &[]);
    let peer = probe(&server);
    // The server accepts in order, so the probe has ended before this connection is closed.
    let stream = connect(server.addr());
    echo(&stream, "hello\n");
    drop(stream);
    let finished = server.stop();
    assert_eq!(finished.lines_with(&[&peer]), [""; 0]);
    let summary = record(&finished.stderr, "summary connections=");
    assert_eq!((summary.field("connections"), summary.field("probes")), ("1", "1"));
}

#[test]
fn a_probe_is_one_record_at_debug() {
    let server = ServerProcess::start(&["--log_level", "DEBUG"], &[]);
    let peer = probe(&server);
    server.wait_for_line(&peer);
    let finished = server.stop();
    let said = Record::parse(finished.line_with(&[&peer]));
    assert_eq!(said.level, "DEBUG");
    assert!(said.text.starts_with("probe "), "{said:?}");
    assert_eq!((said.field("reason"), said.field("received")), ("finished", "0"));
}

/// Connects and closes. Returns the connection's name in the log.
fn probe(server: &ServerProcess) -> String {
    let stream = connect(server.addr());
    let peer = format!("peer={} ", stream.local_addr().unwrap());
    assert_eq!(finish(&stream), b"");
    peer
}

#[test]
fn nothing_but_records_is_printed() {
    let server = ServerProcess::start(&["--log_level", "DEBUG", "--report-interval", "10ms"], &[]);
    let stream = connect(server.addr());
    echo(&stream, "hello\n");
    server.wait_for_line("throughput");
    drop(stream);
    let finished = server.stop();
    finished.expect_code(0);
    assert!(finished.stderr.ends_with('\n'));
    // This parses each line.
    assert!(!records(&finished.stderr, "").is_empty());
    let beginning = &finished.stderr[..finished.stderr.find('\n').unwrap()];
    assert!(beginning.contains("listening address=127.0.0.1:"), "{beginning}");
}
