//! The loop around a ring: takes completions and submits the operations that follow from them.

use std::io;
use std::mem;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use io_uring::cqueue::{self, buffer_select};
use io_uring::{IoUring, squeue};

use crate::buffers::Buffers;
use crate::connection::{Connection, Next, Receiving, Sending};
use crate::operation::{self, Kind, marked};

/// Maximum number of submissions that are given to the kernel at once. The ring uses its entries in
/// turn, so more entries touch more memory.
const MAX_SUBMISSIONS: u32 = 256;

/// Number of completions that the ring has room for. More completions than this cost the kernel more.
const MAX_COMPLETIONS: u32 = 4096;

/// One ring and its connections.
pub(crate) struct Worker {
    ring: IoUring,
    buffers: Buffers,
    listener: TcpListener,
    /// Indexed by descriptor.
    connections: Vec<Option<Connection>>,
    /// The connections for which there was no buffer.
    starved: Vec<RawFd>,
}

impl Worker {
    /// Creates a worker. The thread that calls this must also run the worker, because no other thread
    /// may use the ring.
    pub(crate) fn new(buffer_len: usize, listener: TcpListener) -> io::Result<Self> {
        let ring = ring().map_err(|error| named("io_uring as of Linux 6.1", &error))?;
        let buffers = Buffers::new(&ring.submitter(), buffer_len)
            .map_err(|error| named("buffers for io_uring", &error))?;
        let (connections, starved) = (vec![], vec![]);
        Ok(Self { ring, buffers, listener, connections, starved })
    }

    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut completions = Vec::new();
        self.submit(&operation::accept(self.listener.as_raw_fd()))?;
        loop {
            self.ring.submit_and_wait(1)?;
            completions.extend(self.ring.completion());
            for completion in completions.drain(..) {
                self.complete(&completion)?;
            }
            self.feed()?;
        }
    }

    fn feed(&mut self) -> io::Result<()> {
        if !self.starved.is_empty() {
            self.buffers.use_more();
        }
        for fd in mem::take(&mut self.starved) {
            self.go_on(fd)?;
        }
        Ok(())
    }

    fn complete(&mut self, completion: &cqueue::Entry) -> io::Result<()> {
        match marked(completion.user_data()) {
            Some((Kind::Accept, _)) => self.accepted(completion),
            Some((Kind::Receive, fd)) => self.received(fd, completion),
            Some((Kind::Send, fd)) => self.sent(fd, completion.result()),
            Some((Kind::Cancel, _)) | None => Ok(()),
        }
    }

    fn accepted(&mut self, completion: &cqueue::Entry) -> io::Result<()> {
        if !cqueue::more(completion.flags()) {
            self.submit(&operation::accept(self.listener.as_raw_fd()))?;
        }
        let fd = completion.result();
        let Ok(key) = usize::try_from(fd) else { return Ok(()) };
        // SAFETY: the descriptor was just accepted, and nothing else owns it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        if self.connections.len() <= key {
            self.connections.resize_with(key + 1, || None);
        }
        self.connections[key] = Some(Connection::new(socket));
        self.go_on(fd)
    }

    fn received(&mut self, fd: RawFd, completion: &cqueue::Entry) -> io::Result<()> {
        let Some(connection) = find(&mut self.connections, fd) else { return Ok(()) };
        if !cqueue::more(completion.flags()) {
            connection.receiving = Receiving::No;
        }
        match (buffer_select(completion.flags()), completion.result()) {
            (Some(id), len) => return self.arrived(fd, id, len.unsigned_abs() as usize),
            (None, error) if error == -libc::ENOBUFS => {
                self.starved.push(fd);
                return Ok(());
            }
            (None, error) if error == -libc::ECANCELED => {}
            (None, _) => connection.finish(),
        }
        self.go_on(fd)
    }

    fn arrived(&mut self, fd: RawFd, id: u16, len: usize) -> io::Result<()> {
        let Some(connection) = find(&mut self.connections, fd) else { return Ok(()) };
        let bytes = self.buffers.received(id, len);
        if connection.sending == Sending::Nothing {
            connection.sending = Sending::Buffer { id, len };
            let send = operation::send(fd, bytes);
            self.submit(&send)?;
        } else {
            connection.hold(bytes);
            self.buffers.give_back(id);
        }
        self.go_on(fd)
    }

    fn sent(&mut self, fd: RawFd, result: i32) -> io::Result<()> {
        let Some(connection) = find(&mut self.connections, fd) else { return Ok(()) };
        let (sending, outgoing) = connection.sent();
        let bytes = match sending {
            Sending::Buffer { id, len } => self.buffers.received(id, len),
            Sending::Outgoing | Sending::Nothing => &outgoing,
        };
        match usize::try_from(result) {
            Ok(len) => connection.hold_first(&bytes[len.min(bytes.len())..]),
            Err(_) if result == -libc::EAGAIN => connection.hold_first(bytes),
            Err(_) => connection.give_up(),
        }
        if let Sending::Buffer { id, .. } = sending {
            self.buffers.give_back(id);
        }
        self.go_on(fd)
    }

    /// Submits the next operations of a connection.
    fn go_on(&mut self, fd: RawFd) -> io::Result<()> {
        while let Some(connection) = find(&mut self.connections, fd) {
            let entry = match connection.next() {
                Next::Wait => break,
                Next::ReceiveOnce => operation::receive_once(fd),
                Next::ReceiveAgain => operation::receive_again(fd),
                Next::CancelReceive => operation::cancel_receive(fd),
                Next::Send(bytes) => operation::send(fd, bytes),
                Next::Flush(bytes) => operation::flush(fd, bytes),
                Next::Close => {
                    self.connections[fd.unsigned_abs() as usize] = None;
                    break;
                }
            };
            self.submit(&entry)?;
        }
        Ok(())
    }

    /// Queues an operation. It goes to the kernel with the next wait, or now if the queue is full.
    fn submit(&mut self, entry: &squeue::Entry) -> io::Result<()> {
        if self.ring.submission().is_full() {
            self.ring.submit()?;
        }
        // SAFETY: the operation reads a buffer or the bytes of a connection. Both stay until it has
        // completed.
        unsafe { self.ring.submission().push(entry) }.map_err(io::Error::other)
    }
}

fn find(connections: &mut [Option<Connection>], fd: RawFd) -> Option<&mut Connection> {
    connections.get_mut(usize::try_from(fd).ok()?)?.as_mut()
}

/// Returns a ring that only this thread uses. The kernel does its part of the work when this thread
/// waits.
fn ring() -> io::Result<IoUring> {
    let mut builder = IoUring::builder();
    builder.setup_single_issuer().setup_coop_taskrun().setup_defer_taskrun();
    builder.setup_cqsize(MAX_COMPLETIONS).build(MAX_SUBMISSIONS)
}

fn named(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}
