//! Kernel timestamps: when the system received bytes, which is earlier than when this program read them.
//! Knows neither connections nor messages.

#[cfg(target_os = "linux")]
pub(crate) use linux::{ask, receive};
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{ask, receive};

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{self, IoSliceMut};
    use std::os::fd::AsRawFd;
    use std::time::{Duration, SystemTime};

    use mio::net::TcpStream;
    use nix::sys::socket::sockopt::ReceiveTimestampns;
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, cmsg_space, recvmsg, setsockopt};
    use nix::sys::time::TimeSpec;

    use crate::engine::stream::Received;

    /// Room for one timestamp, on the stack and aligned as the system's headers of messages are.
    #[repr(align(8))]
    struct Control([u8; cmsg_space::<TimeSpec>()]);

    /// Asks for timestamps on this socket. The system begins a moment after the first socket has
    /// asked, so the first segments may have none.
    pub(crate) fn ask(stream: &TcpStream) -> io::Result<()> {
        Ok(setsockopt(stream, ReceiveTimestampns, &true)?)
    }

    /// Receives bytes together with their timestamp.
    pub(crate) fn receive(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<Received> {
        let mut buffers = [IoSliceMut::new(buffer)];
        let mut control = Control([0; cmsg_space::<TimeSpec>()]);
        let room = Some(&mut control.0[..]);
        let got = recvmsg::<()>(stream.as_raw_fd(), &mut buffers, room, MsgFlags::empty())?;
        let stamp = got.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(stamp.into()),
            _ => None,
        });
        // The caller reads the run's clock after this. A pause between the two makes the bytes seem
        // late, never early.
        Ok(Received { len: got.bytes, age: age(stamp, SystemTime::now()) })
    }

    /// Returns how old a timestamp is. One from the future says nothing: the clock was set back.
    fn age(stamp: Option<Duration>, now: SystemTime) -> Option<Duration> {
        now.duration_since(SystemTime::UNIX_EPOCH + stamp?).ok()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_came_is_as_old_as_its_stamp() {
            let at = |us| SystemTime::UNIX_EPOCH + Duration::from_micros(us);
            let stamp = |us| Some(Duration::from_micros(us));
            for (stamp, now, received_ns) in [
                (stamp(300), at(1_000), Some(100_000)),
                (stamp(1_000), at(1_000), Some(800_000)),
                // The clock was set back, or far ahead.
                (stamp(1_001), at(1_000), None),
                (stamp(0), at(1_000_000), Some(0)),
                (None, at(1_000), None),
            ] {
                let received = Received { len: 1, age: age(stamp, now) };
                assert_eq!(received.received_ns(800_000), received_ns, "{stamp:?}");
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::io;

    use mio::net::TcpStream;

    use crate::engine::stream::Received;

    /// Refuses: on this system no plan may ask for timestamps.
    pub(crate) fn ask(_: &TcpStream) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn receive(_: &TcpStream, _: &mut [u8]) -> io::Result<Received> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
