//! Standard output that is closed, full, or shared.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::process::Stdio;

use crate::harness::{Running, client_of, run, run_with, run_with_input, shell, to_server};
use crate::servers::{line_echo, next_line, raw_echo, read_to_end, serve};

#[test]
fn a_reader_that_leaves_ends_the_program_quietly() {
    // If the reader did not leave, this would take years.
    let script = "{ \"$0\" \"$@\"; echo \"code=$?\" >&2; } | head -1";
    let mut command = shell(script);
    to_server(&mut command, serve(line_echo));
    let args = ["--max-count", "18446744073709551615", "--num-clients", "4"];
    let finished = run(command.args(args)).expect(0, "hello world\n");
    finished.logged(&["code=0"]);
    finished.summary(&["clients=4", "failed=0"]);
    assert!(!finished.stderr.contains("[ERROR]"), "{}", finished.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_device_is_told() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = client_of(serve(line_echo));
    command.args(["--max-count", "1000000000"]).stdin(Stdio::null()).stdout(full);
    let finished = Running::start(&mut command).finish().expect(1, "");
    finished.logged(&["[ERROR] write standard output: "]);
}

#[test]
fn a_closed_standard_output_is_no_panic() {
    let mut command = shell("exec \"$0\" \"$@\" >&-");
    to_server(&mut command, serve(line_echo));
    run(&mut command).expect(0, "");
}

#[test]
fn a_closed_standard_error_is_no_panic() {
    let mut command = shell("exec \"$0\" \"$@\" 2>&-");
    to_server(&mut command, serve(line_echo));
    run(&mut command).expect(0, "hello world\n");
}

#[test]
fn a_reply_is_printed_before_the_next_message_is_sent() {
    // The server does not answer the second message, but the first reply is printed.
    let server = serve(|mut stream, _| {
        use std::io::Write;
        stream.write_all(&next_line(&mut BufReader::new(&stream))).unwrap();
        read_to_end(&mut stream);
    });
    let mut command = client_of(server);
    command.args(["--max-count", "2", "--timeout", "1h"]).stdin(Stdio::null());
    let mut running = Running::start(command.stdout(Stdio::piped()));
    assert_eq!(running.next_line(), b"hello world\n");
}

#[test]
fn replies_of_many_clients_are_not_mixed() {
    // The message is longer than a pipe takes at once, and its lines differ.
    let message: Vec<_> = (0..4).map(|part| format!("{part}").repeat(30_000)).collect();
    let message = message.join("\n");
    let args = ["--num-clients", "8", "--max-count", "5", "--message", &message];
    let finished = run_with(serve(raw_echo), args);
    finished.expect(0, format!("{message}\n").repeat(40));
}

#[test]
fn lines_of_one_client_stay_in_order() {
    let input: String = (0..2_000).map(|number| format!("{number}\n")).collect();
    let mut command = client_of(serve(line_echo));
    let finished = run_with_input(command.args(["--stdin", "--num-clients", "3"]), input.into());
    // The output merges three ordered sequences: when a number appears for the nth time, its
    // predecessor has appeared at least n times.
    let mut seen = BTreeMap::<u64, u64>::new();
    for line in String::from_utf8(finished.stdout).unwrap().lines() {
        let number = line.parse::<u64>().unwrap();
        *seen.entry(number).or_default() += 1;
        assert!(number == 0 || seen.get(&(number - 1)) >= seen.get(&number), "{number}");
    }
    assert!(seen.len() == 2_000 && seen.values().all(|count| *count == 3));
}
