//! Ends a wait for events at a precise time. A poll counts in milliseconds; on Linux a timer that is
//! registered like a socket is more precise.

#[cfg(target_os = "linux")]
pub(crate) use linux::Alarm;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::Alarm;

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd};
    use std::time::Duration;

    use mio::unix::SourceFd;
    use mio::{Interest, Registry, Token};
    use nix::sys::time::TimeSpec;
    use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

    /// A timer that is registered with a poll.
    pub(crate) struct Alarm {
        timer: TimerFd,
        /// The time at which the timer is set to fire, on the caller's clock.
        at_ns: u64,
    }

    impl Alarm {
        pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
            let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
            let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
            let fd = timer.as_fd().as_raw_fd();
            registry.register(&mut SourceFd(&fd), token, Interest::READABLE)?;
            Ok(Self { timer, at_ns: u64::MAX })
        }

        /// Returns the timeout of a poll that has to end at `at_ns`. Returns `None` if the alarm's event
        /// ends the poll.
        pub(crate) fn wait_until(&mut self, at_ns: u64, now_ns: u64) -> Option<Duration> {
            if at_ns <= now_ns {
                return Some(Duration::ZERO);
            }
            // The alarm for a time in the past has already fired.
            if at_ns != self.at_ns && at_ns != u64::MAX {
                let wait =
                    Expiration::OneShot(TimeSpec::from(Duration::from_nanos(at_ns - now_ns)));
                if self.timer.set(wait, TimerSetTimeFlags::empty()).is_err() {
                    return Some(Duration::from_nanos(at_ns - now_ns));
                }
                self.at_ns = at_ns;
            }
            None
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::io;
    use std::time::Duration;

    use mio::{Registry, Token};

    /// Does nothing: on this system the poll's own timeout is used.
    pub(crate) struct Alarm;

    impl Alarm {
        pub(crate) fn new(_: &Registry, _: Token) -> io::Result<Self> {
            Ok(Self)
        }

        /// Returns the timeout of a poll that has to end at `at_ns`.
        pub(crate) fn wait_until(&mut self, at_ns: u64, now_ns: u64) -> Option<Duration> {
            (at_ns != u64::MAX).then(|| Duration::from_nanos(at_ns.saturating_sub(now_ns)))
        }
    }
}
