//! Measures idle connections: they are opened, echo one line each and then stay silent. The load tester
//! cannot do this, because it always sends.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use echo_loadtest::compare::Side;
use echo_loadtest::statistics::MIN_PAIRS;
use echo_loadtest::target::{Cpus, Running, Target, Usage, Watch};
use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use socket2::{Domain, Socket, Type};

use super::pair::Pair;
use crate::findings::outcome::{Failure, Idle, IdleFigures, IdleRound};
use crate::setting::Setting;

/// Number of connections that stay open.
const CONNECTIONS: usize = 10_000;

/// Number of connections that come and go first, so that one-time allocations do not count.
const EARLIER: usize = 100;

/// Number of connections from one local address, which has about 28,000 ports.
const PER_ADDRESS: usize = 5_000;

/// Maximum number of rounds. These suffice to show a difference, and more say little because hardly
/// anything here depends on time.
const MAX_ROUNDS: usize = MIN_PAIRS;

/// How long a server may be busy after the last echo, before its CPU time counts.
const SETTLING: Duration = Duration::from_millis(500);

/// How long the connections are silent while the CPU time counts.
const QUIET: Duration = Duration::from_secs(2);

/// How long a connect or an echo may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The line that each connection echoes.
const LINE: [u8; 128] = {
    let mut line = [b'x'; 128];
    line[127] = b'\n';
    line
};

/// Measures both sides in turn.
///
/// # Errors
/// The failure of a server that could not be started or did not echo.
pub(crate) fn measure(pair: &Pair<'_>, rounds: u32) -> Result<Idle, Failure> {
    echo_common::descriptors::raise_limit();
    let run = |side| run(pair, side).map_err(|why| Failure { side: Some(side), why });
    let rounds = (1..=rounds).take(MAX_ROUNDS).map(|number| {
        // The order is A B B A, as in `loadtest compare`.
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

/// Returns about how long a comparison with this number of rounds takes.
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
    // The watch starts late, because it may miss a process that is younger than a second.
    let mut watch = Watch::new(process.id());
    let before = sample(&mut watch)?;
    let open =
        (0..CONNECTIONS).map(|index| speak(address, index)).collect::<Result<Vec<_>, _>>()?;
    thread::sleep(SETTLING);
    let (start, busy) = (Instant::now(), sample(&mut watch)?);
    thread::sleep(QUIET);
    let (seconds, idle) = (start.elapsed().as_secs_f64(), sample(&mut watch)?);
    drop(open);
    let ratio = |now: u64, before: u64, by: f64| now.saturating_sub(before) as f64 / by;
    let connections = CONNECTIONS as f64;
    Ok(IdleFigures {
        memory_per_connection_bytes: ratio(busy.resident_bytes, before.resident_bytes, connections),
        cpu_ns_per_s: ratio(idle.cpu_ns, busy.cpu_ns, seconds).round(),
    })
}

fn sample(watch: &mut Watch) -> Result<Usage, String> {
    watch.sample().ok_or_else(|| "the system does not report its memory and CPU time".to_owned())
}

/// Opens connections, lets each echo a line, and waits until the server has finished all of them.
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

/// Opens a connection and lets it echo a line.
fn speak(address: SocketAddr, index: usize) -> Result<TcpStream, String> {
    let failed = |error| format!("echo a line on connection {index}: {error}");
    let mut stream = connect(address, source(index)).map_err(failed)?;
    let mut reply = [0; LINE.len()];
    stream.write_all(&LINE).and_then(|()| stream.read_exact(&mut reply)).map_err(failed)?;
    if reply == LINE { Ok(stream) } else { Err(format!("other bytes on connection {index}")) }
}

fn connect(address: SocketAddr, source: IpAddr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // If the bind chose the port, it could not be used again towards another server.
    setsockopt(&socket, IpBindAddressNoPort, &true)?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.connect_timeout(&address.into(), TIMEOUT)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

/// Returns the local address of a connection: 127.0.0.2 or one of the next addresses.
fn source(index: usize) -> IpAddr {
    let number = u8::try_from(index / PER_ADDRESS).unwrap_or(u8::MAX - 2);
    Ipv4Addr::new(127, 0, 0, 2 + number).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_grows_up_to_the_maximum_number_of_rounds() {
        let [one, enough, more] = [1, 6, 10].map(estimate);
        assert_eq!((enough, more), (6 * one, enough));
    }
}
