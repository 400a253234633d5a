//! A million timers with random clears: the crate against Node's lists once more, in a model that is plain but not slow. What
//! the other model of this test looks for in a list, this one finds in a map; a timer that was cleared stays in its queue, and
//! is passed over.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use thenable::{EventLoop, Timeout, clear_timeout, elapse, now, set_timeout};

/// So many timers are made: half of them by the main script, the others by callbacks.
const TIMERS: usize = 1_000_000;

/// Which timer fired, and when.
type Fired = Vec<(usize, u64)>;

#[derive(Clone, Copy)]
enum Op {
    /// Makes a timer of so many milliseconds.
    Make(u64),
    /// Clears one of the timers made so far, counted round.
    ClearAny(usize),
    /// Clears one of the latest, counted back.
    ClearLate(usize),
    /// Lets milliseconds pass.
    Busy(u64),
}

/// The random numbers of one body, which is all that they depend on: `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn op(&mut self) -> Op {
        match self.below(100) {
            // Many timers share few short delays, and some have long ones.
            0..40 => Op::Make(self.below(50)),
            40..65 => Op::Make(self.below(3_000)),
            65..80 => Op::ClearAny(self.index()),
            80..98 => Op::ClearLate(self.index() % 100),
            _ => Op::Busy(self.below(4)),
        }
    }

    fn index(&mut self) -> usize {
        usize::try_from(self.below(1 << 31)).expect("an index of 31 bits")
    }
}

/// What the callback of a timer does.
fn body_of(timer: usize, seed: u64) -> impl Iterator<Item = Op> {
    let mut random = Random((seed << 32) + timer as u64 + 1);
    let count = random.below(7);
    (0..count).map(move |_| random.op())
}

/// The main script, which makes the first half.
fn main_script(seed: u64) -> impl Iterator<Item = Op> {
    let (mut random, mut made) = (Random(seed << 32), 0);
    std::iter::from_fn(move || {
        let op = random.op();
        made += usize::from(matches!(op, Op::Make(_)));
        (made <= TIMERS / 2).then_some(op)
    })
}

/// The place of the timer to be cleared among those made so far, of which there is at least one.
fn cleared(op: Op, made: usize) -> usize {
    match op {
        Op::ClearAny(any) => any % made,
        Op::ClearLate(back) => made - 1 - back.min(made - 1),
        Op::Make(_) | Op::Busy(_) => unreachable!("it clears nothing"),
    }
}

/// The program on the crate.
struct Execution {
    seed: u64,
    handles: RefCell<Vec<Timeout>>,
    fired: RefCell<Fired>,
    /// How many were active when they were cleared.
    cleared: Cell<usize>,
}

impl Execution {
    fn execute(self: &Rc<Self>, ops: impl Iterator<Item = Op>) {
        for op in ops {
            let made = self.handles.borrow().len();
            match op {
                Op::Make(_) if made == TIMERS => {}
                Op::Make(ms) => {
                    let execution = self.clone();
                    let timer = set_timeout(move || execution.fire(made), Duration::from_millis(ms));
                    self.handles.borrow_mut().push(timer);
                }
                Op::Busy(ms) => elapse(Duration::from_millis(ms)),
                _ if made == 0 => {}
                _ => {
                    let timer = self.handles.borrow()[cleared(op, made)];
                    self.cleared.set(self.cleared.get() + usize::from(timer.is_active()));
                    clear_timeout(timer);
                }
            }
        }
    }

    fn fire(self: &Rc<Self>, timer: usize) {
        let now = u64::try_from(now().as_millis()).expect("it does not take so long");
        self.fired.borrow_mut().push((timer, now));
        self.execute(body_of(timer, self.seed));
    }
}

struct Timer {
    ms: u64,
    start: u64,
    waits: bool,
}

struct List {
    expiry: u64,
    id: u64,
    /// Those that were cleared are among them.
    timers: VecDeque<usize>,
    waiting: usize,
}

/// The program on Node, as far as it has timeouts only.
#[derive(Default)]
struct Node {
    seed: u64,
    timers: Vec<Timer>,
    /// By milliseconds.
    lists: HashMap<u64, List>,
    /// Their expiry, id and milliseconds: `timerListQueue`.
    order: BTreeSet<(u64, u64, u64)>,
    next_list_id: u64,
    next_expiry: u64,
    waiting: usize,
    clock: u64,
    loop_time: u64,
    uv_timer: Option<u64>,
    fired: Fired,
}

impl Node {
    fn run(seed: u64) -> Fired {
        let mut node = Self { seed, next_expiry: u64::MAX, ..Self::default() };
        node.execute(main_script(seed));
        // `uv_run`: a pass before the first poll, and then one after each.
        node.run_timers();
        while node.waiting > 0 {
            let deadline = node.uv_timer.expect("somebody waits");
            node.clock = node.clock.max(deadline);
            node.run_timers();
        }
        node.fired
    }

    fn execute(&mut self, ops: impl Iterator<Item = Op>) {
        for op in ops {
            let made = self.timers.len();
            match op {
                Op::Make(_) if made == TIMERS => {}
                Op::Make(ms) => self.make(ms.max(1)),
                Op::Busy(ms) => self.clock += ms,
                _ if made == 0 => {}
                _ => self.clear(cleared(op, made)),
            }
        }
    }

    fn make(&mut self, ms: u64) {
        self.loop_time = self.clock;
        let (start, expiry) = (self.clock, self.clock + ms);
        if !self.lists.contains_key(&ms) {
            let id = self.new_list_id();
            self.lists.insert(ms, List { expiry, id, timers: VecDeque::new(), waiting: 0 });
            self.order.insert((expiry, id, ms));
            if self.next_expiry > expiry {
                self.uv_timer = Some(self.loop_time + ms);
                self.next_expiry = expiry;
            }
        }
        let list = self.lists.get_mut(&ms).expect("just made");
        list.timers.push_back(self.timers.len());
        list.waiting += 1;
        self.waiting += 1;
        self.timers.push(Timer { ms, start, waits: true });
    }

    fn new_list_id(&mut self) -> u64 {
        self.next_list_id += 1;
        self.next_list_id
    }

    fn clear(&mut self, number: usize) {
        let Timer { ms, waits, .. } = &mut self.timers[number];
        if std::mem::take(waits) {
            let ms = *ms;
            self.waiting -= 1;
            let list = self.lists.get_mut(&ms).expect("it waits there");
            list.waiting -= 1;
            if list.waiting == 0 {
                self.remove_list(ms);
            }
        } else if self.fired.last().is_some_and(|(running, _)| *running == number) {
            // A timer that clears itself while it runs takes the list with it, if it was the last one there.
            let ms = *ms;
            if self.lists.get(&ms).is_some_and(|list| list.waiting == 0) {
                self.remove_list(ms);
            }
        }
    }

    fn remove_list(&mut self, ms: u64) {
        let List { expiry, id, .. } = self.lists.remove(&ms).expect("it is there");
        self.order.remove(&(expiry, id, ms));
    }

    fn run_timers(&mut self) {
        self.loop_time = self.clock;
        while self.uv_timer.is_some_and(|deadline| deadline <= self.loop_time) {
            self.uv_timer = None;
            self.loop_time = self.clock;
            self.process_timers(self.clock);
        }
    }

    fn process_timers(&mut self, now: u64) {
        self.next_expiry = u64::MAX;
        while let Some((expiry, id, ms)) = self.order.first().copied() {
            if expiry > now {
                self.next_expiry = expiry;
                self.uv_timer = Some(self.loop_time + expiry.saturating_sub(self.loop_time).max(1));
                return;
            }
            self.list_on_timeout(ms, id, now);
        }
    }

    fn list_on_timeout(&mut self, ms: u64, id: u64, now: u64) {
        // One that was dropped, and perhaps made anew, is not this list any more.
        while let Some(list) = self.lists.get_mut(&ms).filter(|list| list.id == id) {
            while list.timers.front().is_some_and(|timer| !self.timers[*timer].waits) {
                list.timers.pop_front();
            }
            let Some(number) = list.timers.front().copied() else { return self.remove_list(ms) };
            let expiry = self.timers[number].start + ms;
            if now < expiry {
                let new = (expiry.max(now + 1), self.new_list_id(), ms);
                let list = self.lists.get_mut(&ms).expect("it is there");
                self.order.remove(&(list.expiry, list.id, ms));
                self.order.insert(new);
                (list.expiry, list.id) = (new.0, new.1);
                return;
            }
            list.timers.pop_front();
            list.waiting -= 1;
            self.waiting -= 1;
            self.timers[number].waits = false;
            self.fired.push((number, self.clock));
            self.execute(body_of(number, self.seed));
        }
    }
}

#[test]
fn a_million_timers_with_random_clears_fire_as_the_model_says() {
    let seed = 20;
    let (handles, fired) = (RefCell::default(), RefCell::default());
    let execution = Rc::new(Execution { seed, handles, fired, cleared: Cell::new(0) });
    let event_loop = EventLoop::builder().virtual_clock().auto_advance(true).build();
    event_loop.run(|| execution.execute(main_script(seed))).unwrap();

    let (fired, model) = (execution.fired.take(), Node::run(seed));
    if let Some(place) = (0..fired.len().max(model.len())).find(|place| fired.get(*place) != model.get(*place)) {
        let around =
            |fired: &Fired| fired[fired.len().min(place.saturating_sub(3))..fired.len().min(place + 4)].to_vec();
        panic!("at {place}: fired {:?}, the model says {:?}", around(&fired), around(&model));
    }
    // Every timer fired or was cleared, and many did each.
    assert_eq!(execution.handles.borrow().len(), TIMERS);
    assert_eq!(fired.len() + execution.cleared.get(), TIMERS);
    assert!(fired.len().min(execution.cleared.get()) > TIMERS / 10, "{} fired", fired.len());
    assert_eq!(event_loop.pending(), thenable::Pending::default());
}
