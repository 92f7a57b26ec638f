//! Invalid command lines and environments, and the help.

use echo_tests::process::{Finished, Process, server_command};

use crate::flags::variable;

const BAD_VALUES: &[(&str, &[&str])] = &[
    ("--ip", &["localhost", "1.2.3", "127.0.0.1:9000", "fe80::x"]),
    ("--port", &["70000", "-1", "http"]),
    ("--num-workers", &["0", "-1", "1025", "two"]),
    ("--channel-capacity", &["0", "65537", "1.5"]),
    ("--log_level", &["loud", "0"]),
    ("--framing", &["words"]),
    ("--max-line-length", &["0", "0KiB", "2GiB", "64 parsecs", "-1"]),
    ("--max-connections", &["0", "many"]),
    ("--idle-timeout", &["5", "soon", "-1s"]),
    ("--drain-timeout", &["5", "1 parsec"]),
    ("--report-interval", &["5", "1e3"]),
    ("--backlog", &["0", "65536"]),
    ("--busy-poll", &["50", "-1us", "yes"]),
];

/// Checks that the program ends with one clear sentence that names the flag and the wrong value.
#[track_caller]
fn assert_usage_error(finished: &Finished, flag: &str, value: &str) {
    finished.expect_code(2);
    let sentence = finished.stderr.lines().next().unwrap_or_default();
    assert!(sentence.starts_with("error: "), "{flag} {value}: {finished:#?}");
    assert!(sentence.contains(flag) && sentence.contains(value), "{flag} {value}: {finished:#?}");
}

#[test]
fn a_bad_value_on_the_command_line_names_the_flag() {
    for (flag, values) in BAD_VALUES {
        for value in *values {
            let finished = Process::run(server_command(&[&format!("{flag}={value}")], &[]));
            assert_usage_error(&finished, flag, value);
        }
    }
}

#[test]
fn a_bad_value_in_the_environment_names_the_flag() {
    for (flag, values) in BAD_VALUES {
        for value in [values[0], ""] {
            let finished = Process::run(server_command(&[], &[(&variable(flag), value)]));
            assert_usage_error(&finished, flag, value);
        }
    }
}

#[test]
fn an_unknown_or_repeated_flag_and_a_missing_value_are_wrong_usage() {
    for args in [&["--prot", "1"][..], &["9000"], &["--backlog", "1", "--backlog", "2"], &["--ip"]]
    {
        let finished = Process::run(server_command(args, &[]));
        finished.expect_code(2);
        assert!(finished.stderr.contains(args[0]), "{finished:#?}");
    }
}

#[test]
fn help_documents_every_flag_every_variable_and_every_exit_code() {
    let help = Process::run(server_command(&["--help"], &[]));
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    for (flag, _) in BAD_VALUES {
        for word in [flag, variable(flag).as_str()] {
            assert!(help.stdout.contains(word), "no {word} in:\n{}", help.stdout);
        }
    }
    assert!(help.stdout.contains("--log-level"), "{}", help.stdout);
    let (_, codes) = help.stdout.split_once("Exit codes:").expect("exit codes");
    let codes: Vec<&str> =
        codes.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(codes, ["0", "1", "2", "3", "130"]);
}

#[test]
fn version_is_the_packages() {
    let version = Process::run(server_command(&["--version"], &[]));
    assert_eq!(version.stdout, format!("server {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!((version.code, version.stderr.as_str()), (Some(0), ""));
}

/// A program that prints its help with `println!` would panic here.
#[cfg(target_os = "linux")]
#[test]
fn help_survives_an_output_that_takes_nothing() {
    for script in [r#"exec "$0" --help > /dev/full"#, r#"exec "$0" --help >&-"#] {
        let finished = Process::run(echo_tests::process::server_shell(script, &[]));
        finished.expect_code(0);
    }
}
