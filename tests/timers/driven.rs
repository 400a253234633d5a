//! Programs on the loop of the crate, driven in several ways.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use thenable::{
    Budget, EventLoop, Immediate, Timeout, clear_immediate, clear_timeout, elapse, next_tick, now, queue_microtask,
    set_immediate, set_interval, set_timeout,
};

use crate::program::{LIMIT, Op, Program, Trace};

#[derive(Clone, Copy)]
enum Handle {
    Timer(Timeout),
    Immediate(Immediate),
}

impl Handle {
    fn clear(self) {
        match self {
            Self::Timer(timeout) => clear_timeout(timeout),
            Self::Immediate(immediate) => clear_immediate(immediate),
        }
    }
}

/// The handle of a callback, which is known only after the callback was made.
type Own = Rc<Cell<Option<Handle>>>;

struct Execution {
    program: Program,
    trace: RefCell<Trace>,
    handles: RefCell<Vec<Handle>>,
    made: Cell<usize>,
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn now_ms() -> u64 {
    u64::try_from(now().as_millis()).expect("no program takes so long")
}

impl Execution {
    fn new(program: &Program) -> Rc<Self> {
        let (trace, handles) = (RefCell::default(), RefCell::default());
        Rc::new(Self { program: program.clone(), trace, handles, made: Cell::new(1) })
    }

    fn run_body(self: &Rc<Self>, callback: usize, own: &Own) {
        self.trace.borrow_mut().push((callback, now_ms()));
        let bodies = &self.program.bodies;
        for op in &bodies[callback % bodies.len()] {
            self.execute(*op, own);
        }
    }

    /// A new callback, unless there were enough, and where its handle will be.
    fn callback(self: &Rc<Self>) -> Option<(usize, Own)> {
        let number = self.made.get();
        (number < LIMIT).then(|| {
            self.made.set(number + 1);
            (number, Own::default())
        })
    }

    fn keep(&self, own: &Own, handle: Handle) {
        own.set(Some(handle));
        self.handles.borrow_mut().push(handle);
    }

    fn handle(&self, number: usize) -> Option<Handle> {
        let handles = self.handles.borrow();
        (!handles.is_empty()).then(|| handles[number % handles.len()])
    }

    fn execute(self: &Rc<Self>, op: Op, own: &Own) {
        match op {
            Op::Timeout(_) | Op::Interval { .. } | Op::Immediate | Op::Microtask | Op::Tick => self.make(op, own),
            Op::Clear(handle) => self.handle(handle).into_iter().for_each(Handle::clear),
            Op::ClearSelf => own.get().into_iter().for_each(Handle::clear),
            Op::Busy(time) => elapse(ms(time)),
            Op::KeepAlive(handle, alive) => match self.handle(handle) {
                Some(Handle::Timer(timeout)) => drop_handle(timeout.keep_alive(alive)),
                Some(Handle::Immediate(immediate)) => drop_handle(immediate.keep_alive(alive)),
                None => {}
            },
            Op::Refresh(handle) => {
                if let Some(Handle::Timer(timeout)) = self.handle(handle) {
                    drop_handle(timeout.refresh());
                }
            }
        }
    }

    fn make(self: &Rc<Self>, op: Op, own: &Own) {
        let Some((number, new)) = self.callback() else { return };
        let (execution, handle, of_macrotask) = (self.clone(), new.clone(), own.clone());
        match op {
            Op::Timeout(delay) => {
                let callback = move || execution.run_body(number, &handle);
                self.keep(&new, Handle::Timer(set_timeout(callback, ms(delay))));
            }
            Op::Interval { period, mut times } => {
                let callback = move || {
                    times = times.saturating_sub(1);
                    if times == 0 {
                        handle.get().into_iter().for_each(Handle::clear);
                    }
                    execution.run_body(number, &handle);
                };
                self.keep(&new, Handle::Timer(set_interval(callback, ms(period))));
            }
            Op::Immediate => {
                let callback = move || execution.run_body(number, &handle);
                self.keep(&new, Handle::Immediate(set_immediate(callback)));
            }
            Op::Microtask => queue_microtask(move || execution.run_body(number, &of_macrotask)),
            _ => next_tick(move || execution.run_body(number, &of_macrotask)),
        }
    }

    fn trace(&self) -> Trace {
        self.trace.take()
    }
}

fn drop_handle<H>(_: H) {}

/// A run to the end, on a clock that jumps.
pub(crate) fn by_run(program: &Program) -> Trace {
    let execution = Execution::new(program);
    let event_loop = EventLoop::builder().virtual_clock().auto_advance(true).build();
    event_loop.run(|| execution.run_body(0, &Own::default())).unwrap();
    execution.trace()
}

fn start(program: &Program) -> (EventLoop, Rc<Execution>) {
    let execution = Execution::new(program);
    let event_loop = EventLoop::builder().virtual_clock().build();
    event_loop.enter(|| execution.run_body(0, &Own::default()));
    (event_loop, execution)
}

/// Turns that stop after so many callbacks each; the clock is moved when nothing is ready.
pub(crate) fn by_turns(program: &Program, budgets: &[usize]) -> Trace {
    let (event_loop, execution) = start(program);
    for budget in budgets.iter().copied().cycle() {
        let turn = event_loop.turn(Budget::unlimited().callbacks(budget)).unwrap();
        assert!(turn.callbacks <= budget);
        if turn.more {
            continue;
        }
        let Some(deadline) = event_loop.next_deadline() else { break };
        event_loop.elapse(deadline.checked_sub(event_loop.now()).expect("nothing is ready, so it is later"));
    }
    execution.trace()
}

/// The clock is advanced by such pieces until nothing is left.
pub(crate) fn by_pieces_of_time(program: &Program, pieces: &[u64]) -> Trace {
    let (event_loop, execution) = start(program);
    for piece in pieces.iter().copied().cycle() {
        event_loop.advance(ms(piece)).unwrap();
        if event_loop.next_deadline().is_none() {
            break;
        }
    }
    execution.trace()
}
