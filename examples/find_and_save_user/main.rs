//! The chain that the project started from, in `SQLite`: find a user, rename and save it, find another.
//!
//! `cargo run --example find_and_save_user [PATH]` works on the database at `PATH`, which is made if it is missing, or
//! on one in a temporary folder. The exit code is 0 also if the second search fails, which the chain catches; 1 if the
//! user was not saved, or if a rejection is left that nobody handled; 2 if there is more than one path.

mod error;
mod filter;
mod users;

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;
use thenable::Promise;

use crate::error::DbError;
use crate::users::{User, Users};

type Failure = Box<dyn Error>;

fn find_and_save_user(users: &Users) -> Promise<(), DbError> {
    let users = users.clone();
    users
        .find_one(json!({}))
        .inspect(|user| println!("found {user}"))
        .then(|mut user| {
            user.name = "zero".into();
            user.save()
        })
        .inspect(|user| println!("saved {user}"))
        .then(move |_user| users.find_one(json!({ "gender": "m" })))
        .inspect(|user| println!("found {user}"))
        .then(|_user| ())
        .catch(|err| eprintln!("{err}"))
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let result = match arguments.as_slice() {
        [] => run_on_temporary_database(),
        [path] if !path.as_encoded_bytes().starts_with(b"-") => run_on_database(path.into()),
        _ => {
            eprintln!("usage: find_and_save_user [PATH]");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run_on_temporary_database() -> Result<(), Failure> {
    // The folder is removed when this is dropped, however the run ends.
    let folder = tempfile::tempdir()?;
    run_on_database(folder.path().join("users.db"))
}

/// Runs the loop. No handler catches what fails outside of the chain, so that ends the loop and comes back from it.
fn run_on_database(path: PathBuf) -> Result<(), Failure> {
    thenable::run(|| {
        Users::open(path)
            .then(seed)
            .then(|users| find_and_save_user(&users).then(move |()| users.find_one(json!({}))))
            .map_err(Failure::from)
            .then(|first| check(&first));
    })
    .map_err(|unhandled| unhandled.downcast().unwrap_or_else(Failure::from))
}

/// Adds users to a database that has none.
fn seed(users: Users) -> Promise<Users, DbError> {
    let seeded = users.clone();
    users
        .find_one(json!({}))
        .catch(move |err| match err {
            DbError::NotFound { .. } => users
                .insert(json!({ "name": "Ada", "gender": "f", "born": 1815 }))
                .then(move |_ada| users.insert(json!({ "name": "Alan", "gender": "m", "born": 1912 }))),
            other => Promise::reject(other),
        })
        .map(|_user| seeded)
}

/// Whatever became of the second search, the first user has been renamed.
fn check(first: &User) -> Result<(), Failure> {
    if first.name == "zero" { Ok(()) } else { Err(format!("the first user was not saved: {first}").into()) }
}
