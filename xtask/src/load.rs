//! What `abuse` and `soak` are made of: a server that is measured, connections that count what they
//! compared, crowds of them, and processes that hold some so that they can be killed.

mod account;
mod child;
mod crowd;
mod foreign;
mod session;
mod source;
mod target;

use std::net::SocketAddr;

use echo_tests::random::Random;
use echo_tests::wait::Over;

pub(crate) use account::{Load, MAX_HELD_LEN, Stopped};
pub(crate) use child::{Child, Client};
pub(crate) use crowd::Crowd;
pub(crate) use foreign::foreign;
pub(crate) use session::{Echoed, Session};
pub(crate) use target::{Sample, Target};

/// A well-behaved peer: long exchanges, compared byte by byte, until it is over.
///
/// # Panics
/// When anything but its own bytes comes back, or nothing in time.
pub(crate) fn neighbour(server: SocketAddr, over: &Over, random: &mut Random) -> Echoed {
    const LEN: usize = 1 << 20;
    let mut session = Session::connect(server, 0);
    while !over.is_over() {
        session.echo(b"ping\n");
        session.exchange(random, LEN);
    }
    session.finish(b"")
}

/// `bytes` as a person reads it.
pub(crate) fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
