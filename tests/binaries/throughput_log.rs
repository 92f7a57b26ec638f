//! The throughput reports and the summary at the end.

use std::thread;
use std::time::Duration;

use echo_tests::peer::{connect, echo, finish};
use echo_tests::process::ServerProcess;

use echo_tests::records::{Record, record, records};

const FAST: &[&str] = &["--report-interval", "50ms"];

#[test]
fn a_report_has_the_rates_and_the_totals() {
    let server = ServerProcess::start(FAST, &[]);
    let stream = connect(server.addr());
    echo(&stream, "hello\n");
    echo(&stream, "world!\n");
    let line = server.wait_for_line(" total_messages=2 ");
    let report = Record::parse(&line);
    assert_eq!(report.level, "INFO");
    assert!(report.text.starts_with("throughput connections=1 "), "{line}");
    assert_eq!(report.field("total_bytes"), "13");
    let rates = ["messages_per_s", "bytes_per_s"].map(|key| report.number::<f64>(key));
    // The report covers one or two messages in at least 50 ms.
    assert!(rates[0] > 0.0 && rates[0] <= 2.0 / 0.05, "{line}");
    assert!(rates[1] > 0.0 && rates[1] <= 13.0 / 0.05, "{line}");
}

#[test]
fn nothing_is_reported_while_nothing_happens() {
    let server = ServerProcess::start(FAST, &[]);
    let reports = || records(&server.stderr().so_far(), "throughput ").len();
    observe();
    assert_eq!(reports(), 0);
    let stream = connect(server.addr());
    echo(&stream, "hello\n");
    server.wait_for_line(" total_messages=1 ");
    let before = reports();
    observe();
    assert_eq!(reports(), before);
    assert_eq!(finish(&stream), b"");
    server.wait_for_line("throughput connections=0 ");
}

/// Observes the server for several intervals.
fn observe() {
    thread::sleep(Duration::from_millis(300));
}

#[test]
fn the_summary_adds_up_to_the_workers() {
    let server = ServerProcess::start(&["--num-workers", "3"], &[]);
    let streams: Vec<_> = (0..7).map(|_| connect(server.addr())).collect();
    for (number, stream) in streams.iter().enumerate() {
        (0..=number).for_each(|_| echo(stream, "line\n"));
    }
    for stream in streams {
        assert_eq!(finish(&stream), b"");
    }
    let finished = server.stop();
    finished.expect_code(0);

    let total = record(&finished.stderr, "summary connections=");
    let workers = records(&finished.stderr, "summary worker=");
    let numbers: Vec<&str> = workers.iter().map(|worker| worker.field("worker")).collect();
    assert_eq!(numbers, ["0", "1", "2"]);
    let sum = |key| workers.iter().map(|worker| worker.number::<u64>(key)).sum::<u64>();
    assert_eq!([sum("connections"), sum("messages"), sum("bytes")], [7, 28, 140]);
    for (key, value) in [
        ("connections", 7),
        ("messages", 28),
        ("received", 140),
        ("sent", 140),
        ("probes", 0),
        ("failed", 0),
        ("idle", 0),
        ("cut", 0),
    ] {
        assert_eq!(total.number::<u64>(key), value, "{key} in {total:?}");
    }
    assert!(total.seconds("duration") > 0.0);
    // The connections are spread evenly over the workers.
    assert!(workers.iter().all(|worker| (2..4).contains(&worker.number("connections"))));
}
