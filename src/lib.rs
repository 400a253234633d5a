//! JavaScript's promises for Rust: the same verbs, the same order of every handler, typed values and typed reasons, and no
//! unsafe code.
//!
//! # The idea
//!
//! - **One thread, one loop.** A [`Promise`] belongs to the thread that made it. Every thread has a loop, as every JavaScript
//!   agent has one. Nothing has to be set up first. [`run`] and [`block_on`] run the loop.
//! - **Promises are eager.** What settles a promise is under way when you get the promise. Chaining registers a handler;
//!   dropping a handle cancels nothing.
//! - **Order is API.** A handler runs from a job of the microtask queue, never inside `then`, `resolve` or a drop. Handlers,
//!   microtasks and the continuations of `await` share that one queue, first in, first out. Which of them runs in which
//!   tick is what ECMA-262 and Node say. The documentation names the rules by letter and number (T5, A1, F2), and so do
//!   the tests. They are stated in `docs/semantics.md`.
//! - **Three ways to settle.** A promise is *fulfilled* with a value, *rejected* with a reason, or, if the code that should
//!   have settled it panicked, settled with a [`Fault`]. A rejection or a fault that nobody handles is reported.
//!
//! # A promise
//!
//! Here is a shop that looks prices up. The executor, the closure given to [`Promise::new`], runs at once and gets two
//! functions. It may call them now or keep them; the first call counts. Here a microtask calls them.
//!
//! ```
//! use thenable::{Promise, queue_microtask};
//!
//! #[derive(Clone, Debug, PartialEq)]
//! enum ShopError {
//!     Unknown(&'static str),
//!     TooDear(u32),
//! }
//!
//! fn find_price(item: &'static str) -> Promise<u32, ShopError> {
//!     Promise::new(|resolve, reject| {
//!         queue_microtask(move || match item {
//!             "tea" => resolve(4),
//!             "cup" => resolve(9),
//!             "samovar" => resolve(300),
//!             _ => reject(ShopError::Unknown(item)),
//!         });
//!     })
//! }
//!
//! assert_eq!(thenable::block_on(find_price("tea")), Ok(4));
//! assert_eq!(thenable::block_on(find_price("hat")), Err(ShopError::Unknown("hat")));
//! ```
//!
//! # A chain
//!
//! [`then`](Promise::then) gives the value to a handler and returns the promise of what the handler comes to. A handler
//! returns what a promise can be resolved with: a `Result`, where `Err` is JavaScript's `throw`; another promise, which is
//! adopted; or `()`. A function to a plain value is given to [`map`](Promise::map).
//!
//! ```
//! # use thenable::{Promise, queue_microtask};
//! # #[derive(Clone, Debug, PartialEq)]
//! # enum ShopError { Unknown(&'static str), TooDear(u32) }
//! # fn find_price(item: &'static str) -> Promise<u32, ShopError> {
//! #     Promise::new(|resolve, reject| {
//! #         queue_microtask(move || match item {
//! #             "tea" => resolve(4),
//! #             "cup" => resolve(9),
//! #             "samovar" => resolve(300),
//! #             _ => reject(ShopError::Unknown(item)),
//! #         });
//! #     })
//! # }
//! fn check(price: u32) -> Result<u32, ShopError> {
//!     if price < 100 { Ok(price) } else { Err(ShopError::TooDear(price)) }
//! }
//!
//! fn tea_with(item: &'static str) -> Promise<u32, ShopError> {
//!     find_price("tea")
//!         .then(move |tea| find_price(item).map(move |price| tea + price))
//!         .then(check)
//! }
//!
//! assert_eq!(thenable::block_on(tea_with("cup")), Ok(13));
//! assert_eq!(thenable::block_on(tea_with("samovar")), Err(ShopError::TooDear(304)));
//! ```
//!
//! # What goes wrong
//!
//! A rejection passes every `then` and stops at a [`catch`](Promise::catch), which may fulfill again or reject again.
//! [`finally`](Promise::finally) runs in any case and passes the outcome on. A rejection that reaches the end of all its
//! chains is reported after the queues are empty: [`run`] returns it as an error, unless a
//! [hook](on_unhandled_rejection) is installed.
//!
//! ```
//! # use thenable::{Promise, queue_microtask};
//! # #[derive(Clone, Debug, PartialEq)]
//! # enum ShopError { Unknown(&'static str), TooDear(u32) }
//! # fn find_price(item: &'static str) -> Promise<u32, ShopError> {
//! #     Promise::new(|resolve, reject| {
//! #         queue_microtask(move || match item {
//! #             "tea" => resolve(4),
//! #             "cup" => resolve(9),
//! #             "samovar" => resolve(300),
//! #             _ => reject(ShopError::Unknown(item)),
//! #         });
//! #     })
//! # }
//! # fn check(price: u32) -> Result<u32, ShopError> {
//! #     if price < 100 { Ok(price) } else { Err(ShopError::TooDear(price)) }
//! # }
//! # fn tea_with(item: &'static str) -> Promise<u32, ShopError> {
//! #     find_price("tea")
//! #         .then(move |tea| find_price(item).map(move |price| tea + price))
//! #         .then(check)
//! # }
//! let tea_only = tea_with("samovar")
//!     .catch(|reason| match reason {
//!         ShopError::TooDear(_) => find_price("tea"),
//!         unknown => Promise::reject(unknown),
//!     })
//!     .finally(|| println!("the shop closes"));
//! assert_eq!(thenable::block_on(tea_only), Ok(4));
//!
//! let unhandled = thenable::run(|| {
//!     tea_with("hat");
//! });
//! assert_eq!(unhandled.unwrap_err().downcast::<ShopError>().unwrap(), ShopError::Unknown("hat"));
//! ```
//!
//! # Await
//!
//! A promise is a future: `promise.await` gives a `Result`. [`Promise::spawn`] goes the other way and makes a promise of a
//! future, as calling an `async` function does. Both take the ticks that they take in JavaScript.
//!
//! A handle is consumed by what is done with it. Where two parties want the same promise, the handle is cloned: a clone is
//! another handle on the same promise. It asks for `Clone` of the value and of the reason.
//!
//! ```
//! # use thenable::{Promise, queue_microtask};
//! # #[derive(Clone, Debug, PartialEq)]
//! # enum ShopError { Unknown(&'static str), TooDear(u32) }
//! # fn find_price(item: &'static str) -> Promise<u32, ShopError> {
//! #     Promise::new(|resolve, reject| {
//! #         queue_microtask(move || match item {
//! #             "tea" => resolve(4),
//! #             "cup" => resolve(9),
//! #             "samovar" => resolve(300),
//! #             _ => reject(ShopError::Unknown(item)),
//! #         });
//! #     })
//! # }
//! use std::{cell::RefCell, rc::Rc};
//!
//! let log = Rc::new(RefCell::new(Vec::new()));
//! let (in_handler, in_future, in_main) = (log.clone(), log.clone(), log.clone());
//!
//! thenable::run(move || {
//!     let tea = find_price("tea");
//!     tea.clone().map(move |price| in_handler.borrow_mut().push(format!("handler: {price}")));
//!     Promise::<(), ShopError>::spawn(async move {
//!         let tea = tea.await?;
//!         let cup = find_price("cup").await?;
//!         in_future.borrow_mut().push(format!("future: {}", tea + cup));
//!         Ok(())
//!     });
//!     in_main.borrow_mut().push("main".to_string());
//! })?;
//!
//! assert_eq!(*log.borrow(), ["main", "handler: 4", "future: 13"]);
//! # Ok::<(), thenable::UnhandledRejection>(())
//! ```
//!
//! # Many promises
//!
//! [`all`](Promise::all), [`all_settled`](Promise::all_settled), [`any`](Promise::any) and [`race`](Promise::race) are
//! JavaScript's. [`join`](Promise::join) takes promises of different types, [`map_all`](Promise::map_all) calls a function
//! for each item, so many at a time. The guide has the whole family.
//!
//! ```
//! # use thenable::{Promise, queue_microtask};
//! # fn find_price(item: &'static str) -> Promise<u32, String> {
//! #     match item {
//! #         "tea" => Promise::resolve(4),
//! #         "cup" => Promise::resolve(9),
//! #         _ => Promise::reject(format!("no {item}")),
//! #     }
//! # }
//! let prices = Promise::all(["tea", "cup"].map(find_price));
//! assert_eq!(thenable::block_on(prices), Ok(vec![4, 9]));
//! ```
//!
//! # Time
//!
//! [`set_timeout`], [`set_interval`] and [`set_immediate`] are JavaScript's, in Node's order; [`delay`] and
//! [`immediate`] are promises of them. A turn of the loop polls what has arrived from other threads, then runs the
//! immediates, then the timers that are due, and drains the queues after each callback. An [`EventLoop`] of one's own
//! may have a virtual clock, and may be run turn by turn.
//!
//! ```
//! use std::time::Duration;
//! use thenable::{EventLoop, Promise, delay_with, set_immediate};
//!
//! let clock = EventLoop::builder().virtual_clock().auto_advance(true).build();
//! let answer = clock.block_on(async {
//!     set_immediate(|| println!("the shop opens"));
//!     let tea: Promise<&str, String> = delay_with(Duration::from_secs(180), "tea");
//!     tea.map(|tea| format!("the {tea} has drawn")).await
//! });
//! assert_eq!(answer.unwrap(), "the tea has drawn");
//! assert_eq!(clock.now(), Duration::from_secs(180));
//! ```
//!
//! # Aborting
//!
//! Dropping a promise cancels nothing. What can be stopped takes an [`AbortSignal`], from an [`AbortController`], as on the web:
//! [`abortable`](Promise::abortable) promises, futures that a signal has [spawned](AbortSignal::spawn), time limits
//! ([`timeout`](Promise::timeout), [`with_timeout`](Promise::with_timeout)). [`Retry`] tries again, and what is begun in a
//! [scope](Promise::scope) is finished or aborted when that ends.
//!
//! ```
//! use std::time::Duration;
//! use thenable::{Aborted, Promise, block_on};
//!
//! let hour = Duration::from_secs(3600);
//! let tea = Promise::<_, Aborted>::with_timeout(Duration::from_millis(1), |signal| signal.delay(hour).map(|()| "tea"));
//! assert!(block_on(tea).unwrap_err().is_timeout());
//! ```
//!
//! # Other threads
//!
//! A promise stays on its thread. [`Promise::remote`] gives a resolver that may go to any other. A [`Worker`] is a thread with a
//! loop of its own: messages move there and back, and a [call](Worker::call) is a message with a promise of its answer.
//!
//! ```
//! use thenable::{Call, Port, Worker};
//!
//! let scales = Worker::spawn(|port: Port<Call<Vec<u32>, u32>>| {
//!     port.on_message(|call| call.answer(|weights| Ok(weights.iter().sum())));
//! });
//! let sum = scales.call(vec![100, 250]).map(|grams| format!("{grams} g"));
//! assert_eq!(thenable::block_on(sum).unwrap(), "350 g");
//! ```
//!
//! # Events
//!
//! An [`Emitter`] calls its listeners with every event, in the order in which they were added; [`next_event`](Emitter::next_event)
//! is a promise of the next one, and [`events`](Emitter::events) a stream of all.
//!
//! # Where it runs
//!
//! [`EventLoop::turn`] is for frame loops. [`EventLoop::run_until`] makes the loop a guest of tokio or smol. Libraries that want
//! a spawner get [one](EventLoop::local_spawner). `docs/runtimes.md` has examples of all.
//!
//! # Features
//!
//! All are off by default.
//!
//! - `blocking`: `Promise::blocking` runs work on a pool of threads beside the loop. Without it, [`Promise::remote`] lets a
//!   thread of your own settle a promise.
//! - `io`: [`run`] and [`block_on`] sleep in the reactor of `async-io`, so that sockets of `async-net` are served on the loop's
//!   own thread.
//! - `signal`: `ctrl_c` and `next_signal` are promises of signals. On systems other than Unix they are rejected.
//!
//! # What is missing
//!
//! This version has no sockets and no files of its own.
//!
//! The guide, the rules of order, the differences from ECMA-262 and Node, the architecture and the design decisions are in
//! the folder `docs` of the crate.
#![forbid(unsafe_code)]

// From the lowest layer to the highest: a file imports from its own layer and from those above it in this list.

// Tables.
mod numbers;

// What a promise is, and what it settles to.
mod identity;

mod error;

mod outcome;

// What follows a chain.
mod context;

// The seams to the host: the queues, what is reported, what other threads send.
mod queue;

mod rejections;

mod inbox;

// Freeing without the stack.
mod disposal;

// The promise: its state, its fate, its reactions.
mod cell;

mod resolve;

mod reaction;

mod promise;

// Promises made of many.
mod combinator;

// The bridges: to `await`, and to other threads.
mod future;

mod remote;

mod stream;

// Built on promises alone.
mod events;

// What cuts promises off, and what holds them together.
mod abort;

mod scope;

mod using;

// The loop, and what is built on all of it.
mod event_loop;

mod control;

mod worker;

#[cfg(feature = "blocking")]
mod background;

pub use crate::abort::aborted::{Aborted, TimedOut};
pub use crate::abort::controller::AbortController;
pub use crate::abort::listener::AbortListener;
pub use crate::abort::signal::AbortSignal;
#[cfg(feature = "signal")]
mod shutdown;

#[cfg(feature = "blocking")]
pub use crate::background::set_blocking_threads;
pub use crate::cell::handle::Promise;
pub use crate::cell::peek::Peek;
pub use crate::combinator::join::Join;
pub use crate::combinator::progress::{Progress, WithProgress, with_progress};
pub use crate::context::{AsyncLocal, RunAsync, Snapshot};
pub use crate::control::retry::{Attempt, FailedAttempt, GaveUp, Retry, RetryError};
pub use crate::error::{AggregateError, LoopClosed, SelfResolution, Stalled};
pub use crate::event_loop::builder::EventLoopBuilder;
pub use crate::event_loop::delay::{delay, delay_with, immediate};
pub use crate::event_loop::handle::{EventLoop, elapse, now};
pub use crate::event_loop::hooks::{
    RejectionReport, UnhandledRejection, UnhandledRejections, on_rejection_handled, on_unhandled_rejection,
    remove_rejection_hooks, set_unhandled_rejections,
};
pub use crate::event_loop::host;
pub use crate::event_loop::immediates::{Immediate, clear_immediate, set_immediate};
pub use crate::event_loop::spawner::{LocalSpawner, Spawner};
pub use crate::event_loop::timers::{Timeout, clear_interval, clear_timeout, set_interval, set_timeout};
pub use crate::event_loop::turn::{Budget, Pending, Turn};
pub use crate::event_loop::{BlockOnError, block_on, run, try_block_on};
pub use crate::events::stream::Events;
pub use crate::events::{Emitter, ListenerId};
pub use crate::identity::{Origin, PromiseId};
pub use crate::outcome::{Fault, Outcome, PromiseState};
pub use crate::queue::{next_tick, queue_microtask};
pub use crate::rejections::Reason;
pub use crate::remote::RemoteResolver;
pub use crate::resolve::functions::{Reject, Resolve};
pub use crate::resolve::resolution::{IntoResolution, Resolution};
pub use crate::resolve::thenable::Thenable;
pub use crate::scope::{Scope, ScopeError};
#[cfg(feature = "signal")]
pub use crate::shutdown::{Signal, SignalError, ctrl_c, next_signal};
pub use crate::stream::PromiseStreamExt;
pub use crate::stream::map_stream::MapStream;
pub use crate::worker::Worker;
pub use crate::worker::call::{Call, Reply};
pub use crate::worker::error::{PortClosed, WorkerError, WorkerExit, WorkerPanic, WorkerRejection};
pub use crate::worker::port::Port;
pub use crate::worker::spawn::WorkerBuilder;

/// The pages beside the source, compiled and run as tests.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../README.md")]
    mod readme {}

    #[doc = include_str!("../docs/guide.md")]
    mod guide {}

    #[doc = include_str!("../docs/recipes.md")]
    mod recipes {}

    #[doc = include_str!("../docs/architecture.md")]
    mod architecture {}

    #[doc = include_str!("../docs/design.md")]
    mod design {}

    #[doc = include_str!("../docs/differences.md")]
    mod differences {}

    #[doc = include_str!("../docs/conformance.md")]
    mod conformance {}

    #[doc = include_str!("../docs/semantics.md")]
    mod semantics {}
}
