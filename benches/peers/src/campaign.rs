//! Running everything in turns: A B C, A B C, so that a disturbance hits all alike.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use wait_timeout::ChildExt;

use thenable_workloads::callgrind;

use crate::arguments::Arguments;
use crate::catalogue::{CHAIN, Workload};
use crate::native::Measured;
use crate::program::{BASE, Program};
use crate::results::{Cell, Run};

/// No process that works takes longer.
const LIMIT: Duration = Duration::from_secs(300);

/// The sizes of the chain in the table of linearity.
const SIZES: [u64; 5] = [1000, 10_000, 100_000, 1_000_000, 10_000_000];

/// A quick run has a tenth of the operations.
fn shorten(workload: Workload, quick: bool) -> (u64, u64) {
    match (quick, workload.rounds) {
        (false, rounds) => (workload.size, rounds),
        // The number of requests stays: so many are under way at once.
        (true, _) if workload.unit == "request" => (workload.size, workload.rounds.div_ceil(5)),
        (true, rounds) => (workload.size / 10, rounds),
    }
}

/// Measures all workloads.
pub fn measure(arguments: &Arguments, workloads: &[Workload], programs: &[Program]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for workload in workloads {
        let (size, rounds) = shorten(*workload, arguments.is_quick());
        let mut taking_part = Vec::new();
        for program in programs {
            if let Some(size) = program.size(workload.name, size) {
                taking_part.push((program, new_cell(workload.name, program, size, rounds)));
            }
        }
        in_turns(&mut taking_part, workload.checksum, arguments.repetitions());
        cells.extend(taking_part.into_iter().map(|(_, cell)| cell));
    }
    cells
}

fn new_cell(workload: &str, program: &Program, size: u64, rounds: u64) -> Cell {
    let (workload, program) = (workload.to_owned(), program.name.clone());
    Cell { workload, program, size, rounds, runs: Vec::new(), instructions: None }
}

fn in_turns(cells: &mut [(&Program, Cell)], checksum: fn(u64) -> u64, repetitions: usize) {
    for repetition in 1..=repetitions {
        for (program, cell) in &mut *cells {
            if cell.failure().is_some() {
                continue;
            }
            eprint!("\r\x1b[K{} {repetition}/{repetitions} {}", cell.workload, cell.program);
            cell.runs.push(run(program, cell, checksum(cell.size)));
        }
    }
    eprint!("\r\x1b[K");
}

/// Starts one process. A wrong checksum is a failure.
fn run(program: &Program, cell: &Cell, checksum: u64) -> Run {
    match start(&mut program.command(&cell.workload, cell.size, cell.rounds)) {
        Ok(measured) if measured.checksum == checksum => Run::Measured(measured),
        Ok(measured) => Run::Failed(format!("comes to {} in place of {checksum}", measured.checksum)),
        Err(error) => Run::Failed(format!("{error:#}")),
    }
}

fn start(command: &mut Command) -> Result<Measured> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().context("does not start")?;
    let Some(status) = child.wait_timeout(LIMIT)? else {
        child.kill()?;
        child.wait()?;
        bail!("takes longer than {} s", LIMIT.as_secs());
    };
    if !status.success() {
        bail!("ends with {status}");
    }
    let mut line = String::new();
    child.stdout.take().context("it has an output")?.read_to_string(&mut line)?;
    serde_json::from_str(&line).with_context(|| format!("prints {line:?}"))
}

/// Counts the instructions of the programs in Rust, with the allocator of the system.
pub fn count_instructions(cells: &mut [Cell], programs: &[Program]) {
    for cell in cells {
        let program = programs.iter().find(|program| program.name == cell.program);
        let Some(program) = program.filter(|program| program.once(&cell.workload, 1).is_some()) else { continue };
        if cell.failure().is_some() || program.size(&cell.workload, callgrind::LARGE) != Some(callgrind::LARGE) {
            continue;
        }
        eprint!("\r\x1b[Kinstructions of {} {}", cell.workload, cell.program);
        let arguments = |size| program.once(&cell.workload, size).expect("just seen");
        match callgrind::per_operation(&program.executable, arguments) {
            Ok(instructions) => cell.instructions = Some(instructions),
            Err(error) => eprintln!("\r\x1b[K{} {}: {error:#}", cell.workload, cell.program),
        }
    }
    eprint!("\r\x1b[K");
}

/// Measures the chain of W1 in several sizes.
pub fn measure_linearity(repetitions: usize, programs: &[Program]) -> Vec<Cell> {
    // Ten million promises are more than Node's heap holds as it comes.
    let with_memory = |program: &Program| match program.name.as_str() {
        BASE => Some(program.with_option("--max-old-space-size=8192")),
        "thenable" | "thenable + mimalloc" => Some(program.clone()),
        _ => None,
    };
    let programs: Vec<_> = programs.iter().filter_map(with_memory).collect();
    let mut cells = Vec::new();
    for size in SIZES {
        let rounds = (1_000_000 / size).max(1);
        let mut row: Vec<_> =
            programs.iter().map(|program| (program, new_cell(CHAIN.name, program, size, rounds))).collect();
        in_turns(&mut row, CHAIN.checksum, repetitions);
        cells.extend(row.into_iter().map(|(_, cell)| cell));
    }
    cells
}
