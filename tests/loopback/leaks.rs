//! The server releases all that it uses: descriptors, threads and memory.

use std::fs;
use std::process;
use std::thread;

use echo_server::Config;
use echo_tests::alone::alone;
use echo_tests::peer::{self, echo, ping};
use echo_tests::proc_fs::resident_bytes;
use echo_tests::running::{Running, line, prepare};
use echo_tests::wait::wait_until;

const THREADS: usize = 8;
const PER_THREAD: usize = 1_250;
const TOTAL: usize = THREADS * PER_THREAD;

/// Returns the number of descriptors and the number of threads of this process.
fn used() -> [usize; 2] {
    ["fd", "task"].map(|list| fs::read_dir(format!("/proc/self/{list}")).unwrap().count())
}

/// Opens short connections of every kind, from several threads.
fn churn(server: &Running) {
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..PER_THREAD).for_each(|number| visit(server, number)));
        }
    });
}

fn visit(server: &Running, number: usize) {
    let stream = server.connect();
    match number % 5 {
        0 => ping(&stream),
        1 => drop(peer::finish(&stream)),
        2 => peer::send(&stream, "half"),
        3 => peer::reset(stream),
        _ => echo(&stream, "x".repeat(10_000) + "\n"),
    }
}

#[test]
fn ten_thousand_short_connections_leave_nothing_behind() {
    alone("leaks::ten_thousand_short_connections_leave_nothing_behind", || {
        prepare();
        let pid = process::id();
        let before = used();
        let server = Running::start(line(2));
        ping(&server.connect());
        server.wait_for("its end", |stats| stats.open() == 0);
        let serving = used();
        churn(&server);
        let all = 1 + TOTAL as u64;
        server.wait_for("the end of all", |stats| stats.closed == all);
        wait_until("the descriptors and threads of a server without connections", || {
            used() == serving
        });
        let first = resident_bytes(pid);
        churn(&server);
        server.wait_for("the end of all", |stats| stats.closed == all + TOTAL as u64);
        let second = resident_bytes(pid);
        assert!(second < first + TOTAL as u64 * 20, "memory grew from {first} to {second}");
        assert!(server.stop().all_delivered());
        wait_until("the descriptors and threads of before", || used() == before);
    });
}

#[test]
fn servers_that_come_and_go_leave_nothing_behind() {
    alone("leaks::servers_that_come_and_go_leave_nothing_behind", || {
        prepare();
        let before = used();
        for round in 0..100 {
            let server = Running::start(Config { report_interval: None, ..line(1 + round % 4) });
            ping(&server.connect());
            let open = server.connect();
            drop(open);
            server.stop_clean();
        }
        wait_until("the descriptors and threads of before", || used() == before);
    });
}
