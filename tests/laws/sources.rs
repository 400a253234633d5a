//! Where promises come from, and functions that handlers can be: data from which the same promise can be made twice.

use std::panic::resume_unwind;

use proptest::prelude::*;
use thenable::{Outcome, Promise, Reject, Resolution, Resolve, on_unhandled_rejection, queue_microtask, run};

use crate::interpreter::Seen;
use crate::on_a_new_thread;

/// A promise that settles sooner or later, or never.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Now(Fate),
    /// After so many ticks.
    Later(u8, Fate),
    /// Pending for ever.
    Never,
    /// Resolved with another promise.
    Following(Box<Source>),
    /// Resolved with a thenable that follows another promise.
    Thenable(Box<Source>),
}

/// How a promise settles.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Fulfill(i32),
    Reject(i32),
    Panic(i32),
}

/// A function of a number that a handler can be.
#[derive(Clone, Debug)]
pub(crate) enum Function {
    Return(i32),
    Throw(i32),
    Panic(i32),
    Promise(Source),
    Thenable(Source),
}

pub(crate) fn fate() -> impl Strategy<Value = Fate> + Clone {
    prop_oneof![
        3 => (0..9).prop_map(Fate::Fulfill),
        2 => (10..19).prop_map(Fate::Reject),
        1 => (20..29).prop_map(Fate::Panic),
    ]
}

pub(crate) fn source() -> impl Strategy<Value = Source> {
    let simple = prop_oneof![
        4 => fate().prop_map(Source::Now),
        4 => (1..5_u8, fate()).prop_map(|(ticks, fate)| Source::Later(ticks, fate)),
        1 => Just(Source::Never),
    ];
    simple.prop_recursive(2, 4, 1, |inner| {
        prop_oneof![
            inner.clone().prop_map(|source| Source::Following(Box::new(source))),
            inner.prop_map(|source| Source::Thenable(Box::new(source))),
        ]
    })
}

pub(crate) fn function() -> impl Strategy<Value = Function> {
    prop_oneof![
        3 => (0..9).prop_map(Function::Return),
        1 => (10..19).prop_map(Function::Throw),
        1 => (20..29).prop_map(Function::Panic),
        2 => source().prop_map(Function::Promise),
        2 => source().prop_map(Function::Thenable),
    ]
}

/// Panics without the noise of a panic hook. Every number is another panic.
pub(crate) fn panic_with(number: i32) -> ! {
    resume_unwind(Box::new(number.to_string()))
}

impl Fate {
    pub(crate) fn seen(self) -> Seen {
        match self {
            Self::Fulfill(value) => Seen::Fulfilled(value),
            Self::Reject(reason) => Seen::Rejected(reason),
            Self::Panic(number) => Seen::Faulted(number),
        }
    }

    /// Settles by resolving functions.
    fn settle(self, resolve: &Resolve<i32, i32>, reject: &Reject<i32, i32>) {
        match self {
            Self::Fulfill(value) => resolve(value),
            Self::Reject(reason) => reject(reason),
            Self::Panic(_) => resolve.with(Source::Now(self).promise()),
        }
    }
}

impl Source {
    pub(crate) fn promise(&self) -> Promise<i32, i32> {
        match self {
            Self::Now(Fate::Fulfill(value)) => Promise::resolve(*value),
            Self::Now(Fate::Reject(reason)) => Promise::reject(*reason),
            Self::Now(Fate::Panic(number)) => {
                let number = *number;
                Promise::new(move |_, _| panic_with(number))
            }
            Self::Later(ticks, fate) => {
                let (ticks, fate) = (*ticks, *fate);
                Promise::new(|resolve, reject| after(ticks, move || fate.settle(&resolve, &reject)))
            }
            Self::Never => Promise::new(|_, _| {}),
            Self::Following(source) => Promise::new(|resolve, _| resolve.with(source.promise())),
            Self::Thenable(source) => Promise::resolve_with(thenable(source)),
        }
    }

    /// How it settles in the end.
    pub(crate) fn seen(&self) -> Option<Seen> {
        match self {
            Self::Now(fate) | Self::Later(_, fate) => Some(fate.seen()),
            Self::Never => None,
            Self::Following(source) | Self::Thenable(source) => source.seen(),
        }
    }

    /// The same, fulfilled where it would fail.
    pub(crate) fn fulfilled(&self) -> Self {
        let fate = |fate: Fate| match fate {
            Fate::Fulfill(number) | Fate::Reject(number) | Fate::Panic(number) => Fate::Fulfill(number),
        };
        match self {
            Self::Now(now) => Self::Now(fate(*now)),
            Self::Later(ticks, later) => Self::Later(*ticks, fate(*later)),
            Self::Never => Self::Never,
            Self::Following(source) => Self::Following(Box::new(source.fulfilled())),
            Self::Thenable(source) => Self::Thenable(Box::new(source.fulfilled())),
        }
    }

    pub(crate) fn settles_without_fault(&self) -> bool {
        !matches!(self.seen(), None | Some(Seen::Faulted(_)))
    }

    /// The same with every value greater by `number`.
    fn plus(&self, number: i32) -> Self {
        let fate = |fate: Fate| if let Fate::Fulfill(value) = fate { Fate::Fulfill(value + number) } else { fate };
        match self {
            Self::Now(now) => Self::Now(fate(*now)),
            Self::Later(ticks, later) => Self::Later(*ticks, fate(*later)),
            Self::Never => Self::Never,
            Self::Following(source) => Self::Following(Box::new(source.plus(number))),
            Self::Thenable(source) => Self::Thenable(Box::new(source.plus(number))),
        }
    }
}

/// A thenable that calls one of its functions when the promise of `source` settles.
pub(crate) fn thenable(source: &Source) -> Resolution<i32, i32> {
    let source = source.clone();
    Resolution::Thenable(Box::new(move |resolve: Resolve<i32, i32>, reject: Reject<i32, i32>| {
        source.promise().handle::<(), _>(move |outcome| match outcome {
            Outcome::Fulfilled(value) => resolve(value),
            Outcome::Rejected(reason) => reject(reason),
            Outcome::Faulted(fault) => {
                resolve.with(Promise::new(move |_, _| panic_with(fault.message().parse().expect("a number"))));
            }
        });
        Ok(())
    }))
}

impl Function {
    pub(crate) fn call(&self, argument: i32) -> Resolution<i32, i32> {
        match self {
            Self::Return(number) => Resolution::Fulfill(argument + number),
            Self::Throw(reason) => Resolution::Reject(*reason),
            Self::Panic(number) => panic_with(*number),
            Self::Promise(source) => Resolution::Adopt(source.plus(argument).promise()),
            Self::Thenable(source) => thenable(&source.plus(argument)),
        }
    }

    /// The function as a handler.
    pub(crate) fn handler(&self) -> impl FnOnce(i32) -> Resolution<i32, i32> + 'static {
        let function = self.clone();
        move |argument| function.call(argument)
    }
}

/// Calls `callback` after so many ticks.
pub(crate) fn after(ticks: u8, callback: impl FnOnce() + 'static) {
    if ticks == 0 {
        callback();
    } else {
        queue_microtask(move || after(ticks - 1, callback));
    }
}

/// How the promise that `main` makes settles. Rejections that nobody handles are no matter.
pub(crate) fn outcome(main: impl FnOnce() -> Promise<i32, i32> + Send) -> Option<Seen> {
    on_a_new_thread(|| {
        on_unhandled_rejection(|_| {});
        let promise = run(main).expect("there is a hook");
        promise.peek().map(|outcome| match &*outcome {
            Outcome::Fulfilled(value) => Seen::Fulfilled(*value),
            Outcome::Rejected(reason) => Seen::Rejected(*reason),
            Outcome::Faulted(fault) => Seen::Faulted(fault.message().parse().expect("panics carry a number")),
        })
    })
}
