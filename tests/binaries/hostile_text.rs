//! Bytes from a client can neither forge a log record nor reach the terminal of the log's reader.

use echo_tests::peer::{connect, echo};
use echo_tests::process::{Finished, ServerProcess, excerpt};

use echo_tests::records::records;

/// Lines without their newline, and their text in the log.
const HOSTILE: &[(&[u8], &str)] = &[
    (b"carriage\rreturn", r"carriage\rreturn"),
    (b"\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
    (b"\" level=forged text=\"", r#"\" level=forged text=\""#),
    (b"back\\slash", r"back\\slash"),
    (b"nul\0tab\tbackspace\x08delete\x7f", r"nul\x00tab\tbackspace\x08delete\x7f"),
    (b"\xff\xfe invalid", r"\xff\xfe invalid"),
    // The one-character form of ESC [, and a character that reverses the direction of the text.
    ("\u{9b}2J\u{202e}".as_bytes(), r"\xc2\x9b2J\xe2\x80\xae"),
    (b"\r2026-01-01T00:00:00Z [INFO ] forged", r"\r2026-01-01T00:00:00Z [INFO ] forged"),
    (b"", ""),
];

/// Checks that the log has no control characters but the newline at the end of each record.
#[track_caller]
fn assert_harmless(finished: &Finished) {
    let bad = finished.stderr.chars().find(|char| char.is_control() && *char != '\n');
    assert_eq!(bad, None, "{:?}", excerpt(&finished.stderr));
    assert!(!finished.stderr.contains('\u{fffd}'), "not UTF-8: {:?}", excerpt(&finished.stderr));
    records(&finished.stderr, "");
}

#[test]
fn hostile_lines_are_escaped() {
    for level in ["INFO", "TRACE"] {
        let server = ServerProcess::start(&["--log_level", level], &[]);
        let stream = connect(server.addr());
        for (line, shown) in HOSTILE {
            echo(&stream, [line, &b"\n"[..]].concat());
            server.wait_for_line(&format!(" bytes={} text=\"{shown}\"", line.len() + 1));
        }
        drop(stream);
        let finished = server.stop();
        assert_harmless(&finished);
        assert_eq!(records(&finished.stderr, "message ").len(), HOSTILE.len());
    }
}

/// In raw framing a message may contain a newline.
#[test]
fn hostile_bytes_are_escaped_in_raw_framing() {
    let server = ServerProcess::start(&["--framing", "raw"], &[]);
    let stream = connect(server.addr());
    for (line, shown) in HOSTILE {
        echo(&stream, [line, &b"\nx"[..]].concat());
        server.wait_for_line(&format!(" bytes={} text=\"{shown}\\nx\"", line.len() + 2));
    }
    drop(stream);
    let finished = server.stop();
    assert_harmless(&finished);
    assert_eq!(records(&finished.stderr, "message ").len(), HOSTILE.len());
}

#[test]
fn a_long_line_is_cut_and_its_length_is_told() {
    for byte in ['x', '\r', '\0'] {
        let server = ServerProcess::start(&[], &[]);
        let stream = connect(server.addr());
        echo(&stream, format!("{}\n", byte.to_string().repeat(10_000)));
        drop(stream);
        let line = server.wait_for_line("message peer=");
        assert!(line.len() < 500 && line.contains(" bytes=10001 text=\""), "{line}");
        assert!(line.ends_with("…\""), "{line}");
        let finished = server.stop();
        assert_harmless(&finished);
        assert_eq!(records(&finished.stderr, "message ").len(), 1);
    }
}
