//! Common clients: netcat, socat, telnet, curl and the shell.

use std::net::SocketAddr;
use std::process::Command;

use echo_tests::content::Content;
use echo_tests::peer::assert_same;
use echo_tests::process::ServerProcess;
use echo_tests::random::Random;

use super::bystander::{Bystander, converse};
use super::tally::Tally;
use crate::check::{Check, Outcome, passed};
use crate::packages::with_packages;

/// Number of bytes sent at once by the clients that do not change any byte.
const BULK_LEN: usize = 8 << 20;

/// Lines as a person types them. Some are empty.
const TEXT: &[u8] =
    b"first\n\n\nwith \\ and \ttab \n~!@#$%^&*()_+{}|:\"<>?\n\n\xe2\x82\xac\nlast\n";

/// Lines with the line endings of other systems.
const ODD_LINES: &[u8] = b"windows\r\n\r\nold mac\rstill the same line\n\r\n";

pub(super) fn checks() -> Vec<Check> {
    vec![
        with_packages("netcat-openbsd", &["netcat-openbsd"], || half_closing(netcat)),
        with_packages("ncat", &["ncat"], || half_closing(ncat)),
        with_packages("socat", &["socat"], || half_closing(socat)),
        with_packages("curl telnet://", &["curl"], curl),
        with_packages("telnet", &["inetutils-telnet"], telnet),
        with_packages("bash /dev/tcp", &["bash"], bash),
    ]
}

/// Returns a netcat that half-closes after its input (`-N`) and ends when the server closes.
pub(super) fn netcat(server: SocketAddr) -> Command {
    client("nc.openbsd", &["-N", &server.ip().to_string(), &server.port().to_string()])
}

fn ncat(server: SocketAddr) -> Command {
    client("ncat", &[&server.ip().to_string(), &server.port().to_string()])
}

/// Returns a socat that waits up to 30 seconds for the server after its own end. The default is half a
/// second.
fn socat(server: SocketAddr) -> Command {
    client("socat", &["-t30", "-", &format!("TCP:{server}")])
}

fn client(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

/// Checks a client that changes no byte, and that half-closes at the end of its input.
fn half_closing(client: fn(SocketAddr) -> Command) -> Outcome {
    let server = ServerProcess::start(&[], &[]);
    let conversation = [TEXT, ODD_LINES, &every_byte(), b"\na rest without newline"].concat();
    let bulk = Content::new(&mut Random::new()).bytes(BULK_LEN);
    for input in [&conversation, &bulk] {
        assert_same(&converse(client(server.addr()), input), input);
    }
    Tally::of_stopped(server).expect(2, conversation.len() + bulk.len());
    passed(format_args!(
        "{} bytes of lines, the last one unterminated, and {} MiB of binary data came back after the \
         half-close",
        conversation.len(),
        BULK_LEN >> 20
    ))
}

fn every_byte() -> Vec<u8> {
    (0..=u8::MAX).collect()
}

/// Checks curl's telnet protocol. Curl doubles 0xFF when it sends, and undoes that when it receives. It
/// reads CR NUL as CR, so the input contains no NUL after a CR. Curl ends only when the server closes,
/// so the check stops the server.
fn curl() -> Outcome {
    let server = ServerProcess::start(&[], &[]);
    let conversation = [TEXT, ODD_LINES, &every_byte(), b"\n"].concat();
    let command =
        client("curl", &["--silent", "--no-buffer", &format!("telnet://{}", server.addr())]);
    let mut curl = Bystander::start(command);
    curl.say(&conversation);
    assert_same(&curl.expect_end(&conversation), &conversation);
    const ESCAPES: usize = 1;
    Tally::of_stopped(server).expect(1, conversation.len() + ESCAPES);
    curl.hang_up();
    passed(format_args!(
        "{} bytes with every value came back; curl ended with success when the server stopped",
        conversation.len()
    ))
}

/// Checks telnet. It interprets control characters such as CR. It doubles 0xFF and ends lines with CR
/// LF, so the server counts one more byte for each of these. Telnet first prints messages about the
/// connection. After them it must show exactly the input.
fn telnet() -> Outcome {
    let server = ServerProcess::start(&[], &[]);
    let typed = [TEXT, b"\xff\n"].concat();
    let address = server.addr();
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let mut telnet = Bystander::start(client("inetutils-telnet", &["-E", &ip, &port]));
    telnet.say(&typed);
    let shown = telnet.expect_end(&typed);
    let messages = String::from_utf8_lossy(&shown[..shown.len() - typed.len()]).into_owned();
    assert_eq!(messages.lines().count(), 3, "{messages:?}");
    assert!(messages.starts_with("Trying") && messages.ends_with("'off'.\n"), "{messages:?}");
    telnet.hang_up();
    let lines = typed.iter().filter(|byte| **byte == b'\n').count();
    Tally::of_stopped(server).expect(1, typed.len() + lines + 1);
    passed(format_args!("telnet showed {lines} lines exactly as they were typed"))
}

/// Checks a shell script that sends lines and waits for the echo of each. The shell cannot half-close.
fn bash() -> Outcome {
    const SCRIPT: &str = r#"
        exec 3<>"/dev/tcp/$0/$1" || exit 1
        while IFS= read -r line; do
            printf '%s\n' "$line" >&3
            IFS= read -r -u 3 echoed || exit 2
            printf '%s\n' "$echoed"
        done"#;
    const ROUNDS: usize = 100;
    let server = ServerProcess::start(&[], &[]);
    let lines = [TEXT, ODD_LINES].concat().repeat(ROUNDS);
    let address = server.addr();
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let heard = converse(client("bash", &["-c", SCRIPT, &ip, &port]), &lines);
    assert_same(&heard, &lines);
    let tally = Tally::of_stopped(server);
    tally.expect(1, lines.len());
    passed(format_args!("{} lines came back, each before the next one was sent", tally.messages))
}
