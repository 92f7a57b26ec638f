//! The demonstration of the README with three terminals: a server and two clients.

use echo_tests::process::{Process, ServerProcess, client_command};

use echo_tests::records::{record, records};

#[test]
fn the_server_shows_both_clients_and_each_client_prints_its_echo() {
    let server = ServerProcess::start(&[], &[]);
    let messages = ["foo", "bar"];
    let clients = messages
        .map(|message| Process::spawn(client_command(server.addr(), &["--message", message])));
    for (client, message) in clients.into_iter().zip(messages) {
        let finished = client.wait();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert_eq!(finished.stdout, format!("{message}\n"));
        server.wait_for_line(&format!(" bytes=4 text=\"{message}\""));
    }
    let finished = server.stop();
    finished.expect_code(0);
    let log = &finished.stderr;
    for number in 1..=2 {
        for step in ["connection opened ", "message ", "connection closed "] {
            let said = records(log, step);
            let own = |key: &str| said.iter().filter(|one| one.field("connection") == key).count();
            assert_eq!(own(&number.to_string()), 1, "{step}of connection {number} in:\n{log}");
        }
    }
    let summary = record(log, "summary connections=");
    assert_eq!(["connections", "messages", "sent"].map(|key| summary.field(key)), ["2", "2", "8"]);
}
