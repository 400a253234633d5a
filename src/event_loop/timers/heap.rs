//! A binary heap whose items know their places, so that any of them can be moved or removed.

/// What orders the items of a heap: the smallest is on top. No two items have the same.
pub(super) type Rank = (u64, u64);

/// Where the items' ranks and places stand.
pub(super) trait Places {
    fn rank(&self, item: u32) -> Rank;
    fn set_place(&mut self, item: u32, place: usize);
    fn place(&self, item: u32) -> usize;
}

#[derive(Default)]
pub(super) struct Heap {
    items: Vec<u32>,
}

impl Heap {
    pub(super) fn top(&self) -> Option<u32> {
        self.items.first().copied()
    }

    pub(super) fn insert(&mut self, item: u32, places: &mut impl Places) {
        self.items.push(item);
        self.rise(self.items.len() - 1, places);
    }

    pub(super) fn remove(&mut self, item: u32, places: &mut impl Places) {
        let place = places.place(item);
        debug_assert_eq!(self.items[place], item, "an item knows its place");
        self.items.swap_remove(place);
        if place < self.items.len() {
            let place = self.rise(place, places);
            self.sink(place, places);
        }
    }

    /// The rank of `item` has grown.
    pub(super) fn grown(&mut self, item: u32, places: &mut impl Places) {
        self.sink(places.place(item), places);
    }

    fn rise(&mut self, mut place: usize, places: &mut impl Places) -> usize {
        let item = self.items[place];
        let rank = places.rank(item);
        while place > 0 {
            let parent = (place - 1) / 2;
            if places.rank(self.items[parent]) < rank {
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
        let rank = places.rank(item);
        loop {
            let left = 2 * place + 1;
            let children = self.items.get(left..(left + 2).min(self.items.len())).unwrap_or_default();
            let Some(child) = children.iter().copied().min_by_key(|child| places.rank(*child)) else { break };
            if rank < places.rank(child) {
                break;
            }
            let child_place = places.place(child);
            self.put(child, place, places);
            place = child_place;
        }
        self.put(item, place, places);
    }

    fn put(&mut self, item: u32, place: usize, places: &mut impl Places) {
        self.items[place] = item;
        places.set_place(item, place);
    }
}
