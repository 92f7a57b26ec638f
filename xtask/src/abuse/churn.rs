//! Connections that exchange one line and end, in every way a client may end. The server must keep
//! nothing of them.

use std::thread;

use crate::check::{Outcome, passed};
use crate::load::{Echoed, Load, Session, Target, mib};

const THREADS: u8 = 8;

/// Number of connections before the first look at memory. After them, buffers and tables have reached
/// their final size. This number and `COUNT` are, per thread, multiples of four, the number of ways to
/// end.
const WARM_UP: usize = 16_000;
const COUNT: usize = 100_000;

const MAX_GROWTH: u64 = 1 << 20;

pub(super) fn check() -> Outcome {
    let target = Target::start(&[]);
    let mut echoed = churn(&target, WARM_UP);
    target.expect_idle();
    let before = target.sample().resident;
    echoed += churn(&target, COUNT);
    target.expect_idle();
    let after = target.sample().resident;
    let grown = Target::expect_growth_below(before, after, MAX_GROWTH);
    let connections = (WARM_UP + COUNT) as u64;
    let broken = connections / 2;
    target.stop().expect(&Load { connections, echoed, broken, ..Load::default() });
    passed(format_args!(
        "each connection had its echo; half of them were reset; {} resident afterwards, {} more than \
         before",
        mib(after),
        mib(grown)
    ))
}

/// Makes `count` connections. Returns the echo on those that were not reset.
fn churn(target: &Target, count: usize) -> Echoed {
    thread::scope(|scope| {
        let each = count / usize::from(THREADS);
        let start = |source| {
            let echoed = move || (0..each).map(|number| come_and_go(target, source, number)).sum();
            scope.spawn(echoed)
        };
        let threads: Vec<_> = (1..=THREADS).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

/// Makes a connection that exchanges a line and ends. Half of the connections are reset, a quarter are
/// closed, and a quarter are finished and wait for the server's end.
fn come_and_go(target: &Target, source: u8, number: usize) -> Echoed {
    let mut session = Session::connect(target.addr(), source);
    session.echo(format!("source {source} number {number}\n"));
    match number % 4 {
        0 => session.close(),
        1 => session.finish(""),
        _ => {
            session.reset();
            Echoed::default()
        }
    }
}
