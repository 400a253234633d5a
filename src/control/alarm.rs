//! A timer of any length, which goes away with its handle.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::event_loop::timers::{Timeout, clear_timeout, set_timeout};

/// The longest delay of a timer. A longer one would fire after 1 ms, as in Node.
const LONGEST: Duration = Duration::from_millis((1 << 31) - 1);

/// Calls back once. It is cleared when this is dropped.
pub(super) enum Alarm {
    Timer(Timeout),
    /// One timer after the other.
    Timers(Rc<Cell<Option<Timeout>>>),
}

impl Alarm {
    pub(super) fn new(callback: impl FnOnce() + 'static, delay: Duration, keep_alive: bool) -> Self {
        if delay <= LONGEST {
            return Self::Timer(set_timeout(callback, delay).keep_alive(keep_alive));
        }
        let current = Rc::new(Cell::new(None));
        set_long(&current, Box::new(callback), delay, keep_alive);
        Self::Timers(current)
    }
}

fn set_long(current: &Rc<Cell<Option<Timeout>>>, callback: Box<dyn FnOnce()>, delay: Duration, keep_alive: bool) {
    let next = current.clone();
    let timer = set_timeout(
        move || match delay.saturating_sub(LONGEST) {
            Duration::ZERO => callback(),
            rest => set_long(&next, callback, rest, keep_alive),
        },
        delay.min(LONGEST),
    );
    current.set(Some(timer.keep_alive(keep_alive)));
}

impl Drop for Alarm {
    fn drop(&mut self) {
        match self {
            Self::Timer(timer) => clear_timeout(*timer),
            Self::Timers(current) => clear_timeout(current.get()),
        }
    }
}
