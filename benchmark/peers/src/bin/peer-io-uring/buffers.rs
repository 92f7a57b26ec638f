//! The buffers that all connections of a ring receive into. The kernel takes a buffer when bytes arrive,
//! and the server gives it back when they are sent. Knows nothing about connections.

use std::io;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicU16, Ordering::Release};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;

/// The group of the buffers.
pub(crate) const GROUP: u16 = 0;

/// Maximum number of buffers, a power of two.
const MAX_COUNT: u16 = 1024;

/// Number of buffers in use at first. The kernel uses them in turn, so more buffers touch more memory.
const FIRST_COUNT: u16 = 32;

/// The buffers of a ring.
pub(crate) struct Buffers {
    /// The entries of the buffers that the kernel may take.
    free: NonNull<BufRingEntry>,
    /// Position of the next free entry. It wraps.
    tail: u16,
    memory: NonNull<u8>,
    len: u32,
    /// Number of buffers in use.
    count: u16,
}

impl Buffers {
    /// Creates the buffers, each of `len` bytes, and registers them with the kernel. They are never
    /// freed.
    pub(crate) fn new(submitter: &Submitter<'_>, len: usize) -> io::Result<Self> {
        let entries = mapped(usize::from(MAX_COUNT) * size_of::<BufRingEntry>())?.cast();
        let memory = mapped(usize::from(MAX_COUNT) * len)?;
        let len = u32::try_from(len).map_err(io::Error::other)?;
        let mut buffers = Self { free: entries, tail: 0, memory, len, count: 0 };
        let address = entries.as_ptr() as u64;
        // SAFETY: the mapping has room for `MAX_COUNT` entries and is never unmapped.
        unsafe { submitter.register_buf_ring_with_flags(address, MAX_COUNT, GROUP, 0) }?;
        buffers.use_up_to(FIRST_COUNT);
        Ok(buffers)
    }

    /// Doubles the number of buffers in use, up to the maximum.
    pub(crate) fn use_more(&mut self) {
        self.use_up_to(self.count.saturating_mul(2).min(MAX_COUNT));
    }

    fn use_up_to(&mut self, count: u16) {
        (self.count..count).for_each(|id| self.give_back(id));
        self.count = count;
    }

    /// Returns the bytes that were received into a buffer. The kernel must have reported the buffer, and
    /// it must not have been given back yet.
    pub(crate) fn received(&self, id: u16, len: usize) -> &[u8] {
        let len = len.min(self.len as usize);
        // SAFETY: the buffer is within the mapping, and the kernel does not write to it now.
        unsafe { slice::from_raw_parts(self.start(id).as_ptr(), len) }
    }

    /// Lets the kernel use a buffer again.
    pub(crate) fn give_back(&mut self, id: u16) {
        let start = self.start(id);
        // SAFETY: the entry is within the mapping, and the kernel does not read it before the tail
        // moves.
        let entry = unsafe { self.free.add(usize::from(self.tail % MAX_COUNT)).as_mut() };
        entry.set_addr(start.as_ptr() as u64);
        entry.set_len(self.len);
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: the first entry contains the tail, which the kernel only reads.
        let tail =
            unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.free.as_ptr()).cast_mut()) };
        tail.store(self.tail, Release);
    }

    fn start(&self, id: u16) -> NonNull<u8> {
        // SAFETY: the mapping contains `MAX_COUNT` buffers.
        unsafe { self.memory.add(usize::from(id % MAX_COUNT) * self.len as usize) }
    }
}

/// Returns zeroed memory from the system, aligned to a page.
fn mapped(len: usize) -> io::Result<NonNull<u8>> {
    let (access, kind) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: the system chooses the address.
    let start = unsafe { libc::mmap(ptr::null_mut(), len, access, kind, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(start.cast()).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}
