//! A session: a server and its client, ctrl-c, a progress bar, and a summary.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use thenable::{AbortSignal, Aborted, GaveUp, Progress, WorkerError, block_on, ctrl_c};

use crate::fetch::{Client, FetchError, Fetched, Policy};
use crate::server::{Server, Visits, random_script};

/// What is fetched, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// How many documents there are.
    pub(crate) documents: usize,
    /// How many are asked for that are not there.
    pub(crate) missing: usize,
    /// How they are fetched.
    pub(crate) policy: Policy,
    /// How long all may take together.
    pub(crate) deadline: Duration,
    /// Which troubles the server makes.
    pub(crate) seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        let policy = Policy { concurrency: 16, attempts: 6, timeout: Duration::from_millis(300) };
        Self { documents: 300, missing: 0, policy, deadline: Duration::from_secs(30), seed: 1 }
    }
}

/// What came of a session.
#[derive(Debug)]
pub(crate) struct Summary {
    /// The documents that were fetched, and their bytes.
    pub(crate) fetched: usize,
    pub(crate) bytes: usize,
    /// The documents that were not, and why.
    pub(crate) missing: Vec<(String, String)>,
    /// How often an attempt has failed, by the kind of failure.
    pub(crate) failures: BTreeMap<String, usize>,
    /// Why the whole was aborted, if it was.
    pub(crate) aborted: Option<Aborted>,
    /// What the server has seen, when the client had gone.
    pub(crate) visits: Visits,
    pub(crate) took: Duration,
}

/// Runs a session to its end.
///
/// # Errors
///
/// If the server does not start, or fails.
pub(crate) fn session(options: &Options) -> Result<Summary, Box<dyn Error>> {
    let began = Instant::now();
    let server = Server::start(random_script(options.documents, options.seed))?;
    let client = Client::new(server.address(), options.policy);
    let failures = count_failures(&client);
    let paths: Vec<_> = (0..options.documents + options.missing).map(|number| format!("/documents/{number}")).collect();
    let whole =
        AbortSignal::any([AbortSignal::when(ctrl_c().map(|()| "ctrl-c")), AbortSignal::timeout(options.deadline)]);

    let Ok(results) = block_on(client.fetch_all(paths.clone(), &whole, show(whole.clone())));
    drop(client);
    let visits = block_on(async {
        let visits = server.when_left().await?;
        server.stop().await?;
        Ok::<_, WorkerError>(visits)
    })?;
    Ok(Summary {
        fetched: results.iter().filter(|result| result.is_ok()).count(),
        bytes: results.iter().flatten().map(Bytes::len).sum(),
        missing: paths.into_iter().zip(&results).filter_map(|(path, result)| Some((path, why(result)?))).collect(),
        failures: failures.take(),
        aborted: whole.reason(),
        visits,
        took: began.elapsed(),
    })
}

fn count_failures(client: &Client) -> Rc<RefCell<BTreeMap<String, usize>>> {
    let failures = Rc::new(RefCell::new(BTreeMap::new()));
    let counts = failures.clone();
    client.on_failure(move |error| {
        let kind = match error {
            FetchError::Connect(_) | FetchError::Connection(_) => "connection broken".to_owned(),
            FetchError::Status(status) => status.to_string(),
            FetchError::Aborted(aborted) => aborted.to_string(),
        };
        *counts.borrow_mut().entry(kind).or_insert(0) += 1;
    });
    failures
}

/// Shows how far it is, until the whole is aborted: as a bar, or without a terminal in a few lines.
fn show(whole: AbortSignal) -> impl FnMut(Progress) {
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} documents, {elapsed}").expect("it is a template");
    let bar = ProgressBar::no_length().with_style(style);
    move |progress| {
        // What has not begun is done with quickly then, but not fetched.
        if whole.aborted() {
            return bar.abandon();
        }
        let total = progress.total.expect("a list has a length");
        bar.set_length(total as u64);
        bar.set_position(progress.done as u64);
        if bar.is_hidden() && progress.done.is_multiple_of(total.div_ceil(10).max(1)) {
            println!("{progress} documents");
        }
        if progress.done == total {
            bar.finish();
        }
    }
}

/// Why a document is missing, if it is.
fn why(result: &Fetched) -> Option<String> {
    let error = result.as_ref().err()?;
    Some(match (&error.cause, error.last()) {
        (GaveUp::Aborted(aborted), _) => aborted.to_string(),
        (GaveUp::Exhausted | GaveUp::Refused, Some(last)) => format!("{last}, attempt {}", error.attempts.len()),
        (GaveUp::Exhausted | GaveUp::Refused, None) => unreachable!("there is one attempt at least"),
    })
}

impl Summary {
    /// 0 if all is there, 130 after ctrl-c as shells have it, 1 if something is missing otherwise.
    pub(crate) fn exit_code(&self) -> u8 {
        match &self.aborted {
            _ if self.missing.is_empty() => 0,
            Some(aborted) if !aborted.is_timeout() => 130,
            _ => 1,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.fetched + self.missing.len();
        writeln!(f, "{} of {all} documents in {:.1?}, {} bytes", self.fetched, self.took, self.bytes)?;
        let Visits { connections, open, requests } = self.visits;
        writeln!(f, "{requests} requests on {connections} connections, {open} of them still open")?;
        for (kind, count) in &self.failures {
            writeln!(f, "failed attempts: {count:>4}  {kind}")?;
        }
        if let Some(aborted) = &self.aborted {
            writeln!(f, "the whole was {aborted}")?;
        }
        for (path, why) in self.missing.iter().take(10) {
            writeln!(f, "missing: {path}, {why}")?;
        }
        match self.missing.len().saturating_sub(10) {
            0 => Ok(()),
            more => writeln!(f, "missing: {more} more"),
        }
    }
}
