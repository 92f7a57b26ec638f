//! Clients that people have at hand: netcat, socat, telnet, curl, the shell.

use std::net::SocketAddr;
use std::process::Command;

use echo_tests::content::Content;
use echo_tests::peer::assert_same;
use echo_tests::process::ServerProcess;
use echo_tests::random::Random;

use super::bystander::{Bystander, converse};
use super::tally::Tally;
use super::with_packages;
use crate::check::{Check, Outcome, kept};

/// What is sent at once, by the clients that take any byte.
const BULK_LEN: usize = 8 << 20;

/// Lines as they are typed, empty ones among them.
const TEXT: &[u8] =
    b"first\n\n\nwith \\ and \ttab \n~!@#$%^&*()_+{}|:\"<>?\n\n\xe2\x82\xac\nlast\n";

/// Lines with the line ends of other systems.
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

/// Ends its side after its input, as `-N` says, and leaves with the server.
pub(super) fn netcat(server: SocketAddr) -> Command {
    client("nc.openbsd", &["-N", &server.ip().to_string(), &server.port().to_string()])
}

fn ncat(server: SocketAddr) -> Command {
    client("ncat", &[&server.ip().to_string(), &server.port().to_string()])
}

/// Gives the server 30 seconds after its own side has ended, not half of one.
fn socat(server: SocketAddr) -> Command {
    client("socat", &["-t30", "-", &format!("TCP:{server}")])
}

fn client(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

/// A client that alters nothing, and that ends its side at the end of its input.
fn half_closing(client: fn(SocketAddr) -> Command) -> Outcome {
    let server = ServerProcess::start(&[], &[]);
    let conversation = [TEXT, ODD_LINES, &every_byte(), b"\na rest without newline"].concat();
    let bulk = Content::new(&mut Random::new()).bytes(BULK_LEN);
    for input in [&conversation, &bulk] {
        assert_same(&converse(client(server.addr()), input), input);
    }
    Tally::of_stopped(server).expect(2, conversation.len() + bulk.len());
    kept(format_args!(
        "{} bytes of lines with a rest, and {} MiB of binary, came back after the half-close",
        conversation.len(),
        BULK_LEN >> 20
    ))
}

fn every_byte() -> Vec<u8> {
    (0..=u8::MAX).collect()
}

/// Curl doubles 0xFF on its way out, undoes it on its way back, and takes CR NUL for a CR: no CR is
/// followed by a NUL here. It does not leave before the server does, so the server is stopped.
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
    kept(format_args!(
        "{} bytes with every value came back; it left, content, when the server stopped",
        conversation.len()
    ))
}

/// Telnet takes control characters for itself, CR among them, doubles 0xFF, and ends its lines with
/// CR LF: the server has a byte more for each. What telnet shows, after its own words about the
/// connection, is what was typed.
fn telnet() -> Outcome {
    let server = ServerProcess::start(&[], &[]);
    let typed = [TEXT, b"\xff\n"].concat();
    let address = server.addr();
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let mut telnet = Bystander::start(client("inetutils-telnet", &["-E", &ip, &port]));
    telnet.say(&typed);
    let shown = telnet.expect_end(&typed);
    let words = String::from_utf8_lossy(&shown[..shown.len() - typed.len()]).into_owned();
    assert_eq!(words.lines().count(), 3, "{words:?}");
    assert!(words.starts_with("Trying") && words.ends_with("'off'.\n"), "{words:?}");
    telnet.hang_up();
    let lines = typed.iter().filter(|byte| **byte == b'\n').count();
    Tally::of_stopped(server).expect(1, typed.len() + lines + 1);
    kept(format_args!("{lines} lines were shown as they were typed"))
}

/// The shell sends a line and waits for it, over and over. It cannot close one side only.
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
    kept(format_args!("{} lines came back, each before the next was sent", tally.messages))
}
