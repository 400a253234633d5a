//! Workers: messages, calls, how long one lives, and how it ends. Invariant 8 holds for them, too: nothing is run or dropped
//! on a thread that is not its own.
//!
//! The threads of a test meet at channels and barriers, so each test ends as soon as it can and none depends on time.

mod calls;
mod endings;
mod lifetimes;
mod loops;
mod messages;

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;
use std::sync::mpsc::Sender;
use std::thread::{self, ThreadId};

/// Says, when it is dropped, on which thread that happened.
struct DropReport(Sender<ThreadId>);

impl Drop for DropReport {
    fn drop(&mut self) {
        // The test may be over.
        let _ = self.0.send(thread::current().id());
    }
}

/// A listener that does nothing but own something.
fn owner<T: 'static, M>(value: T) -> impl FnMut(M) + 'static {
    move |_message| {
        let _owned = &value;
    }
}

/// What happened on one thread.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn push(&self, line: impl Display) {
        let line = line.to_string();
        self.0.borrow_mut().push(line);
    }

    #[track_caller]
    fn expect<const N: usize>(&self, lines: [&str; N]) {
        assert_eq!(*self.0.borrow(), lines);
    }
}
