use std::time::Duration;

use super::*;
use crate::engine::protocol::content::Content;
use crate::engine::protocol::window::Window;
use crate::plan::{Arrival, Limit};

/// A conversation that is held by hand, with a server that echoes.
struct Stage<'a> {
    conversation: Conversation,
    orders: Orders<'a>,
    recorder: Recorder<'a>,
}

fn plan() -> Plan {
    Plan::new(([127, 0, 0, 1], 9).into(), Limit::Duration(Duration::from_secs(1)))
}

/// Begins a conversation at the time 0, when the load begins; everything is measured.
fn with_stage(plan: &Plan, act: impl FnOnce(Stage<'_>)) {
    let content = Content::new(plan.seed, &plan.sizes);
    let mut orders = Orders::new(plan, &content);
    (orders.start_ns, orders.end_ns) = (Some(0), 1_000_000_000);
    let mut recorder = Recorder::new(plan, 0);
    recorder.window = Window { start_ns: 0, end_ns: orders.end_ns };
    let mut conversation = Conversation::new(plan, 0);
    conversation.begin(plan, 0);
    act(Stage { conversation, orders, recorder });
}

impl Stage<'_> {
    fn take_on(&mut self, now_ns: u64) -> Option<u64> {
        self.conversation.take_on(now_ns, &mut self.orders, &mut self.recorder)
    }

    /// Returns the bytes that are to be sent. The system takes all of them.
    fn send(&mut self) -> Vec<u8> {
        let mut buffer = vec![0; 1 << 16];
        let filled = self.conversation.exchange.fill(self.orders.content, &mut buffer);
        self.conversation.exchange.sent(self.orders.content, filled, filled.len());
        buffer.truncate(filled.len());
        buffer
    }

    fn receive(&mut self, bytes: &[u8], read_ns: u64) -> Result<(), Wrong> {
        let receipt = Receipt { read_ns, received_ns: None };
        self.conversation.receive(bytes, receipt, &self.orders, &mut self.recorder)
    }

    /// Sends what is to be sent, and has all of it echoed at this time.
    fn echo(&mut self, read_ns: u64) {
        let bytes = self.send();
        assert_eq!(self.receive(&bytes, read_ns), Ok(()));
    }
}

#[test]
fn in_a_closed_loop_a_reply_makes_room_for_the_next_message() {
    with_stage(&Plan { depth: 2, ..plan() }, |mut stage| {
        assert!(stage.conversation.is_free(&stage.orders));
        assert_eq!((stage.take_on(10), stage.conversation.exchange.in_flight()), (None, 2));
        assert!(!stage.conversation.is_free(&stage.orders));
        stage.echo(50);
        assert!(stage.conversation.is_free(&stage.orders) && stage.conversation.is_quiet());
        assert_eq!((stage.recorder.sent, stage.recorder.verified), (2, 2));
    });
}

#[test]
fn a_message_is_due_at_its_time_whether_the_connection_is_free_or_not() {
    let arrival = Arrival::Constant(1_000.0);
    with_stage(&Plan { arrival, connections: 1, ..plan() }, |mut stage| {
        assert_eq!(stage.take_on(0), None);
        stage.echo(3_500_000);
        assert_eq!(stage.take_on(3_500_000), None);
        assert_eq!(stage.conversation.exchange.in_flight(), 1);
        // The message of 1 ms waited for the reply: it was not sent late, but its reply is.
        assert_eq!(stage.recorder.lateness.max(), 0);
        stage.echo(4_000_000);
        let piece = stage.recorder.turn_to(1, None);
        let response = piece.latencies.response.expect("an open loop");
        assert_eq!(response.value_at_quantile(0.5) / 1_000, 3_000);
    });
}

#[test]
fn the_reply_to_a_late_message_does_not_excuse_the_next_one() {
    let arrival = Arrival::Constant(1_000.0);
    with_stage(&Plan { arrival, connections: 1, ..plan() }, |mut stage| {
        stage.take_on(600_000);
        stage.echo(2_200_000);
        // Had the first message been sent in time, its reply would have come at 1.6 ms.
        stage.take_on(2_200_000);
        let lateness = &stage.recorder.lateness;
        assert_eq!(lateness.len(), 2);
        assert!((599..=601).contains(&(lateness.min() / 1_000)), "{}", lateness.min());
    });
}

#[test]
fn nothing_is_sent_before_the_load_begins_or_after_it_ends() {
    with_stage(&plan(), |mut stage| {
        stage.orders.start_ns = Some(100);
        assert_eq!((stage.take_on(99), stage.conversation.is_quiet()), (None, true));
        stage.orders.start_ns = None;
        assert!(!stage.conversation.is_free(&stage.orders));
        stage.orders.start_ns = Some(100);
        let end_ns = stage.orders.end_ns;
        assert_eq!((stage.take_on(end_ns), stage.conversation.is_quiet()), (None, true));
    });
}

#[test]
fn a_reply_is_late_when_the_timeout_has_passed() {
    with_stage(&Plan { timeout: Duration::from_millis(1), ..plan() }, |mut stage| {
        assert!(!stage.conversation.is_late(u64::MAX, &stage.orders));
        stage.take_on(500);
        assert!(!stage.conversation.is_late(1_000_499, &stage.orders));
        assert!(stage.conversation.is_late(1_000_500, &stage.orders));
        stage.echo(2_000_000);
        assert!(!stage.conversation.is_late(u64::MAX, &stage.orders));
    });
}

#[test]
fn other_bytes_than_were_sent_are_wrong_and_count_as_bytes_only() {
    with_stage(&plan(), |mut stage| {
        stage.take_on(0);
        let mut bytes = stage.send();
        bytes[3] ^= 1;
        assert_eq!(stage.receive(&bytes, 5), Err(Wrong::Different(bytes.clone())));
        assert_eq!(stage.recorder.tally.bytes, bytes.len() as u64);
        assert_eq!((stage.recorder.verified, stage.recorder.tally.messages), (0, 0));
    });
}

#[test]
fn a_connection_has_said_all_after_its_messages_and_whole_bursts() {
    let plan = Plan { messages_per_connection: Some(3), depth: 4, send_burst: 2, ..plan() };
    for (arrival, count) in [(Arrival::Closed, 3), (Arrival::Constant(1e9), 4)] {
        with_stage(&Plan { arrival, ..plan.clone() }, |mut stage| {
            assert!(!stage.conversation.has_said_all());
            stage.take_on(1_000_000);
            assert_eq!(stage.conversation.exchange.in_flight(), count, "{arrival:?}");
            assert!(stage.conversation.has_said_all());
            stage.conversation.begin(stage.orders.plan, 2_000_000);
            assert!(!stage.conversation.has_said_all() && stage.conversation.is_quiet());
        });
    }
}

#[test]
fn no_more_messages_are_taken_on_than_the_quota_has() {
    with_stage(&Plan { depth: 8, ..plan() }, |mut stage| {
        stage.orders.quota = 3;
        stage.take_on(0);
        assert_eq!((stage.conversation.exchange.in_flight(), stage.orders.quota), (3, 0));
        assert!(stage.orders.is_over(0));
    });
}
