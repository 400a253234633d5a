//! The programs: which process to start for a workload.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::javascript::Scripts;
use crate::machine::first_line;
use crate::native::Listing;

/// The program that all are compared with.
pub const BASE: &str = "Node";

/// A program that has a process for some workloads.
#[derive(Clone, Debug)]
pub struct Program {
    /// What it is called in tables.
    pub name: String,
    /// What to start.
    pub executable: PathBuf,
    /// What comes before the name of the workload.
    arguments: Vec<String>,
    /// Variables of its environment.
    variables: Vec<(String, PathBuf)>,
    /// The workloads it has, with the largest size of each, if there is one.
    workloads: BTreeMap<String, Option<u64>>,
    /// The library, if its instructions can be counted.
    counted: Option<String>,
}

impl Program {
    /// The size for this program, if it has the workload.
    pub fn size(&self, workload: &str, wanted: u64) -> Option<u64> {
        let limit = self.workloads.get(workload)?;
        Some(limit.map_or(wanted, |limit| limit.min(wanted)))
    }

    /// The process.
    pub fn command(&self, workload: &str, size: u64, rounds: u64) -> Command {
        let mut command = Command::new(&self.executable);
        command.args(&self.arguments).args([workload, &size.to_string(), &rounds.to_string()]);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The arguments of the process whose instructions are counted.
    pub fn once(&self, workload: &str, size: u64) -> Option<Vec<String>> {
        let library = self.counted.clone()?;
        Some(vec!["once".to_owned(), library, workload.to_owned(), size.to_string()])
    }

    /// The same program with an option for the host of its script.
    #[must_use]
    pub fn with_option(&self, option: &str) -> Self {
        let mut program = self.clone();
        program.arguments.insert(0, option.to_owned());
        program
    }
}

/// The programs in Rust: each library with the allocator of the system and with mimalloc.
///
/// # Errors
///
/// If they cannot be built.
pub fn native() -> Result<Vec<Program>> {
    let folder = build()?;
    let mut programs = Vec::new();
    for (suffix, binary) in [("", "peer"), (" + mimalloc", "peer_mimalloc")] {
        let executable = folder.join(format!("{binary}{}", env::consts::EXE_SUFFIX));
        let listing = first_line(Command::new(&executable).arg("list")).context("a peer does not run")?;
        let listing: Listing = serde_json::from_str(&listing).context("a peer lists its programs")?;
        for (library, workloads) in listing {
            programs.push(Program {
                name: format!("{library}{suffix}"),
                executable: executable.clone(),
                arguments: vec!["run".to_owned(), library.clone()],
                variables: Vec::new(),
                workloads,
                counted: suffix.is_empty().then_some(library),
            });
        }
    }
    let rank = |program: &Program| (!program.name.starts_with("thenable"), program.name.ends_with("mimalloc"));
    programs.sort_by_key(rank);
    Ok(programs)
}

/// Builds the peers beside this program. Returns the folder they are in.
fn build() -> Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "thenable-peers", "--bins"]);
    ensure!(!cfg!(debug_assertions), "what counts is the release build: run it with --release");
    let status = command.arg("--release").status().context("cargo does not run")?;
    ensure!(status.success(), "the peers do not build");
    let own = env::current_exe().context("this program has no path")?;
    Ok(own.parent().context("it is in a folder")?.to_owned())
}

/// The programs in JavaScript, as far as their hosts are there.
pub fn scripts(scripts: &Scripts) -> Vec<Program> {
    let program = |name: &str, executable: &Path, options: &[&str], library: &str| Program {
        name: name.to_owned(),
        executable: executable.to_owned(),
        arguments: options
            .iter()
            .map(ToString::to_string)
            .chain([scripts.runner.display().to_string(), "run".to_owned(), library.to_owned()])
            .collect(),
        variables: vec![("PEERS_MODULES".to_owned(), scripts.modules.clone())],
        workloads: scripts.workloads[library].iter().map(|workload| (workload.clone(), None)).collect(),
        counted: None,
    };
    let node = Path::new("node");
    let mut programs = vec![
        program(BASE, node, &["--expose-gc"], "native"),
        // In MiB; the default is 16.
        program("Node, semi-space 512 MiB", node, &["--expose-gc", "--max-semi-space-size=512"], "native"),
    ];
    if scripts.has_bluebird {
        programs.push(program("Bluebird", node, &["--expose-gc"], "bluebird"));
    }
    if let Some(bun) = &scripts.bun {
        programs.push(program("Bun", bun, &[], "native"));
    }
    programs
}
