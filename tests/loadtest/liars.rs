//! Servers that lie: the load tester catches each lie and names its kind, its connection and its line,
//! and the other connections go on.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use echo_loadtest::plan::{Messages, Plan, Sizes};
use echo_loadtest::run_report::{Finding, RunReport};

use crate::load::{count, load};
use crate::scripted::{Peer, Scripted};

/// Number of messages of a run.
const ASKED: u64 = 300;

/// Number of messages in flight on a connection. At most this many messages of the liar are lost.
const DEPTH: u32 = 4;

/// The connection to which the server lies: the second of three.
const LIAR: usize = 1;

/// Runs a load in which `script` lies to one connection, once. The lie is the only fault, and the other
/// connections get all remaining messages.
#[track_caller]
fn caught(plan: &Plan, kind: &str, server: &Scripted) -> (RunReport, Finding) {
    let report = load(plan);
    let [finding] = &report.findings[..] else { panic!("{:?}", report.findings) };
    let counted: Vec<_> =
        report.errors.by_kind().into_iter().filter(|&(_, count)| count > 0).collect();
    assert_eq!(counted, [(kind, 1)], "{finding:?}");
    assert_eq!((finding.kind.as_str(), finding.connection), (kind, LIAR as u64), "{finding:?}");
    assert!(finding.at_s < report.throughput.duration_s + 20.0, "{finding:?}");
    let messages = report.messages;
    assert_eq!(messages.sent, ASKED);
    assert!(messages.verified >= ASKED - u64::from(DEPTH), "{messages:?} {finding:?}");
    assert_eq!(server.accepted() as u64, report.connections.opened);
    (report.clone(), finding.clone())
}

fn liar(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Scripted {
    Scripted::start(move |peer| if peer.number == LIAR { script(peer) } else { peer.echo_all() })
}

/// Runs a load with lines of 20 bytes, and checks that the lie is a fault of this kind, with this text.
#[track_caller]
fn caught_as(kind: &str, text: &str, script: impl Fn(&mut Peer) + Send + Sync + 'static) {
    let server = liar(script);
    let plan = Plan { depth: DEPTH, ..count(server.address, ASKED) };
    let (_, finding) = caught(&plan, kind, &server);
    assert!(finding.text.starts_with(text), "{:?} is not {text:?}", finding.text);
}

/// Lies about the third line, which is line 2.
fn on_the_third(
    lie: impl Fn(&mut Peer, Vec<u8>) + Send + Sync,
) -> impl Fn(&mut Peer) + Send + Sync {
    move |peer| {
        peer.echo(2);
        let Some(line) = peer.line() else { return };
        lie(peer, line);
        peer.echo_all();
    }
}

#[test]
fn a_dropped_line_is_lost() {
    caught_as("corrupt", "line 2: lost, line 3 came in its place", on_the_third(|_, _| {}));
}

#[test]
fn an_altered_byte_is_found_wherever_it_is() {
    for place in [0, 7, 8, 18, 19] {
        let text = format!("line 2: altered at byte {place} of 20: ");
        let lie = on_the_third(move |peer, mut line| {
            line[place] ^= 0x80;
            peer.send(line);
        });
        caught_as("corrupt", &text, lie);
    }
}

#[test]
fn a_missing_newline_is_found() {
    let lie = on_the_third(|peer, mut line| {
        line[19] = b' ';
        peer.send(line);
    });
    caught_as("corrupt", r#"line 2: altered at byte 19 of 20: "\n" was sent, " " came"#, lie);
    let lie = on_the_third(|peer, line| peer.send(&line[..19]));
    caught_as("corrupt", r#"line 2: altered at byte 19 of 20: "\n" was sent"#, lie);
}

#[test]
fn swapped_lines_are_found() {
    let lie = on_the_third(|peer, line| {
        peer.echo(1);
        peer.send(line);
    });
    caught_as("corrupt", "line 2: line 3 came before it (reordered)", lie);
}

#[test]
fn a_line_that_comes_twice_is_found() {
    let lie = on_the_third(|peer, line| peer.send([&line[..], &line].concat()));
    caught_as("corrupt", "line 3: line 2 came again in its place", lie);
}

#[test]
fn a_truncated_line_is_found() {
    let lie = on_the_third(|peer, line| peer.send([&line[..9], b"\n"].concat()));
    caught_as("corrupt", "line 2: truncated to 10 of its 20 bytes", lie);
    let lie = on_the_third(|peer, _| peer.send("\n"));
    caught_as("corrupt", "line 2: truncated to 1 of its 20 bytes", lie);
}

#[test]
fn an_inserted_byte_is_found() {
    let lie = on_the_third(|peer, line| peer.send([b"\r", &line[..]].concat()));
    caught_as("corrupt", "line 2: altered at byte 0 of 20: ", lie);
    let lie = on_the_third(|peer, line| peer.send([&line[..19], b"\r\n"].concat()));
    caught_as("corrupt", r#"line 2: altered at byte 19 of 20: "\n" was sent, "\r" came"#, lie);
}

#[test]
fn a_close_between_lines_is_early() {
    caught_as(
        "closed early",
        // The number of further messages depends on what the others have left to send.
        "closed waiting for line 2",
        on_the_third(|peer, _| {
            peer.finish();
        }),
    );
}

#[test]
fn a_close_within_a_line_is_short() {
    let lie = on_the_third(|peer, line| {
        peer.send(&line[..7]);
        peer.finish();
    });
    caught_as("short", "closed after 7 of the 20 bytes of line 2", lie);
}

#[test]
fn a_line_of_another_connection_is_named_with_it() {
    let (sender, receiver) = channel();
    let (sender, receiver) = (Mutex::new(sender), Mutex::new(receiver));
    let server = Scripted::start(move |peer| match peer.number {
        0 => {
            let Some(line) = peer.line() else { return };
            let _ = lock(&sender).send(line.clone());
            peer.send(line);
            peer.echo_all();
        }
        LIAR => {
            peer.echo(2);
            peer.line();
            let _ = lock(&receiver).recv().map(|line| peer.send(line));
            peer.echo_all();
        }
        _ => peer.echo_all(),
    });
    let plan = Plan { depth: DEPTH, ..count(server.address, ASKED) };
    let (_, finding) = caught(&plan, "corrupt", &server);
    assert_eq!(finding.text, "line 2: line 0 of connection 0 came in its place");
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lies to a connection that has four lines in all and is then finished.
#[track_caller]
fn caught_at_the_end(kind: &str, text: &str, lie: impl Fn(&mut Peer) + Send + Sync + 'static) {
    let server = liar(lie);
    let messages_per_connection = Some(4);
    let plan = Plan { messages_per_connection, depth: DEPTH, ..count(server.address, ASKED) };
    let (report, finding) = caught(&plan, kind, &server);
    assert_eq!(report.messages.verified, ASKED, "{finding:?}");
    assert!(finding.text.starts_with(text), "{:?} is not {text:?}", finding.text);
}

#[test]
fn surplus_bytes_after_the_last_line_are_found() {
    caught_at_the_end("corrupt", r#"surplus bytes after the last line: "more\n""#, |peer| {
        let lines = peer.lines(4).concat();
        peer.send([&lines[..], b"more\n"].concat());
        peer.swallow();
    });
    caught_at_the_end("corrupt", "surplus bytes after the last line: line 3 came again", |peer| {
        let lines = peer.lines(4);
        peer.send([lines.concat(), lines[3].clone()].concat());
        peer.swallow();
    });
}

#[test]
fn surplus_bytes_after_the_end_are_found() {
    caught_at_the_end("corrupt", r#"surplus bytes after the last line: "\x00""#, |peer| {
        peer.echo_all();
        peer.send([0]);
    });
    caught_at_the_end("corrupt", "surplus bytes after the last line: line 0 came again", |peer| {
        let first = peer.line().unwrap_or_default();
        peer.send(&first);
        peer.echo_all();
        peer.send(&first);
    });
}

#[test]
fn a_greeting_is_found() {
    // A lie before the first line is sent is surplus. A lie after that comes in place of the line.
    let server = liar(|peer| {
        peer.send("\x1b[31mwelcome\n");
        peer.swallow();
    });
    let plan = Plan { depth: DEPTH, ..count(server.address, ASKED) };
    let (_, finding) = caught(&plan, "corrupt", &server);
    let is_named = finding.text.contains(r"\x1b") && finding.text.contains("line");
    assert!(is_named, "{finding:?}");
}

#[test]
fn a_reset_is_found_with_its_place() {
    // When two more lines come, the replies before them have arrived.
    caught_as("reset", "receive: ", |peer| {
        peer.echo(2);
        peer.lines(4);
        peer.reset();
    });
    let server = liar(|peer| {
        peer.echo(2);
        peer.lines(4);
        peer.reset();
    });
    let (_, finding) =
        caught(&Plan { depth: DEPTH, ..count(server.address, ASKED) }, "reset", &server);
    assert!(finding.text.ends_with(", waiting for line 2 and 3 more"), "{finding:?}");
}

#[test]
fn a_reset_before_the_end_of_the_stream_is_found() {
    caught_at_the_end("reset", "receive: ", |peer| {
        peer.echo_all();
        peer.reset();
    });
}

#[test]
fn resets_once_everything_is_back_are_resets_and_nothing_else() {
    let server = Scripted::start(|peer| {
        let lines = peer.lines(4).concat();
        peer.send(lines);
        peer.reset();
    });
    let messages_per_connection = Some(4);
    let plan = Plan { messages_per_connection, depth: 4, ..count(server.address, 40) };
    let report = load(&plan);
    assert_eq!(report.errors.reset, report.errors.total(), "{:?}", report.findings);
    assert_eq!(report.errors.reset, report.connections.opened, "{:?}", report.findings);
    assert_eq!(report.messages.verified, 40);
}

#[test]
fn wrong_bytes_are_found_though_a_reset_follows() {
    let server = Scripted::start(|peer| {
        if peer.number >= 20 {
            return peer.echo_all();
        }
        let mut lines = peer.lines(8).concat();
        lines[130] ^= 0x80;
        // The replies come in pieces, so that the load tester answers the first one when the reset
        // comes.
        lines.chunks(50).for_each(|piece| peer.send(piece));
        peer.reset();
    });
    let report = load(&Plan { connections: 20, depth: 8, ..count(server.address, 1_000) });
    let errors = report.errors;
    assert_eq!((errors.corrupt, errors.total()), (20, 20), "{errors:?} {:?}", report.findings);
}

#[test]
fn messages_of_a_file_are_compared_as_well() {
    let lines = (0..12).map(|number| format!("text {number}\n").into_bytes().into()).collect();
    let sizes = Sizes::Messages(Arc::new(Messages { file: String::new(), lines }));
    // The second connection begins with the second line.
    for (lie, text) in [
        ("", "line 2: lost, line 3 came in its place"),
        ("Text 3\n", "line 2: altered at byte 0 of 7: \"t\" was sent, \"T\" came"),
        ("text 3\r\n", "line 2: altered at byte 6 of 7: \"\\n\" was sent, \"\\r\" came"),
        ("text 2\n", "line 2: line 1 came again in its place"),
    ] {
        let server = liar(on_the_third(move |peer, _| peer.send(lie)));
        let plan = Plan { sizes: sizes.clone(), depth: DEPTH, ..count(server.address, ASKED) };
        let (_, finding) = caught(&plan, "corrupt", &server);
        assert!(finding.text.starts_with(text), "{finding:?}");
    }
}

#[test]
fn many_liars_are_counted_and_the_first_are_shown() {
    let server = Scripted::start(|peer| {
        peer.line();
        peer.send("wrong\n");
        peer.swallow();
    });
    let plan = Plan {
        connections: 60,
        threads: 3,
        timeout: Duration::from_secs(20),
        ..count(server.address, 60)
    };
    let report = load(&plan);
    assert_eq!((report.errors.corrupt, report.errors.total()), (60, 60));
    assert_eq!((report.findings.len(), report.messages.verified), (20, 0));
    assert!(report.findings.iter().all(|finding| finding.text.contains("line 0")));
}
