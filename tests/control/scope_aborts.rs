//! What a scope makes of its own abort: `ignore_aborts`, `Scope::delay`, resources.

use std::cell::RefCell;
use std::panic::panic_any;
use std::rc::Rc;

use thenable::{
    AbortController, AbortSignal, Aborted, AsyncLocal, Promise, PromiseState, Scope, ScopeError, block_on, delay_with,
    queue_microtask,
};

use crate::common::{log, ms, quick_loop, trace};
use crate::{Failure, Noisy, fault};

type Scoped = Promise<(), ScopeError<Failure>>;

/// Which abort a reason is.
fn find(failure: &Failure) -> Option<&Aborted> {
    match failure {
        Failure::Aborted(aborted) => Some(aborted),
        Failure::No(_) => None,
    }
}

/// A child that fails by itself, one that takes the signal, one that a time limit of its own ends, one that fails when it
/// hears of the abort, and one that is aborted by others.
fn children_that_are_aborted(scope: &Scope<Failure>) {
    scope.add(scope.signal().delay::<Failure>(ms(1000)));
    scope.add(delay_with::<_, Failure>(ms(1000), ()).timeout(ms(5)));
    let hears = scope.signal().when_aborted::<Failure>();
    scope.add(hears.then(|_| Err::<(), _>(Failure::No(2))));
    scope.add(crate::pending().0.abortable(&AbortSignal::abort_with("others")));
}

#[test]
fn its_own_abort_is_no_error_if_the_scope_is_told_what_an_abort_is() {
    let ended = |ignore: bool| {
        let event_loop = quick_loop();
        let scope = event_loop.enter(|| {
            Scoped::scope(move |scope| {
                if ignore {
                    scope.ignore_aborts(find);
                }
                children_that_are_aborted(&scope);
                Ok(())
            })
        });
        let error = event_loop.block_on(scope).unwrap_err();
        assert_eq!((error.aborted, event_loop.pending().timers), (None, 1));
        let texts = error.errors.iter().map(|failure| find(failure).map_or("no".to_string(), Aborted::to_string));
        texts.collect::<Vec<_>>()
    };
    let own = "aborted: something else in the scope failed";
    assert_eq!(ended(false), ["aborted: others", own, "no", "aborted: the time is up"]);
    assert_eq!(ended(true), ["aborted: others", "no", "aborted: the time is up"]);
}

#[test]
fn an_abort_from_outside_is_no_error_either() {
    let window = AbortController::new();
    let (outer, inner) = (window.signal(), window.signal());
    let scope = Scoped::scope(|scope| {
        scope.ignore_aborts(find);
        scope.abort_when(&outer);
        scope.add(crate::pending().0.abortable(&scope.signal()));
        // The same abort in another way: an inner scope that has it from the same signal.
        let inner = Scoped::scope(move |scope| {
            scope.abort_when(&inner);
            scope.add(crate::pending().0);
            Ok(())
        });
        scope.add(inner.map_err(|error| Failure::Aborted(error.aborted.expect("it was aborted"))));
        // The body, too.
        crate::pending().0.abortable(&scope.signal()).map(|_| ())
    });
    queue_microtask(move || window.abort_with("closed"));
    let error = block_on(scope).unwrap_err();
    assert_eq!((error.errors, error.aborted.unwrap().to_string()), (vec![], "aborted: closed".to_string()));
}

#[test]
fn finding_an_abort_is_user_code() {
    static NAME: AsyncLocal<&str> = AsyncLocal::new();

    let scope = Scoped::scope(|scope| {
        NAME.run("a", || {
            scope.ignore_aborts(|failure| {
                log(NAME.get().map_or("none", |name| *name));
                find(failure)
            });
        });
        scope.add(Promise::<(), _>::reject(Failure::No(1)));
        scope.add(Promise::<(), _>::reject(Failure::No(2)));
        Ok(())
    });
    assert_eq!(block_on(scope).unwrap_err().errors.len(), 2);
    assert_eq!(trace(), "a", "the first failure comes before any abort");
    let scope = Scoped::scope(|scope| {
        scope.ignore_aborts(|_| panic_any("find"));
        scope.add(Promise::<(), _>::reject(Failure::No(1)));
        scope.add(Promise::<(), _>::reject(Failure::No(2)));
        Ok(())
    });
    assert_eq!(fault(scope), "find");
}

#[test]
fn a_delay_of_the_scope_ends_with_it() {
    let event_loop = quick_loop();
    let scope = event_loop.enter(|| {
        Promise::<(), ScopeError<i32>>::scope(|scope| {
            let sleeper = scope.clone();
            scope.spawn(async move {
                let _noisy = Noisy("sleeper");
                sleeper.delay(ms(1000)).await
            });
            scope.delay(ms(2000));
            scope.delay(ms(5)).then(|()| unreachable!("the scope has failed by then") as Result<(), i32>);
            scope.add(delay_with(ms(3), ()).then(|()| Err::<(), _>(3)));
            Ok(())
        })
    });
    assert_eq!(event_loop.block_on(scope).unwrap_err().errors, [3]);
    assert_eq!((event_loop.now(), event_loop.pending().timers), (ms(3), 0));
    assert_eq!(trace(), "drop sleeper");
    // The scope waits for it, and it has no timer if the scope has ended.
    let kept = Rc::new(RefCell::new(None));
    let keep = kept.clone();
    let scope = event_loop.enter(|| {
        Promise::<_, ScopeError<i32>>::scope(move |scope| {
            scope.delay(ms(5));
            *keep.borrow_mut() = Some(scope);
            Ok(1)
        })
    });
    assert_eq!((event_loop.block_on(scope), event_loop.now()), (Ok(1), ms(8)));
    let late = event_loop.enter(|| kept.take().unwrap().delay(ms(5)));
    assert_eq!((late.state(), event_loop.pending().timers), (PromiseState::Pending, 0));
}

#[test]
fn a_scope_waits_for_the_release_of_a_resource_that_was_added() {
    let event_loop = quick_loop();
    let scope = event_loop.enter(|| {
        Scoped::scope(|scope| {
            scope.ignore_aborts(find);
            let signal = scope.signal();
            let release = |file| {
                log(format_args!("close {file}"));
                delay_with::<_, Failure>(ms(20), ()).map(|()| log("closed"))
            };
            let read = move |_| signal.delay::<Failure>(ms(1000));
            scope.add(Promise::<(), _>::using(Ok("file"), read, release));
            let signal = scope.signal();
            scope.add(Promise::<(), Failure>::using_async(
                Ok("other"),
                async move |_: &mut &str| signal.delay::<Failure>(ms(1000)).await,
                async move |file| release(file).await,
            ));
            scope.add(delay_with(ms(5), ()).then(|()| Err::<(), _>(Failure::No(1))));
            Ok(())
        })
    });
    assert_eq!(event_loop.block_on(scope).unwrap_err().errors, [Failure::No(1)]);
    assert_eq!((event_loop.now(), event_loop.pending().timers), (ms(25), 0));
    assert_eq!(trace(), "close file  close other  closed  closed");
}
