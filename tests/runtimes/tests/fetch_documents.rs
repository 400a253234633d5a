//! The example `fetch_documents`: its client and its server, and the whole session with a real ctrl-c.

#[path = "../examples/fetch_documents/fetch.rs"]
mod fetch;
#[path = "../examples/fetch_documents/server.rs"]
mod server;
#[path = "../examples/fetch_documents/session.rs"]
mod session;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use thenable::{AbortController, AbortSignal, Aborted, GaveUp, Progress, block_on};

use crate::fetch::{Client, FetchError, Fetched, Policy};
use crate::server::{Script, Server, Trouble, Visits, document, random_script};
use crate::session::{Options, session};

/// How long it may take until what was aborted has ended, on a machine that has other things to do.
const SOON: Duration = Duration::from_secs(2);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn polite(documents: usize) -> Script {
    vec![VecDeque::new(); documents]
}

/// A script in which no document ever comes in time.
fn slow(documents: usize) -> Script {
    vec![VecDeque::from([Trouble::Slow; 100]); documents]
}

fn policy(concurrency: usize, timeout: Duration) -> Policy {
    Policy { concurrency, attempts: 8, timeout }
}

fn paths(documents: usize) -> Vec<String> {
    (0..documents).map(|number| format!("/documents/{number}")).collect()
}

fn never() -> AbortSignal {
    AbortController::new().signal()
}

fn is_right(number: usize, result: &Fetched) -> bool {
    result.as_ref().is_ok_and(|body| *body == document(number))
}

/// Stops a server that its client has left: soon no connection is open any more.
fn stop(server: &Server) -> Visits {
    let visits = server.when_left().map_err(Aborted::new).timeout(SOON);
    let visits = block_on(visits).expect("every connection is closed");
    block_on(server.stop()).unwrap();
    visits
}

#[test]
fn everything_is_fetched_in_spite_of_all_troubles() {
    let documents = 200;
    let script = random_script(documents, 7);
    let troubles: Vec<_> = script.iter().flatten().copied().collect();
    let count = |trouble| troubles.iter().filter(|other| **other == trouble).count();
    let statuses = [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE];
    let server = Server::start(script.clone()).unwrap();
    let client = Client::new(server.address(), policy(32, ms(500)));
    let failures = Rc::new(RefCell::new([0; 4]));
    let counts = failures.clone();
    client.on_failure(move |error| {
        let kind = match error {
            FetchError::Aborted(aborted) if aborted.is_timeout() => 0,
            FetchError::Status(status) => 1 + statuses.iter().position(|other| other == status).unwrap(),
            FetchError::Connection(_) => 3,
            other => panic!("{other}"),
        };
        counts.borrow_mut()[kind] += 1;
    });
    let told = Rc::new(RefCell::new(Vec::new()));
    let tell = told.clone();
    let all = client.fetch_all(paths(documents), &never(), move |progress| tell.borrow_mut().push(progress));
    let Ok(results) = block_on(all);
    drop(client);

    assert!(results.iter().enumerate().all(|(number, result)| is_right(number, result)));
    let expected: Vec<_> = (0..=documents).map(|done| Progress { done, total: Some(documents) }).collect();
    assert_eq!(*told.borrow(), expected);

    // Each trouble has come as what it is. A machine that is busy makes attempts late that are none of the script's.
    let [late, internal, unavailable, broken] = *failures.borrow();
    let [internal_expected, unavailable_expected] = statuses.map(|status| count(Trouble::Status(status)));
    assert!(late >= count(Trouble::Slow) && count(Trouble::Slow) > 0);
    let all_failures = late + internal + unavailable + broken;
    let extra = late - count(Trouble::Slow);
    assert!(internal + extra >= internal_expected && internal_expected > 0);
    assert!(unavailable + extra >= unavailable_expected && unavailable_expected > 0);
    assert!(broken + extra >= count(Trouble::Reset) && count(Trouble::Reset) > 0);
    assert!(all_failures >= troubles.len());

    let Visits { requests, open, .. } = stop(&server);
    assert_eq!(open, 0);
    assert!(requests >= documents + troubles.len(), "{requests}");
}

#[test]
fn as_many_connections_as_the_limit_are_kept_and_used_again() {
    let server = Server::start(polite(100)).unwrap();
    let client = Client::new(server.address(), policy(5, ms(60_000)));
    let Ok(results) = block_on(client.fetch_all(paths(100), &never(), |_| {}));
    assert!(results.iter().enumerate().all(|(number, result)| is_right(number, result)));
    assert_eq!(block_on(server.visits()).unwrap(), Visits { connections: 5, open: 5, requests: 100 });
    drop(client);
    assert_eq!(stop(&server), Visits { connections: 5, open: 0, requests: 100 });
}

#[test]
fn what_is_not_there_is_asked_for_once() {
    let server = Server::start(polite(3)).unwrap();
    let client = Client::new(server.address(), policy(2, ms(60_000)));
    let Ok(results) = block_on(client.fetch_all(paths(5), &never(), |_| {}));
    assert!(results[..3].iter().enumerate().all(|(number, result)| is_right(number, result)));
    for result in &results[3..] {
        let error = result.as_ref().unwrap_err();
        assert_eq!((&error.cause, error.attempts.len()), (&GaveUp::Refused, 1));
        assert!(matches!(error.last(), Some(FetchError::Status(StatusCode::NOT_FOUND))));
    }
    drop(client);
    assert_eq!(stop(&server).requests, 5);
}

#[test]
fn a_document_is_given_up_after_all_attempts() {
    let server = Server::start(slow(1)).unwrap();
    let client = Client::new(server.address(), Policy { concurrency: 1, attempts: 3, timeout: ms(20) });
    let error = block_on(client.fetch("/documents/0".to_owned(), &never())).unwrap_err();
    assert_eq!((error.cause, error.attempts.len()), (GaveUp::Exhausted, 3));
    for attempt in &error.attempts {
        assert!(matches!(&attempt.error, FetchError::Aborted(aborted) if aborted.is_timeout()));
        assert!(attempt.ended >= attempt.began + ms(19));
    }
    drop(client);
    assert_eq!(stop(&server), Visits { connections: 3, open: 0, requests: 3 });
}

#[test]
fn the_deadline_of_all_ends_it() {
    let began = Instant::now();
    // Half of the documents come, and the others never.
    let mut script = polite(100);
    script.extend(slow(100));
    let server = Server::start(script).unwrap();
    let client = Client::new(server.address(), policy(16, ms(60_000)));
    let Ok(results) = block_on(client.fetch_all(paths(200), &AbortSignal::timeout(ms(700)), |_| {}));
    assert!(began.elapsed() < ms(700) + SOON);
    assert!(began.elapsed() >= ms(699));

    assert!(results[..100].iter().enumerate().all(|(number, result)| is_right(number, result)));
    for result in &results[100..] {
        let error = result.as_ref().unwrap_err();
        assert!(matches!(&error.cause, GaveUp::Aborted(aborted) if aborted.is_timeout()));
        assert!(error.attempts.is_empty(), "no attempt has ended before");
    }
    // The client is there still: it is the deadline that closes connections.
    let Visits { open, requests, .. } = stop(&server);
    assert_eq!((open, requests), (0, 116), "nothing else has begun");
    drop(client);
}

#[test]
fn an_abort_in_the_middle_ends_everything_at_once() {
    let documents = 300;
    let server = Server::start(random_script(documents, 3)).unwrap();
    let client = Client::new(server.address(), policy(16, ms(60_000)));
    let controller = AbortController::new();
    let signal = controller.signal();
    let aborted_at = Rc::new(RefCell::new(None));
    let at = aborted_at.clone();
    let all = client.fetch_all(paths(documents), &signal, move |progress| {
        if progress.done == 20 {
            *at.borrow_mut() = Some(Instant::now());
            controller.abort_with("enough");
        }
    });
    let Ok(results) = block_on(all);
    let aborted_at = aborted_at.take().expect("twenty documents come, also if the others are slow");
    assert!(aborted_at.elapsed() < SOON);

    let (fetched, missing): (Vec<_>, Vec<_>) = results.iter().enumerate().partition(|(_, result)| result.is_ok());
    assert!((20..36).contains(&fetched.len()), "{}", fetched.len());
    assert!(fetched.iter().all(|(number, result)| is_right(*number, result)));
    for (_, result) in missing {
        let GaveUp::Aborted(aborted) = &result.as_ref().unwrap_err().cause else { panic!("{result:?}") };
        assert_eq!(*aborted, signal.reason().unwrap());
    }

    drop(client);
    let before = block_on(server.visits()).unwrap().requests;
    let Visits { open, requests, .. } = stop(&server);
    assert_eq!((open, requests), (0, before), "nobody asks any more");
    assert!(aborted_at.elapsed() < 2 * SOON);
}

#[test]
fn a_signal_that_is_aborted_already_lets_nothing_begin() {
    let server = Server::start(polite(10)).unwrap();
    let client = Client::new(server.address(), policy(4, ms(100)));
    let Ok(results) = block_on(client.fetch_all(paths(10), &AbortSignal::abort_with("closed"), |_| {}));
    assert_eq!(results.iter().filter(|result| result.is_err()).count(), 10);
    assert_eq!(stop(&server), Visits::default());
}

#[test]
fn nobody_listens() {
    // A port on which nobody listens any more.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = Client::new(address, Policy { concurrency: 1, attempts: 2, timeout: ms(60_000) });
    let error = block_on(client.fetch("/documents/0".to_owned(), &never())).unwrap_err();
    assert_eq!((&error.cause, error.attempts.len()), (&GaveUp::Exhausted, 2));
    assert!(matches!(error.last(), Some(FetchError::Connect(_))));
}

#[test]
fn a_session_says_what_it_did() {
    let options = Options { documents: 60, missing: 2, ..Options::default() };
    let options = Options { policy: Policy { attempts: 20, timeout: ms(400), ..options.policy }, ..options };
    let summary = session(&options).unwrap();
    assert_eq!((summary.fetched, summary.missing.len(), summary.exit_code()), (60, 2, 1));
    assert_eq!(summary.bytes, (0..60).map(|number| document(number).len()).sum());
    assert_eq!((summary.visits.open, &summary.aborted), (0, &None));
    assert_eq!(summary.failures["404 Not Found"], 2);
    let text = summary.to_string();
    assert!(text.starts_with("60 of 62 documents in "), "{text}");
    assert!(text.ends_with("missing: /documents/61, the server answers: 404 Not Found, attempt 1\n"), "{text}");

    let summary = session(&Options { documents: 20, missing: 0, seed: 2, ..options }).unwrap();
    assert_eq!((summary.fetched, summary.missing.len(), summary.exit_code()), (20, 0, 0));

    let summary = session(&Options { deadline: ms(1), ..options }).unwrap();
    assert_eq!(summary.exit_code(), 1);
    assert!(summary.aborted.as_ref().is_some_and(Aborted::is_timeout));
    assert!(summary.to_string().contains("the whole was aborted: the time is up\n"));
}

/// The test runs itself again as a process of its own, which gets a real signal.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_session() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    const ROLE: &str = "THENABLE_FETCH_DOCUMENTS";
    if std::env::var_os(ROLE).is_some() {
        let summary = session(&Options { documents: 5000, ..Options::default() }).unwrap();
        print!("{summary}");
        std::process::exit(summary.exit_code().into());
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ctrl_c_ends_a_session", "--nocapture"])
        .env(ROLE, "child")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "500 of 5000 documents"));
    let interrupted = Instant::now();
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let rest: Vec<_> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(interrupted.elapsed() < SOON);
    assert!(rest.iter().any(|line| line == "the whole was aborted: ctrl-c"), "{rest:#?}");
    assert!(rest.iter().any(|line| line.ends_with(" 0 of them still open")), "{rest:#?}");
}
