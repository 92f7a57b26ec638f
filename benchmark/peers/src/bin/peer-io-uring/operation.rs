//! The operations of the ring: the entry that submits each, and the mark that its completion carries.
//! Knows nothing about connections.

use std::os::fd::RawFd;
use std::ptr;

use io_uring::{opcode, squeue, types::Fd};

use crate::buffers::GROUP;

/// The kind of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Accept,
    Receive,
    Send,
    Cancel,
}

const KINDS: [Kind; 4] = [Kind::Accept, Kind::Receive, Kind::Send, Kind::Cancel];

fn mark(kind: Kind, fd: RawFd) -> u64 {
    (u64::from(fd.cast_unsigned()) << 8) | kind as u64
}

/// Returns the kind and the descriptor of the operation with this mark.
pub(crate) fn marked(mark: u64) -> Option<(Kind, RawFd)> {
    let kind = KINDS.into_iter().find(|kind| *kind as u64 == mark & 0xff)?;
    Some((kind, RawFd::try_from(mark >> 8).ok()?))
}

/// Returns an operation that accepts repeatedly.
pub(crate) fn accept(listener: RawFd) -> squeue::Entry {
    let operation = opcode::AcceptMulti::new(Fd(listener)).flags(libc::SOCK_CLOEXEC);
    operation.build().user_data(mark(Kind::Accept, listener))
}

/// Returns an operation that receives repeatedly, each time into a buffer of the group.
pub(crate) fn receive_again(fd: RawFd) -> squeue::Entry {
    opcode::RecvMulti::new(Fd(fd), GROUP).build().user_data(mark(Kind::Receive, fd))
}

/// Returns an operation that receives once, into a buffer of the group.
pub(crate) fn receive_once(fd: RawFd) -> squeue::Entry {
    let operation = opcode::Recv::new(Fd(fd), ptr::null_mut(), 0).buf_group(GROUP);
    let entry = operation.build().flags(squeue::Flags::BUFFER_SELECT);
    entry.user_data(mark(Kind::Receive, fd))
}

/// Returns an operation that cancels either receive.
pub(crate) fn cancel_receive(fd: RawFd) -> squeue::Entry {
    opcode::AsyncCancel::new(mark(Kind::Receive, fd)).build().user_data(mark(Kind::Cancel, fd))
}

/// Returns an operation that sends as many bytes as there is room for. It completes during the
/// submission.
pub(crate) fn send(fd: RawFd, bytes: &[u8]) -> squeue::Entry {
    sending(fd, bytes, libc::MSG_DONTWAIT)
}

/// Returns an operation that sends all bytes, and waits for room if necessary.
pub(crate) fn flush(fd: RawFd, bytes: &[u8]) -> squeue::Entry {
    sending(fd, bytes, libc::MSG_WAITALL)
}

fn sending(fd: RawFd, bytes: &[u8], flags: i32) -> squeue::Entry {
    // A buffer is far shorter than 4 GiB, so no byte is left out.
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let operation = opcode::Send::new(Fd(fd), bytes.as_ptr(), len);
    operation.flags(flags | libc::MSG_NOSIGNAL).build().user_data(mark(Kind::Send, fd))
}
