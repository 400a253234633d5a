//! The programs in Rust, one file for each library, and the process that runs one of them.

mod async_executor;
mod boxed;
mod floor;
mod local_pool;
mod promisery;
mod requests;
mod rsvow;
mod tasks;
mod tokio;

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use thenable_workloads::{PROGRAMS, Program, Sample};

/// A program of one library: a workload's name, and the largest size that is of use.
struct Entry {
    workload: &'static str,
    program: Program,
    at_most: Option<u64>,
}

impl Entry {
    const fn new(workload: &'static str, program: Program) -> Self {
        Self { workload, program, at_most: None }
    }

    /// It takes too long, or too much of the machine, beyond this size.
    const fn at_most(self, size: u64) -> Self {
        Self { at_most: Some(size), ..self }
    }
}

/// All libraries, with their programs.
fn libraries() -> Vec<(&'static str, Vec<Entry>)> {
    let ours = PROGRAMS.iter().map(|(workload, program)| Entry::new(workload, *program)).collect();
    vec![
        ("thenable", ours),
        ("futures, tasks", local_pool::programs()),
        ("futures, boxed", boxed::programs()),
        ("async-executor", async_executor::programs()),
        ("tokio", tokio::programs()),
        ("rsvow", rsvow::programs()),
        ("promisery", promisery::programs()),
        ("floor", floor::programs()),
    ]
}

/// For each library its workloads, with the largest size of each, if there is one.
pub type Listing = BTreeMap<String, BTreeMap<String, Option<u64>>>;

/// What a process prints: what one program took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// The time of all rounds.
    pub nanoseconds: f64,
    /// What each round computed.
    pub checksum: u64,
    /// The most memory that the process ever had, where the system tells.
    pub peak_kib: Option<u64>,
    /// Bytes per promise, where the workload is about memory.
    pub bytes: Option<f64>,
}

/// The process: `list`, `run LIBRARY WORKLOAD SIZE ROUNDS`, or `once LIBRARY WORKLOAD SIZE`.
///
/// # Errors
///
/// If there is no such program.
pub fn main(arguments: &[String]) -> Result<()> {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let line = match words[..] {
        ["list"] => serde_json::to_string(&listing())?,
        ["run", library, workload, size, rounds] => {
            let measured = measure(find(library, workload)?, size.parse()?, rounds.parse()?);
            serde_json::to_string(&measured)?
        }
        ["once", library, workload, size] => find(library, workload)?(size.parse()?).checksum.to_string(),
        _ => bail!("list | run LIBRARY WORKLOAD SIZE ROUNDS | once LIBRARY WORKLOAD SIZE"),
    };
    println!("{line}");
    Ok(())
}

fn listing() -> Listing {
    let workloads = |entries: Vec<Entry>| entries.into_iter().map(|entry| (entry.workload.to_owned(), entry.at_most));
    libraries().into_iter().map(|(library, entries)| (library.to_owned(), workloads(entries).collect())).collect()
}

fn find(library: &str, workload: &str) -> Result<Program> {
    let entries = libraries().into_iter().find(|(name, _)| *name == library).map(|(_, entries)| entries);
    let entries = entries.with_context(|| format!("there is no library {library}"))?;
    let entry = entries.iter().find(|entry| entry.workload == workload);
    Ok(entry.with_context(|| format!("{library} has no program for {workload}"))?.program)
}

/// All rounds once as a warm-up, then all rounds once more, which count.
fn measure(program: Program, size: u64, rounds: u64) -> Measured {
    let warm_up = series(program, size, rounds);
    let (elapsed, sample) = series(program, size, rounds);
    Measured {
        nanoseconds: elapsed.as_secs_f64() * 1e9,
        checksum: sample.checksum,
        peak_kib: peak_kib(),
        // In the second run the allocator has the memory already.
        bytes: warm_up.1.bytes,
    }
}

fn series(program: Program, size: u64, rounds: u64) -> (Duration, Sample) {
    let first = program(size);
    (1..rounds).fold((first.elapsed, first), |(elapsed, _), _| {
        let sample = program(size);
        (elapsed + sample.elapsed, sample)
    })
}

fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
