//! Every flag, its variable, and the sentences for invalid values.

use std::net::TcpListener;

use crate::harness::{DEADLINE, client, client_of, run, run_with};
use crate::servers::{line_echo, raw_echo, recording_echo, serve, serve_on};

#[test]
fn without_flags_hello_world_is_sent_once() {
    let (server, received) = recording_echo();
    let finished = run_with::<&str>(server, []).expect(0, "hello world\n");
    finished.summary(&["clients=1", "succeeded=1", "failed=0", "messages=1", "bytes=12"]);
    assert_eq!(received.recv_timeout(DEADLINE).unwrap(), b"hello world\n");
}

#[test]
fn the_flags_do_what_they_say() {
    let server = serve(line_echo);
    let flags = ["--num-clients", "3", "--message", "foo", "--max-count", "2", "--timeout", "30s"];
    let finished = run_with(server, flags).expect(0, "foo\n".repeat(6));
    finished.summary(&["clients=3", "succeeded=3", "messages=6", "bytes=24"]);
}

#[test]
fn every_flag_has_a_variable() {
    let (server, received) = recording_echo();
    let finished = run(client()
        .env("ECHO_CLIENT_SERVER_IP", server.ip().to_string())
        .env("ECHO_CLIENT_SERVER_PORT", server.port().to_string())
        .env("ECHO_CLIENT_NUM_CLIENTS", "2")
        .env("ECHO_CLIENT_MESSAGE", "foo")
        .env("ECHO_CLIENT_MAX_COUNT", "3")
        .env("ECHO_CLIENT_TIMEOUT", "30s")
        .env("ECHO_CLIENT_QUIET", "true")
        .env("ECHO_CLIENT_STDIN", "false")
        .env("ECHO_CLIENT_REPORT_INTERVAL", "0")
        .env("ECHO_CLIENT_LOG_LEVEL", "debug"))
    .expect(0, "");
    finished.summary(&["clients=2", "messages=6"]);
    finished.logged(&["[DEBUG]", "client 2: connected to 127.0.0.1:"]);
    assert_eq!(received.recv_timeout(DEADLINE).unwrap(), b"foo\nfoo\nfoo\n");
}

#[test]
fn each_variable_is_read() {
    for (name, value, flag) in [
        ("ECHO_CLIENT_SERVER_IP", "[]", "--server-ip"),
        ("ECHO_CLIENT_SERVER_PORT", "0", "--server-port"),
        ("ECHO_CLIENT_NUM_CLIENTS", "none", "--num-clients"),
        ("ECHO_CLIENT_MAX_COUNT", "0", "--max-count"),
        ("ECHO_CLIENT_STDIN", "perhaps", "--stdin"),
        ("ECHO_CLIENT_TIMEOUT", "5", "--timeout"),
        ("ECHO_CLIENT_QUIET", "perhaps", "--quiet"),
        ("ECHO_CLIENT_REPORT_INTERVAL", "often", "--report-interval"),
        ("ECHO_CLIENT_LOG_LEVEL", "loud", "--log_level"),
    ] {
        let finished = run(client().env(name, value)).expect(2, "");
        assert!(finished.stderr.contains(flag), "{name}: {}", finished.stderr);
    }
}

#[test]
fn a_flag_outdoes_its_variable() {
    let mut command = client_of(serve(line_echo));
    run(command.env("ECHO_CLIENT_MESSAGE", "variable").args(["--message", "flag"]))
        .expect(0, "flag\n");
}

#[test]
fn values_that_make_no_sense_are_usage_errors_that_name_the_flag() {
    for (flag, value) in [
        ("--server-ip", ""),
        ("--server-port", "70000"),
        ("--server-port", "0"),
        ("--server-port", "http"),
        ("--num-clients", "0"),
        ("--num-clients", "-1"),
        ("--max-count", "0"),
        ("--max-count", "1.5"),
        ("--timeout", "0"),
        ("--timeout", "5"),
        ("--timeout", "soon"),
        ("--report-interval", "-1s"),
        ("--log_level", "loud"),
        ("--log-level", ""),
    ] {
        let finished = run(client().arg(format!("{flag}={value}"))).expect(2, "");
        let named = if flag == "--log-level" { "--log_level" } else { flag };
        assert!(
            finished.stderr.starts_with("error: ") && finished.stderr.contains(named),
            "{flag} {value}: {}",
            finished.stderr
        );
    }
    run(client().arg("--no-such-flag")).expect(2, "");
}

#[test]
fn standard_input_excludes_a_message_and_a_count() {
    for (args, named) in
        [(["--message", "x"], "--message <TEXT>"), (["--max-count", "1"], "--max-count <N>")]
    {
        let finished = run(client().arg("--stdin").args(args)).expect(2, "");
        let sentence = format!("the argument '--stdin' cannot be used with '{named}'");
        assert!(finished.stderr.contains(&sentence), "{}", finished.stderr);
    }
    run(client().arg("--stdin").env("ECHO_CLIENT_MESSAGE", "x")).expect(2, "");
}

#[test]
fn help_shows_every_flag_its_variable_and_the_exit_codes() {
    let help = run(client().arg("--help"));
    assert_eq!(help.code, Some(0));
    let help = String::from_utf8(help.stdout).unwrap();
    for flag in [
        "server-ip",
        "server-port",
        "num-clients",
        "message",
        "max-count",
        "stdin",
        "timeout",
        "quiet",
        "report-interval",
        "log_level",
    ] {
        let variable = format!("ECHO_CLIENT_{}", flag.replace('-', "_").to_uppercase());
        assert!(help.contains(&format!("--{flag}")) && help.contains(&variable), "{flag}: {help}");
    }
    assert!(help.contains("--log-level"), "{help}");
    for code in ["\n  0 ", "\n  1 ", "\n  2 ", "\n  130 "] {
        assert!(help.contains(code), "{code}: {help}");
    }
}

#[test]
fn the_version_is_told() {
    run(client().arg("--version")).expect(0, concat!("client ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn quiet_prints_no_replies_and_still_verifies() {
    run_with(serve(line_echo), ["--quiet"]).expect(0, "").summary(&["messages=1"]);
    run_with(crate::servers::answer(b"hellO world\n"), ["--quiet"]).expect(1, "");
}

#[test]
fn a_host_may_be_a_name_or_an_address_in_brackets() {
    let (port, args) = (serve(line_echo).port().to_string(), ["--message", "x"]);
    // If the name also stands for ::1, where no server listens, the client tries the next address.
    run(client().args(["--server-ip", "localhost", "--server-port", &port]).args(args))
        .expect(0, "x\n");
    let Ok(listener) = TcpListener::bind("[::1]:0") else { return };
    let port = serve_on(listener, raw_echo).port().to_string();
    for host in ["::1", "[::1]"] {
        run(client().args(["--server-ip", host, "--server-port", &port]).args(args))
            .expect(0, "x\n");
    }
}

#[test]
fn the_log_level_decides_what_is_logged() {
    let server = serve(line_echo);
    for (level, lines) in
        [("OFF", 0), ("error", 0), ("Warn", 0), ("INFO", 1), ("dEBUG", 3), ("TRACE", 3)]
    {
        for flag in ["--log_level", "--log-level"] {
            let finished = run_with(server, [flag, level, "--report-interval", "0"]);
            let finished = finished.expect(0, "hello world\n");
            assert_eq!(finished.stderr.lines().count(), lines, "{level}: {}", finished.stderr);
        }
    }
}
