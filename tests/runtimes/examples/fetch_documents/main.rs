//! Fetches a few hundred documents from a server that misbehaves: it is slow, answers with errors, resets connections.
//!
//! - `Promise::map_all` fetches so many at a time, and `with_progress` shows how far it is.
//! - `Retry` tries again, after pauses that grow, and limits the time of each attempt.
//! - An `AbortSignal` ends the whole, after a time or at ctrl-c: what is under way is dropped, connections are closed, and the
//!   summary says what is missing.
//!
//! The client is hyper's, and runs on this thread's loop. The server is hyper's, too, and runs in a `Worker`.
//!
//! `cargo run -p thenable-runtimes --example fetch_documents -- --help` says what can be chosen.

mod fetch;
mod server;
mod session;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::session::{Options, session};

const USAGE: &str = "\
fetch_documents [OPTIONS]

  --documents N      how many documents there are (300)
  --missing N        how many more are asked for that are not there (0)
  --concurrency N    how many are fetched at a time (16)
  --attempts N       how often each is asked for (6)
  --timeout-ms N     how long an attempt may take (300)
  --deadline-ms N    how long all may take together (30000)
  --seed N           which troubles the server makes (1)

The exit code is 0 if all documents were fetched, 1 if one is missing, 130 after ctrl-c.";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let Some(options) = options()? else {
        println!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    };
    let summary = session(&options)?;
    print!("{summary}");
    Ok(summary.exit_code().into())
}

/// What the arguments say. `None` if they ask for help.
fn options() -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options::default();
    let mut arguments = Parser::from_env();
    while let Some(argument) = arguments.next()? {
        let Arg::Long(name) = argument else { return Err(argument.unexpected()) };
        let name = name.to_owned();
        if name == "help" {
            return Ok(None);
        }
        let mut value = || arguments.value()?.parse::<u64>();
        match name.as_str() {
            "documents" => options.documents = arguments.value()?.parse()?,
            "missing" => options.missing = arguments.value()?.parse()?,
            "concurrency" => options.policy.concurrency = arguments.value()?.parse_with(at_least_one)?,
            "attempts" => options.policy.attempts = arguments.value()?.parse_with(at_least_one)?,
            "timeout-ms" => options.policy.timeout = Duration::from_millis(value()?),
            "deadline-ms" => options.deadline = Duration::from_millis(value()?),
            "seed" => options.seed = value()?,
            _ => return Err(Arg::Long(&name).unexpected()),
        }
    }
    Ok(Some(options))
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it must be 1 at least".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(error.to_string()),
    }
}
