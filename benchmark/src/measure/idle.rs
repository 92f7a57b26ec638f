//! Connections that are opened, speak once, and stay: what they cost while nothing happens. The load
//! tester always sends; here nobody does.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use echo_loadtest::compare::Side;
use echo_loadtest::statistics::MIN_PAIRS;
use echo_loadtest::target::{Cpus, Running, Target, Usage, Watch};
use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use socket2::{Domain, Socket, Type};

use crate::measure::pair::Pair;
use crate::results::raw::{Failure, Idle, IdleFigures, IdleRound};
use crate::workload::Setting;

/// The connections that stay.
const CONNECTIONS: usize = 10_000;

/// Come, speak and go before: what a server allocates once is no cost of a connection.
const EARLIER: usize = 100;

/// Connections from one local address, which has some 28,000 ports.
const PER_ADDRESS: usize = 5_000;

/// As many as show a difference. More say hardly anything new: nothing here depends on time.
const MAX_ROUNDS: usize = MIN_PAIRS;

/// What a server does after the last echo is not of interest.
const SETTLING: Duration = Duration::from_millis(500);

/// How long nothing happens.
const QUIET: Duration = Duration::from_secs(2);

/// The patience with a connect, and with an echo.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The line that is echoed.
const LINE: [u8; 128] = {
    let mut line = [b'x'; 128];
    line[127] = b'\n';
    line
};

/// Measures both sides in turn.
///
/// # Errors
/// A server could not be started, or failed.
pub(crate) fn measure(pair: &Pair<'_>, rounds: u32) -> Result<Idle, Failure> {
    echo_common::descriptors::raise_limit();
    let run = |side| run(pair, side).map_err(|why| Failure { side: Some(side), why });
    let rounds = (1..=rounds).take(MAX_ROUNDS).map(|number| {
        // A B B A, as `loadtest compare` does it.
        if number % 2 == 1 {
            let a = run(Side::A)?;
            Ok(IdleRound { a, b: run(Side::B)? })
        } else {
            let b = run(Side::B)?;
            Ok(IdleRound { a: run(Side::A)?, b })
        }
    });
    let rounds = rounds.collect::<Result<_, Failure>>()?;
    Ok(Idle { connections: CONNECTIONS, seed: 0, rounds })
}

/// How long a round takes, about.
pub(crate) fn estimate(rounds: u32) -> Duration {
    let run = QUIET + SETTLING + Duration::from_millis(1_500);
    (1..=rounds).take(MAX_ROUNDS).map(|_| 2 * run).sum()
}

fn run(pair: &Pair<'_>, side: Side) -> Result<IdleFigures, String> {
    let command = match side {
        Side::A => &pair.theirs,
        Side::B => &pair.ours,
    };
    let cpus = (pair.setting == Setting::Pinned).then(|| Cpus::one(0));
    let running = command.parse::<Target>()?.start(cpus.as_ref())?;
    let figures = figures(&running)?;
    running.stop()?;
    Ok(figures)
}

fn figures(running: &Running) -> Result<IdleFigures, String> {
    let address = running.address();
    come_and_go(address)?;
    let process = running.process().ok_or("an address cannot be watched")?;
    // Made late: a process that is younger than a second may be missing in it.
    let mut watch = Watch::new(process.id());
    let before = sample(&mut watch)?;
    let open =
        (0..CONNECTIONS).map(|index| speak(address, index)).collect::<Result<Vec<_>, _>>()?;
    thread::sleep(SETTLING);
    let (start, busy) = (Instant::now(), sample(&mut watch)?);
    thread::sleep(QUIET);
    let (seconds, idle) = (start.elapsed().as_secs_f64(), sample(&mut watch)?);
    drop(open);
    #[allow(clippy::cast_precision_loss)] // Below 2^53.
    let ratio = |now: u64, before: u64, by: f64| now.saturating_sub(before) as f64 / by;
    #[allow(clippy::cast_precision_loss)]
    let connections = CONNECTIONS as f64;
    Ok(IdleFigures {
        memory_per_connection_bytes: ratio(busy.resident_bytes, before.resident_bytes, connections),
        cpu_ns_per_s: ratio(idle.cpu_ns, busy.cpu_ns, seconds).round(),
    })
}

fn sample(watch: &mut Watch) -> Result<Usage, String> {
    watch.sample().ok_or_else(|| "the system does not tell what it takes".to_owned())
}

/// Returns when the server has finished every connection.
fn come_and_go(address: SocketAddr) -> Result<(), String> {
    let open = (0..EARLIER).map(|index| speak(address, index)).collect::<Result<Vec<_>, _>>()?;
    for mut stream in open {
        stream
            .shutdown(std::net::Shutdown::Write)
            .and_then(|()| stream.read_to_end(&mut vec![]))
            .map_err(|error| format!("finish a connection: {error}"))?;
    }
    Ok(())
}

/// A connection that has echoed a line.
fn speak(address: SocketAddr, index: usize) -> Result<TcpStream, String> {
    let told = |error| format!("echo a line on connection {index}: {error}");
    let mut stream = connect(address, source(index)).map_err(told)?;
    let mut reply = [0; LINE.len()];
    stream.write_all(&LINE).and_then(|()| stream.read_exact(&mut reply)).map_err(told)?;
    if reply == LINE { Ok(stream) } else { Err(format!("other bytes on connection {index}")) }
}

fn connect(address: SocketAddr, source: IpAddr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // Chosen by the bind, a port would be taken for all servers, those before this one too.
    setsockopt(&socket, IpBindAddressNoPort, &true)?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.connect_timeout(&address.into(), TIMEOUT)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

/// The local addresses take turns: 127.0.0.2 and those after it.
fn source(index: usize) -> IpAddr {
    let number = u8::try_from(index / PER_ADDRESS).unwrap_or(u8::MAX - 2);
    Ipv4Addr::new(127, 0, 0, 2 + number).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_two_servers_and_more_than_show_a_difference_are_not_measured() {
        let [one, enough, more] = [1, 6, 10].map(estimate);
        assert_eq!((enough, more), (6 * one, enough));
    }
}
