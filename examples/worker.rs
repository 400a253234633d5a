//! A computation on a worker: which number below a million has the longest Collatz sequence?
//!
//! `cargo run --example worker`. The worker tells how far it is while it computes, and answers a call with the result.

use std::cell::RefCell;
use std::rc::Rc;

use thenable::{Call, Port, Worker, block_on};

/// The number with the longest sequence so far.
#[derive(Debug, PartialEq)]
struct Longest {
    start: u64,
    steps: u32,
}

fn steps(start: u64) -> u32 {
    let mut steps = 0;
    let mut n = start;
    while n != 1 {
        n = if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    steps
}

/// The worker: it gets limits, sends percentages, and answers with what it found.
fn search(port: Port<Call<u64, Longest>, u64>) {
    port.clone().on_message(move |call| {
        call.answer(|limit| {
            let mut longest = Longest { start: 1, steps: 0 };
            for start in 1..limit {
                let steps = steps(start);
                if steps > longest.steps {
                    longest = Longest { start, steps };
                }
                if start.is_multiple_of(limit / 4) && port.post_message(start * 100 / limit).is_err() {
                    break; // Nobody waits for the result any more.
                }
            }
            Ok(longest)
        });
    });
}

fn main() {
    let worker = Worker::spawn(search);
    let progress = Rc::new(RefCell::new(Vec::new()));
    let seen = progress.clone();
    worker.on_message(move |percent| {
        println!("{percent} %");
        seen.borrow_mut().push(percent);
    });
    let longest = block_on(worker.call(1_000_000)).expect("the worker answers");
    println!("{longest:?}");
    assert_eq!(longest, Longest { start: 837_799, steps: 524 });
    assert_eq!(*progress.borrow(), [25, 50, 75], "what was sent before the answer came before it");
}
