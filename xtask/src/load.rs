//! Building blocks of `abuse` and `soak`: a server that is measured, connections that count the bytes
//! they compared, crowds of connections, and child processes that hold connections and can be killed.

mod account;
mod child;
mod crowd;
mod foreign;
mod mib;
mod session;
mod source;
mod target;

use std::net::SocketAddr;

use echo_tests::random::Random;
use echo_tests::wait::Over;

pub(crate) use account::{Load, MAX_HELD_LEN};
pub(crate) use child::{Child, Client};
pub(crate) use crowd::Crowd;
pub(crate) use foreign::foreign;
pub(crate) use mib::mib;
pub(crate) use session::{Echoed, Session};
pub(crate) use target::{Sample, Target};

/// Runs a well-behaved peer until `over`: long exchanges, compared byte by byte.
///
/// # Panics
/// If anything but its own bytes comes back, or nothing in time.
pub(crate) fn neighbour(server: SocketAddr, over: &Over, random: &mut Random) -> Echoed {
    const LEN: usize = 1 << 20;
    let mut session = Session::connect(server, 0);
    while !over.is_over() {
        session.echo(b"ping\n");
        session.exchange(random, LEN);
    }
    session.finish(b"")
}
