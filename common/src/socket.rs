//! Receiving and sending on a socket at the price of the system call alone.

/// On these systems a read that did not fill the buffer has emptied the socket, and a write that was
/// not taken whole has filled it. Elsewhere only "would block" says so.
pub const SHORT_MEANS_WOULD_BLOCK: bool = cfg!(any(target_os = "linux", target_os = "android"));

pub use system::{receive, send};

// Straight to the system: each of the C library's calls is a cancellation point, which costs two locked
// instructions and more once there are threads; 1.6 % of a server's CPU time with lines of 64 bytes.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::io;
    use std::os::fd::AsFd;

    use rustix::net::{self, RecvFlags, SendFlags};

    /// Takes what has come, as far as `buffer` goes. Returns how much that is; 0 is the end.
    ///
    /// # Errors
    /// What the system says; "would block" when nothing is there.
    #[inline]
    pub fn receive(stream: &mut impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
        let (len, _) = net::recv(stream, buffer, RecvFlags::empty())?;
        Ok(len)
    }

    /// Hands `bytes` to the system. Returns how many it took.
    ///
    /// # Errors
    /// What the system says; "would block" when there is no room, no signal when the other end is gone.
    #[inline]
    pub fn send(stream: &mut impl AsFd, bytes: &[u8]) -> io::Result<usize> {
        Ok(net::send(stream, bytes, SendFlags::NOSIGNAL)?)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::io::{self, Read, Write};

    /// Takes what has come, as far as `buffer` goes. Returns how much that is; 0 is the end.
    ///
    /// # Errors
    /// What the system says; "would block" when nothing is there.
    pub fn receive(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
        stream.read(buffer)
    }

    /// Hands `bytes` to the system. Returns how many it took.
    ///
    /// # Errors
    /// What the system says; "would block" when there is no room.
    pub fn send(stream: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
        stream.write(bytes)
    }
}
