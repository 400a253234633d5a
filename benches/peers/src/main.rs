//! Measures thenable beside its peers.
//!
//! ```text
//! cargo run --release -p thenable-peers -- [--quick] [--only W1,W3] [--programs thenable,tokio]
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use thenable_peers::arguments::{Arguments, PARTIAL};
use thenable_peers::campaign;
use thenable_peers::javascript::Scripts;
use thenable_peers::machine::Machine;
use thenable_peers::program::{self, BASE};
use thenable_peers::report::{chart, failures, page, table};
use thenable_peers::results::Results;
use thenable_workloads::callgrind;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let folder = folder()?;
    let earlier = arguments.from().map(|file| read(file)).transpose()?;
    let results = match earlier {
        Some(earlier) if !arguments.measures() => earlier,
        Some(earlier) => earlier.renewed(measure(&arguments, &folder)?)?,
        None => measure(&arguments, &folder)?,
    };
    println!("{}", table::everything(&results));
    if !results.linearity.is_empty() {
        println!("{}", table::linearity(&results));
    }
    results.left_out.iter().cloned().chain(failures(&results)).for_each(|note| println!("{note}"));
    write(&folder, &results)?;
    if arguments.updates_docs() { update_docs(&results) } else { Ok(()) }
}

/// Where everything is written.
fn folder() -> Result<PathBuf> {
    let own = std::env::current_exe().context("this program has no path")?;
    let target = own.parent().and_then(Path::parent).context("it is in the target folder")?;
    let folder = target.join("peers");
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    Ok(folder)
}

fn read(file: &Path) -> Result<Results> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} holds no results", file.display()))
}

fn measure(arguments: &Arguments, folder: &Path) -> Result<Results> {
    let workloads = arguments.workloads()?;
    let scripts = Scripts::prepare(folder)?;
    let machine = Machine::here(scripts.versions());
    let programs = program::native()?.into_iter().chain(program::scripts(&scripts));
    let programs: Vec<_> = programs.filter(|program| program.name == BASE || arguments.wants(&program.name)).collect();
    let mut left_out = scripts.left_out;
    let mut cells = campaign::measure(arguments, &workloads, &programs);
    if arguments.counts_instructions() && callgrind::is_there() {
        campaign::count_instructions(&mut cells, &programs);
    } else if arguments.counts_instructions() {
        left_out.push("Instructions: Valgrind is not installed".to_owned());
    }
    let linearity = if arguments.wants_linearity() {
        campaign::measure_linearity(arguments.repetitions(), &programs)
    } else {
        Vec::new()
    };
    Ok(Results {
        machine,
        quick: arguments.is_quick(),
        partial: arguments.is_partial(),
        repetitions: arguments.repetitions(),
        cells,
        linearity,
        left_out,
    })
}

fn write(folder: &Path, results: &Results) -> Result<()> {
    let text = serde_json::to_string_pretty(results).context("results are numbers and names")?;
    fs::write(folder.join("results.json"), text + "\n")?;
    fs::write(folder.join("tables.md"), page::markdown(results))?;
    chart::draw(results, &folder.join("chart.svg"))?;
    println!("results.json, tables.md and chart.svg are in {}", folder.display());
    Ok(())
}

fn update_docs(results: &Results) -> Result<()> {
    ensure!(!results.partial, PARTIAL);
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let file = docs.join("performance.md");
    let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    fs::write(&file, page::update(&text, results)?)?;
    chart::draw(results, &docs.join("performance.svg"))
}
