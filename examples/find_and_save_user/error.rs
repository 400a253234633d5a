//! What can go wrong with users in a database.

use std::path::PathBuf;

use rusqlite::types::FromSqlError;
use serde_json::Value;
use thiserror::Error;

/// Why a promise of [`Users`](crate::users::Users) was rejected.
///
/// Handlers print an error as `{err}`, so every message names its cause; `source()` has it for programs.
#[derive(Debug, Error)]
pub(crate) enum DbError {
    /// The file is not there and cannot be made, or it is no database.
    #[error("cannot open the database {}: {source}", path.display())]
    Open { path: PathBuf, source: rusqlite::Error },
    /// A filter that is not an object.
    #[error("a filter is an object of fields and their values, unlike {filter}: {source}")]
    InvalidFilter { filter: Value, source: serde_json::Error },
    /// The search went through all users.
    #[error("no user matches {filter}")]
    NotFound { filter: Value },
    /// The search broke off.
    #[error("cannot look for a user that matches {filter}: {source}")]
    Find { filter: Value, source: rusqlite::Error },
    /// A row of the table that cannot be read.
    #[error("document {id} is not a user: {source}")]
    InvalidRow { id: i64, source: NotAUser },
    /// A document that could not be read again.
    #[error("cannot insert {document}, which is not a user: {source}")]
    InvalidDocument { document: Value, source: NotAUser },
    /// The database did not take a document.
    #[error("cannot insert {document}: {source}")]
    Insert { document: Value, source: rusqlite::Error },
    /// The database did not take a change.
    #[error("cannot save document {id}: {source}")]
    Save { id: i64, source: rusqlite::Error },
    /// The user was found, and deleted before it was saved.
    #[error("cannot save document {id}: it has been deleted")]
    Deleted { id: i64 },
}

/// What a document lacks to be a user.
#[derive(Debug, Error)]
pub(crate) enum NotAUser {
    /// The column holds something else than text.
    #[error("its column holds no text")]
    NotText(#[from] FromSqlError),
    /// It is not JSON, or not an object.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Users are called something.
    #[error("its `name` is missing or not a string")]
    Unnamed,
}
