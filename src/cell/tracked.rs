//! A cell as the tracker of rejections sees it, without its types.

use std::any::Any;
use std::fmt::Debug;
use std::rc::Rc;

use super::marks::{HANDLED, REPORTED};
use super::{PromiseCell, State};
use crate::identity::Origin;
use crate::outcome::{Outcome, PromiseState};
use crate::rejections::{Reason, Tracked, TrackedCell};

impl<T: 'static, E: Debug + 'static> TrackedCell for PromiseCell<T, E> {
    fn origin(&self) -> Origin {
        self.origin()
    }

    fn is_handled(&self) -> bool {
        self.marks.has(HANDLED)
    }

    fn mark_reported(&self) {
        self.marks.set(REPORTED);
    }

    fn hold(&self) {
        // As one more consumer: the last handle cannot take the reason away then.
        self.add_consumer();
    }

    fn let_go(&self) {
        self.consumers.set(self.consumers.get() - 1);
    }

    fn show_reason(&self, look: &mut dyn FnMut(Reason<'_>)) {
        if let Some(outcome) = self.peek() {
            match &*outcome {
                Outcome::Fulfilled(_) => unreachable!("only rejections and faults are tracked"),
                Outcome::Rejected(reason) => look(Reason::new(reason)),
                Outcome::Faulted(fault) => look(Reason::new(fault)),
            }
        }
    }

    fn take_reason(&self) -> Option<Box<dyn Any>> {
        if self.consumers.get() > 0 {
            return None;
        }
        match self.take_outcome()? {
            Outcome::Fulfilled(_) => unreachable!("only rejections and faults are tracked"),
            Outcome::Rejected(reason) => Some(Box::new(reason)),
            Outcome::Faulted(fault) => Some(Box::new(fault)),
        }
    }

    fn is_settled(&self) -> bool {
        self.promise_state() != PromiseState::Pending
    }

    fn abandoned_by(&self) -> Option<Origin> {
        self.look(|state| match state {
            State::Abandoned(cause) => Some(*cause),
            _ => None,
        })
    }

    fn dependents(&self) -> Vec<Rc<dyn Tracked>> {
        self.look(|state| match state {
            State::Listened(listener) => listener.derived().into_iter().collect(),
            State::Crowded(shared) => shared.dependents(),
            _ => Vec::new(),
        })
    }
}
