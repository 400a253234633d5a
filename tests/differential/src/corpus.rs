//! Recorded programs, with the traces of Node. The test of them needs no Node.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::native;
use crate::program::Program;
use crate::trace::Trace;

/// A recorded program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What the program shows, if somebody has written it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The program.
    pub program: Program,
    /// What Node logged, joined by spaces. An entry that is new may have none until the next recording.
    #[serde(default)]
    trace: String,
}

impl Entry {
    /// A program with its trace.
    pub fn new(name: Option<String>, program: Program, trace: &Trace) -> Self {
        Self { name, program, trace: trace.join(" ") }
    }

    /// The line of the file.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("an entry has nothing that JSON has not")
    }

    /// What Node logged.
    pub fn trace(&self) -> Trace {
        self.trace.split_whitespace().map(str::to_owned).collect()
    }

    /// The trace of the crate, if it is not that of Node.
    pub fn difference(&self) -> Option<Trace> {
        let trace = native::trace(&self.program);
        (trace != self.trace()).then_some(trace)
    }
}

/// A file of entries, one a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// The snippets of the rules and other programs that somebody has written.
    Named,
    /// Generated programs.
    Generated,
}

/// Why a file cannot be read or written.
#[derive(Debug, Error)]
pub enum CorpusError {
    /// A line is not an entry.
    #[error("line {line} of {file} is not an entry")]
    Entry {
        /// The file.
        file: &'static str,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        error: serde_json::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {0}")]
    Write(PathBuf, #[source] io::Error),
}

impl File {
    fn name(self) -> &'static str {
        match self {
            Self::Named => "named.jsonl",
            Self::Generated => "generated.jsonl",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Named => include_str!("../corpus/named.jsonl"),
            Self::Generated => include_str!("../corpus/generated.jsonl"),
        }
    }

    /// Where the file is.
    pub fn path(self) -> PathBuf {
        [env!("CARGO_MANIFEST_DIR"), "corpus", self.name()].iter().collect()
    }

    /// The entries, as they were when this crate was built.
    ///
    /// # Errors
    ///
    /// If a line is not an entry.
    pub fn entries(self) -> Result<Vec<Entry>, CorpusError> {
        let parse = |(index, line): (usize, &str)| {
            let into_error = |error| CorpusError::Entry { file: self.name(), line: index + 1, error };
            serde_json::from_str(line).map_err(into_error)
        };
        self.text().lines().enumerate().map(parse).collect()
    }

    /// Writes the file anew.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write(self, entries: &[Entry]) -> Result<(), CorpusError> {
        let text: String = entries.iter().map(|entry| entry.to_json() + "\n").collect();
        fs::write(self.path(), text).map_err(|error| CorpusError::Write(self.path(), error))
    }
}

/// All recorded programs, the named ones first.
///
/// # Errors
///
/// If a line is not an entry.
pub fn recorded() -> Result<Vec<Entry>, CorpusError> {
    Ok([File::Named.entries()?, File::Generated.entries()?].concat())
}
