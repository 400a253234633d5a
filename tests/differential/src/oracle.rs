//! Node, as a process that runs batches of programs.

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Serialize;
use tempfile::TempDir;
use thiserror::Error;

use crate::javascript::source;
use crate::program::Program;
use crate::trace::Trace;

/// The major version of Node whose order of callbacks the crate reproduces.
const VERSION: &str = "v20.";

/// Node, with `oracle.js` in it.
#[derive(Debug)]
pub struct Oracle {
    node: Child,
    /// `None` only while the oracle is dropped.
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// Removed with the clock in it when the oracle is dropped.
    _folder: TempDir,
}

/// Why there is no trace of Node.
#[derive(Debug, Error)]
pub enum OracleError {
    /// There is no Node.
    #[error("cannot start `node`: Node 20 is needed, the oracle of this test")]
    Missing(#[source] io::Error),
    /// There is another Node.
    #[error("`node --version` says {0}, but Node 20 is needed: the order of callbacks is tested against that version")]
    WrongVersion(String),
    /// The clock can only be built and preloaded there.
    #[error("Node needs a clock that stands still, which is there for Linux only")]
    WrongSystem,
    /// There is no C compiler.
    #[error("cannot start `cc`: a C compiler is needed for the clock that is preloaded into Node")]
    NoCompiler(#[source] io::Error),
    /// The clock does not compile.
    #[error("`cc` does not compile clock.c\n{0}")]
    Clock(String),
    /// The pipe is broken.
    #[error("cannot talk to Node")]
    Pipe(#[from] io::Error),
    /// Node ended, or said something else than a trace.
    #[error("Node gave no traces, but `{0}`; what it wrote to the standard error stands above")]
    NoTrace(String),
}

#[derive(Serialize)]
struct Request {
    source: String,
    counted: bool,
}

impl Oracle {
    /// Starts Node.
    ///
    /// # Errors
    ///
    /// If there is no Node 20 in the path.
    pub fn start() -> Result<Self, OracleError> {
        let version = Command::new("node").arg("--version").output().map_err(OracleError::Missing)?;
        let version = String::from_utf8_lossy(&version.stdout).trim().to_string();
        if !version.starts_with(VERSION) {
            return Err(OracleError::WrongVersion(version));
        }
        let (folder, clock) = clock()?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle.js");
        let mut node = Command::new("node")
            // It shows the states of promises.
            .args(["--expose-internals", "--no-warnings"])
            .arg(script)
            .env("LD_PRELOAD", clock)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(OracleError::Missing)?;
        let requests = Some(node.stdin.take().expect("it is piped"));
        let answers = BufReader::new(node.stdout.take().expect("it is piped"));
        Ok(Self { node, requests, answers, _folder: folder })
    }

    /// What Node logs when it runs `program`.
    ///
    /// # Errors
    ///
    /// If Node fails. The oracle is of no use then.
    pub fn trace(&mut self, program: &Program) -> Result<Trace, OracleError> {
        self.ask(std::slice::from_ref(program))?;
        Ok(self.answer()?.pop().expect("as many traces as programs"))
    }

    /// Lets Node run `programs`, while the caller goes on.
    ///
    /// # Errors
    ///
    /// If Node fails.
    pub fn ask(&mut self, programs: &[Program]) -> Result<(), OracleError> {
        let request = |program: &Program| Request { source: source(program), counted: !program.uncounted };
        let requests: Vec<Request> = programs.iter().map(request).collect();
        let line = serde_json::to_string(&requests).expect("a request has nothing that JSON has not") + "\n";
        Ok(self.requests.as_mut().expect("the oracle is alive").write_all(line.as_bytes())?)
    }

    /// The traces of the programs that were asked for last.
    ///
    /// # Errors
    ///
    /// If Node fails.
    pub fn answer(&mut self) -> Result<Vec<Trace>, OracleError> {
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        serde_json::from_str(&answer).map_err(|_| OracleError::NoTrace(answer))
    }
}

/// Builds the clock that is preloaded into Node, in a folder of its own.
fn clock() -> Result<(TempDir, PathBuf), OracleError> {
    if !cfg!(target_os = "linux") {
        return Err(OracleError::WrongSystem);
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("clock.c");
    let folder = tempfile::tempdir()?;
    let library = folder.path().join("clock.so");
    let output = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).output();
    let output = output.map_err(OracleError::NoCompiler)?;
    if output.status.success() {
        Ok((folder, library))
    } else {
        Err(OracleError::Clock(String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // Node ends when its standard input does.
        drop(self.requests.take());
        let _ = self.node.wait();
    }
}
