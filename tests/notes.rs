//! The two snippets of the notes that the project grew from, in every outcome: a promise from a condition, and a chain
//! on a real database. Then the edges of the model that the chain stands on, which is that of the example.
mod common;
#[path = "../examples/find_and_save_user/error.rs"]
mod error;
#[path = "../examples/find_and_save_user/filter.rs"]
mod filter;
#[path = "../examples/find_and_save_user/users.rs"]
mod users;

use std::cell::RefCell;
use std::error::Error;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Barrier};
use std::{fs, thread};

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use thenable::{Outcome, Promise, block_on, run};

use self::common::{at, expect_trace, log};
use self::error::DbError;
use self::users::Users;

// The first snippet: a promise from a condition.

fn promise_from_a_condition(condition: bool) {
    let promise = Promise::new(|resolve, reject| {
        at("executor");
        if condition { resolve("success") } else { reject("failure") }
    });

    promise
        .then(|message| at(format_args!("then {message}")))
        .catch(|error| at(format_args!("catch {error}")))
        .finally(|| at("finally"));
    at("end of main");
}

#[test]
fn a_condition_that_holds() {
    expect_trace("executor@0  end of main@0  then success@1  finally@3", || promise_from_a_condition(true));
}

#[test]
fn a_condition_that_does_not_hold() {
    expect_trace("executor@0  end of main@0  catch failure@2  finally@3", || promise_from_a_condition(false));
}

// The second snippet: a chain on a database.

/// The chain of the notes, with a trace. `before_save` may meddle with the database.
fn find_and_save_user(
    users: &Users,
    before_save: impl FnOnce(&Users) -> Promise<(), DbError> + 'static,
) -> Promise<(), DbError> {
    let (users, meddled) = (users.clone(), users.clone());
    users
        .find_one(json!({}))
        .inspect(|user| log(format_args!("found {user}")))
        .then(move |user| before_save(&meddled).map(|()| user))
        .then(|mut user| {
            user.name = "zero".into();
            user.save()
        })
        .inspect(|user| log(format_args!("saved {user}")))
        .then(move |_user| users.find_one(json!({ "gender": "m" })))
        .inspect(|user| log(format_args!("found {user}")))
        .then(|_user| ())
        .catch(|err| log(format_args!("caught {err}")))
}

fn nothing(_: &Users) -> Promise<(), DbError> {
    Promise::resolve(())
}

/// Runs the chain to its end, which is fulfilled, since it catches.
#[track_caller]
fn expect_chain(
    database: &Database,
    before_save: impl FnOnce(&Users) -> Promise<(), DbError> + 'static,
    expected: &[&str],
) {
    expect_trace(&expected.join("  "), || {
        find_and_save_user(&database.users, before_save).map(|()| log("end of the chain"));
        log("end of main");
    });
}

#[test]
fn the_chain_finds_both_users() {
    let database = Database::of([json!({ "name": "Ada", "gender": "f" }), json!({ "name": "Alan", "gender": "m" })]);
    let expected = [
        "end of main",
        r#"found {"gender":"f","name":"Ada"}"#,
        r#"saved {"gender":"f","name":"zero"}"#,
        r#"found {"gender":"m","name":"Alan"}"#,
        "end of the chain",
    ];
    expect_chain(&database, nothing, &expected);
    assert_eq!(database.texts(), [r#"{"gender":"f","name":"zero"}"#, r#"{"gender":"m","name":"Alan"}"#]);
}

#[test]
fn the_chain_finds_no_second_user() {
    let database = Database::of([json!({ "name": "Ada", "gender": "f" })]);
    let expected = [
        "end of main",
        r#"found {"gender":"f","name":"Ada"}"#,
        r#"saved {"gender":"f","name":"zero"}"#,
        r#"caught no user matches {"gender":"m"}"#,
        "end of the chain",
    ];
    expect_chain(&database, nothing, &expected);
    assert_eq!(database.texts(), [r#"{"gender":"f","name":"zero"}"#]);
}

#[test]
fn the_chain_finds_no_user() {
    let database = Database::of([]);
    expect_chain(&database, nothing, &["end of main", "caught no user matches {}", "end of the chain"]);
}

#[test]
fn the_chain_fails_to_save() {
    let database = Database::of([json!({ "name": "Ada" }), json!({ "name": "Alan", "gender": "m" })]);
    let turn_read_only = |users: &Users| execute(users, "PRAGMA query_only = ON");
    let expected = [
        "end of main",
        r#"found {"name":"Ada"}"#,
        "caught cannot save document 1: attempt to write a readonly database",
        "end of the chain",
    ];
    expect_chain(&database, turn_read_only, &expected);
    assert_eq!(database.texts(), [r#"{"name":"Ada"}"#, r#"{"gender":"m","name":"Alan"}"#]);
}

#[test]
fn the_chain_saves_a_user_who_was_deleted_meanwhile() {
    let database = Database::of([json!({ "name": "Ada" })]);
    // The user who comes next must not get the id of the one who was deleted.
    let replace = |users: &Users| {
        let users = users.clone();
        execute(&users, "DELETE FROM users")
            .then(move |()| users.insert(json!({ "name": "Alan", "gender": "m" })))
            .map(|_alan| ())
    };
    let expected = [
        "end of main",
        r#"found {"name":"Ada"}"#,
        "caught cannot save document 1: it has been deleted",
        "end of the chain",
    ];
    expect_chain(&database, replace, &expected);
    assert_eq!(database.texts(), [r#"{"gender":"m","name":"Alan"}"#]);
}

#[test]
fn a_rejection_that_nobody_catches_comes_out_of_run() {
    let database = Database::of([]);
    let call = line!() + 2;
    let unhandled = run(|| {
        database.users.find_one(json!({ "name": "nobody" }));
    })
    .unwrap_err();
    // The report names the call in the program, not the model.
    assert_eq!((unhandled.made_at().file(), unhandled.made_at().line()), (file!(), call));
    let error = unhandled.downcast::<DbError>().unwrap();
    assert!(matches!(error, DbError::NotFound { filter } if filter == json!({ "name": "nobody" })));
}

// The model: filters.

#[test]
fn a_filter_matches_values_of_every_type() {
    let document = json!({
        "name": "Ada", "empty": "", "one": 1, "half": 0.5, "minus": -7, "huge": u64::MAX,
        "exact": 9_007_199_254_740_993_u64, "awkward": AWKWARD, "yes": true, "no": false, "nothing": null,
        "list": [1, [2.0, null], { "a": "b" }], "object": { "x": 1, "y": { "z": [] } },
    });
    let database = Database::of([json!({ "name": "decoy" }), document]);
    for filter in [
        json!({ "name": "Ada" }),
        json!({ "empty": "" }),
        json!({ "one": 1 }),
        json!({ "one": 1.0 }),
        json!({ "half": 0.5 }),
        json!({ "minus": -7 }),
        json!({ "huge": u64::MAX }),
        json!({ "awkward": AWKWARD }),
        json!({ "yes": true }),
        json!({ "no": false }),
        json!({ "nothing": null }),
        json!({ "list": [1.0, [2, null], { "a": "b" }] }),
        json!({ "object": { "y": { "z": [] }, "x": 1 } }),
        json!({ "one": 1, "yes": true, "name": "Ada" }),
    ] {
        assert_eq!(database.name_found_by(filter.clone()), Ok("Ada".to_string()), "{filter}");
    }
    for filter in [
        json!({ "name": "ada" }),
        json!({ "one": "1" }),
        json!({ "one": true }),
        json!({ "one": 2 }),
        json!({ "huge": u64::MAX - 1 }),
        json!({ "exact": 9_007_199_254_740_992_u64 }),
        json!({ "yes": 1 }),
        json!({ "no": null }),
        json!({ "missing": null }),
        json!({ "list": [1, [2, null]] }),
        json!({ "list": [[2, null], 1, { "a": "b" }] }),
        json!({ "object": { "x": 1 } }),
        json!({ "object": { "x": 1, "y": { "z": [] }, "more": 1 } }),
        json!({ "one": 1, "yes": false }),
    ] {
        assert_eq!(database.name_found_by(filter.clone()), Err(format!("no user matches {filter}")));
    }
}

/// A float whose last digit changes when `serde_json` reads it.
const AWKWARD: f64 = 0.958_327_592_195_351_1;

const ODD_KEYS: [&str; 13] = [
    "",
    " ",
    "a\"b",
    "a'b",
    "a.b",
    "$",
    "$.x",
    "$ne",
    "[0]",
    "a\\",
    "nul\0",
    "\u{e9}\u{1f980}",
    "'); DROP TABLE users; --",
];

#[test]
fn a_key_is_the_name_of_a_field_and_nothing_else() {
    let decoy = json!({ "name": "decoy", "a": { "b": 1 }, "x": 1, "ne": 1, "0": 1, "nul": 1 });
    let odd = ODD_KEYS.map(|key| json!({ "name": format!("has {key}"), key: 1 }));
    let database = Database::of([decoy].into_iter().chain(odd));
    for key in ODD_KEYS {
        assert_eq!(database.name_found_by(json!({ key: 1 })), Ok(format!("has {key}")));
    }
    let operator = json!({ "name": { "$ne": "nobody" } });
    assert_eq!(database.name_found_by(operator), Err(r#"no user matches {"name":{"$ne":"nobody"}}"#.to_string()));
}

#[test]
fn a_filter_that_is_not_an_object() {
    let database = Database::of([json!({ "name": "Ada" })]);
    for filter in [json!(null), json!(true), json!(7), json!("name"), json!([{ "name": "Ada" }])] {
        let error = block_on(database.users.find_one(filter.clone())).unwrap_err();
        assert!(error.to_string().starts_with("a filter is an object of fields and their values, unlike "), "{error}");
        assert!(error.source().unwrap().is::<serde_json::Error>());
        assert!(matches!(error, DbError::InvalidFilter { filter: given, .. } if given == filter));
    }
}

// The model: inserting and saving.

#[test]
fn an_insert_refuses_what_no_search_could_read() {
    let database = Database::of([]);
    let too_deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    for (document, reason) in [
        (json!(7), "invalid type: integer `7`, expected a map"),
        (json!({}), "its `name` is missing or not a string"),
        (json!({ "name": 7 }), "its `name` is missing or not a string"),
        (json!({ "name": "deep", "down": too_deep }), "recursion limit exceeded"),
    ] {
        let error = block_on(database.users.insert(document.clone())).unwrap_err();
        let message = format!("cannot insert {document}, which is not a user: {reason}");
        assert!(error.to_string().starts_with(&message), "{error}");
    }
    assert_eq!(database.texts(), [""; 0]);
}

#[test]
fn a_save_keeps_the_rest_of_the_document_to_the_last_digit() {
    let rest = format!(
        r#""awkward":{AWKWARD},"big":123456789012345678901234567890,"long":0.1000000000000000055511151231257827,"#
    ) + r#""e":1E5,"escaped":"\u00e9","z":[1.0,-0.0],"a":{"name":"inner"},"b\"c":null}"#;
    let database = Database::of([]);
    let text = format!(r#"{{"name":"Ada",{rest}"#);
    database.connection().execute("INSERT INTO users (document) VALUES (?1)", [text]).unwrap();
    block_on(database.users.find_one(json!({})).then(|mut user| {
        user.name = "zero".into();
        user.save()
    }))
    .unwrap();
    assert_eq!(database.texts(), [format!(r#"{{"name":"zero",{rest}"#)]);
}

#[test]
fn a_name_may_be_any_string() {
    let database = Database::of([json!({ "name": "Ada" })]);
    for name in ODD_KEYS {
        let saved = database.users.find_one(json!({})).then(move |mut user| {
            user.name = name.into();
            user.save()
        });
        assert_eq!(block_on(saved).unwrap().name, name);
        assert_eq!(database.texts(), [json!({ "name": name }).to_string()]);
    }
}

#[test]
fn a_save_keeps_what_others_have_changed() {
    let database = Database::of([json!({ "name": "Ada", "age": 36 })]);
    let mut user = block_on(database.users.find_one(json!({}))).unwrap();
    database.connection().execute_batch("UPDATE users SET document = json_set(document, '$.age', 37)").unwrap();
    user.name = "zero".into();
    block_on(user.save()).unwrap();
    assert_eq!(database.texts(), [r#"{"age":37,"name":"zero"}"#]);
}

// The model: handles, threads, failures.

#[test]
fn handles_share_the_database() {
    let database = Database::of([]);
    let clone = database.users.clone();
    let other_connection = block_on(Users::open(database.path())).unwrap();
    block_on(clone.insert(json!({ "name": "Ada" }))).unwrap();
    block_on(other_connection.insert(json!({ "name": "Alan" }))).unwrap();
    let Database { users, folder } = database;
    drop((users, other_connection));
    assert_eq!(block_on(clone.find_one(json!({ "name": "Alan" }))).unwrap().name, "Alan");
    drop((clone, folder));
}

#[test]
fn queries_at_the_same_time_all_settle() {
    const COUNT: usize = 60;
    let database = Database::of([]);
    let settled = Rc::new(RefCell::new(Vec::new()));
    run(|| {
        for n in 0..COUNT {
            let (users, settled) = (database.users.clone(), settled.clone());
            users
                .insert(json!({ "name": format!("user {n}"), "n": n }))
                .then(move |_user| users.find_one(json!({ "n": n })))
                .map(move |user| settled.borrow_mut().push((n, user.name)));
        }
    })
    .unwrap();
    settled.borrow_mut().sort_unstable();
    assert_eq!(*settled.borrow(), (0..COUNT).map(|n| (n, format!("user {n}"))).collect::<Vec<_>>());
    assert_eq!(database.texts().len(), COUNT);
}

#[test]
fn a_query_runs_on_another_thread_and_its_handler_on_this_one() {
    let database = Database::of([]);
    let here = thread::current().id();
    let threads = database.users.query(|_| Ok(thread::current().id())).map(|there| (there, thread::current().id()));
    let (there, handler) = block_on(threads).unwrap();
    assert_ne!(there, here);
    assert_eq!(handler, here);
}

#[test]
fn no_method_waits_for_its_query() {
    let database = Database::of([json!({ "name": "Ada" })]);
    let user = block_on(database.users.find_one(json!({}))).unwrap();
    expect_trace("end of main  held  found  inserted  saved", || {
        let barrier = Arc::new(Barrier::new(2));
        let meeting = barrier.clone();
        // The query has the connection to itself from the first meeting to the second.
        let held = database.users.query(move |_| {
            meeting.wait();
            meeting.wait();
            Ok(())
        });
        barrier.wait();
        // Which of the queries gets the connection next is up to the pool, so the trace waits for them in order.
        let found = database.users.find_one(json!({}));
        let inserted = database.users.insert(json!({ "name": "Alan" }));
        let saved = user.save();
        held.map(|()| log("held"))
            .then(|()| found)
            .map(|_user| log("found"))
            .then(|()| inserted)
            .map(|_user| log("inserted"))
            .then(|()| saved)
            .map(|_user| log("saved"));
        log("end of main");
        barrier.wait();
    });
}

#[test]
fn a_query_that_panics_leaves_the_connection_to_the_others() {
    let database = Database::of([json!({ "name": "Ada" })]);
    let panicked = database.users.query(|_| -> Result<(), DbError> { panic!("a query with a bug") });
    let outcome = block_on(panicked.handle(|outcome: Outcome<(), DbError>| match outcome {
        Outcome::Faulted(fault) => Ok(fault.message().to_string()),
        other => panic!("{other:?}"),
    }));
    assert_eq!(outcome.unwrap(), "a query with a bug");
    assert_eq!(database.name_found_by(json!({})), Ok("Ada".to_string()));
}

#[test]
fn a_row_that_cannot_be_read_is_named() {
    for (row, reason) in [
        (r"'{'", "EOF while parsing an object"),
        ("'[]'", "invalid type: sequence, expected a map"),
        (r#"'{"name":7}'"#, "its `name` is missing or not a string"),
        ("CAST(x'22ff22' AS TEXT)", "invalid unicode code point"),
    ] {
        let database = Database::of([json!({ "name": "Ada" })]);
        let replace = format!("DELETE FROM users; INSERT INTO users (document) VALUES ({row})");
        database.connection().execute_batch(&replace).unwrap();
        let message = database.name_found_by(json!({})).unwrap_err();
        assert!(message.starts_with(&format!("document 2 is not a user: {reason}")), "{message}");
    }
}

#[test]
fn a_row_of_somebody_elses_table_may_hold_no_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.db");
    let foreign = "CREATE TABLE users (id INTEGER PRIMARY KEY, document); INSERT INTO users VALUES (4, NULL)";
    Connection::open(&path).unwrap().execute_batch(foreign).unwrap();
    let error = block_on(Users::open(&path).then(|users| users.find_one(json!({})))).unwrap_err();
    assert_eq!(error.to_string(), "document 4 is not a user: its column holds no text");
}

#[test]
fn what_is_not_a_database_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    fs::write(&text, "not a database").unwrap();
    for path in [folder.path().to_path_buf(), folder.path().join("no such folder/users.db"), text.clone()] {
        let error = block_on(Users::open(&path)).unwrap_err();
        assert!(error.to_string().starts_with(&format!("cannot open the database {}: ", path.display())), "{error}");
        assert!(error.source().unwrap().is::<rusqlite::Error>());
    }
    assert_eq!(fs::read_to_string(text).unwrap(), "not a database");
}

/// A database in a folder of its own, which is removed after the last connection is gone.
struct Database {
    users: Users,
    folder: TempDir,
}

impl Database {
    fn of(documents: impl IntoIterator<Item = Value>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let users = block_on(Users::open(folder.path().join("users.db"))).unwrap();
        for document in documents {
            block_on(users.insert(document)).unwrap();
        }
        Self { users, folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("users.db")
    }

    /// A connection that knows nothing of the model.
    fn connection(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    /// What stands in the file.
    fn texts(&self) -> Vec<String> {
        let connection = self.connection();
        let mut statement = connection.prepare("SELECT document FROM users ORDER BY id").unwrap();
        let texts = statement.query_map((), |row| row.get(0)).unwrap();
        texts.map(Result::unwrap).collect()
    }

    /// The name of the user that the filter finds, or the message of the error.
    fn name_found_by(&self, filter: Value) -> Result<String, String> {
        block_on(self.users.find_one(filter)).map(|user| user.name).map_err(|error| error.to_string())
    }
}

/// Executes `sql` on the connection of the model.
fn execute(users: &Users, sql: &'static str) -> Promise<(), DbError> {
    users.query(|connection| {
        connection.execute_batch(sql).unwrap();
        Ok(())
    })
}
