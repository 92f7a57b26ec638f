//! The buffers that all connections of a ring receive into: the kernel takes one when something has
//! arrived, and is given it back when that was sent. Knows nothing of connections.

use std::io;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicU16, Ordering::Release};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;

/// The group they form.
pub(crate) const GROUP: u16 = 0;

/// How many there are at most, a power of two.
const MAX_COUNT: u16 = 1024;

/// How many there are at first. They are used in turn, so that more of them are more memory to touch.
const FIRST_COUNT: u16 = 32;

pub(crate) struct Buffers {
    /// Those that the kernel may take.
    free: NonNull<BufRingEntry>,
    /// Where the next one goes; it wraps.
    tail: u16,
    memory: NonNull<u8>,
    len: u32,
    /// So many of them are used.
    count: u16,
}

impl Buffers {
    /// All of them, in the hands of the kernel, each of so many bytes. They are never given up.
    pub(crate) fn new(submitter: &Submitter<'_>, len: usize) -> io::Result<Self> {
        let entries = mapped(usize::from(MAX_COUNT) * size_of::<BufRingEntry>())?.cast();
        let memory = mapped(usize::from(MAX_COUNT) * len)?;
        let len = u32::try_from(len).map_err(io::Error::other)?;
        let mut buffers = Self { free: entries, tail: 0, memory, len, count: 0 };
        let address = entries.as_ptr() as u64;
        // SAFETY: there is room for so many entries, and it is never unmapped.
        unsafe { submitter.register_buf_ring_with_flags(address, MAX_COUNT, GROUP, 0) }?;
        buffers.use_up_to(FIRST_COUNT);
        Ok(buffers)
    }

    /// Twice as many of them are used, if there are as many.
    pub(crate) fn use_more(&mut self) {
        self.use_up_to(self.count.saturating_mul(2).min(MAX_COUNT));
    }

    fn use_up_to(&mut self, count: u16) {
        (self.count..count).for_each(|id| self.give_back(id));
        self.count = count;
    }

    /// What was received into a buffer. The kernel must have said so, and not have it back yet.
    pub(crate) fn received(&self, id: u16, len: usize) -> &[u8] {
        let len = len.min(self.len as usize);
        // SAFETY: it is within the mapping, and the kernel does not write to it.
        unsafe { slice::from_raw_parts(self.start(id).as_ptr(), len) }
    }

    pub(crate) fn give_back(&mut self, id: u16) {
        let start = self.start(id);
        // SAFETY: it is within the mapping, and the kernel does not look there before the tail says.
        let entry = unsafe { self.free.add(usize::from(self.tail % MAX_COUNT)).as_mut() };
        entry.set_addr(start.as_ptr() as u64);
        entry.set_len(self.len);
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: the first entry holds the tail, which the kernel only reads.
        let tail =
            unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.free.as_ptr()).cast_mut()) };
        tail.store(self.tail, Release);
    }

    fn start(&self, id: u16) -> NonNull<u8> {
        // SAFETY: there are `MAX_COUNT` of them in the mapping.
        unsafe { self.memory.add(usize::from(id % MAX_COUNT) * self.len as usize) }
    }
}

/// Memory of the system's, zeroed and aligned to a page.
fn mapped(len: usize) -> io::Result<NonNull<u8>> {
    let (access, kind) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: the system chooses where.
    let start = unsafe { libc::mmap(ptr::null_mut(), len, access, kind, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(start.cast()).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}
