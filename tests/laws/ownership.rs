//! Values move. With one handle none is ever cloned (invariant 10); with several consumers each but the last gets a clone;
//! and in the end every value, every reason and every handler was dropped once.

use proptest::collection::vec;
use proptest::prelude::*;
use thenable::{Promise, run};

use crate::program::program;
use crate::sources::after;
use crate::token::{self, Token};
use crate::{cases, model, native, on_a_new_thread};

/// What a consumer does with its handle.
#[derive(Clone, Copy, Debug)]
enum Consumer {
    Then,
    Map,
    Finally,
    Handle,
    Await,
    Spawn,
    Adopt,
    Shared,
}

type Handle = Promise<Token, Token>;

impl Consumer {
    /// Returns what is derived.
    fn consume(self, promise: Handle) -> Promise<(), Token> {
        match self {
            Self::Then => promise.then(|_value| ()),
            Self::Map => promise.map(drop),
            Self::Finally => promise.finally(|| {}).map(drop),
            Self::Handle => promise.handle(|_outcome| ()),
            Self::Await => Promise::spawn(async move { promise.await.map(drop) }),
            Self::Spawn => Promise::spawn(promise).map(drop),
            Self::Adopt => Promise::new(|resolve, _| resolve.with(promise)).map(drop),
            Self::Shared => promise.shared().map(drop).map_err(|reason| Token::new(reason.number())),
        }
    }
}

/// A handle of the one promise that the law is about.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Consume { consumer: Consumer, tick: u8 },
    Drop { tick: u8 },
}

fn fate() -> impl Strategy<Value = Fate> {
    let consumer = prop_oneof![
        Just(Consumer::Then),
        Just(Consumer::Map),
        Just(Consumer::Finally),
        Just(Consumer::Handle),
        Just(Consumer::Await),
        Just(Consumer::Spawn),
        Just(Consumer::Adopt),
        Just(Consumer::Shared),
    ];
    prop_oneof![
        3 => (consumer, 0..4_u8).prop_map(|(consumer, tick)| Fate::Consume { consumer, tick }),
        1 => (0..4_u8).prop_map(|tick| Fate::Drop { tick }),
    ]
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn everything_is_dropped_once(program in program(3)) {
        let (_, has_cycle) = on_a_new_thread(|| model::execute(&program));
        let run = on_a_new_thread(|| native::execute(&program));
        prop_assert!(run.leaked_tokens >= 0, "something was dropped twice");
        // Promises that adopt each other in a circle own each other for ever.
        prop_assert!(has_cycle || (run.leaked_tokens, run.leaked_closures) == (0, 0));
    }

    #[test]
    fn with_one_handle_nothing_is_cloned(mut program in program(3)) {
        program.clones_handles = false;
        let (expected, _) = on_a_new_thread(|| model::execute(&program));
        let run = on_a_new_thread(|| native::execute(&program));
        prop_assert_eq!(run.trace, expected);
        prop_assert_eq!(run.clones, 0);
    }

    #[test]
    fn the_last_consumer_gets_the_value_itself(
        fates in vec(fate(), 1..6),
        settles in 0..6_u8,
        fulfilled in any::<bool>(),
        keeps_a_handle in any::<bool>(),
    ) {
        let consumers = fates.iter().filter(|fate| matches!(fate, Fate::Consume { .. })).count();
        let (clones, live) = on_a_new_thread(|| {
            thenable::on_unhandled_rejection(|_| {});
            let (promise, resolve, reject) = Handle::with_resolvers();
            let kept = keeps_a_handle.then(|| promise.clone());
            run(|| {
                let handles: Vec<Handle> = fates.iter().map(|_| promise.clone()).collect();
                drop(promise);
                for (handle, fate) in handles.into_iter().zip(fates) {
                    match fate {
                        Fate::Consume { consumer, tick } => after(tick, move || {
                            consumer.consume(handle).catch(|_reason| Ok(()));
                        }),
                        Fate::Drop { tick } => after(tick, move || drop(handle)),
                    }
                }
                after(settles, move || if fulfilled { resolve(Token::new(1)) } else { reject(Token::new(1)) });
            })
            .expect("there is a hook");
            drop(kept);
            (token::clones(), token::live())
        });
        prop_assert_eq!(live, 0);
        // A handle that is kept or dropped only after the consumers have been served makes the last of them a clone, too.
        let at_most = consumers as u64;
        let at_least = at_most.saturating_sub(1);
        if keeps_a_handle {
            prop_assert_eq!(clones, at_most);
        } else {
            prop_assert!((at_least..=at_most).contains(&clones), "{clones} clones for {consumers} consumers");
        }
    }

    #[test]
    fn with_several_consumers_each_but_one_gets_a_clone(
        consumers in vec(fate(), 1..6).prop_map(|fates| fates.into_iter().filter_map(|fate| match fate {
            Fate::Consume { consumer, .. } => Some(consumer),
            Fate::Drop { .. } => None,
        }).collect::<Vec<_>>()),
        settles in 0..3_u8,
        fulfilled in any::<bool>(),
    ) {
        let count = consumers.len() as u64;
        let (clones, live) = on_a_new_thread(|| {
            thenable::on_unhandled_rejection(|_| {});
            run(|| {
                let (promise, resolve, reject) = Handle::with_resolvers();
                let settle = move || if fulfilled { resolve(Token::new(1)) } else { reject(Token::new(1)) };
                if settles == 0 {
                    settle();
                } else {
                    after(settles, settle);
                }
                let mut promise = Some(promise);
                for (left, consumer) in (0..consumers.len()).rev().zip(consumers) {
                    let handle = if left == 0 { promise.take() } else { promise.clone() };
                    consumer.consume(handle.expect("the last one takes it")).catch(|_reason| Ok(()));
                }
            })
            .expect("there is a hook");
            (token::clones(), token::live())
        });
        prop_assert_eq!((clones, live), (count.saturating_sub(1), 0));
    }
}
