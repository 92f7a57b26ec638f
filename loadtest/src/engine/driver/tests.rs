use crossbeam_channel::unbounded;

use super::*;
use crate::engine::clock::Clock;
use crate::engine::content::Content;
use crate::engine::recorder::Recorder;
use crate::plan::Plan;

/// A thread that is driven by hand, with all connections of the plan.
fn with_driver(plan: &Plan, act: impl FnOnce(Driver<'_>)) {
    let content = Content::new(plan.seed, &plan.sizes);
    let (messages, _inbox) = unbounded();
    let (_recycling, recycled) = unbounded();
    let shared = Shared::new(1, messages);
    let recorder = Recorder::new(plan, 0, &shared.messages, &recycled);
    let cx = ThreadContext::new(plan, &content, Clock::start(), recorder);
    let equipment = Equipment::new().expect("an event queue");
    act(Driver::new(cx, &shared, 0, equipment, plan.our_connections()));
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
        assert_eq!((openings, driver.live), (vec![0, 1], 1));
    });
}

#[test]
fn no_connection_is_taken_for_the_waker_or_the_alarm() {
    for place in [0, 1, MAX_SEATS - 1] {
        for generation in [0, 1, PLACE_MASK] {
            let token = join(place, generation);
            assert!(token != WAKER && token != ALARM, "{token:?}");
            assert_eq!(split(token.0), (place, generation));
        }
    }
    assert_eq!([MAX_SEATS, MAX_SEATS + 1], [ALARM.0 & PLACE_MASK, WAKER.0 & PLACE_MASK]);
}
