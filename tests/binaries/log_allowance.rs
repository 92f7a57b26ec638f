//! How many records the server logs: all while a person could read them, a bounded number under load,
//! and all at DEBUG. The server counts the records that it does not show.

use std::net::TcpStream;

use echo_tests::peer::{connect, echo, expect, finish, send};
use echo_tests::process::{Finished, ServerProcess};

use echo_tests::records::{Record, record, records};

const CONNECTIONS: usize = 4;
const LINES_EACH: usize = 5_000;
/// A record for each line, each opening and each close.
const RECORDS: usize = CONNECTIONS * (LINES_EACH + 2);

/// Sends the lines `PREFIX 0`, `PREFIX 1`, … in batches, and receives them again.
fn flood(stream: &TcpStream, prefix: usize) {
    let lines: Vec<String> = (0..LINES_EACH).map(|number| format!("{prefix} {number}\n")).collect();
    for batch in lines.chunks(1_000) {
        let batch = batch.concat();
        send(stream, &batch);
        expect(stream, &batch);
    }
}

fn flood_from_all(server: &ServerProcess) {
    for prefix in 0..CONNECTIONS {
        let stream = connect(server.addr());
        flood(&stream, prefix);
        assert_eq!(finish(&stream), b"");
    }
}

fn shown_count(finished: &Finished) -> usize {
    records(&finished.stderr, "message ").len() + records(&finished.stderr, "connection ").len()
}

/// Returns the number of seconds of the run, rounded up.
fn begun_seconds(summary: &Record<'_>) -> usize {
    summary.field("duration").split('.').next().unwrap().parse::<usize>().unwrap() + 1
}

/// A worker shows at most 50 records per second. The last second counts as a whole one.
#[test]
fn under_load_few_records_are_shown_and_the_rest_is_counted() {
    let server = ServerProcess::start(&["--num-workers", "2", "--report-interval", "0"], &[]);
    flood_from_all(&server);
    let finished = server.stop();
    let summary = record(&finished.stderr, "summary connections=");
    let shown = shown_count(&finished);
    assert!(shown > 0 && shown <= 2 * 50 * begun_seconds(&summary), "{shown} shown in {summary:?}");
    assert_eq!(shown + summary.number::<usize>("not_shown"), RECORDS, "{summary:?}");
}

/// Each report contains the number of records that were not shown since the last report. Together with
/// the shown records they are exactly all records, once a report includes the end of the last connection.
#[test]
fn the_reports_of_what_was_not_shown_add_up() {
    let server = ServerProcess::start(&["--report-interval", "50ms"], &[]);
    flood_from_all(&server);
    let end =
        [" throughput connections=0 ", &format!(" total_messages={} ", CONNECTIONS * LINES_EACH)];
    server.stderr().wait_until("report of the end", |lines| {
        let is_last = |line: &String| end.iter().all(|part| line.contains(part));
        lines.iter().any(is_last).then_some(())
    });
    let finished = server.stop();
    let counted: usize = records(&finished.stderr, "not shown ")
        .iter()
        .map(|said| said.number::<usize>("records"))
        .sum();
    assert!(counted > 0);
    assert_eq!(shown_count(&finished) + counted, RECORDS);
    assert_eq!(
        record(&finished.stderr, "summary connections=").number::<usize>("not_shown"),
        counted
    );
}

#[test]
fn at_debug_every_message_is_shown_in_order() {
    let server = ServerProcess::start(&["--log_level", "DEBUG"], &[]);
    flood_from_all(&server);
    let finished = server.stop();
    let messages = records(&finished.stderr, "message ");
    assert_eq!(shown_count(&finished), RECORDS);
    let texts = messages.iter().map(|said| said.text.split_once(" text=").unwrap().1.to_owned());
    let expected = (0..CONNECTIONS)
        .flat_map(|prefix| (0..LINES_EACH).map(move |number| format!("\"{prefix} {number}\"")));
    assert!(texts.eq(expected), "messages are missing or out of order");
    assert_eq!(record(&finished.stderr, "summary connections=").field("not_shown"), "0");
}

#[test]
fn a_person_typing_sees_every_message() {
    let server = ServerProcess::start(&[], &[]);
    let stream = connect(server.addr());
    for number in 0..30 {
        echo(&stream, format!("line {number}\n"));
    }
    drop(stream);
    let finished = server.stop();
    assert_eq!(records(&finished.stderr, "message ").len(), 30);
    assert_eq!(record(&finished.stderr, "summary connections=").field("not_shown"), "0");
}

/// The limit is for the records of connections and messages together.
#[test]
fn many_short_connections_are_mostly_counted() {
    let server = ServerProcess::start(&["--num-workers", "1"], &[]);
    for _ in 0..1_000 {
        let stream = connect(server.addr());
        send(&stream, "x");
        assert_eq!(finish(&stream), b"x");
    }
    let finished = server.stop();
    let summary = record(&finished.stderr, "summary connections=");
    let shown = shown_count(&finished);
    assert!(shown <= 50 * begun_seconds(&summary), "{shown} shown in {summary:?}");
    assert_eq!(shown + summary.number::<usize>("not_shown"), 3_000, "{summary:?}");
}
