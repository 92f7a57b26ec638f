//! An echo server on bare epoll, level-triggered, with one loop per worker. It makes a `recv` and a
//! `send` for each event, and no other system call while its peers read.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::process::ExitCode;
use std::{array, ptr};

use clap::Parser;
use echo_peers::{BufferedArgs, on_each_worker, run};
use libc::{EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLLIN, EPOLLOUT, epoll_event};

/// Maximum number of events that are taken from the kernel at once.
const MAX_EVENTS: usize = 1024;

#[derive(Debug, Clone, Copy, Parser)]
struct Flags {
    #[command(flatten)]
    buffered: BufferedArgs,
    /// Maximum number of full buffers that are read from a connection before others have their turn
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    reads: u32,
}

fn main() -> ExitCode {
    run(|Flags { buffered: BufferedArgs { args, buffer_size }, reads }| {
        on_each_worker(args, move |listener| Worker::new(buffer_size, reads, listener)?.run())
    })
}

struct Worker {
    epoll: Epoll,
    listener: TcpListener,
    /// Indexed by descriptor.
    connections: Vec<Option<Connection>>,
    buffer: Box<[u8]>,
    /// The flag `--reads`.
    max_reads: u32,
}

impl Worker {
    fn new(buffer_len: usize, max_reads: u32, listener: TcpListener) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        epoll.control(EPOLL_CTL_ADD, listener.as_raw_fd(), EPOLLIN)?;
        let buffer = vec![0; buffer_len].into();
        Ok(Self { epoll, listener, connections: vec![], buffer, max_reads })
    }

    fn run(mut self) -> io::Result<()> {
        let mut events: [_; MAX_EVENTS] = array::from_fn(|_| epoll_event { events: 0, u64: 0 });
        loop {
            for event in self.epoll.wait(&mut events)? {
                // `control` put the descriptor there.
                let Ok(key) = usize::try_from(event.u64) else { continue };
                if let Some(Some(connection)) = self.connections.get_mut(key) {
                    if connection.drive(&self.epoll, &mut self.buffer, self.max_reads).is_err() {
                        self.connections[key] = None;
                    }
                } else {
                    self.accept();
                }
            }
        }
    }

    /// Accepts all waiting connections. A connection that cannot be registered is closed. A failed
    /// accept is tried again after the next event.
    fn accept(&mut self) {
        while let Ok(stream) = accept(&self.listener) {
            let fd = stream.as_raw_fd();
            let Ok(key) = usize::try_from(fd) else { return };
            if self.epoll.control(EPOLL_CTL_ADD, fd, EPOLLIN).is_ok() {
                if self.connections.len() <= key {
                    self.connections.resize_with(key + 1, || None);
                }
                self.connections[key] = Some(Connection { stream, unsent: vec![] });
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    /// Bytes that could not be sent. While there are any, nothing is read.
    unsent: Vec<u8>,
}

impl Connection {
    /// Echoes what has arrived.
    ///
    /// # Errors
    /// The reason why the connection is over.
    fn drive(&mut self, epoll: &Epoll, buffer: &mut [u8], max_reads: u32) -> io::Result<()> {
        if !self.unsent.is_empty() {
            return self.flush(epoll);
        }
        for _ in 0..max_reads {
            let Some(received) = unless_it_would_block(self.stream.read(buffer))? else { break };
            if received == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let sent = unless_it_would_block(self.stream.write(&buffer[..received]))?.unwrap_or(0);
            if sent < received {
                self.unsent.extend_from_slice(&buffer[sent..received]);
                return epoll.control(EPOLL_CTL_MOD, self.stream.as_raw_fd(), EPOLLOUT);
            }
            if received < buffer.len() {
                break;
            }
        }
        Ok(())
    }

    fn flush(&mut self, epoll: &Epoll) -> io::Result<()> {
        let sent = unless_it_would_block(self.stream.write(&self.unsent))?.unwrap_or(0);
        if sent < self.unsent.len() {
            self.unsent.drain(..sent);
            return Ok(());
        }
        self.unsent = vec![];
        epoll.control(EPOLL_CTL_MOD, self.stream.as_raw_fd(), EPOLLIN)
    }
}

fn unless_it_would_block(outcome: io::Result<usize>) -> io::Result<Option<usize>> {
    match outcome {
        Ok(len) => Ok(Some(len)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

struct Epoll(OwnedFd);

impl Epoll {
    fn new() -> io::Result<Self> {
        // SAFETY: no pointer is passed.
        let fd = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: it is a new descriptor, and nothing else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Changes the registration of `fd`. Its events carry its number.
    fn control(&self, operation: i32, fd: RawFd, events: i32) -> io::Result<()> {
        let mut event =
            epoll_event { events: events.cast_unsigned(), u64: fd.unsigned_abs().into() };
        // SAFETY: the event outlives the call.
        let done = unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, fd, &raw mut event) };
        checked(done).map(drop)
    }

    /// Waits for events, and returns those that it put into `events`.
    fn wait<'a>(&self, events: &'a mut [epoll_event]) -> io::Result<&'a [epoll_event]> {
        let (fd, room) = (self.0.as_raw_fd(), i32::try_from(events.len()).unwrap_or(i32::MAX));
        // SAFETY: `events` has room for this many events.
        let count = checked(unsafe { libc::epoll_wait(fd, events.as_mut_ptr(), room, -1) })?;
        Ok(&events[..count.unsigned_abs() as usize])
    }
}

/// Accepts a connection like `TcpListener::accept`, with one system call less.
fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: both pointers may be null if the address is not wanted.
    let fd = checked(unsafe {
        libc::accept4(listener.as_raw_fd(), ptr::null_mut(), ptr::null_mut(), flags)
    })?;
    // SAFETY: it is a new descriptor, and nothing else owns it.
    Ok(unsafe { TcpStream::from_raw_fd(fd) })
}

/// Turns the return value of a system call into a result.
fn checked(returned: i32) -> io::Result<i32> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}
