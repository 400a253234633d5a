//! The phases of a turn, in the order of libuv's `uv_run` as Node 20 calls it.
//!
//! A loop is a machine that is always in one phase, and stops after every callback: whoever drives it drains the queues
//! then, and may leave it there and come back. So a run, a `block_on` that is done early and a turn with a budget all
//! do the same things in the same order.

use std::time::Duration;

use super::clock::Millis;
use super::state::LoopState;
use crate::inbox::home;
use crate::queue;

/// What a loop does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is not in a turn. The next one begins with a pass over the timers, before the first poll.
    Start,
    /// That first pass.
    FirstTimers,
    /// To look what has arrived from outside, and perhaps to sleep until something does.
    Poll,
    /// To deliver what the poll has taken.
    Messages,
    Immediates,
    Timers,
}

/// What the machine did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It called one callback. The queues have to be drained before it goes on.
    Callback,
    /// It went to the next phase, and called nothing.
    Phase,
    /// It stands before a poll: [`LoopState::receive`] goes on, when what [`LoopState::rest`] says has been waited for.
    Poll,
    /// Nothing keeps it alive.
    End,
}

/// What a loop has to wait for before it polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing.
    None,
    /// A message, or that this time has passed.
    For(Option<Duration>),
    /// Only the time could bring anything, and it is virtual and stands still.
    ForEver,
}

/// How long the loop goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// As in Node: what `unref` was called on does not count.
    UntilNothingIsLeft,
    /// The same, and as long as anybody outside could still send something: that may be what is waited for.
    WhileReachable,
    /// Somebody else decides, who calls turn after turn.
    OfTheHost,
}

impl LoopState {
    /// Does the next thing.
    pub(super) fn progress(&self, lifetime: Lifetime) -> Progress {
        let ends = || !self.goes_on(lifetime);
        match self.phase.get() {
            Phase::Start if ends() => Progress::End,
            Phase::Start => {
                self.read_clock();
                self.go_to(Phase::FirstTimers)
            }
            Phase::FirstTimers | Phase::Timers if self.run_timer() => Progress::Callback,
            Phase::Timers if ends() => {
                self.phase.set(Phase::Start);
                Progress::End
            }
            Phase::FirstTimers | Phase::Timers => self.go_to(Phase::Poll),
            Phase::Poll => Progress::Poll,
            Phase::Messages => {
                if let Some(message) = home::next_message() {
                    message.deliver();
                    return Progress::Callback;
                }
                self.immediates.borrow_mut().begin_batch();
                self.go_to(Phase::Immediates)
            }
            Phase::Immediates if self.run_immediate() => Progress::Callback,
            Phase::Immediates => {
                self.read_clock();
                self.go_to(Phase::Timers)
            }
        }
    }

    /// Reads the clock, as libuv does between two phases. Without timers nobody looks at what was read.
    fn read_clock(&self) {
        if self.timers.borrow().deadline().is_some() {
            self.clock.update();
        }
    }

    fn go_to(&self, phase: Phase) -> Progress {
        self.phase.set(phase);
        Progress::Phase
    }

    /// Takes what has arrived.
    pub(super) fn receive(&self) {
        debug_assert_eq!(self.phase.get(), Phase::Poll);
        match &self.schedule {
            None => home::receive(None),
            Some(schedule) => home::receive(Some(&mut |arrived| schedule.borrow_mut().arrange(arrived))),
        }
        self.phase.set(Phase::Messages);
    }

    /// What the loop has to wait for before it polls. Whoever drives it decides how it waits, and asks again then.
    pub(super) fn rest(&self, lifetime: Lifetime) -> Rest {
        if self.immediates.borrow().keeps_alive() || !self.goes_on(lifetime) || home::arrived() > 0 {
            return Rest::None;
        }
        let deadline = self.timers.borrow().deadline();
        match deadline.map(|deadline| (deadline, deadline.saturating_sub(self.clock.update()))) {
            None => Rest::For(None),
            Some((_, 0)) => Rest::None,
            Some((_, left)) if !self.clock.is_virtual() => Rest::For(Some(Duration::from_millis(left))),
            Some((deadline, _)) => self.rest_for_virtual_time(deadline, lifetime),
        }
    }

    fn rest_for_virtual_time(&self, deadline: Millis, lifetime: Lifetime) -> Rest {
        let may_come = || match lifetime {
            Lifetime::UntilNothingIsLeft => home::is_expecting(),
            Lifetime::WhileReachable => home::can_be_reached(),
            Lifetime::OfTheHost => true,
        };
        // What works in other threads for this loop takes no virtual time, so the time waits for it.
        if self.clock.advances_itself() && !home::awaits_work() {
            self.clock.move_to(Duration::from_millis(deadline));
            Rest::None
        } else if self.clock.advances_itself() || may_come() {
            Rest::For(None)
        } else {
            Rest::ForEver
        }
    }

    fn goes_on(&self, lifetime: Lifetime) -> bool {
        match lifetime {
            Lifetime::UntilNothingIsLeft => self.is_alive(),
            Lifetime::WhileReachable => self.is_alive() || home::can_be_reached(),
            Lifetime::OfTheHost => true,
        }
    }

    /// Whether a run has to go on: something is left that keeps the loop alive.
    pub(super) fn is_alive(&self) -> bool {
        let is_kept = self.timers.borrow().keeps_alive() || self.immediates.borrow().keeps_alive();
        is_kept || home::is_expecting() || home::arrived() > 0
    }

    /// Whether anything can run now. The queues are looked at, too.
    pub(super) fn is_ready(&self) -> bool {
        let timers = self.timers.borrow();
        queue::lengths() != (0, 0)
            || self.immediates.borrow().len() > 0
            || home::arrived() > 0
            || timers.is_due(self.clock.now_ms())
    }

    /// The number of timers that wait for a virtual clock which nobody moves while the loop runs.
    pub(super) fn timers_that_wait_for_the_clock(&self) -> usize {
        if self.clock.is_virtual() && !self.clock.advances_itself() { self.timers.borrow().len() } else { 0 }
    }
}
