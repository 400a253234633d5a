//! A plain model of Node's timers and of libuv's loop: lists that are searched, a queue that is sorted, loops within loops as
//! there, and no thought of speed.

use std::collections::VecDeque;

use crate::program::{LIMIT, Op, Program, Trace};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Timeout,
    Interval,
    Immediate,
}

/// A JavaScript object: `Timeout` or `Immediate`.
struct Object {
    kind: Kind,
    callback: usize,
    /// `_idleTimeout`; -1 when it was cleared is `None`.
    idle_timeout: Option<u64>,
    idle_start: u64,
    refed: bool,
    destroyed: bool,
    has_fired: bool,
    times: u64,
}

struct List {
    ms: u64,
    expiry: u64,
    id: u64,
    timers: Vec<usize>,
}

/// What waits in the queues: a callback, and the object of the macrotask that made it.
type Queued = (usize, Option<usize>);

struct Node<'a> {
    program: &'a Program,
    trace: Trace,
    objects: Vec<Object>,
    made: usize,
    ticks: VecDeque<Queued>,
    microtasks: VecDeque<Queued>,
    immediates: Vec<usize>,
    lists: Vec<List>,
    next_list_id: u64,
    next_expiry: u64,
    /// The true time, libuv's reading of it, and libuv's timer.
    clock: u64,
    loop_time: u64,
    uv_timer: Option<u64>,
}

/// What Node does with the program.
pub(crate) fn run(program: &Program) -> Trace {
    let mut node = Node {
        program,
        trace: Vec::new(),
        objects: Vec::new(),
        made: 1,
        ticks: VecDeque::new(),
        microtasks: VecDeque::new(),
        immediates: Vec::new(),
        lists: Vec::new(),
        next_list_id: 0,
        next_expiry: u64::MAX,
        clock: 0,
        loop_time: 0,
        uv_timer: None,
    };
    node.body(0, None);
    node.drain();
    // `SpinEventLoop` calls `uv_run` as long as the loop is alive.
    while node.is_alive() {
        node.uv_run();
    }
    node.trace
}

impl Node<'_> {
    fn body(&mut self, callback: usize, own: Option<usize>) {
        self.trace.push((callback, self.clock));
        let bodies = &self.program.bodies;
        for op in &bodies[callback % bodies.len()] {
            self.execute(*op, own);
        }
    }

    fn execute(&mut self, op: Op, own: Option<usize>) {
        match op {
            Op::Timeout(_) | Op::Interval { .. } | Op::Immediate | Op::Microtask | Op::Tick => {
                if self.made < LIMIT {
                    self.made += 1;
                    self.make(op, self.made - 1, own);
                }
            }
            Op::Clear(number) => {
                if !self.objects.is_empty() {
                    self.clear(number % self.objects.len());
                }
            }
            Op::ClearSelf => {
                if let Some(own) = own {
                    self.clear(own);
                }
            }
            Op::Busy(time) => self.clock += time,
            Op::KeepAlive(number, alive) => {
                if !self.objects.is_empty() {
                    let number = number % self.objects.len();
                    self.objects[number].refed = alive;
                }
            }
            Op::Refresh(number) => {
                if !self.objects.is_empty() {
                    self.refresh(number % self.objects.len());
                }
            }
        }
    }

    fn make(&mut self, op: Op, callback: usize, own: Option<usize>) {
        let (kind, ms, times) = match op {
            Op::Timeout(delay) => (Kind::Timeout, delay.max(1), 0),
            Op::Interval { period, times } => (Kind::Interval, period, times),
            Op::Immediate => (Kind::Immediate, 0, 0),
            Op::Microtask => return self.microtasks.push_back((callback, own)),
            _ => return self.ticks.push_back((callback, own)),
        };
        let number = self.objects.len();
        self.objects.push(Object {
            kind,
            callback,
            idle_timeout: Some(ms),
            idle_start: 0,
            refed: true,
            destroyed: false,
            has_fired: false,
            times,
        });
        if kind == Kind::Immediate {
            self.immediates.push(number);
        } else {
            let now = self.get_libuv_now();
            self.insert(number, now);
        }
    }

    fn get_libuv_now(&mut self) -> u64 {
        self.loop_time = self.clock;
        self.clock
    }

    fn insert(&mut self, number: usize, start: u64) {
        let ms = self.objects[number].idle_timeout.expect("it was not cleared");
        self.objects[number].idle_start = start;
        if !self.lists.iter().any(|list| list.ms == ms) {
            self.lists.push(List { ms, expiry: start + ms, id: self.next_list_id, timers: Vec::new() });
            self.next_list_id += 1;
            if self.next_expiry > start + ms {
                self.uv_timer = Some(self.loop_time + ms);
                self.next_expiry = start + ms;
            }
        }
        self.unlink(number);
        self.lists.iter_mut().find(|list| list.ms == ms).expect("just made").timers.push(number);
    }

    fn unlink(&mut self, number: usize) {
        self.lists.iter_mut().for_each(|list| list.timers.retain(|timer| *timer != number));
    }

    fn clear(&mut self, number: usize) {
        if self.objects[number].destroyed {
            return;
        }
        self.objects[number].destroyed = true;
        self.immediates.retain(|immediate| *immediate != number);
        self.unlink(number);
        if self.objects[number].refed {
            let ms = self.objects[number].idle_timeout;
            self.lists.retain(|list| Some(list.ms) != ms || !list.timers.is_empty());
        }
        self.objects[number].idle_timeout = None;
    }

    fn refresh(&mut self, number: usize) {
        let object = &self.objects[number];
        let is_over = object.kind == Kind::Timeout && object.has_fired;
        if object.kind != Kind::Immediate && object.idle_timeout.is_some() && !is_over {
            let now = self.get_libuv_now();
            self.insert(number, now);
        }
    }

    fn drain(&mut self) {
        loop {
            if self.ticks.is_empty() {
                self.run_microtasks();
            }
            if self.ticks.is_empty() {
                return;
            }
            while let Some((callback, own)) = self.ticks.pop_front() {
                self.body(callback, own);
            }
            self.run_microtasks();
        }
    }

    fn run_microtasks(&mut self) {
        while let Some((callback, own)) = self.microtasks.pop_front() {
            self.body(callback, own);
        }
    }

    fn is_alive(&self) -> bool {
        self.objects.iter().any(|object| object.refed && !object.destroyed)
    }

    fn uv_run(&mut self) {
        self.loop_time = self.clock;
        self.uv_run_timers();
        loop {
            self.poll();
            self.check();
            self.loop_time = self.clock;
            self.uv_run_timers();
            if !self.is_alive() {
                return;
            }
        }
    }

    fn poll(&mut self) {
        let is_idle = !self.immediates.iter().any(|immediate| self.objects[*immediate].refed);
        if let Some(deadline) = self.uv_timer.filter(|_| is_idle && self.is_alive()) {
            self.clock = self.clock.max(deadline);
        }
        self.loop_time = self.clock;
    }

    fn check(&mut self) {
        let mut batch = VecDeque::from(std::mem::take(&mut self.immediates));
        while let Some(number) = batch.pop_front() {
            if !self.objects[number].destroyed {
                self.objects[number].destroyed = true;
                self.body(self.objects[number].callback, Some(number));
                self.drain();
            }
        }
    }

    fn uv_run_timers(&mut self) {
        while self.uv_timer.is_some_and(|deadline| deadline <= self.loop_time) {
            self.uv_timer = None;
            let now = self.get_libuv_now();
            self.process_timers(now);
            // `InternalCallbackScope::Close`, after the timer was scheduled.
            self.drain();
        }
    }

    fn process_timers(&mut self, now: u64) {
        self.next_expiry = u64::MAX;
        let mut ran_a_list = false;
        while let Some(top) = self.lists.iter().min_by_key(|list| (list.expiry, list.id)) {
            let (expiry, id) = (top.expiry, top.id);
            if expiry > now {
                self.next_expiry = expiry;
                self.uv_timer = Some(self.loop_time + expiry.saturating_sub(self.loop_time).max(1));
                return;
            }
            if ran_a_list {
                self.drain();
            }
            ran_a_list = true;
            self.list_on_timeout(id, now);
        }
    }

    /// A list that was dropped, and perhaps made anew, has no place any more, which its old id shows.
    fn list_on_timeout(&mut self, id: u64, now: u64) {
        let mut ran_a_timer = false;
        while let Some(place) = self.lists.iter().position(|list| list.id == id) {
            let Some(number) = self.lists[place].timers.first().copied() else {
                self.lists.remove(place);
                return;
            };
            let (ms, start) = (self.lists[place].ms, self.objects[number].idle_start);
            if now < start + ms {
                self.lists[place].expiry = (start + ms).max(now + 1);
                self.lists[place].id = self.next_list_id;
                self.next_list_id += 1;
                return;
            }
            if ran_a_timer {
                self.drain();
            }
            ran_a_timer = true;
            self.unlink(number);
            if !self.objects[number].destroyed {
                self.call(number);
            }
        }
    }

    fn call(&mut self, number: usize) {
        let repeats = self.objects[number].kind == Kind::Interval;
        let start = if repeats { self.get_libuv_now() } else { 0 };
        self.objects[number].has_fired = true;
        if repeats {
            self.objects[number].times = self.objects[number].times.saturating_sub(1);
            if self.objects[number].times == 0 {
                self.clear(number);
            }
        }
        self.body(self.objects[number].callback, Some(number));
        if repeats && self.objects[number].idle_timeout.is_some() {
            self.insert(number, start);
        } else {
            self.objects[number].destroyed = true;
        }
    }
}
