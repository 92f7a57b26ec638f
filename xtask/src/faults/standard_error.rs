//! Log records that cannot be written to standard error.

use echo_tests::peer::{connect, echo};

use super::peers::crowd;
use super::row::row;
use super::traced::{Ended, Fault, Traced};
use crate::check::Check;

const SURVIVED: &str = "the server serves, records are lost, exit code 0";
const RETRIED: &str = "the server serves, no record is lost, exit code 0";

pub(super) fn checks() -> Vec<Check> {
    // The first record says where the server listens.
    let survived = |error| {
        row(format!("write {error} on stderr, for ever"), SURVIVED, move || {
            let ended = serve(Fault::on_stderr(error, "2+"));
            ended.finished.expect_code(0);
            assert_eq!(ended.finished.stderr.lines().count(), 1);
            ended.seen("write")
        })
    };
    let mut checks: Vec<Check> = ["EPIPE", "ENOSPC", "EIO", "EAGAIN"].map(survived).into();
    checks.push(row("write EAGAIN on stderr, every 2nd call", SURVIVED, || {
        let ended = serve(Fault::on_stderr("EAGAIN", "2+2"));
        ended.finished.expect_code(0);
        let shown = ended.finished.lines_with(&["text=\"message "]).len();
        assert!((1..MESSAGES).contains(&shown), "{shown} messages shown");
        format!("{shown} of {MESSAGES} messages shown, {}", ended.seen("write"))
    }));
    checks.push(row("write EINTR on stderr, every 2nd call", RETRIED, || {
        let ended = serve(Fault::on_stderr("EINTR", "1+2"));
        ended.expect(0, 0);
        let shown = ended.finished.lines_with(&["text=\"message "]).len();
        assert_eq!(shown, MESSAGES, "messages shown");
        format!("{shown} messages shown, {}", ended.seen("write"))
    }));
    checks
}

const MESSAGES: usize = 100;

/// Sends messages one by one, slowly enough for each to be logged, and then traffic in bulk.
fn serve(fault: Fault) -> Ended {
    let server = Traced::start(&[fault], &["--log_level", "DEBUG"]);
    let stream = connect(server.addr());
    for number in 0..MESSAGES {
        echo(&stream, format!("message {number}\n"));
    }
    drop(stream);
    crowd(server.addr(), 4, 100_000);
    server.stop()
}
