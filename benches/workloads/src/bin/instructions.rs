//! The guard of the instruction counts: a change that makes `then` dearer fails, on any machine, however noisy.
//!
//! ```text
//! cargo run --release -p thenable-workloads --bin instructions -- check
//! cargo run --release -p thenable-workloads --bin instructions -- record
//! ```

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, Subcommand};
use serde::{Deserialize, Serialize};
use thenable_workloads::{callgrind, program};

/// The workloads that are guarded.
const GUARDED: [&str; 5] = ["W1", "W1c", "W3", "W5", "W6"];

/// How far a count may be from the recorded one. Fewer instructions fail, too: they have to be recorded, or the next change
/// could lose them again.
const TOLERANCE_PERCENT: f64 = 5.0;

const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.json");

/// Counts the instructions of the workloads, and compares them with those recorded in instructions.json.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Fail if a count has changed by more than 5 %.
    Check,
    /// Write the counts down as those to compare with.
    Record,
    /// Run a workload once: what is counted.
    #[command(hide = true)]
    Run { workload: String, size: u64 },
}

/// What was counted, and with what.
#[derive(Serialize, Deserialize)]
struct Record {
    architecture: String,
    compiler: String,
    instructions_per_operation: BTreeMap<String, f64>,
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Action::Check => check(),
        Action::Record => record(),
        Action::Run { workload, size } => {
            let program = program(&workload).with_context(|| format!("there is no workload {workload}"))?;
            println!("{}", program(size).checksum);
            Ok(())
        }
    }
}

fn count() -> Result<Record> {
    ensure!(!cfg!(debug_assertions), "what counts is the release build: run it with --release");
    let executable = env::current_exe().context("this program has no path")?;
    let count = |workload: &str| {
        let arguments = |size: u64| vec!["run".to_owned(), workload.to_owned(), size.to_string()];
        let instructions = callgrind::per_operation(&executable, arguments)?;
        Ok((workload.to_owned(), (instructions * 10.0).round() / 10.0))
    };
    Ok(Record {
        architecture: env::consts::ARCH.to_owned(),
        compiler: compiler()?,
        instructions_per_operation: GUARDED.into_iter().map(count).collect::<Result<_>>()?,
    })
}

fn compiler() -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().context("rustc does not run")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn record() -> Result<()> {
    let counted = count()?;
    for (workload, instructions) in &counted.instructions_per_operation {
        println!("{workload:<4} {instructions:>8.1} instructions per operation");
    }
    let text = serde_json::to_string_pretty(&counted).context("the counts are numbers")?;
    fs::write(RECORD, text + "\n").with_context(|| format!("{RECORD} cannot be written"))
}

fn check() -> Result<()> {
    let text = fs::read_to_string(RECORD).with_context(|| format!("{RECORD} cannot be read: record first"))?;
    let recorded: Record = serde_json::from_str(&text).with_context(|| format!("{RECORD} is not a record"))?;
    let counted = count()?;
    ensure!(
        counted.architecture == recorded.architecture,
        "recorded on {}, and this is {}: nothing can be compared",
        recorded.architecture,
        counted.architecture
    );
    let changed = report(&recorded, &counted)?;
    if changed.is_empty() {
        return Ok(());
    }
    if recorded.compiler != counted.compiler {
        println!("recorded with {}, counted with {}", recorded.compiler, counted.compiler);
    }
    bail!(
        "{} changed by more than {TOLERANCE_PERCENT} %: if that is meant, record anew and commit {}",
        changed.join(", "),
        Path::new(RECORD).display()
    );
}

/// Prints both counts side by side. Returns the workloads that are too far off.
fn report(recorded: &Record, counted: &Record) -> Result<Vec<String>> {
    println!("workload  recorded   counted    change");
    let mut changed = Vec::new();
    for (workload, now) in &counted.instructions_per_operation {
        let before = recorded.instructions_per_operation.get(workload);
        let before = before.with_context(|| format!("{workload} is not recorded: record anew"))?;
        let percent = (now / before - 1.0) * 100.0;
        println!("{workload:<8} {before:>9.1} {now:>9.1} {percent:>+8.2} %");
        if percent.abs() > TOLERANCE_PERCENT {
            changed.push(workload.clone());
        }
    }
    Ok(changed)
}
