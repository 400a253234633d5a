//! The page: what stands between two markers in docs/performance.md.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::{failures, table};
use crate::program::BASE;
use crate::results::Results;

const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";

/// The page with new results in the place of the old ones.
///
/// # Errors
///
/// If a marker is missing.
pub fn update(page: &str, results: &Results) -> Result<String> {
    let (before, rest) = page.split_once(BEGIN).context("the page has no place where the tables begin")?;
    let (_, after) = rest.split_once(END).context("the page has no place where the tables end")?;
    Ok(format!("{before}{BEGIN}\n\n{}\n{END}{after}", markdown(results)))
}

/// All tables, with what has to be known of them.
pub fn markdown(results: &Results) -> String {
    let programs = results.programs();
    let is_script = |program: &&str| [BASE, "Node, semi-space 512 MiB", "Bluebird", "Bun"].contains(program);
    let with_mimalloc = |program: &&str| program.ends_with(" + mimalloc");
    let ours = |program: &&str| program.starts_with("thenable");
    let pick = |wanted: &dyn Fn(&&str) -> bool| programs.iter().copied().filter(wanted).collect::<Vec<_>>();
    let scripts = pick(&|program| is_script(program) || ours(program));
    let system = pick(&|program| !is_script(program) && !with_mimalloc(program));
    let mimalloc = pick(&|program| with_mimalloc(program));
    let mut page = run(results);
    let sections = [
        ("The workloads", table::legend(results)),
        ("Beside JavaScript", table::times(results, &scripts)),
        ("Beside Rust, with the allocator of the system", table::times(results, &system)),
        ("Beside Rust, with mimalloc", table::times(results, &mimalloc)),
        ("Bytes", table::bytes(results)),
        ("Peak memory of the process in MiB", table::peaks(results, &pick(&|program| !with_mimalloc(program)))),
        ("Instructions per operation", table::instructions(results, &system)),
        ("The chain of W1 in several sizes, ns per link", table::linearity(results)),
    ];
    for (title, table) in sections {
        // A table without rows is its head and its rule.
        if table.lines().count() > 2 {
            write!(page, "\n### {title}\n\n{table}").expect("a string takes all");
        }
    }
    for note in results.left_out.iter().cloned().chain(failures(results)) {
        write!(page, "\n- {note}").expect("a string takes all");
    }
    page
}

/// When, where and how.
fn run(results: &Results) -> String {
    let machine = &results.machine;
    let how = if results.quick { "a quick run, a tenth of the size: not to be quoted" } else { "a full run" };
    let mut text = format!("Measured on {}, {how}. Repetitions: {}.\n\n", machine.date, results.repetitions);
    for (name, value) in [
        ("processor", &machine.processor),
        ("memory", &machine.memory),
        ("system", &machine.system),
        ("load when it began", &machine.load),
        ("versions", &machine.versions.join("; ")),
    ] {
        writeln!(text, "- {name}: {value}").expect("a string takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, update};
    use crate::machine::Machine;
    use crate::results::Results;

    fn results() -> Results {
        let machine = Machine {
            date: "2001-01-01".to_owned(),
            processor: "abacus".to_owned(),
            memory: "none".to_owned(),
            system: "paper".to_owned(),
            load: "0".to_owned(),
            versions: Vec::new(),
        };
        let (cells, linearity, left_out) = (Vec::new(), Vec::new(), vec!["Bun: away".to_owned()]);
        Results { machine, quick: true, partial: false, repetitions: 3, cells, linearity, left_out }
    }

    #[test]
    fn only_what_stands_between_the_markers_is_replaced() {
        let page = update(&format!("above\n{BEGIN}\nold\n{END}\nbelow\n"), &results()).unwrap();
        assert!(page.starts_with("above\n") && page.ends_with("\nbelow\n"));
        assert!(page.contains("abacus") && page.contains("Bun: away") && !page.contains("old"));
        assert!(update("no markers", &results()).is_err());
    }
}
