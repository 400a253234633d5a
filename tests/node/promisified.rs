//! `test/parallel/test-timers-*promis*.js`: timers and immediates as promises. Those with signals are left
//! out, for `AbortSignal::delay` does not take the ticks that Node's `finally` costs there; nothing is there for a timer of
//! them that does not keep the loop alive.

use thenable::{Promise, delay, delay_with, immediate, queue_microtask};

use crate::cases;
use crate::common::{expect_timed_trace, expect_trace, log, ms, now, timeout};

type P = Promise<(), ()>;

#[test]
fn test_timers_immediate_promisified() {
    expect_trace("promise  foobar  callback", || {
        immediate::<()>().then(|()| log("promise"));
        immediate::<()>().map(|()| "foobar").map(log);
        cases::immediate(|| log("callback"));
    });
}

#[test]
fn test_timers_timeout_promisified() {
    expect_timed_trace("promise  foobar  callback  2 ms", || {
        delay::<()>(ms(1)).then(|()| log("promise"));
        delay_with::<_, ()>(ms(1), "foobar").map(log);
        timeout(1, || log("callback"));
        timeout(2, || log("2 ms"));
    });
}

/// `scheduler.yield()` is `immediate()`, and `scheduler.wait(ms)` is `delay(ms)`.
#[test]
fn test_timers_promises_scheduler() {
    expect_timed_trace("microtask  yielded  immediate  timer@10  waited@15", || {
        P::spawn(async {
            immediate().await?;
            log("yielded");
            Ok(())
        });
        queue_microtask(|| log("microtask"));
        cases::immediate(|| log("immediate"));
        P::spawn(async {
            timeout(10, || log(format_args!("timer@{}", now())));
            delay(ms(15)).await?;
            log(format_args!("waited@{}", now()));
            Ok(())
        });
    });
}
