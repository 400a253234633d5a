//! What the statements about signals are in Rust.

use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use thenable::{AbortController, AbortListener, AbortSignal, Aborted};

use super::Value;
use super::world::World;
use crate::program::{Block, Id, ListenerName, Op, PromiseName, SignalName};

/// The variables of a program that hold signals and what belongs to them. They are kept to the end.
#[derive(Default)]
pub(super) struct Signals {
    controllers: RefCell<HashMap<Id, AbortController>>,
    made: RefCell<HashMap<Id, AbortSignal>>,
    listeners: RefCell<HashMap<Id, AbortListener>>,
}

/// The reason of an abort that is a number.
#[derive(Debug)]
struct Number(i32);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Number {}

impl From<Aborted> for Value {
    fn from(aborted: Aborted) -> Self {
        match aborted.downcast_ref::<Number>() {
            Some(Number(number)) => Self::Number(*number),
            None if aborted.is_timeout() => Self::TimedOut,
            None => Self::Undefined,
        }
    }
}

impl Signals {
    fn signal(&self, name: SignalName) -> Option<AbortSignal> {
        self.made.borrow().get(&name.0).cloned()
    }

    fn keep(&self, id: Id, signal: AbortSignal) {
        self.made.borrow_mut().insert(id, signal);
    }
}

impl World {
    /// Does what `op` says, if it is about signals.
    pub(super) fn signal_op(self: &Rc<Self>, op: &Op) {
        let signals = &self.signals;
        match op {
            Op::Controller(id) => {
                let controller = AbortController::new();
                signals.keep(*id, controller.signal());
                signals.controllers.borrow_mut().insert(*id, controller);
            }
            Op::AnySignal(id, names) => {
                signals.keep(*id, AbortSignal::any(names.iter().filter_map(|name| signals.signal(*name))));
            }
            Op::TimeoutSignal(id, ms) => {
                signals.keep(*id, AbortSignal::timeout(Duration::from_millis(u64::from(*ms))));
            }
            Op::Abort(name, reason) => {
                let controller = signals.controllers.borrow().get(&name.0).cloned();
                if let Some(controller) = controller {
                    controller.abort_with(Number(*reason));
                }
            }
            Op::OnAbort(id, name, block) => self.on_abort(*id, *name, block),
            Op::RemoveListener(ListenerName(id)) => {
                let listener = signals.listeners.borrow_mut().remove(id);
                drop(listener);
            }
            Op::Abortable(id, on, name) => self.abortable(*id, *on, *name),
            Op::LookAtSignal(name) => {
                let state = match signals.signal(*name) {
                    None => "-".to_string(),
                    Some(signal) => {
                        signal.reason().map_or("?".to_string(), |aborted| format!("!{}", Value::from(aborted)))
                    }
                };
                self.word(format_args!("g{}{state}", name.0));
            }
            _ => unreachable!("it has nothing to do with signals"),
        }
    }

    fn on_abort(self: &Rc<Self>, id: Id, name: SignalName, block: &Block) {
        let Some(signal) = self.signals.signal(name) else { return };
        let (world, block) = (self.clone(), block.clone());
        let listener = signal.on_abort(move |aborted| {
            world.word(format_args!("l{id}({})", Value::from(aborted)));
            world.run(&block);
        });
        self.signals.listeners.borrow_mut().insert(id, listener);
    }

    fn abortable(self: &Rc<Self>, id: Id, on: PromiseName, name: SignalName) {
        let Some(signal) = self.signals.signal(name) else { return };
        let Some(promise) = self.promise(on) else { return };
        self.keep(id, promise.abortable(&signal));
    }
}
