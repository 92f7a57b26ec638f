//! At the connection limit, further connections wait in the backlog.

use std::num::NonZeroU64;

use echo_server::Config;
use echo_tests::alone::alone;
use echo_tests::peer::{self, expect, expect_silence, ping, send};
use echo_tests::running::{Running, line};

fn limited(workers: usize, max: u64) -> Config {
    Config { max_connections: NonZeroU64::new(max), ..line(workers) }
}

#[test]
fn connections_beyond_the_limit_wait_until_one_closes() {
    for workers in [1, 2] {
        let server = Running::start(limited(workers, 3));
        let mut served: Vec<_> = (0..3).map(|_| server.connect()).collect();
        served.iter().for_each(ping);
        let waiting: Vec<_> = (0..10).map(|_| server.connect()).collect();
        waiting.iter().for_each(|stream| send(stream, "first\n"));
        for (gone, next) in waiting.into_iter().enumerate() {
            served.iter().for_each(ping);
            served.iter().for_each(ping);
            let stats = server.stats();
            assert_eq!((stats.adopted, stats.closed), (gone as u64 + 3, gone as u64));
            expect_silence(&next);
            // The next connection is accepted although no further peer connects.
            drop(served.remove(0));
            expect(&next, "first\n");
            served.push(next);
        }
        drop(served);
        assert_eq!(server.stop_clean().stats.adopted, 13);
    }
}

#[test]
fn a_limit_of_one_serves_one_after_the_other() {
    let server = Running::start(limited(2, 1));
    let streams: Vec<_> = (0..50).map(|_| server.connect()).collect();
    for stream in streams {
        assert!(server.stats().open() <= 1);
        ping(&stream);
    }
    assert_eq!(server.stop_clean().stats.adopted, 50);
}

#[test]
fn a_broken_connection_makes_room_too() {
    let server = Running::start(limited(2, 2));
    for _ in 0..50 {
        let (one, other) = (server.connect(), server.connect());
        ping(&one);
        ping(&other);
        peer::reset(one);
        peer::reset(other);
    }
    server.wait_for("the end of all", |stats| stats.closed == 100);
    drop(server);
}

#[test]
fn shutdown_at_the_limit_finishes_the_served_and_does_not_wait_for_the_others() {
    let server = Running::start(limited(2, 3));
    let served: Vec<_> = (0..3).map(|_| server.connect()).collect();
    served.iter().for_each(ping);
    let waiting: Vec<_> = (0..5).map(|_| server.connect()).collect();
    waiting.iter().for_each(|stream| send(stream, "too late\n"));
    served.iter().for_each(|stream| send(stream, "half"));
    server.wait_for("the halves", |stats| stats.received == 3 * (5 + 4));
    server.handle.shutdown();
    served.iter().for_each(|stream| assert_eq!(peer::rest(stream), b"half"));
    drop(served);
    assert_eq!(server.stop_clean().stats.adopted, 3);
}

#[test]
#[cfg(target_os = "linux")]
fn at_the_limit_no_thread_wakes_up() {
    alone("limit::at_the_limit_no_thread_wakes_up", || {
        let server = Running::start(limited(2, 3));
        let served: Vec<_> = (0..3).map(|_| server.connect()).collect();
        served.iter().for_each(ping);
        let waiting: Vec<_> = (0..5).map(|_| server.connect()).collect();
        waiting.iter().for_each(|stream| send(stream, "first\n"));
        served.iter().for_each(ping);
        crate::quiet::expect_quiet(&waiting[0]);
        drop(served);
        waiting.iter().take(3).for_each(|stream| expect(stream, "first\n"));
    });
}
