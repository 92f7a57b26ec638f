//! Ends a wait for events at a time that is more precise than the milliseconds an event queue counts
//! in: on Linux by a timer that is waited for like a socket.

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

    /// See the module.
    pub(crate) struct Alarm {
        timer: TimerFd,
        /// What it is set to, in the caller's time.
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

        /// How long to wait for events, if what is waited for ends at `at_ns`: for as long as it takes,
        /// since an event of the alarm comes then.
        pub(crate) fn wait_until(&mut self, at_ns: u64, now_ns: u64) -> Option<Duration> {
            if at_ns <= now_ns {
                return Some(Duration::ZERO);
            }
            // What it was set to in the past has been told.
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

    /// See the module: here only as precise as the event queue.
    pub(crate) struct Alarm;

    impl Alarm {
        pub(crate) fn new(_: &Registry, _: Token) -> io::Result<Self> {
            Ok(Self)
        }

        /// How long to wait for events, if what is waited for ends at `at_ns`.
        pub(crate) fn wait_until(&mut self, at_ns: u64, now_ns: u64) -> Option<Duration> {
            (at_ns != u64::MAX).then(|| Duration::from_nanos(at_ns.saturating_sub(now_ns)))
        }
    }
}
