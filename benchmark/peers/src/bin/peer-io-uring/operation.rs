//! What is asked of the kernel, as the entry that asks for it and as the mark that its completion
//! carries. Knows nothing of connections.

use std::os::fd::RawFd;
use std::ptr;

use io_uring::{opcode, squeue, types::Fd};

use crate::buffers::GROUP;

/// What a completion is about.
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

/// What the mark of a completion says, and for which descriptor it was asked.
pub(crate) fn marked(mark: u64) -> Option<(Kind, RawFd)> {
    let kind = KINDS.into_iter().find(|kind| *kind as u64 == mark & 0xff)?;
    Some((kind, RawFd::try_from(mark >> 8).ok()?))
}

/// Accepts, again and again.
pub(crate) fn accept(listener: RawFd) -> squeue::Entry {
    let operation = opcode::AcceptMulti::new(Fd(listener)).flags(libc::SOCK_CLOEXEC);
    operation.build().user_data(mark(Kind::Accept, listener))
}

/// Receives, again and again, each time into a buffer of the group.
pub(crate) fn receive_again(fd: RawFd) -> squeue::Entry {
    opcode::RecvMulti::new(Fd(fd), GROUP).build().user_data(mark(Kind::Receive, fd))
}

/// Receives once, into a buffer of the group.
pub(crate) fn receive_once(fd: RawFd) -> squeue::Entry {
    let operation = opcode::Recv::new(Fd(fd), ptr::null_mut(), 0).buf_group(GROUP);
    let entry = operation.build().flags(squeue::Flags::BUFFER_SELECT);
    entry.user_data(mark(Kind::Receive, fd))
}

/// Ends either.
pub(crate) fn cancel_receive(fd: RawFd) -> squeue::Entry {
    opcode::AsyncCancel::new(mark(Kind::Receive, fd)).build().user_data(mark(Kind::Cancel, fd))
}

/// Sends what there is room for at this moment, so that it has completed when it is submitted.
pub(crate) fn send(fd: RawFd, bytes: &[u8]) -> squeue::Entry {
    sending(fd, bytes, libc::MSG_DONTWAIT)
}

/// Sends all of it, however long that takes.
pub(crate) fn flush(fd: RawFd, bytes: &[u8]) -> squeue::Entry {
    sending(fd, bytes, libc::MSG_WAITALL)
}

fn sending(fd: RawFd, bytes: &[u8], flags: i32) -> squeue::Entry {
    // There are never as many bytes that this would leave out some.
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let operation = opcode::Send::new(Fd(fd), bytes.as_ptr(), len);
    operation.flags(flags | libc::MSG_NOSIGNAL).build().user_data(mark(Kind::Send, fd))
}
