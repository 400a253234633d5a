//! `AbortSignal::any`.

use std::rc::Rc;

use thenable::{AbortController, AbortSignal, run};

use crate::Noisy;
use crate::common::{log, ms, quick_loop, trace};

#[test]
fn it_is_aborted_with_the_first_of_them_and_for_its_reason() {
    let (a, b) = (AbortController::new(), AbortController::new());
    let any = AbortSignal::any([a.signal(), b.signal()]);
    b.abort_with("b");
    assert_eq!(any.reason(), b.signal().reason());
    a.abort_with("a");
    assert_eq!(any.reason(), b.signal().reason());
}

#[test]
fn of_those_that_are_aborted_already_the_first_gives_the_reason() {
    let signals = [AbortController::new().signal(), AbortSignal::abort_with("1"), AbortSignal::abort_with("2")];
    assert_eq!(AbortSignal::any(&signals).reason(), signals[1].reason());
}

#[test]
fn of_none_it_is_never_aborted() {
    let any = AbortSignal::any::<[AbortSignal; 0]>([]);
    let noisy = Noisy("listener");
    any.on_abort(move |_| drop(noisy)).detach();
    assert!(!any.aborted());
    assert_eq!(trace(), "drop listener");
}

#[test]
fn those_that_follow_are_aborted_at_once_and_told_last() {
    // In the order of their making. Node 20 aborts each when its turn has come; later versions do as the DOM standard.
    let source = AbortController::new();
    let any = AbortSignal::any([source.signal()]);
    let any_of_any = AbortSignal::any([&any]);
    let both = (any.clone(), any_of_any.clone());
    any_of_any.on_abort(|_| log("any of any")).detach();
    any.on_abort(|_| log("any")).detach();
    source.signal().on_abort(move |_| log(format_args!("source: {} {}", both.0.aborted(), both.1.aborted()))).detach();
    source.abort();
    assert_eq!(trace(), "source: true true  any  any of any");
}

#[test]
fn an_abort_within_an_abort_does_not_change_the_reason() {
    let (a, b) = (AbortController::new(), AbortController::new());
    let any = AbortSignal::any([a.signal(), b.signal()]);
    let (other, inner, late) = (b.clone(), any.clone(), a.signal());
    a.signal()
        .on_abort(move |_| {
            other.abort_with("b");
            let of_both = AbortSignal::any([&inner]);
            assert_eq!(of_both.reason(), late.reason());
            log(inner.reason().unwrap());
        })
        .detach();
    any.on_abort(|aborted| log(format_args!("listener: {aborted}"))).detach();
    a.abort_with("a");
    assert_eq!(trace(), "aborted: a  listener: aborted: a");
    assert_eq!(b.signal().reason().unwrap().to_string(), "aborted: b");
}

#[test]
fn it_goes_on_without_handles_if_somebody_listens() {
    let (a, b) = (AbortController::new(), AbortController::new());
    AbortSignal::any([a.signal(), b.signal()]).on_abort(log).detach();
    drop(a);
    b.abort_with("b");
    assert_eq!(trace(), "aborted: b");
}

#[test]
fn it_will_never_come_when_none_of_them_can_come() {
    let (a, b) = (AbortController::new(), AbortController::new());
    let any = AbortSignal::any([a.signal(), b.signal()]);
    let any = AbortSignal::any([any]);
    let noisy = Noisy("listener");
    any.on_abort(move |_| drop(noisy)).detach();
    drop(a);
    assert_eq!(trace(), "");
    drop(b);
    assert_eq!(trace(), "drop listener");
}

#[test]
fn what_nobody_listens_to_is_taken_off() {
    // The listener of the one that follows is the only way to see what the other one keeps.
    let source = AbortController::new();
    let kept = Rc::new(());
    let any = AbortSignal::any([source.signal()]);
    let witness = kept.clone();
    let guard = any.on_abort(move |_| drop(witness));
    drop(any);
    assert_eq!(Rc::strong_count(&kept), 2, "somebody listens");
    drop(guard);
    assert_eq!(Rc::strong_count(&kept), 1);
    source.abort();
}

#[test]
fn a_chain_of_signals_is_flat() {
    let source = AbortController::new();
    let mut last = source.signal();
    for _ in 0..100_000 {
        last = AbortSignal::any([last, source.signal()]);
    }
    source.abort_with("all");
    assert_eq!(last.reason(), source.signal().reason());
}

#[test]
fn any_of_a_timeout_and_a_controller() {
    let event_loop = quick_loop();
    event_loop
        .run(|| {
            let controller = AbortController::new();
            let any = AbortSignal::any([AbortSignal::timeout(ms(5)), controller.signal()]);
            any.on_abort(|aborted| log(format_args!("{aborted} at {:?}", thenable::now()))).detach();
            // The timer of the signal does not keep the loop alive.
            thenable::set_timeout(move || controller.abort(), ms(10));
        })
        .unwrap();
    assert_eq!(trace(), "aborted: the time is up at 5ms");
    run(|| {}).unwrap();
}
