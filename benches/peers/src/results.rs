//! What was measured, as it is kept in a file.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::native::Measured;

/// All of one run of the benchmark.
#[derive(Debug, Serialize, Deserialize)]
pub struct Results {
    /// Where it ran.
    pub machine: Machine,
    /// Whether the sizes were a tenth.
    pub quick: bool,
    /// Whether only some workloads or programs were asked for.
    pub partial: bool,
    /// How often each program ran.
    pub repetitions: usize,
    /// One for each workload and program.
    pub cells: Vec<Cell>,
    /// The chain of W1 in several sizes.
    pub linearity: Vec<Cell>,
    /// What is left out, and why.
    pub left_out: Vec<String>,
}

/// One program of one workload.
#[derive(Debug, Serialize, Deserialize)]
pub struct Cell {
    /// The workload's name.
    pub workload: String,
    /// The program's name.
    pub program: String,
    /// Operations of one round.
    pub size: u64,
    /// Rounds of one run.
    pub rounds: u64,
    /// One for each repetition; the first failure is the last.
    pub runs: Vec<Run>,
    /// Instructions per operation, where they could be counted.
    pub instructions: Option<f64>,
}

/// One process.
#[derive(Debug, Serialize, Deserialize)]
pub enum Run {
    /// It did the work.
    Measured(Measured),
    /// It did not, for this reason.
    Failed(String),
}

impl Cell {
    /// Nanoseconds per operation of every run; `None` for one that failed.
    pub fn nanoseconds(&self) -> impl Iterator<Item = Option<f64>> {
        #[expect(clippy::cast_precision_loss, reason = "the counts are far below 2^53")]
        let operations = (self.size * self.rounds) as f64;
        self.runs.iter().map(move |run| match run {
            Run::Measured(measured) => Some(measured.nanoseconds / operations),
            Run::Failed(_) => None,
        })
    }

    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<&str> {
        self.runs.iter().find_map(|run| match run {
            Run::Measured(_) => None,
            Run::Failed(reason) => Some(reason.as_str()),
        })
    }

    /// What was measured in the runs that went well.
    pub fn measured(&self) -> impl Iterator<Item = &Measured> {
        self.runs.iter().filter_map(|run| match run {
            Run::Measured(measured) => Some(measured),
            Run::Failed(_) => None,
        })
    }
}

impl Results {
    /// These results, with newer ones for some of the workloads.
    ///
    /// # Errors
    ///
    /// If the sizes are not the same.
    pub fn renewed(mut self, newer: Self) -> Result<Self> {
        ensure!(self.quick == newer.quick, "one of them is a quick run, and the other is not");
        let is_old = |cell: &Cell| newer.cells.iter().all(|new| new.workload != cell.workload);
        self.cells.retain(is_old);
        self.cells.extend(newer.cells);
        if !newer.linearity.is_empty() {
            self.linearity = newer.linearity;
        }
        Ok(self)
    }

    /// The cell of a workload and a program.
    pub fn cell(&self, workload: &str, program: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.workload == workload && cell.program == program)
    }

    /// The names of the programs, in the order of the tables, each once.
    pub fn programs(&self) -> Vec<&str> {
        let mut programs = Vec::new();
        for cell in &self.cells {
            if !programs.contains(&cell.program.as_str()) {
                programs.push(cell.program.as_str());
            }
        }
        programs
    }
}
