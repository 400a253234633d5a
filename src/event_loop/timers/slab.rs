//! Items in one vector, each under an index that is used again when the item is gone.

use std::ops::{Index, IndexMut};

/// No index.
pub(super) const NONE: u32 = u32::MAX;

pub(super) struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: u32,
    len: usize,
}

enum Slot<T> {
    Taken(T),
    /// The next free one, or `NONE`.
    Free(u32),
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: NONE, len: 0 }
    }
}

impl<T> Slab<T> {
    pub(super) fn insert(&mut self, item: T) -> u32 {
        self.len += 1;
        if self.free == NONE {
            let index = u32::try_from(self.slots.len()).ok().filter(|index| *index != NONE);
            self.slots.push(Slot::Taken(item));
            return index.expect("four billion timers do not fit into memory");
        }
        let index = self.free;
        match std::mem::replace(&mut self.slots[index as usize], Slot::Taken(item)) {
            Slot::Free(next) => self.free = next,
            Slot::Taken(_) => unreachable!("the free list has free slots only"),
        }
        index
    }

    pub(super) fn remove(&mut self, index: u32) -> T {
        match std::mem::replace(&mut self.slots[index as usize], Slot::Free(self.free)) {
            Slot::Taken(item) => {
                self.free = index;
                self.len -= 1;
                item
            }
            Slot::Free(_) => unreachable!("what is removed is there"),
        }
    }

    pub(super) fn get(&self, index: u32) -> Option<&T> {
        match self.slots.get(index as usize)? {
            Slot::Taken(item) => Some(item),
            Slot::Free(_) => None,
        }
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        match self.slots.get_mut(index as usize)? {
            Slot::Taken(item) => Some(item),
            Slot::Free(_) => None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    fn index(&self, index: u32) -> &T {
        self.get(index).expect("only indices of living items are kept")
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, index: u32) -> &mut T {
        self.get_mut(index).expect("only indices of living items are kept")
    }
}
