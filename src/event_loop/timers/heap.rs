//! A binary heap whose items know their places, so that any of them can be moved or removed.

/// What orders the items of a heap: the smallest is on top. No two items have the same.
pub(super) type Rank = (u64, u64);

/// Where the items keep their places.
pub(super) trait Places {
    fn set_place(&mut self, item: u32, place: usize);
    fn place(&self, item: u32) -> usize;
}

#[derive(Default)]
pub(super) struct Heap {
    /// With the rank beside the item, so that comparing two does not look elsewhere.
    items: Vec<(Rank, u32)>,
}

impl Heap {
    /// The smallest rank, and its item.
    pub(super) fn top(&self) -> Option<(Rank, u32)> {
        self.items.first().copied()
    }

    pub(super) fn insert(&mut self, item: u32, rank: Rank, places: &mut impl Places) {
        self.items.push((rank, item));
        self.rise(self.items.len() - 1, places);
    }

    pub(super) fn remove(&mut self, item: u32, places: &mut impl Places) {
        let place = places.place(item);
        debug_assert_eq!(self.items[place].1, item, "an item knows its place");
        self.items.swap_remove(place);
        if place < self.items.len() {
            let place = self.rise(place, places);
            self.sink(place, places);
        }
    }

    /// Gives `item` a rank that is greater than the one before.
    pub(super) fn demote(&mut self, item: u32, rank: Rank, places: &mut impl Places) {
        let place = places.place(item);
        debug_assert!(self.items[place].0 < rank);
        self.items[place].0 = rank;
        self.sink(place, places);
    }

    fn rise(&mut self, mut place: usize, places: &mut impl Places) -> usize {
        let item = self.items[place];
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.items[parent].0 < item.0 {
                break;
            }
            self.put(self.items[parent], place, places);
            place = parent;
        }
        self.put(item, place, places);
        place
    }

    fn sink(&mut self, mut place: usize, places: &mut impl Places) {
        let item = self.items[place];
        loop {
            let left = 2 * place + 1;
            let right = left + 1;
            let Some(mut child) = self.items.get(left).map(|_| left) else { break };
            if self.items.get(right).is_some_and(|other| other.0 < self.items[left].0) {
                child = right;
            }
            if item.0 < self.items[child].0 {
                break;
            }
            self.put(self.items[child], place, places);
            place = child;
        }
        self.put(item, place, places);
    }

    fn put(&mut self, item: (Rank, u32), place: usize, places: &mut impl Places) {
        self.items[place] = item;
        places.set_place(item.1, place);
    }
}
