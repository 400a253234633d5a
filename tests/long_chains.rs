//! Chains of ten million links, on a thread with the least stack (invariant 6): nothing recurses over a chain.
//!
//! Each test runs in a thread of its own with 64 KiB of stack, or the least the platform gives. They take turns, since each
//! needs a gigabyte or more.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::thread;

use thenable::{Promise, Resolve, block_on, run};

const LINKS: u64 = 10_000_000;
const STACK_BYTES: usize = 64 * 1024;

type P<T> = Promise<T, ()>;

/// Runs `test` on a thread with a small stack, one test at a time.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(test).expect("the thread starts");
    thread.join().expect("the test passes");
}

/// A pending promise with `LINKS` reactions in a row, and what settles it.
fn pending_chain() -> (Resolve<u64, ()>, P<u64>) {
    let (head, resolve, _reject) = P::with_resolvers();
    let mut tail = head;
    for _ in 0..LINKS {
        tail = tail.map(|n| n + 1);
    }
    (resolve, tail)
}

#[test]
fn a_chain_with_a_settled_head_settles() {
    on_a_small_stack(|| {
        let mut tail = P::resolve(0);
        for _ in 0..LINKS {
            tail = tail.map(|n| n + 1);
        }
        assert_eq!(block_on(tail), Ok(LINKS));
    });
}

#[test]
fn a_chain_with_a_pending_head_settles() {
    on_a_small_stack(|| {
        let (resolve, tail) = pending_chain();
        resolve(0);
        assert_eq!(block_on(tail), Ok(LINKS));
    });
}

#[test]
fn a_chain_in_which_every_handler_returns_a_promise_settles() {
    on_a_small_stack(|| {
        let mut tail = P::resolve(0);
        for _ in 0..LINKS {
            tail = tail.then(|n| P::resolve(n + 1));
        }
        assert_eq!(block_on(tail), Ok(LINKS));
    });
}

#[test]
fn a_loop_of_adoptions_settles() {
    // Each round returns the promise of the next, so all of them wait for the last, as in JavaScript.
    fn countdown(n: u64) -> P<u64> {
        P::resolve(n).then(|n| if n == 0 { P::resolve(0) } else { countdown(n - 1) })
    }
    on_a_small_stack(|| assert_eq!(block_on(countdown(LINKS)), Ok(0)));
}

#[test]
fn a_row_of_promises_that_each_adopt_the_one_before_settles() {
    on_a_small_stack(|| {
        let (head, resolve, _reject) = P::with_resolvers();
        let mut tail = head;
        for _ in 0..LINKS / 2 {
            tail = Promise::new(|resolve, _reject| resolve.with(tail));
        }
        resolve(1);
        assert_eq!(block_on(tail), Ok(1));
    });
}

#[test]
fn a_pending_chain_is_freed_when_its_resolving_functions_go() {
    struct Counted(Rc<Cell<u64>>);

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    on_a_small_stack(|| {
        let dropped = Rc::new(Cell::new(0_u64));
        let (head, resolve, reject) = P::with_resolvers();
        let mut tail = head;
        for _ in 0..LINKS {
            let counted = Counted(dropped.clone());
            tail = tail.map(move |()| drop(counted));
        }
        drop(tail);
        assert_eq!(dropped.get(), 0, "the promise can settle still");
        drop((resolve, reject));
        assert_eq!(dropped.get(), LINKS);
    });
}

#[test]
fn a_pending_chain_is_freed_while_its_tail_is_held() {
    on_a_small_stack(|| {
        let (resolve, tail) = pending_chain();
        drop(resolve);
        assert_eq!(tail.state(), thenable::PromiseState::Pending);
        drop(tail);
    });
}

#[test]
fn a_chain_of_finally_and_of_rejections_settles() {
    on_a_small_stack(|| {
        let mut tail = Promise::<(), u64>::reject(0);
        for _ in 0..LINKS / 4 {
            tail = tail.finally(|| ()).then(|()| ());
        }
        assert_eq!(block_on(tail), Err(0));
    });
}

#[test]
fn handles_in_the_captures_of_handlers_are_freed() {
    on_a_small_stack(|| {
        let mut tail = P::resolve(());
        for _ in 0..LINKS / 4 {
            let before = tail;
            let (pending, _resolve, _reject) = P::with_resolvers();
            tail = pending.then(move |()| before);
        }
        drop(tail);
    });
}

#[test]
fn handles_in_values_are_freed() {
    struct Node {
        _next: Option<P<Node>>,
    }
    on_a_small_stack(|| {
        let mut list = None;
        for _ in 0..LINKS / 4 {
            list = Some(P::resolve(Node { _next: list }));
        }
        drop(list);
    });
}

#[test]
fn a_queue_of_jobs_is_freed_with_the_thread() {
    on_a_small_stack(|| {
        let mut tail = P::resolve(0);
        for _ in 0..LINKS / 4 {
            tail = tail.map(|n| n + 1).then(P::resolve);
        }
        drop(tail);
    });
}

#[test]
fn many_reactions_of_one_promise_run_in_order() {
    on_a_small_stack(|| {
        let next = Rc::new(Cell::new(0));
        let (promise, resolve, _reject) = P::with_resolvers();
        for index in 0..LINKS / 4 {
            let next = next.clone();
            promise.clone().map(move |()| assert_eq!(next.replace(index + 1), index));
        }
        drop(promise);
        run(move || resolve(())).unwrap();
        assert_eq!(next.get(), LINKS / 4);
    });
}
