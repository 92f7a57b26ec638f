use crossbeam_channel::unbounded;

use super::*;
use crate::engine::protocol::content::Content;
use crate::engine::protocol::recorder::Recorder;
use crate::engine::system::clock::Clock;
use crate::plan::{Limit, Plan};

/// Calls `act` with a thread that has all connections of the plan and is driven by hand.
fn with_driver(plan: &Plan, act: impl FnOnce(Driver<'_>)) {
    let content = Content::new(plan.seed, &plan.sizes);
    let (messages, _inbox) = unbounded();
    let (_recycling, recycled) = unbounded();
    let shared = Shared::new(1, messages);
    let orders = Orders::new(plan, &content);
    let cx = ThreadContext::new(orders, Clock::start(), Recorder::new(plan, 0));
    let post = Post { thread: 0, shared: &shared, recycled };
    let equipment = Equipment::new().expect("an event queue");
    act(Driver::new(cx, post, equipment, plan.our_connections()));
}

#[test]
fn a_connection_that_is_over_is_not_opened_though_it_waits_for_that() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let target = listener.local_addr().expect("its address");
    let plan =
        Plan { connections: 2, connect_rate: Some(1.0), ..Plan::new(target, Limit::Count(1)) };
    with_driver(&plan, |mut driver| {
        let next = driver.seats[0].connection.abandon(&mut driver.cx);
        driver.settle(0, next);
        driver.open_some(0);
        let openings: Vec<usize> = driver.seats.iter().map(|seat| seat.generation).collect();
        assert_eq!((openings, driver.turns.are_over()), (vec![0, 1], false));
    });
}
