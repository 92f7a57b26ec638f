//! Where a worker keeps its connections. Inserting, finding and removing one takes constant time. A key
//! is used again only after 2³² more entries (2¹⁶ on 32-bit systems).
//!
//! The slots know nothing of what they store. Storage grows by whole chunks, so that no entry is ever
//! moved, and is freed when the last entry leaves.

#![expect(
    clippy::cast_possible_truncation,
    reason = "an index and a generation each fit into half of a key by construction"
)]

use crate::seams::poller::Key;

/// Number of entries in a chunk. It is small, so that a half-used chunk costs little.
const CHUNK_LEN: usize = 256;

/// Number of bits of a key that are the index; the other half is the generation.
const INDEX_BITS: u32 = usize::BITS / 2;

/// Maximum number of entries: 2³¹ on 64-bit systems, 2¹⁵ on 32-bit ones. Half of the index space stays
/// unused, so that no key is `usize::MAX` or close to it: pollers use these numbers themselves.
const MAX_LEN: u32 = 1 << (INDEX_BITS - 1);

const GENERATION_MASK: u32 = (usize::MAX >> INDEX_BITS) as u32;

/// Returns the key of the entry with this generation at this place.
fn key(index: usize, generation: u32) -> Key {
    Key::from_number((generation as usize) << INDEX_BITS | index)
}

fn index_of(key: Key) -> u32 {
    (key.to_number() & (MAX_LEN as usize - 1)) as u32
}

fn generation_of(key: Key) -> u32 {
    (key.to_number() >> INDEX_BITS) as u32
}

/// A place for one entry.
struct Slot<T> {
    /// The generation of the entry; if there is none, the next free place.
    link: u32,
    entry: Option<T>,
}

/// The end of the list of free places.
const NO_PLACE: u32 = u32::MAX;

/// Entries by key.
pub(crate) struct Slots<T> {
    chunks: Vec<Box<[Slot<T>]>>,
    len: usize,
    /// The first free place: the head of the list.
    free: u32,
    generation: u32,
}

impl<T> Slots<T> {
    pub(crate) fn new() -> Self {
        Self { chunks: Vec::new(), len: 0, free: NO_PLACE, generation: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Stores an entry and returns its key.
    ///
    /// # Errors
    /// The entry comes back when there are [`MAX_LEN`] entries already.
    pub(crate) fn insert(&mut self, entry: T) -> Result<Key, T> {
        if self.free == NO_PLACE && !self.grow() {
            return Err(entry);
        }
        let index = self.free as usize;
        let generation = self.generation & GENERATION_MASK;
        let slot = &mut self.chunks[index / CHUNK_LEN][index % CHUNK_LEN];
        self.free = std::mem::replace(&mut slot.link, generation);
        slot.entry = Some(entry);
        self.generation = self.generation.wrapping_add(1);
        self.len += 1;
        Ok(key(index, generation))
    }

    /// Returns the entry, unless it was removed.
    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let index = index_of(key) as usize;
        let slot = &self.chunks.get(index / CHUNK_LEN)?[index % CHUNK_LEN];
        slot.entry.as_ref().filter(|_| slot.link == generation_of(key))
    }

    /// Returns the entry, unless it was removed.
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.slot_mut(key)?.entry.as_mut()
    }

    /// Removes and returns the entry, unless it was removed before.
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let free = self.free;
        let slot = self.slot_mut(key)?;
        let entry = slot.entry.take()?;
        slot.link = free;
        self.free = index_of(key);
        self.len -= 1;
        if self.len == 0 {
            (self.chunks, self.free) = (Vec::new(), NO_PLACE);
        }
        Some(entry)
    }

    /// Iterates over all entries.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).filter_map(|slot| slot.entry.as_ref())
    }

    /// Asserts that every place holds an entry or is in the list of free places, once.
    pub(crate) fn invariants(&self) {
        assert_eq!(self.iter().count(), self.len, "entries");
        let places = self.chunks.len() * CHUNK_LEN;
        let (mut free, mut next) = (0, self.free);
        while next != NO_PLACE {
            let slot = &self.chunks[next as usize / CHUNK_LEN][next as usize % CHUNK_LEN];
            assert!(slot.entry.is_none() && free < places, "the list of free places");
            (free, next) = (free + 1, slot.link);
        }
        assert_eq!(self.len + free, places, "places");
    }

    /// Iterates over all entries with their keys.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (Key, &mut T)> {
        self.chunks.iter_mut().flat_map(|chunk| chunk.iter_mut()).enumerate().filter_map(
            |(index, slot)| {
                let entry = slot.entry.as_mut()?;
                Some((key(index, slot.link), entry))
            },
        )
    }

    /// Returns the place that a key names, if the entry there has this key.
    fn slot_mut(&mut self, key: Key) -> Option<&mut Slot<T>> {
        let index = index_of(key) as usize;
        let slot = &mut self.chunks.get_mut(index / CHUNK_LEN)?[index % CHUNK_LEN];
        (slot.entry.is_some() && slot.link == generation_of(key)).then_some(slot)
    }

    /// Adds a chunk of free places. Returns whether there was room for it below [`MAX_LEN`].
    fn grow(&mut self) -> bool {
        let first = self.chunks.len() * CHUNK_LEN;
        let Ok(end) = u32::try_from(first + CHUNK_LEN) else { return false };
        if end > MAX_LEN {
            return false;
        }
        let first = end - CHUNK_LEN as u32;
        let links = (first + 1..end).chain([NO_PLACE]);
        self.chunks.push(links.map(|link| Slot { link, entry: None }).collect());
        self.free = first;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_key_does_not_find_the_new_entry_in_its_place() {
        let mut slots = Slots::new();
        let (keep, old) = (slots.insert('k').unwrap(), slots.insert('a').unwrap());
        assert_eq!(slots.remove(old), Some('a'));
        let new = slots.insert('b').unwrap();
        assert_eq!(index_of(old), index_of(new), "the place is used again");
        assert_eq!(slots.get_mut(old), None);
        assert_eq!(slots.remove(old), None);
        assert_eq!(slots.get_mut(new), Some(&mut 'b'));
        assert_eq!(slots.get_mut(keep), Some(&mut 'k'));
        assert_eq!((slots.get(old), slots.get(keep)), (None, Some(&'k')));
        slots.invariants();
    }

    #[test]
    fn old_keys_stay_old_after_the_storage_was_returned() {
        let mut slots = Slots::new();
        let old = slots.insert(1).unwrap();
        slots.remove(old);
        assert!(slots.chunks.is_empty());
        assert_eq!(slots.get_mut(old), None);
        let new = slots.insert(2).unwrap();
        assert_ne!(old, new);
        assert_eq!(slots.get_mut(old), None);
    }

    #[test]
    fn thousands_come_and_go_without_growth() {
        let mut slots = Slots::new();
        let keys: Vec<Key> = (0..1_000).map(|n| slots.insert(n).unwrap()).collect();
        assert_eq!((slots.len(), slots.chunks.len()), (1_000, 4));
        for &key in &keys[..500] {
            assert!(slots.remove(key).is_some());
            slots.invariants();
        }
        for n in 0..500 {
            slots.insert(n).unwrap();
        }
        assert_eq!((slots.len(), slots.chunks.len()), (1_000, 4));
        assert_eq!(slots.iter_mut().count(), 1_000);
        slots.invariants();
    }

    #[test]
    fn a_key_is_never_the_greatest_number() {
        let mut slots = Slots::new();
        slots.generation = u32::MAX;
        let key = slots.insert(()).unwrap();
        assert_ne!(key.to_number(), usize::MAX);
    }
}
