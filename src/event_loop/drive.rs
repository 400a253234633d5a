//! Who drives the machine of phases: a run to the end, a turn, a clock that is advanced.

use std::rc::Rc;
use std::time::Duration;

use super::drain::drain;
#[cfg(feature = "io")]
use super::guest;
use super::hooks::UnhandledRejection;
use super::phases::{Lifetime, Phase, Progress, Rest};
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

/// A purpose in a loop that is a guest: others may bring something at any time, so it is never given up.
pub(super) struct Hosted<P>(pub(super) P);

impl<P: Purpose> Purpose for Hosted<P> {
    const LIFETIME: Lifetime = Lifetime::OfTheHost;

    fn after_microtask(&mut self) {
        self.0.after_microtask();
    }

    fn is_reached(&self) -> bool {
        self.0.is_reached()
    }
}

/// Why a loop pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// The purpose is reached, nothing is left that could run, or the loop is asked to stop.
    Over,
    /// There is more to do. Others should have a turn before.
    More,
    /// Nothing is ready until a message arrives, or this time has passed.
    Sleep(Option<Duration>),
}

/// Drains, and then runs the loop until it has to pause. Called again, it goes on. If it `gives_way`, it also pauses once in
/// each turn, where it polls: so that other tasks of a host get on, or the reactor.
pub(super) fn advance<P: Purpose>(
    state: &LoopState,
    purpose: &mut P,
    gives_way: bool,
) -> Result<Pause, UnhandledRejection> {
    // Somebody else who turned the loop may have given the purpose its turn.
    purpose.after_microtask();
    let mut has_polled = false;
    'drain: loop {
        drain(&mut || purpose.after_microtask())?;
        if purpose.is_reached() {
            return Ok(Pause::Over);
        }
        while !home::is_stopped() {
            match state.progress(P::LIFETIME) {
                Progress::Callback => continue 'drain,
                Progress::Phase => {}
                Progress::End => break,
                Progress::Poll => match state.rest(P::LIFETIME) {
                    Rest::For(timeout) => return Ok(Pause::Sleep(timeout)),
                    Rest::ForEver => break,
                    Rest::None if has_polled => return Ok(Pause::More),
                    Rest::None => {
                        state.receive();
                        has_polled = gives_way;
                    }
                },
            }
        }
        return Ok(Pause::Over);
    }
}

/// Runs the loop to the end of the purpose. The thread sleeps in the inbox.
#[cfg(not(feature = "io"))]
pub(super) fn run<P: Purpose>(state: &Rc<LoopState>, purpose: &mut P) -> Result<(), UnhandledRejection> {
    loop {
        match advance(state, purpose, false)? {
            Pause::Over => return Ok(()),
            Pause::More => unreachable!("it gives way to nobody"),
            Pause::Sleep(timeout) => home::park(timeout),
        }
    }
}

/// Runs the loop to the end of the purpose. The thread sleeps in the reactor of `async-io`, and polls it once in each turn.
#[cfg(feature = "io")]
pub(super) fn run<P: Purpose>(state: &Rc<LoopState>, purpose: &mut P) -> Result<(), UnhandledRejection> {
    let mut pause = advance_alone(state, purpose)?;
    if pause == Pause::Over {
        return Ok(());
    }
    // One call for the rest of the run: between two calls the fallback thread of `async-io` would take the reactor over.
    async_io::block_on(async {
        while pause != Pause::Over {
            guest::wait(state, pause, async_io::Timer::after).await;
            pause = advance_alone(state, purpose)?;
        }
        Ok(())
    })
}

/// Runs the loop until its purpose is reached, or it has to pause while the reactor may wake one of its tasks.
///
/// Nobody who waits for a socket is without a waker. So as long as none is in other hands the reactor is not asked for, and
/// the thread sleeps in the inbox.
#[cfg(feature = "io")]
fn advance_alone<P: Purpose>(state: &LoopState, purpose: &mut P) -> Result<Pause, UnhandledRejection> {
    loop {
        match advance(state, purpose, true)? {
            Pause::Sleep(timeout) if !home::has_tasks() => home::park(timeout),
            Pause::More if !home::has_tasks() => {}
            pause => return Ok(pause),
        }
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
            Progress::Poll => {
                state.receive();
                has_polled = true;
            }
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
