//! What becomes of a rejection that nobody handles: the modes, the error of `run`, and the text of a report.
mod common;

use std::cell::RefCell;
use std::fmt;
use std::process::Command;
use std::rc::Rc;

use common::{c, expect_trace, log, log_u, macrotask, trace};
use thenable::{
    Fault, Promise, UnhandledRejections, on_unhandled_rejection, remove_rejection_hooks, run, set_unhandled_rejections,
};

type P = Promise<(), i32>;

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
fn a_reason_that_cannot_be_shown_is_reported_all_the_same() {
    struct Thorny(bool);

    impl fmt::Debug for Thorny {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            assert!(!self.0, "it panics when it is shown");
            Err(fmt::Error)
        }
    }

    for panics in [true, false] {
        let error = run(|| drop(Promise::<(), _>::reject(Thorny(panics)))).unwrap_err();
        let text = format!("type {}: (its `Debug` failed), by promise {}", std::any::type_name::<Thorny>(), error.id());
        assert!(error.to_string().contains(&text), "{error}");
        assert_eq!(error.downcast::<Thorny>().unwrap().0, panics);
    }
    run(|| ()).unwrap();
}
