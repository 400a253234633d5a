//! Users as JSON documents in an `SQLite` database: a model in the manner of Mongoose.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value};
use thenable::Promise;

use crate::error::{DbError, NotAUser};
use crate::filter::Filter;

/// The users in a database. Clones share one connection.
///
/// Every query runs on a pool of threads, one at a time, and settles its promise on the loop of the caller.
#[derive(Clone, Debug)]
pub(crate) struct Users {
    connection: Arc<Mutex<Connection>>,
}

impl Users {
    /// Opens the database in the file at `path`, and makes what is missing: the file and the table.
    #[track_caller]
    pub(crate) fn open(path: impl Into<PathBuf>) -> Promise<Self, DbError> {
        let path = path.into();
        Promise::blocking(move || match connect(&path) {
            Ok(connection) => Ok(Self { connection: Arc::new(Mutex::new(connection)) }),
            Err(source) => Err(DbError::Open { path, source }),
        })
    }

    /// The first user, in the order of insertion, that has the fields of `filter`. Rejects if there is none.
    #[track_caller]
    pub(crate) fn find_one(&self, filter: Value) -> Promise<User, DbError> {
        let users = self.clone();
        self.query(move |connection| {
            let filter = Filter::new(filter)?;
            match first_match(connection, &filter) {
                Ok(Some((id, document))) => document
                    .and_then(|document| User::new(users, id, document))
                    .map_err(|source| DbError::InvalidRow { id, source }),
                Ok(None) => Err(DbError::NotFound { filter: filter.into() }),
                Err(source) => Err(DbError::Find { filter: filter.into(), source }),
            }
        })
    }

    /// Adds a user. Its document is an object whose `name` is a string; everything else is up to the caller.
    #[track_caller]
    pub(crate) fn insert(&self, document: Value) -> Promise<User, DbError> {
        let users = self.clone();
        self.query(move |connection| {
            let text = document.to_string();
            // Read before it is written, so that no insert can leave a row that no search gets past. The id follows.
            let user = match parse(text.as_bytes()).and_then(|document| User::new(users, 0, document)) {
                Ok(user) => user,
                Err(source) => return Err(DbError::InvalidDocument { document, source }),
            };
            match connection.execute("INSERT INTO users (document) VALUES (?1)", [text]) {
                Ok(_) => Ok(User { id: connection.last_insert_rowid(), ..user }),
                Err(source) => Err(DbError::Insert { document, source }),
            }
        })
    }

    /// Runs `work` with the connection, on the pool: for queries that have no method.
    #[track_caller]
    pub(crate) fn query<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, DbError> + Send + 'static,
    ) -> Promise<T, DbError> {
        let connection = self.connection.clone();
        Promise::blocking(move || {
            // The lock is poisoned if a query panicked. Its statement was reset by the unwinding, so the connection is
            // as good as before.
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            work(&connection)
        })
    }
}

/// A user, as it was found or inserted.
#[derive(Debug)]
pub(crate) struct User {
    /// What the user is called. [`save`](Self::save) writes it to the database.
    pub(crate) name: String,
    id: i64,
    /// The other fields.
    rest: Map<String, Value>,
    users: Users,
}

impl User {
    fn new(users: Users, id: i64, mut document: Map<String, Value>) -> Result<Self, NotAUser> {
        match document.remove("name") {
            Some(Value::String(name)) => Ok(Self { name, id, rest: document, users }),
            _ => Err(NotAUser::Unnamed),
        }
    }

    /// Writes the name to the database. The promise is of the same user; it rejects if the user was deleted meanwhile.
    ///
    /// Nothing else is written, as Mongoose writes modified fields only: the rest of the document stays to the last
    /// digit, and what others have changed in it meanwhile stays too.
    #[track_caller]
    pub(crate) fn save(self) -> Promise<Self, DbError> {
        const SAVE: &str = "UPDATE users SET document = json_set(document, '$.name', json(?1)) WHERE id = ?2";
        let users = self.users.clone();
        users.query(move |connection| {
            let id = self.id;
            let name = Value::from(self.name.as_str()).to_string();
            match connection.execute(SAVE, (name, id)) {
                Ok(0) => Err(DbError::Deleted { id }),
                Ok(_) => Ok(self),
                Err(source) => Err(DbError::Save { id, source }),
            }
        })
    }
}

impl fmt::Display for User {
    /// The document.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut document = self.rest.clone();
        document.insert("name".to_string(), self.name.as_str().into());
        Value::Object(document).fmt(f)
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    // Without `SQLITE_OPEN_URI`, which is on by default: the path is that of a file, also if it begins with `file:`.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // `AUTOINCREMENT` gives no id a second time, or a user who was deleted could be saved over one who came later.
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY AUTOINCREMENT, document TEXT NOT NULL) STRICT",
    )?;
    Ok(connection)
}

/// The id and the document of a row, or why that cannot be read.
type Row = (i64, Result<Map<String, Value>, NotAUser>);

/// The first row that matches. One that cannot be read ends the search as well: it might be the one.
fn first_match(connection: &Connection, filter: &Filter) -> rusqlite::Result<Option<Row>> {
    let mut statement = connection.prepare_cached("SELECT id, document FROM users ORDER BY id")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let document = row.get_ref(1)?.as_bytes().map_err(NotAUser::from).and_then(parse);
        if document.as_ref().map_or(true, |document| filter.matches(document)) {
            return Ok(Some((row.get(0)?, document)));
        }
    }
    Ok(None)
}

fn parse(text: &[u8]) -> Result<Map<String, Value>, NotAUser> {
    Ok(serde_json::from_slice(text)?)
}
