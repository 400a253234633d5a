//! Counting the instructions of a process with Valgrind's callgrind.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};

/// The smaller of two sizes. What both have in common, starting the process, falls out of the difference.
pub const SMALL: u64 = 10_000;
/// The larger of two sizes.
pub const LARGE: u64 = 60_000;

/// Whether Valgrind can be run.
pub fn is_there() -> bool {
    Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Instructions per operation of the program that `arguments` names for a size, run by `executable`.
///
/// # Errors
///
/// If Valgrind is not installed, or if the process fails.
#[expect(clippy::cast_precision_loss, reason = "the counts are far below 2^53")]
pub fn per_operation(executable: &Path, arguments: impl Fn(u64) -> Vec<String>) -> Result<f64> {
    let small = count(executable, &arguments(SMALL))?;
    let large = count(executable, &arguments(LARGE))?;
    Ok((large as f64 - small as f64) / (LARGE - SMALL) as f64)
}

fn count(executable: &Path, arguments: &[String]) -> Result<u64> {
    let folder = tempfile::tempdir().context("no place for callgrind's file")?;
    let file = folder.path().join("callgrind.out");
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(executable)
        .args(arguments)
        .output()
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => anyhow!("valgrind is not installed, and nothing else counts instructions exactly"),
            _ => anyhow!(error).context("valgrind does not start"),
        })?;
    if !output.status.success() {
        bail!("{arguments:?} under valgrind: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    total(&fs::read_to_string(&file).context("callgrind left no file")?)
}

/// The sum of all instructions in the file that callgrind writes.
fn total(report: &str) -> Result<u64> {
    let line = report.lines().find_map(|line| line.strip_prefix("totals:").or_else(|| line.strip_prefix("summary:")));
    line.and_then(|count| count.trim().parse().ok()).context("callgrind's file has no total")
}

#[cfg(test)]
mod tests {
    use super::total;

    #[test]
    fn the_total_is_found() {
        assert_eq!(total("events: Ir\nfn=(1)\n3 4\n\ntotals: 77\n").unwrap(), 77);
        assert!(total("events: Ir\n").is_err());
    }
}
