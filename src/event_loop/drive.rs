//! Who drives the machine of phases: a run to the end, a turn, a clock that is advanced.

use std::time::Duration;

use super::drain::drain;
use super::hooks::UnhandledRejection;
use super::phases::{Lifetime, Phase, Progress};
use super::state::LoopState;
use super::turn::{Budget, Spent, Turn};
use crate::inbox::home;

/// What a run waits for, and does between two microtasks.
pub(super) trait Purpose {
    /// How long the loop goes on if it is not reached.
    const LIFETIME: Lifetime;

    /// A microtask has run.
    fn after_microtask(&mut self);

    /// Whether the run is over. Asked after each drain.
    fn is_reached(&self) -> bool;
}

/// A run to the very end.
pub(super) struct RunToTheEnd;

impl Purpose for RunToTheEnd {
    const LIFETIME: Lifetime = Lifetime::UntilNothingIsLeft;

    fn after_microtask(&mut self) {}

    fn is_reached(&self) -> bool {
        false
    }
}

/// Drains, and then runs the loop until the purpose is reached, nothing is left that could run, or the loop is asked to stop.
pub(super) fn run<P: Purpose>(state: &LoopState, purpose: &mut P) -> Result<(), UnhandledRejection> {
    'drain: loop {
        drain(&mut || purpose.after_microtask())?;
        if purpose.is_reached() {
            return Ok(());
        }
        while !home::is_stopped() {
            match state.progress(P::LIFETIME) {
                Progress::Callback => continue 'drain,
                Progress::Phase => {}
                Progress::Poll if state.poll(P::LIFETIME) => {}
                Progress::Poll | Progress::End => break,
            }
        }
        return Ok(());
    }
}

/// Drains, finishes a turn that was left unfinished, and does one more, as far as the budget goes. Never sleeps.
pub(super) fn turn(state: &LoopState, budget: Budget) -> Result<Turn, UnhandledRejection> {
    let mut spent = Spent::new(budget, || state.clock.now());
    drain(&mut || {})?;
    let mut has_polled = false;
    while !spent.is_exhausted() {
        match state.progress(Lifetime::OfTheHost) {
            Progress::Callback => {
                spent.callback();
                drain(&mut || {})?;
            }
            Progress::Phase => {}
            Progress::Poll if has_polled => break,
            Progress::Poll => has_polled = state.poll(Lifetime::OfTheHost),
            Progress::End => unreachable!("the host decides when it ends"),
        }
    }
    if state.phase.get() == Phase::Poll && !state.is_alive() {
        state.phase.set(Phase::Start);
    }
    Ok(Turn { callbacks: spent.callbacks(), more: state.is_ready() })
}

/// Turns until nothing can run without waiting for time or for others.
pub(super) fn run_until_idle(state: &LoopState) -> Result<Turn, UnhandledRejection> {
    let mut all = Turn { callbacks: 0, more: true };
    while all.more {
        let turn = turn(state, Budget::unlimited())?;
        all = Turn { callbacks: all.callbacks + turn.callbacks, more: turn.more };
    }
    Ok(all)
}

/// Runs until the virtual clock has come to `end`, and stops it at each deadline on the way.
pub(super) fn advance_to(state: &LoopState, end: Duration) -> Result<Turn, UnhandledRejection> {
    let mut all = run_until_idle(state)?;
    while state.clock.now() < end {
        let deadline = state.timers.borrow().deadline().map(Duration::from_millis);
        state.clock.move_to(deadline.map_or(end, |deadline| deadline.min(end)));
        all.callbacks += run_until_idle(state)?.callbacks;
    }
    Ok(all)
}
