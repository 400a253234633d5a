//! `test/parallel/test-queue-microtask.js`.

use thenable::{Promise, queue_microtask};

use crate::cases::run_with_uncaught;
use crate::common::{log, trace};

type P = Promise<(), ()>;

/// Differs: what a microtask throws unwinds out of `run`. The queue goes on in the next `run`.
#[test]
fn test_queue_microtask() {
    let main = || {
        queue_microtask(|| log("called"));
        log("not called yet");
        P::resolve(()).then(|()| log("a")).then(|()| log("a done"));
        queue_microtask(|| log("b"));
        P::reject(()).catch(|()| log("c"));
        queue_microtask(|| log("d"));
        queue_microtask(|| panic!("E1"));
        queue_microtask(|| panic!("E2"));
    };
    run_with_uncaught(main, |message| log(format_args!("uncaught {message}")));
    assert_eq!(trace(), "not called yet  called  a  b  c  d  uncaught E1  uncaught E2  a done");
}
