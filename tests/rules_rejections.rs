//! Rules U1 to U6: unhandled rejections. Each test of a rule is a snippet that Node ran, and asserts what Node printed.
//!
//! What a remote resolver sends arrives as a macrotask. Its handler takes the part that immediates and timers play in
//! the snippets: it runs in the drain of that macrotask.
mod common;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::rc::Rc;

use common::{c, expect_trace, log, trace};
use thenable::{
    Fault, Promise, PromiseId, RejectionReport, UnhandledRejections, next_tick, on_rejection_handled,
    on_unhandled_rejection, remove_rejection_hooks, run, set_unhandled_rejections,
};

/// The promise of the snippets.
type P = Promise<(), i32>;

/// `setImmediate(callback)`, near enough: a macrotask that runs `callback` in its drain.
fn macrotask(callback: impl FnOnce() + 'static) {
    let (sent, resolver) = P::remote();
    sent.then(|()| callback());
    resolver.resolve(()).expect("the loop of this thread takes it");
}

/// `U` and the reason, as the listeners of the snippets log it.
fn log_u(report: &RejectionReport<'_>) {
    log(format_args!("U{:?}", report.reason()));
}

#[test]
fn u1_reported_when_ticks_and_microtasks_are_done_before_the_next_macrotask_in_rejection_order() {
    on_unhandled_rejection(|e| {
        log_u(e);
        next_tick(|| log("k"));
        P::resolve(()).then(|()| log("p"));
    });
    expect_trace("tick  m  U1  U2  k  k  p  p  imm", || {
        P::reject(1);
        macrotask(|| log("imm"));
        P::resolve(()).then(|()| {
            log("m");
            P::reject(2);
        });
        next_tick(|| log("tick"));
    });
}

#[test]
fn u2_not_reported_when_handled_in_the_same_drain() {
    on_unhandled_rejection(log_u);
    expect_trace("tick@1  late@4", || {
        let p = P::reject(1);
        P::resolve(()).then(|()| ()).then(|()| ()).then(|()| {
            p.catch(c("late"));
        });
        let q = P::reject(2);
        next_tick(|| {
            q.catch(c("tick"));
        });
    });
}

#[test]
fn u3_a_rejection_handled_late_is_told_at_the_end_of_that_drain_before_new_ones() {
    on_unhandled_rejection(log_u);
    on_rejection_handled(|_| log("H"));
    expect_trace("U1  t  t end  caught  H  U2", || {
        let p = P::reject(1);
        macrotask(|| {
            log("t");
            P::reject(2);
            p.catch(|_| log("caught"));
            log("t end");
        });
    });
}

#[test]
fn u4_each_derived_promise_is_a_rejection_of_its_own_and_any_then_handles_the_source() {
    let names = Rc::new(RefCell::new(Vec::<(PromiseId, &str)>::new()));
    let known = names.clone();
    on_unhandled_rejection(move |e| {
        let name = known.borrow().iter().find(|(id, _)| *id == e.id()).map_or("?", |(_, name)| name);
        log(format_args!("U{:?}{name}", e.reason()));
    });
    expect_trace("U1b  U1d", || {
        let a = P::reject(1);
        let (b, d) = (a.clone().then(|()| ()), a.clone().finally(|| ()));
        names.replace(vec![(a.id(), "a"), (b.id(), "b"), (d.id(), "d")]);
    });
}

#[test]
fn u5_rejections_made_by_the_hook_are_reported_in_a_further_round_of_the_same_drain() {
    let n = Cell::new(0);
    on_unhandled_rejection(move |e| {
        log_u(e);
        if n.replace(n.get() + 1) < 2 {
            P::reject(10 + n.get());
        }
    });
    expect_trace("U1  U2  U11  U12  imm", || {
        P::reject(1);
        P::reject(2);
        macrotask(|| log("imm"));
    });
}

#[test]
fn u6_reported_between_two_macrotasks() {
    on_unhandled_rejection(log_u);
    expect_trace("t1  U1  t2", || {
        macrotask(|| {
            log("t1");
            P::reject(1);
        });
        macrotask(|| log("t2"));
    });
}

#[test]
fn in_the_mode_throw_run_stops_and_goes_on_the_next_time() {
    let error = run(|| {
        P::reject(1);
        P::reject(2);
        macrotask(|| log("macrotask"));
    })
    .unwrap_err();
    assert_eq!(error.downcast::<i32>().unwrap(), 1);
    assert_eq!(trace(), "");
    let error = run(|| log("again")).unwrap_err();
    assert_eq!(error.downcast::<i32>().unwrap(), 2);
    run(|| log("and again")).unwrap();
    assert_eq!(trace(), "again  and again  macrotask");
}

#[test]
fn in_the_mode_throw_a_hook_is_called_and_the_loop_goes_on() {
    assert_eq!(UnhandledRejections::default(), UnhandledRejections::Throw);
    assert_eq!(set_unhandled_rejections(UnhandledRejections::Throw), UnhandledRejections::Throw);
    on_unhandled_rejection(log_u);
    expect_trace("U1  macrotask", || {
        P::reject(1);
        macrotask(|| log("macrotask"));
    });
    remove_rejection_hooks();
    let error = run(|| drop(P::reject(2))).unwrap_err();
    assert_eq!(error.downcast::<i32>().unwrap(), 2);
}

#[test]
fn in_the_mode_none_the_hook_is_called_if_there_is_one_and_the_loop_goes_on() {
    assert_eq!(set_unhandled_rejections(UnhandledRejections::None), UnhandledRejections::Throw);
    expect_trace("macrotask", || {
        P::reject(1);
        macrotask(|| log("macrotask"));
    });
    on_unhandled_rejection(log_u);
    expect_trace("U2  macrotask", || {
        P::reject(2);
        macrotask(|| log("macrotask"));
    });
}

#[test]
fn in_the_mode_warn_the_hook_is_called_and_the_standard_error_tells_all() {
    const INNER: &str = "THENABLE_TEST_WARN";
    if std::env::var_os(INNER).is_none() {
        // Only another process shows what is written to the standard error.
        let name = "in_the_mode_warn_the_hook_is_called_and_the_standard_error_tells_all";
        let mut inner = Command::new(std::env::current_exe().unwrap());
        let output = inner.args([name, "--exact", "--nocapture"]).env(INNER, "1").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let written = String::from_utf8(output.stderr).unwrap();
        let warnings: Vec<_> = written.lines().filter(|line| line.starts_with("warning: ")).collect();
        let [first, late, second, ..] = warnings[..] else { panic!("{written}") };
        assert_eq!(warnings.len(), 3, "{written}");
        assert!(first.starts_with("warning: unhandled rejection of type i32: 1, by promise #"), "{first}");
        assert!(late.ends_with("was handled after it had been reported"), "{late}");
        assert!(second.starts_with("warning: unhandled rejection of type i32: 2, by promise #"), "{second}");
        return;
    }
    set_unhandled_rejections(UnhandledRejections::Warn);
    expect_trace("late", || {
        let p = P::reject(1);
        macrotask(|| {
            p.catch(|_| log("late"));
        });
    });
    on_unhandled_rejection(log_u);
    expect_trace("U2", || {
        P::reject(2);
    });
}

#[test]
fn the_error_of_run_says_what_where_and_why() {
    let mut made = None;
    let error = run(|| {
        let (line, p) = (line!(), P::reject(404));
        made = Some((p.id(), line));
    })
    .unwrap_err();
    let (id, line) = made.unwrap();
    assert_eq!(error.id(), id);
    assert_eq!((error.made_at().file(), error.made_at().line()), (file!(), line));
    let place = error.made_at();
    assert_eq!(
        error.to_string(),
        format!(
            "unhandled rejection of type i32: 404, by promise {id} made at {place}; handle it with `catch`, or install \
             a hook with `on_unhandled_rejection`"
        )
    );
    let error = error.downcast::<String>().unwrap_err();
    assert_eq!(error.id(), id);
    assert_eq!(error.downcast::<i32>().unwrap(), 404);
}

#[test]
fn the_error_of_run_leaves_the_reason_to_a_handle_that_is_still_there() {
    let p = P::reject(1);
    let error = run(|| ()).unwrap_err().downcast::<i32>().unwrap_err();
    assert_eq!(error.id(), p.id());
    expect_trace("late@1", || {
        p.catch(c("late"));
    });
}

#[test]
fn the_place_is_that_of_the_verb_that_derived_the_promise() {
    let mut line = 0;
    let error = run(|| {
        let p = P::resolve(());
        line = line!() + 1;
        p.then(|()| Err::<(), _>(1)).then(|()| ());
    })
    .unwrap_err();
    assert_eq!((error.made_at().file(), error.made_at().line()), (file!(), line));
}

#[test]
fn a_report_shows_the_reason_its_type_and_the_promise() {
    #[derive(Debug, PartialEq)]
    struct Refused(u16);

    let reports = Rc::new(RefCell::new(Vec::new()));
    let seen = reports.clone();
    on_unhandled_rejection(move |report| {
        let reason = report.reason();
        assert_eq!(reason.downcast_ref::<Refused>(), Some(&Refused(403)));
        assert!(reason.as_any().is::<Refused>());
        assert_eq!(reason.downcast_ref::<u16>(), None);
        assert_eq!(reason.type_name(), std::any::type_name::<Refused>());
        assert!(!reason.is_fault());
        seen.borrow_mut().push((report.id(), report.made_at(), format!("{reason:?}"), report.to_string()));
    });
    let p = Promise::<(), _>::reject(Refused(403));
    run(|| ()).unwrap();
    let origin = p.origin();
    let name = std::any::type_name::<Refused>();
    let text = format!("unhandled rejection of type {name}: Refused(403), by {origin}");
    assert_eq!(*reports.borrow(), [(origin.id, origin.made_at, "Refused(403)".to_string(), text)]);
}

#[test]
fn a_fault_that_nobody_sees_is_reported() {
    on_unhandled_rejection(|report| {
        assert!(report.reason().is_fault());
        let fault = report.reason().downcast_ref::<Fault>().expect("the reason of a fault is the fault");
        log(format_args!("{}: {report}", fault.message()));
    });
    let p = P::resolve(()).then(|()| -> () { panic!("a bug") });
    let origin = p.origin();
    expect_trace(&format!("a bug: unhandled fault: Fault(\"a bug\"), by {origin}"), || drop(p));
    remove_rejection_hooks();
    let error = run(|| drop(P::new(|_, _| panic!("another bug")))).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "unhandled fault: Fault(\"another bug\"), by promise {} made at {}; handle it with `handle` or \
             `catch_unwind`, or install a hook with `on_unhandled_rejection`",
            error.id(),
            error.made_at()
        )
    );
    assert_eq!(error.downcast::<Fault>().unwrap().message(), "another bug");
}

#[test]
fn a_rejection_whose_handle_was_dropped_is_reported_exactly_once() {
    on_unhandled_rejection(log_u);
    expect_trace("U1  U2  U3  macrotask", || {
        drop(P::reject(1));
        let (p, _, reject) = P::with_resolvers();
        drop(p);
        reject(2);
        drop(P::resolve(()).then(|()| Err::<(), _>(3)));
        macrotask(|| log("macrotask"));
    });
    run(|| ()).unwrap();
    assert_eq!(trace(), "U1  U2  U3  macrotask");
}

#[test]
fn handling_late_through_a_clone_is_told_once_with_the_same_id() {
    on_unhandled_rejection(|report| log(format_args!("U{}", report.id())));
    on_rejection_handled(|id| log(format_args!("H{id}")));
    let p = P::reject(1);
    let id = p.id();
    expect_trace(&format!("U{id}  first@1  second@1  H{id}"), || {
        let (first, second) = (p.clone(), p.clone());
        drop(p);
        macrotask(|| {
            first.catch(|_| log("first@1"));
            second.catch(|_| log("second@1"));
        });
    });
    run(|| ()).unwrap();
    assert_eq!(trace(), format!("U{id}  first@1  second@1  H{id}"));
}

#[test]
fn awaiting_late_is_handling_late() {
    // In Node: `const p = Promise.reject(1); setImmediate(async () => { try { await p; } catch { log('caught'); } })`.
    on_unhandled_rejection(log_u);
    on_rejection_handled(|_| log("H"));
    expect_trace("U1  caught  H", || {
        let p = P::reject(1);
        macrotask(|| {
            P::spawn(async {
                assert_eq!(p.await, Err(1));
                log("caught");
            });
        });
    });
}

#[test]
fn peeking_is_not_handling() {
    on_unhandled_rejection(log_u);
    expect_trace("true  U1", || {
        let p = P::reject(1);
        log(p.peek().is_some());
    });
}

// What the hooks may do while they run: anything (invariant 5).

/// Says that it is dropped.
struct DropLog(&'static str);

impl Drop for DropLog {
    fn drop(&mut self) {
        log(self.0);
    }
}

#[test]
fn a_hook_may_replace_itself() {
    // In Node: a listener installed with `once`, which installs another one so.
    let dropped = DropLog("A dropped");
    on_unhandled_rejection(move |report| {
        let _ = &dropped;
        log(format_args!("A{:?}", report.reason()));
        on_unhandled_rejection(|report| log(format_args!("B{:?}", report.reason())));
        log("replaced");
    });
    expect_trace("A1  replaced  A dropped  B2  B3", || {
        P::reject(1);
        P::reject(2);
        P::reject(3);
    });
}

#[test]
fn a_hook_may_remove_itself() {
    on_unhandled_rejection(|report| {
        log_u(report);
        remove_rejection_hooks();
    });
    let error = run(|| {
        P::reject(1);
        P::reject(2);
    })
    .unwrap_err();
    assert_eq!(trace(), "U1");
    assert_eq!(error.downcast::<i32>().unwrap(), 2);
}

#[test]
fn the_hook_for_late_handling_may_replace_itself() {
    on_unhandled_rejection(log_u);
    on_rejection_handled(|_| {
        log("H");
        on_rejection_handled(|_| log("other H"));
    });
    let (p, q) = (P::reject(1), P::reject(2));
    expect_trace("U1  U2", || ());
    expect_trace("p@1  q@1  H  other H", || {
        p.catch(c("p"));
        q.catch(c("q"));
    });
}

/// Installs a hook that gives the first rejection it is told of to `act`, together with a handle.
fn on_first(p: P, act: impl FnOnce(P) + 'static) {
    let once = Cell::new(Some((p, act)));
    on_unhandled_rejection(move |report| {
        log_u(report);
        if let Some((p, act)) = once.take() {
            act(p);
        }
    });
    on_rejection_handled(|_| log("H"));
}

#[test]
fn a_hook_may_handle_the_promise_that_it_is_told_of() {
    // In Node: `process.on('unhandledRejection', (e, p) => { log('U' + e); p.catch(() => log('caught')); })`.
    expect_trace("U1  caught  H", || {
        on_first(P::reject(1), |p| {
            p.catch(|_| log("caught"));
        });
    });
}

#[test]
fn a_hook_may_await_the_promise_that_it_is_told_of() {
    expect_trace("U1  caught  H", || {
        on_first(P::reject(1), |p| {
            P::spawn(async {
                assert_eq!(p.await, Err(1));
                log("caught");
            });
        });
    });
}

#[test]
fn a_hook_may_clone_a_handle_of_the_promise_that_it_is_told_of() {
    expect_trace("U1  awaited  caught  H", || {
        on_first(P::reject(1), |p| {
            let other = p.clone();
            P::spawn(async {
                assert_eq!(other.await, Err(1));
                log("awaited");
            });
            p.catch(|_| log("caught"));
        });
    });
}

#[test]
fn a_hook_may_drop_the_last_handle_of_the_promise_that_it_is_told_of() {
    expect_trace("U1  dropped", || {
        on_first(P::reject(1), |p| {
            drop(p);
            log("dropped");
        });
    });
}

#[test]
fn a_debug_of_a_reason_may_handle_its_promise() {
    struct Nosy(Rc<Cell<Option<Promise<(), Nosy>>>>);

    impl fmt::Debug for Nosy {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            if let Some(p) = self.0.take() {
                p.catch(|_| log("caught"));
            }
            f.write_str("Nosy")
        }
    }

    on_unhandled_rejection(log_u);
    expect_trace("UNosy  caught", || {
        let slot = Rc::new(Cell::new(None));
        slot.set(Some(Promise::reject(Nosy(slot.clone()))));
    });
}

#[test]
fn a_hook_that_panics_unwinds_from_run_and_the_promise_can_still_be_handled() {
    on_unhandled_rejection(|_| panic!("the hook fails"));
    let p = P::reject(1);
    let caught = catch_unwind(AssertUnwindSafe(|| run(|| ())));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"the hook fails"));
    on_unhandled_rejection(log_u);
    expect_trace("1", || {
        p.catch(log);
    });
}

#[test]
fn a_hook_that_panicked_stays_installed() {
    // In Node: a listener that throws the first time, and an `uncaughtException` listener that logs X.
    let calls = Cell::new(0);
    on_unhandled_rejection(move |report| {
        log_u(report);
        assert!(calls.replace(calls.get() + 1) > 0, "the hook fails");
    });
    on_rejection_handled(|_| log("H"));
    let p = P::reject(1);
    let caught = catch_unwind(AssertUnwindSafe(|| run(|| ())));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"the hook fails"));
    log("X");
    run(|| {
        macrotask(|| {
            P::reject(2);
            p.catch(|_| log("caught"));
        });
    })
    .unwrap();
    assert_eq!(trace(), "U1  X  caught  H  U2");
}
