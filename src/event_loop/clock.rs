//! The time of a loop: that of the system, or a virtual one. Timers count in whole milliseconds of it, as in Node.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Milliseconds since the loop was made.
pub(super) type Millis = u64;

/// What tells a loop the time.
pub(super) struct Clock {
    kind: Kind,
    /// The time that the loop goes by: libuv's `loop->time`, read now and then.
    read: Cell<Millis>,
}

enum Kind {
    System {
        start: Instant,
    },
    Virtual {
        now: Cell<Duration>,
        /// Whether it jumps to the next deadline when the loop would sleep.
        auto_advance: bool,
    },
}

impl Clock {
    pub(super) fn system() -> Self {
        Self { kind: Kind::System { start: Instant::now() }, read: Cell::new(0) }
    }

    pub(super) fn virtual_clock(auto_advance: bool) -> Self {
        Self { kind: Kind::Virtual { now: Cell::new(Duration::ZERO), auto_advance }, read: Cell::new(0) }
    }

    pub(super) fn is_virtual(&self) -> bool {
        matches!(self.kind, Kind::Virtual { .. })
    }

    pub(super) fn advances_itself(&self) -> bool {
        matches!(self.kind, Kind::Virtual { auto_advance: true, .. })
    }

    /// The time since the loop was made.
    pub(super) fn now(&self) -> Duration {
        match &self.kind {
            Kind::System { start } => start.elapsed(),
            Kind::Virtual { now, .. } => now.get(),
        }
    }

    pub(super) fn now_ms(&self) -> Millis {
        let now = self.now();
        now.as_secs() * 1000 + u64::from(now.subsec_millis())
    }

    /// The time when `duration` has passed.
    pub(super) fn after(&self, duration: Duration) -> Duration {
        /// Half of the milliseconds that can be counted, so that what is added to a time does not overflow.
        const END: Duration = Duration::from_millis(Millis::MAX / 2);

        self.now().saturating_add(duration).min(END)
    }

    /// The time that was last read.
    pub(super) fn read(&self) -> Millis {
        self.read.get()
    }

    /// Reads the time anew.
    pub(super) fn update(&self) -> Millis {
        self.read.set(self.now_ms());
        self.read.get()
    }

    /// Moves a virtual clock to `time`, if that is not in its past.
    pub(super) fn move_to(&self, time: Duration) {
        match &self.kind {
            Kind::System { .. } => unreachable!("only a virtual clock is moved"),
            Kind::Virtual { now, .. } => now.set(now.get().max(time)),
        }
    }
}
