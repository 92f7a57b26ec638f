//! Every flag of the server has its effect, on the command line and as an environment variable. The
//! command line overrides the variable.

use std::net::TcpListener;

#[cfg(target_os = "linux")]
use echo_common::cpus::{self, Cpus};
use echo_tests::peer::{connect, echo, expect, rest, send};
#[cfg(target_os = "linux")]
use echo_tests::proc_fs;
use echo_tests::process::ServerProcess;
#[cfg(target_os = "linux")]
use echo_tests::process::{Process, eventually, server_command};

use crate::clients::Stuck;
use echo_tests::records::record;

/// Returns the variable of a flag, such as `ECHO_SERVER_MAX_CONNECTIONS` for `--max-connections`.
pub(crate) fn variable(flag: &str) -> String {
    format!("ECHO_SERVER_{}", flag.trim_start_matches('-').replace('-', "_").to_uppercase())
}

/// Runs `check` on a server whose `flag` is set to `value` by the command line, by the environment, and
/// by the command line while the environment has the value `other`.
#[track_caller]
fn each_way(flag: &str, value: &str, other: &str, rest: &[&str], check: impl Fn(ServerProcess)) {
    let variable = variable(flag);
    let on_the_line = [&[flag, value], rest].concat();
    check(ServerProcess::start(&on_the_line, &[]));
    check(ServerProcess::start(rest, &[(&variable, value)]));
    check(ServerProcess::start(&on_the_line, &[(&variable, other)]));
}

#[test]
fn ip_chooses_the_address() {
    each_way("--ip", "127.0.0.2", "127.0.0.3", &[], |server| {
        assert_eq!(server.addr().ip().to_string(), "127.0.0.2");
        echo(&connect(server.addr()), "hello\n");
    });
}

#[test]
fn port_chooses_the_port() {
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (port, other) = (free(), free());
    each_way("--port", &port.to_string(), &other.to_string(), &[], |server| {
        assert_eq!(server.addr().port(), port);
        echo(&connect(server.addr()), "hello\n");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn num_workers_is_the_number_of_worker_threads() {
    each_way("--num-workers", "3", "1", &[], |server| {
        echo(&connect(server.addr()), "hello\n");
        let names = eventually("all threads", || all_names(server.pid()));
        assert_eq!(names.iter().filter(|name| name.starts_with("worker-")).count(), 3, "{names:?}");
    });
}

/// Returns the names of all threads but the first, or `None` while a thread has no name of its own. The
/// acceptor starts last, and a thread that has not run yet has the program's name.
#[cfg(target_os = "linux")]
fn all_names(pid: u32) -> Option<Vec<String>> {
    let names = proc_fs::threads(pid).into_iter().skip(1).map(|thread| thread.name);
    let names: Vec<String> = names.collect();
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    (has("acceptor") && !has("server")).then_some(names)
}

/// The capacity shows from outside only in the memory of the channels, which the server allocates at the
/// start.
#[cfg(target_os = "linux")]
#[test]
fn channel_capacity_is_the_length_of_each_workers_channel() {
    each_way("--channel-capacity", "65536", "1", &["--num-workers", "4"], |server| {
        echo(&connect(server.addr()), "hello\n");
        let resident = proc_fs::resident_bytes(server.pid());
        assert!(resident > 4 * 65_536 * 32, "{resident} bytes");
    });
    let server = ServerProcess::start(&["--channel-capacity", "1", "--num-workers", "4"], &[]);
    echo(&connect(server.addr()), "hello\n");
    let resident = proc_fs::resident_bytes(server.pid());
    assert!(resident < 4 * 65_536 * 32, "{resident} bytes");
}

#[test]
fn log_level_chooses_what_is_logged() {
    for flag in ["--log_level", "--log-level"] {
        each_way(flag, "debug", "info", &[], |server| {
            drop(connect(server.addr()));
            server.wait_for_line("[DEBUG] probe");
        });
    }
}

#[cfg(target_os = "linux")]
#[test]
fn each_log_level_shows_itself_and_what_is_more_severe() {
    // The least severe record that an ordinary run logs at each level, if there is one.
    for (level, shown) in [
        ("Error", None),
        ("wARN", None),
        ("info", Some("INFO")),
        ("DeBuG", Some("DEBUG")),
        ("TRACE", Some("DEBUG")),
    ] {
        let process = Process::spawn(server_command(&["--log_level", level], &[]));
        let finished = ordinary_run(process);
        let least =
            ["DEBUG", "INFO"].into_iter().find(|name| finished.contains(&format!("[{name}")));
        assert_eq!(least, shown, "{level}:\n{finished}");
    }
}

/// Sends one line to the server and stops it. Returns the log.
#[cfg(target_os = "linux")]
fn ordinary_run(process: Process) -> String {
    let listening = || proc_fs::listening_address(process.pid());
    let stream = connect(eventually("a listening server", listening));
    echo(&stream, "hello\n");
    process.signal(nix::sys::signal::Signal::SIGTERM);
    drop(stream);
    let finished = process.wait();
    finished.expect_code(0);
    finished.stderr
}

#[test]
fn framing_raw_waits_for_no_newline() {
    each_way("--framing", "raw", "line", &[], |server| echo(&connect(server.addr()), "no newline"));
}

#[test]
fn max_line_length_is_the_length_of_the_pieces() {
    each_way("--max-line-length", "1KiB", "64KiB", &[], |server| {
        let stream = connect(server.addr());
        send(&stream, "x".repeat(2_500));
        expect(&stream, "x".repeat(2_048));
    });
}

#[test]
fn max_connections_makes_others_wait() {
    each_way("--max-connections", "1", "9", &[], |server| {
        let (first, second) = (connect(server.addr()), connect(server.addr()));
        echo(&first, "first\n");
        send(&second, "second\n");
        server.wait_for_line("connection limit reached max_connections=1;");
        drop(first);
        expect(&second, "second\n");
    });
}

#[test]
fn idle_timeout_ends_silent_connections() {
    each_way("--idle-timeout", "50ms", "0", &[], |server| {
        let stream = connect(server.addr());
        send(&stream, "line\nrest");
        assert_eq!(rest(&stream), b"line\nrest");
        server.wait_for_line("reason=idle received=9 sent=9");
    });
}

#[test]
fn drain_timeout_limits_the_patience_with_slow_readers() {
    each_way("--drain-timeout", "100ms", "1h", &[], |server| {
        let _stuck = Stuck::new(server.addr());
        assert_eq!(server.stop().code, Some(3));
    });
}

#[test]
fn report_interval_is_the_time_between_reports() {
    each_way("--report-interval", "20ms", "0", &[], |server| {
        let stream = connect(server.addr());
        for total in 1..4 {
            echo(&stream, "hello\n");
            server.wait_for_line(&format!("total_messages={total} "));
        }
    });
}

#[test]
fn report_interval_zero_reports_nothing() {
    each_way("--report-interval", "0", "1ms", &[], |server| {
        let stream = connect(server.addr());
        for _ in 0..100 {
            echo(&stream, "hello\n");
        }
        drop(stream);
        let finished = server.stop();
        assert_eq!(finished.lines_with(&["throughput"]), [""; 0]);
        assert_eq!(record(&finished.stderr, "summary connections=").field("messages"), "100");
    });
}

/// A server that is stopped by a signal accepts nothing. The system's queue then holds one connection
/// more than the backlog.
#[cfg(target_os = "linux")]
#[test]
fn backlog_is_the_length_of_the_systems_queue() {
    use std::net::TcpStream;
    use std::time::Duration;

    use nix::sys::signal::Signal;

    each_way("--backlog", "3", "4096", &[], |server| {
        echo(&connect(server.addr()), "hello\n");
        server.signal(Signal::SIGSTOP);
        eventually("a stopped server", || proc_fs::is_stopped(server.pid()).then_some(()));
        let waiting: Vec<TcpStream> = (0..4).map(|_| connect(server.addr())).collect();
        let refused = TcpStream::connect_timeout(&server.addr(), Duration::from_millis(100));
        assert!(refused.is_err(), "a fifth connection waits with a backlog of 3");
        server.signal(Signal::SIGCONT);
        waiting.iter().for_each(|stream| echo(stream, "hello\n"));
    });
}

#[cfg(target_os = "linux")]
#[test]
fn busy_poll_keeps_workers_from_sleeping_between_messages() {
    each_way("--busy-poll", "1h", "0", &["--num-workers", "1"], |server| {
        let stream = connect(server.addr());
        let sleeps = || {
            echo(&stream, "hello\n");
            let threads = proc_fs::threads(server.pid());
            threads.iter().find(|thread| thread.name == "worker-0").unwrap().voluntary_switches
        };
        let before = sleeps();
        for _ in 0..20 {
            assert_eq!(sleeps(), before);
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn pin_workers_keeps_each_on_a_cpu_of_its_own() {
    let allowed = cpus::allowed().unwrap();
    let in_turn = allowed.numbers().iter().copied().map(Cpus::one).cycle().take(3).collect();
    let workers = ["--num-workers", "3"];
    for (args, environment, wanted) in [
        (&["--pin-workers"][..], &[][..], &in_turn),
        (&[], &[("ECHO_SERVER_PIN_WORKERS", "true")], &in_turn),
        (&[], &[("ECHO_SERVER_PIN_WORKERS", "false")], &vec![allowed; 3]),
    ] {
        let server = ServerProcess::start(&[args, &workers].concat(), environment);
        eventually("the workers' CPUs", || {
            let threads = proc_fs::threads(server.pid());
            let workers = threads.into_iter().filter(|thread| thread.name.starts_with("worker-"));
            let cpus: Vec<Cpus> = workers.map(|thread| thread.cpus).collect();
            (cpus == *wanted).then_some(())
        });
    }
}
