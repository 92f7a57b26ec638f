//! Kernel timestamps: when the system received bytes, which is earlier than when this program read them.
//! Knows neither connections nor messages.

#[cfg(target_os = "linux")]
pub(crate) use linux::Stamps;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::Stamps;

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{self, IoSliceMut};
    use std::os::fd::AsRawFd;
    use std::time::{Duration, SystemTime};

    use mio::net::TcpStream;
    use nix::cmsg_space;
    use nix::sys::socket::sockopt::ReceiveTimestampns;
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt};
    use nix::sys::time::TimeSpec;

    use crate::engine::system::clock::nanoseconds;

    /// Receives bytes together with their timestamps.
    #[derive(Debug)]
    pub(crate) struct Stamps {
        control: Vec<u8>,
        /// How old the bytes were when they were read; `None` without a sound timestamp.
        age: Option<Duration>,
    }

    impl Stamps {
        pub(crate) fn new() -> Self {
            Self { control: cmsg_space!(TimeSpec), age: None }
        }

        /// Asks for timestamps on this socket. The system begins a moment after the first socket has
        /// asked, so the first segments may have none.
        pub(crate) fn ask(stream: &TcpStream) -> io::Result<()> {
            Ok(setsockopt(stream, ReceiveTimestampns, &true)?)
        }

        /// Receives into `buffer`. Returns the number of bytes; 0 is the end of the stream.
        pub(crate) fn receive(
            &mut self,
            stream: &TcpStream,
            buffer: &mut [u8],
        ) -> io::Result<usize> {
            let mut buffers = [IoSliceMut::new(buffer)];
            let control = Some(&mut self.control[..]);
            let got = recvmsg::<()>(stream.as_raw_fd(), &mut buffers, control, MsgFlags::empty())?;
            let stamp = got.cmsgs()?.find_map(|message| match message {
                ControlMessageOwned::ScmTimestampns(stamp) => Some(stamp.into()),
                _ => None,
            });
            // The caller reads the run's clock after this. A pause between the two makes the bytes seem
            // late, never early.
            self.age = age(stamp, SystemTime::now());
            Ok(got.bytes)
        }

        /// Returns when the system received the last segment of the bytes that were read last, if it
        /// says so.
        pub(crate) fn received_ns(&self, now_ns: u64) -> Option<u64> {
            Some(now_ns.saturating_sub(nanoseconds(self.age?)))
        }
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
                let stamps = Stamps { age: age(stamp, now), ..Stamps::new() };
                assert_eq!(stamps.received_ns(800_000), received_ns, "{stamp:?}");
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::io;

    use mio::net::TcpStream;

    /// Does nothing: on this system no plan may ask for timestamps.
    #[derive(Debug)]
    pub(crate) struct Stamps;

    impl Stamps {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn ask(_: &TcpStream) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(crate) fn receive(&mut self, _: &TcpStream, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(crate) fn received_ns(&self, _: u64) -> Option<u64> {
            None
        }
    }
}
