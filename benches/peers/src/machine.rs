//! The machine, and the versions of everything that takes part.

use std::env;
use std::fs;
use std::process::Command;
use std::thread;

use serde::{Deserialize, Serialize};

/// Where a run took place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// The day.
    pub date: String,
    /// The processor, and how many cores there are.
    pub processor: String,
    /// The main memory.
    pub memory: String,
    /// The operating system and its C library.
    pub system: String,
    /// How many processes were running when it began: the load averages.
    pub load: String,
    /// Names and versions.
    pub versions: Vec<String>,
}

/// The libraries in Rust whose versions are told.
const LIBRARIES: [&str; 6] = ["async-executor", "futures", "mimalloc", "promisery", "rsvow", "tokio"];

impl Machine {
    /// This machine, now.
    pub fn here(scripts: Vec<String>) -> Self {
        let rust = first_line(Command::new("rustc").arg("--version"));
        let valgrind = first_line(Command::new("valgrind").arg("--version"));
        Self {
            date: jiff::Zoned::now().date().to_string(),
            processor: processor(),
            memory: memory(),
            system: [first_line(Command::new("uname").arg("-sr")), first_line(Command::new("ldd").arg("--version"))]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(", "),
            load: fs::read_to_string("/proc/loadavg").map_or_else(|_| "unknown".to_owned(), |load| words(&load, 3)),
            versions: rust.into_iter().chain(valgrind).chain(libraries()).chain(scripts).collect(),
        }
    }
}

fn words(text: &str, count: usize) -> String {
    text.split_whitespace().take(count).collect::<Vec<_>>().join(" ")
}

/// The first line that a command prints, if it can be run.
pub fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}

fn processor() -> String {
    let name = field("/proc/cpuinfo", "model name").unwrap_or_else(|| env::consts::ARCH.to_owned());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    format!("{name}, {cores} cores")
}

fn memory() -> String {
    let kib = field("/proc/meminfo", "MemTotal").and_then(|size| size.trim_end_matches(" kB").parse::<u64>().ok());
    kib.map_or_else(|| "unknown".to_owned(), |kib| format!("{} GiB", kib.div_ceil(1024 * 1024)))
}

fn libraries() -> Vec<String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = Command::new(cargo)
        .args(["tree", "--package", "thenable-peers", "--depth", "1", "--prefix", "none", "--offline"])
        .output();
    let Ok(tree) = tree else { return Vec::new() };
    let text = String::from_utf8_lossy(&tree.stdout).into_owned();
    let is_library = |line: &&str| line.split_whitespace().next().is_some_and(|name| LIBRARIES.contains(&name));
    text.lines().filter(is_library).map(|line| words(line, 2).replace(" v", " ")).collect()
}
