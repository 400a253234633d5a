//! Scopes: against models that know no promises, only the order of what happens.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use thenable::{Aborted, Outcome, Promise, Scope, ScopeError, on_unhandled_rejection, run};

use crate::combinators::Log;
use crate::sources::after;
use crate::{cases, on_a_new_thread};

/// What belongs to a scope. Each settles in a tick of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Fulfill,
    Reject,
    Panic,
    /// Pending for ever, for nobody can settle it.
    Lose,
}

#[derive(Clone, Copy, Debug)]
struct Child {
    end: End,
    is_spawned: bool,
}

fn children() -> impl Strategy<Value = Vec<Child>> {
    let end = prop_oneof![6 => Just(End::Fulfill), 3 => Just(End::Reject), 1 => Just(End::Panic), 1 => Just(End::Lose)];
    let child = (end, any::<bool>()).prop_map(|(end, is_spawned)| Child { end, is_spawned });
    vec(child, 0..8).prop_shuffle()
}

/// So many ticks apart that the order is plain.
const APART: u8 = 12;

impl Child {
    /// Settles in the tick of its turn.
    fn promise(self, turn: u8, number: i32, log: &Log) -> Promise<i32, i32> {
        if self.end == End::Lose {
            return Promise::new(|_, _| {});
        }
        let log = log.clone();
        Promise::<_, i32>::new(|resolve, _| after(turn, move || resolve(()))).then(move |()| {
            log.borrow_mut().push(format!("{number} goes on"));
            match self.end {
                End::Fulfill => Ok(number),
                End::Reject => Err(number),
                End::Panic | End::Lose => std::panic::resume_unwind(Box::new(number.to_string())),
            }
        })
    }
}

/// Logs its drop.
struct Frame(i32, Log);

impl Drop for Frame {
    fn drop(&mut self) {
        self.1.borrow_mut().push(format!("{} is over", self.0));
    }
}

/// What a scope with these children comes to, and which of them went on and were dropped in which order.
fn scope(children: &[Child], abort: Option<usize>) -> Vec<String> {
    on_a_new_thread(|| {
        on_unhandled_rejection(|_| {});
        let log = Log::default();
        let (seen, inner) = (log.clone(), log.clone());
        let result = run(|| {
            let result = Promise::<(), ScopeError<i32>>::scope(move |scope: Scope<i32>| {
                for (index, child) in children.iter().copied().enumerate() {
                    let number = i32::try_from(index).expect("they are few");
                    let promise =
                        child.promise(APART * (u8::try_from(index).expect("they are few") + 1), number, &inner);
                    if child.is_spawned {
                        let frame = Frame(number, inner.clone());
                        scope.spawn(async move {
                            let _frame = frame;
                            promise.await
                        });
                    } else {
                        scope.add(promise);
                    }
                }
                if let Some(index) = abort {
                    let tick = APART * (u8::try_from(index).expect("they are few") + 1) - APART / 2;
                    after(tick, move || scope.abort_with("from outside"));
                }
                Ok(())
            });
            result.handle::<(), _>(move |outcome| {
                seen.borrow_mut().push(match outcome {
                    Outcome::Fulfilled(()) => "fulfilled".to_string(),
                    Outcome::Rejected(ScopeError { errors, aborted }) => format!("{errors:?} {}", aborted.is_some()),
                    Outcome::Faulted(fault) => format!("fault {}", fault.message()),
                });
            })
        });
        drop(result.expect("there is a hook"));
        log.take()
    })
}

/// The same by a walk through the time.
fn model_of_scope(children: &[Child], abort: Option<usize>) -> Vec<String> {
    let mut walk = Walk { children, log: vec![], errors: vec![], fault: None, outside: false, is_aborted: false };
    let mut over = BTreeSet::new();
    let mut end = |log: &mut Vec<String>, indices: &mut dyn Iterator<Item = usize>| {
        for index in indices.filter(|index| children[*index].is_spawned) {
            if over.insert(index) {
                log.push(format!("{index} is over"));
            }
        }
    };
    // What nothing can wake is dropped before anything happens.
    end(&mut walk.log, &mut (0..children.len()).filter(|index| children[*index].end == End::Lose));
    let mut has_ended = walk.end_if_over(0);
    for index in 0..=children.len().max(abort.unwrap_or(0)) {
        if abort == Some(index) && !has_ended && !walk.is_aborted {
            (walk.outside, walk.is_aborted) = (true, true);
            end(&mut walk.log, &mut (0..children.len()));
            has_ended = walk.end_if_over(index);
        }
        let Some(child) = children.get(index).filter(|child| child.end != End::Lose) else { continue };
        // The handler of its promise runs also if the future is gone, for a promise is not stopped.
        walk.log.push(format!("{index} goes on"));
        if child.is_spawned && walk.is_aborted {
            continue;
        }
        end(&mut walk.log, &mut std::iter::once(index));
        match child.end {
            End::Reject => walk.errors.push(index),
            End::Panic => walk.fault = walk.fault.or(Some(index)),
            End::Fulfill | End::Lose => {}
        }
        if child.end != End::Fulfill && !walk.is_aborted {
            walk.is_aborted = true;
            end(&mut walk.log, &mut (0..children.len()));
        }
        has_ended = has_ended || walk.end_if_over(index + 1);
    }
    walk.log
}

struct Walk<'a> {
    children: &'a [Child],
    log: Vec<String>,
    errors: Vec<usize>,
    fault: Option<usize>,
    outside: bool,
    is_aborted: bool,
}

impl Walk<'_> {
    /// Logs the result, if nothing is waited for any more, when the children from `next` on have not settled.
    fn end_if_over(&mut self, next: usize) -> bool {
        let is_waited_for = |(index, child): (usize, &Child)| match child.end {
            End::Lose => !self.is_aborted,
            _ => index >= next && !(self.is_aborted && child.is_spawned),
        };
        let is_over = !self.children.iter().enumerate().any(is_waited_for);
        if is_over {
            self.log.push(conclude(&self.errors, self.fault, self.outside));
        }
        is_over
    }
}

fn conclude(errors: &[usize], fault: Option<usize>, outside: bool) -> String {
    match fault {
        Some(index) => format!("fault {index}"),
        None if errors.is_empty() && !outside => "fulfilled".to_string(),
        None => format!("{errors:?} {outside}"),
    }
}

/// A reason that knows the abort that it is.
#[derive(Clone, Debug)]
enum Fail {
    No(i32),
    Aborted(Aborted),
}

impl From<Aborted> for Fail {
    fn from(aborted: Aborted) -> Self {
        Self::Aborted(aborted)
    }
}

/// What a child that is added does in its tick, unless the scope is aborted before and it listens.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Added {
    Fulfill,
    Reject,
    /// Takes the signal of the scope, and would be fulfilled.
    Listen,
    /// Is rejected by an abort that is none of the scope.
    RejectAborted,
}

/// The errors of a scope with these children, each with the tick in which it settles, and whether it was aborted from outside.
fn errors_of_scope(children: &[(u8, Added)], abort: Option<u8>, ignores: bool) -> (Vec<String>, bool) {
    on_a_new_thread(|| {
        let ended = Rc::new(RefCell::new((vec![], false)));
        let seen = ended.clone();
        run(|| {
            let scope = Promise::<(), ScopeError<Fail>>::scope(|scope| {
                if ignores {
                    scope.ignore_aborts(|fail| match fail {
                        Fail::Aborted(aborted) => Some(aborted),
                        Fail::No(_) => None,
                    });
                }
                for (index, (tick, child)) in children.iter().copied().enumerate() {
                    let number = i32::try_from(index).expect("they are few");
                    let promise = Promise::<(), Fail>::new(|resolve, reject| {
                        after(tick, move || match child {
                            Added::Fulfill | Added::Listen => resolve(()),
                            Added::Reject => reject(Fail::No(number)),
                            Added::RejectAborted => reject(Aborted::new("the child's own").into()),
                        });
                    });
                    scope.add(if child == Added::Listen { promise.abortable(&scope.signal()) } else { promise });
                }
                if let Some(tick) = abort {
                    after(tick, move || scope.abort_with("from outside"));
                }
                Ok(())
            });
            scope.catch(move |error| {
                let show = |fail: &Fail| match fail {
                    Fail::No(number) => number.to_string(),
                    Fail::Aborted(aborted) => aborted.to_string(),
                };
                *seen.borrow_mut() = (error.errors.iter().map(show).collect(), error.aborted.is_some());
                Ok(())
            });
        })
        .expect("every rejection is handled");
        ended.take()
    })
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn a_scope_follows_from_its_children(children in children(), abort in option::of(0..8_usize)) {
        prop_assert_eq!(scope(&children, abort), model_of_scope(&children, abort));
    }

    #[test]
    fn a_scope_that_ignores_aborts_has_the_other_errors(
        children in vec((0..6_u8, prop_oneof![
            Just(Added::Fulfill), Just(Added::Reject), Just(Added::Listen), Just(Added::RejectAborted)
        ]), 0..7),
        abort in option::of(0..6_u8),
    ) {
        let (all, from_outside) = errors_of_scope(&children, abort, false);
        let is_own = |error: &String| error == "aborted: from outside" || error.ends_with("in the scope failed");
        let others: Vec<_> = all.into_iter().filter(|error| !is_own(error)).collect();
        prop_assert_eq!(errors_of_scope(&children, abort, true), (others, from_outside));
    }
}
