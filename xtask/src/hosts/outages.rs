//! Outages: the network fails in the middle of transfers, and then works again.

use std::thread;
use std::time::Duration;

use echo_tests::peer;
use echo_tests::random::Random;
use echo_tests::wait::{Over, wait_until};

use super::network::Network;
use super::traffic::{Flow, finish, stop_clean};
use crate::check::{Outcome, passed};

/// How long a check observes that no byte arrives.
const OBSERVED: Duration = Duration::from_secs(1);

/// Number of bytes after which a transfer counts as in progress.
const PROGRESS: usize = 1_000_000;

pub(super) fn of_the_server(network: &Network) -> Outcome {
    is_survived(network, || network.server.link_down(), || network.server.link_up().unwrap())
}

pub(super) fn of_the_client(network: &Network) -> Outcome {
    is_survived(network, || network.client.link_down(), || network.client.link_up().unwrap())
}

pub(super) fn of_the_path(network: &Network) -> Outcome {
    is_survived(network, || network.cut(), || network.restore())
}

/// Checks that after an outage, transfers continue, unfinished lines can be finished, and new
/// connections are served.
fn is_survived(network: &Network, begin: impl Fn(), end: impl Fn()) -> Outcome {
    // The rate is limited only to limit the amount of data.
    for host in network.hosts() {
        network.limit_rate(host, "200mbit");
    }
    let server = network.serve(&[]);
    let mut random = Random::new();
    let waiting = network.connect(&server, 5);
    waiting.iter().for_each(|stream| peer::send(stream, "one\ntw"));
    waiting.iter().for_each(|stream| peer::expect(stream, "one\n"));
    let streams = network.connect(&server, 2).into_iter();
    let flows: Vec<Flow> = streams.map(|stream| Flow::new(stream, &mut random)).collect();

    let over = Over::default();
    thread::scope(|scope| {
        let _finish = over.guard();
        flows.iter().for_each(|flow| drop(scope.spawn(|| flow.run(&over))));
        expect_progress(&flows);
        begin();
        expect_standstill(&flows);
        end();
        expect_progress(&flows);
    });

    waiting.iter().for_each(|stream| peer::send(stream, "o\n"));
    waiting.iter().for_each(|stream| peer::expect(stream, "two\n"));
    finish(&waiting);
    let late = network.connect(&server, 1);
    late.iter().for_each(peer::ping);
    finish(&late);
    stop_clean(server);
    let bytes = received(&flows).iter().sum::<usize>();
    passed(format_args!(
        "{} transfers of {bytes} bytes in total and {} waiting connections continued",
        flows.len(),
        waiting.len()
    ))
}

fn received(flows: &[Flow]) -> Vec<usize> {
    flows.iter().map(Flow::received).collect()
}

fn expect_progress(flows: &[Flow]) {
    let before = received(flows);
    let has_progressed =
        || flows.iter().zip(&before).all(|(flow, before)| flow.received() > before + PROGRESS);
    wait_until("progress of every transfer", has_progressed);
}

/// Waits until the data in flight has arrived, and checks that then no more arrives.
fn expect_standstill(flows: &[Flow]) {
    let stands_still = |time| {
        let before = received(flows);
        thread::sleep(time);
        before == received(flows)
    };
    wait_until("the outage", || stands_still(Duration::from_millis(100)));
    assert!(stands_still(OBSERVED), "data arrives during the outage");
}
