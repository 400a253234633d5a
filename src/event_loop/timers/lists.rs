//! Node's timer lists (`lib/internal/timers.js`), as data: nothing here runs user code.
//!
//! There is one list for each number of milliseconds in use, and within a list the timers stand in the order in which
//! they were started, so that a timer is added and taken out in constant time. A heap orders the lists, by the time at
//! which a list has to be looked at and then by the number of the list. This is not the order of the timers' deadlines:
//! see rule S3.

use super::super::clock::Millis;
use super::heap::{Heap, Places};
use super::slab::{NONE, Slab};
use crate::numbers::NumberMap;

/// What a timer calls.
pub(super) enum Callback {
    Once(Box<dyn FnOnce()>),
    Repeat(Box<dyn FnMut()>),
}

/// Which timer: where it stands, and its number, which no other timer of the loop ever has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Key {
    index: u32,
    number: u64,
}

impl Key {
    /// Of no timer.
    pub(super) const NONE: Self = Self { index: NONE, number: u64::MAX };
}

struct Timer {
    number: u64,
    /// `None` while it runs.
    callback: Option<Callback>,
    ms: u32,
    repeats: bool,
    keeps_alive: bool,
    /// It was cleared while it ran, and is removed when its callback has returned.
    cleared: bool,
    start: Millis,
    /// The list in which it stands, or `NONE`, and its neighbours there.
    list: u32,
    previous: u32,
    next: u32,
}

/// When a list has to be looked at, and its id, which is given anew whenever that is set, stand in the heap as its rank.
struct List {
    ms: u32,
    /// In the heap.
    place: usize,
    first: u32,
    last: u32,
}

impl Places for Slab<List> {
    fn set_place(&mut self, item: u32, place: usize) {
        self[item].place = place;
    }

    fn place(&self, item: u32) -> usize {
        self[item].place
    }
}

/// A pass over the timers that is under way.
struct Pass {
    /// The time by which it judges what is due.
    now: Millis,
    /// The list that it is in.
    list: Option<u32>,
    /// The timer that it has decided to run next.
    chosen: Option<Key>,
}

/// The timers of a loop.
#[derive(Default)]
pub(in crate::event_loop) struct Timers {
    entries: Slab<Timer>,
    lists: Slab<List>,
    by_ms: NumberMap<u32, u32>,
    order: Heap,
    next_number: u64,
    next_list_id: u64,
    /// How many timers keep the loop alive.
    keeping_alive: usize,
    /// When the loop looks at its timers next: libuv's one timer under all of Node's. `None` if it is stopped.
    deadline: Option<Millis>,
    /// The expiry for which the deadline was set. A new list sets it only if it expires earlier. `None` is never.
    next_expiry: Option<Millis>,
    pass: Option<Pass>,
}

/// A timer that is to be run now.
pub(super) struct Due {
    pub(super) key: Key,
    pub(super) callback: Callback,
}

impl Timers {
    /// Makes a timer that starts at `now`.
    pub(super) fn add(&mut self, callback: Callback, ms: u32, now: Millis) -> Key {
        let number = self.next_number;
        self.next_number += 1;
        self.keeping_alive += 1;
        let repeats = matches!(callback, Callback::Repeat(_));
        let index = self.entries.insert(Timer {
            number,
            callback: Some(callback),
            ms,
            repeats,
            keeps_alive: true,
            cleared: false,
            start: now,
            list: NONE,
            previous: NONE,
            next: NONE,
        });
        self.start(index, now, now);
        Key { index, number }
    }

    /// Puts a timer at the end of its list. `read` is the time that the loop has read last.
    fn start(&mut self, index: u32, start: Millis, read: Millis) {
        let ms = self.entries[index].ms;
        self.entries[index].start = start;
        let list = self.by_ms.get(&ms).copied().unwrap_or_else(|| self.add_list(ms, start, read));
        self.unlink(index);
        self.append(list, index);
    }

    fn add_list(&mut self, ms: u32, start: Millis, read: Millis) -> u32 {
        let expiry = start + Millis::from(ms);
        let id = self.new_list_id();
        let list = self.lists.insert(List { ms, place: 0, first: NONE, last: NONE });
        self.by_ms.insert(ms, list);
        self.order.insert(list, (expiry, id), &mut self.lists);
        if self.next_expiry.is_none_or(|next| next > expiry) {
            self.deadline = Some(read + Millis::from(ms));
            self.next_expiry = Some(expiry);
        }
        list
    }

    fn new_list_id(&mut self) -> u64 {
        let id = self.next_list_id;
        self.next_list_id += 1;
        id
    }

    fn remove_list(&mut self, list: u32) {
        self.order.remove(list, &mut self.lists);
        let removed = self.lists.remove(list);
        self.by_ms.remove(&removed.ms);
        if let Some(pass) = &mut self.pass {
            pass.list = pass.list.filter(|current| *current != list);
        }
    }

    fn append(&mut self, list: u32, index: u32) {
        let previous = std::mem::replace(&mut self.lists[list].last, index);
        let timer = &mut self.entries[index];
        (timer.list, timer.previous, timer.next) = (list, previous, NONE);
        match previous {
            NONE => self.lists[list].first = index,
            previous => self.entries[previous].next = index,
        }
    }

    /// Takes a timer out of its list, which stays though it may be empty.
    fn unlink(&mut self, index: u32) {
        let timer = &mut self.entries[index];
        let (list, previous, next) = (timer.list, timer.previous, timer.next);
        if list == NONE {
            return;
        }
        (timer.list, timer.previous, timer.next) = (NONE, NONE, NONE);
        match previous {
            NONE => self.lists[list].first = next,
            previous => self.entries[previous].next = next,
        }
        match next {
            NONE => self.lists[list].last = previous,
            next => self.entries[next].previous = previous,
        }
    }

    fn timer(&self, key: Key) -> Option<&Timer> {
        self.entries.get(key.index).filter(|timer| timer.number == key.number && !timer.cleared)
    }

    /// Whether the callback is going to be called, once more or for the first time. Of a timer that runs and does not
    /// repeat there is no callback left.
    pub(super) fn is_active(&self, key: Key) -> bool {
        self.timer(key).is_some_and(|timer| timer.callback.is_some() || timer.repeats)
    }

    /// Whether an active timer keeps the loop alive.
    pub(super) fn timer_keeps_alive(&self, key: Key) -> bool {
        self.is_active(key) && self.timer(key).is_some_and(|timer| timer.keeps_alive)
    }

    /// `ref` and `unref`.
    pub(super) fn keep_alive(&mut self, key: Key, alive: bool) {
        if self.timer(key).is_some() {
            let before = std::mem::replace(&mut self.entries[key.index].keeps_alive, alive);
            self.keeping_alive = self.keeping_alive + usize::from(alive) - usize::from(before);
        }
    }

    /// Starts an active timer anew.
    pub(super) fn refresh(&mut self, key: Key, now: Millis) {
        debug_assert!(self.is_active(key));
        self.start(key.index, now, now);
    }

    /// Clears a timer: `unenroll`. Returns the callback, to be dropped when no borrow is held.
    pub(super) fn clear(&mut self, key: Key) -> Option<Callback> {
        let timer = self.timer(key)?;
        let (ms, kept_alive, runs) = (timer.ms, timer.keeps_alive, timer.callback.is_none());
        self.unlink(key.index);
        if kept_alive {
            self.keeping_alive -= 1;
            // Of a timer that does not keep the loop alive, Node leaves the empty list in its place. And a timer that
            // runs stands in no list any more, but the one of its duration goes all the same if it is empty.
            if let Some(list) = self.by_ms.get(&ms).copied().filter(|list| self.lists[*list].first == NONE) {
                self.remove_list(list);
            }
        }
        if runs {
            self.entries[key.index].cleared = true;
            return None;
        }
        self.entries.remove(key.index).callback
    }

    /// When the loop has to look at its timers. That may be earlier than the first timer is due, if one was cleared.
    pub(in crate::event_loop) fn deadline(&self) -> Option<Millis> {
        self.deadline
    }

    /// Whether a pass is under way, or has to begin by the time that was read last.
    pub(in crate::event_loop) fn is_due(&self, read: Millis) -> bool {
        self.pass.is_some() || self.deadline.is_some_and(|deadline| deadline <= read)
    }

    pub(in crate::event_loop) fn is_passing(&self) -> bool {
        self.pass.is_some()
    }

    pub(in crate::event_loop) fn keeps_alive(&self) -> bool {
        self.keeping_alive > 0
    }

    /// How many there are. One that runs counts.
    pub(in crate::event_loop) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// The pass: `processTimers` and `listOnTimeout` of Node. There a loop runs callbacks and drains the queues between
/// them; here it is cut at the drains, so that the loop can stop at each.
impl Timers {
    pub(super) fn begin_pass(&mut self, now: Millis) {
        self.deadline = None;
        self.next_expiry = None;
        self.pass = Some(Pass { now, list: None, chosen: None });
    }

    /// The next timer of the pass. `None` when the pass is over. `read` is the time that the loop has read last.
    pub(super) fn next_due(&mut self, read: Millis) -> Option<Due> {
        loop {
            if let Some(key) = self.pass.as_mut()?.chosen.take() {
                // What was chosen before the drain runs after it, even if it was refreshed meanwhile; not if it was
                // cleared.
                if let Some(callback) = self.take_callback(key) {
                    return Some(Due { key, callback });
                }
            }
            if self.pass.as_ref()?.list.is_some() {
                self.look_into_list();
            }
            let pass = self.pass.as_ref()?;
            if pass.chosen.is_none() && pass.list.is_none() {
                self.choose_list(read);
            }
        }
    }

    fn take_callback(&mut self, key: Key) -> Option<Callback> {
        let timer = self.entries.get_mut(key.index).filter(|timer| timer.number == key.number)?;
        let callback = timer.callback.take()?;
        self.unlink(key.index);
        Some(callback)
    }

    /// Chooses the first timer of the pass's list, if it is due. Otherwise leaves the list.
    fn look_into_list(&mut self) {
        let Some(Pass { now, list: Some(list), .. }) = self.pass else { return };
        let (first, ms) = (self.lists[list].first, Millis::from(self.lists[list].ms));
        let mut chosen = None;
        if first == NONE {
            self.remove_list(list);
        } else {
            let timer = &self.entries[first];
            let (start, number) = (timer.start, timer.number);
            // A timer may have been started after the time was read by which the pass judges.
            if now.saturating_sub(start) >= ms {
                chosen = Some(Key { index: first, number });
            } else {
                let id = self.new_list_id();
                self.order.demote(list, (start + ms, id), &mut self.lists);
            }
        }
        if let Some(pass) = &mut self.pass {
            pass.chosen = chosen;
            pass.list = pass.list.filter(|_| chosen.is_some());
        }
    }

    /// Goes to the list that has to be looked at next. Ends the pass if that is not due.
    fn choose_list(&mut self, read: Millis) {
        let Some(pass) = &mut self.pass else { return };
        match self.order.top() {
            Some(((expiry, _), list)) if expiry <= pass.now => pass.list = Some(list),
            Some(((expiry, _), _)) => {
                self.next_expiry = Some(expiry);
                self.deadline = Some(expiry.max(read + 1));
                self.pass = None;
            }
            None => self.pass = None,
        }
    }

    /// A callback has returned, or panicked: an interval starts anew, from `start`, unless it was cleared; any other
    /// timer ends. Returns a callback to be dropped when no borrow is held.
    ///
    /// Then the pass decides how it goes on, for Node does so before it drains the queues: what the microtasks of the
    /// timer do to the lists comes too late for that.
    pub(super) fn finish(
        &mut self,
        key: Key,
        callback: Option<Callback>,
        start: Millis,
        read: Millis,
    ) -> Option<Callback> {
        let timer = &mut self.entries[key.index];
        debug_assert_eq!(timer.number, key.number, "a timer that runs is not removed");
        let (cleared, repeats, kept_alive) = (timer.cleared, timer.repeats, timer.keeps_alive);
        let left = if repeats && !cleared {
            timer.callback = callback;
            self.start(key.index, start, read);
            None
        } else {
            if !cleared {
                self.keeping_alive -= usize::from(kept_alive);
            }
            self.entries.remove(key.index);
            callback
        };
        if self.pass.as_ref().is_some_and(|pass| pass.list.is_some()) {
            self.look_into_list();
        }
        if self.pass.as_ref().is_some_and(|pass| pass.list.is_none()) {
            self.choose_list(read);
        }
        left
    }
}
