//! W7, W7c: timers, on a clock that jumps to the next one when nothing else is left.

use thenable::{EventLoop, clear_timeout, set_timeout};

use crate::delays::Delays;
use crate::sample::{Sample, Sum, timed};

pub(crate) fn virtual_loop() -> EventLoop {
    EventLoop::builder().virtual_clock().auto_advance(true).build()
}

/// W7: timers with random delays; all of them go off.
pub(crate) fn fired(count: u64) -> Sample {
    timed(|| {
        let fired = Sum::new();
        let set = || {
            for (_, delay) in (0..count).zip(Delays::new()) {
                set_timeout(move || fired.add(1), delay);
            }
        };
        virtual_loop().run(set).expect("nothing rejects");
        fired.get()
    })
}

/// W7c: timers with random delays; all of them are cleared.
pub(crate) fn cleared(count: u64) -> Sample {
    timed(|| {
        let fired = Sum::new();
        let set_and_clear = || {
            let delays = (0..count).zip(Delays::new());
            let timers: Vec<_> = delays.map(|(_, delay)| set_timeout(move || fired.add(1), delay)).collect();
            timers.into_iter().map(clear_timeout).map(|()| 1).sum::<u64>()
        };
        let cleared = virtual_loop().run(set_and_clear).expect("nothing rejects");
        assert_eq!(fired.get(), 0, "they were cleared");
        cleared
    })
}
