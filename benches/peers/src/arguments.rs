//! The command line.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Parser;

use crate::catalogue::{WORKLOADS, Workload, workload};

/// Why a page is not written.
pub const PARTIAL: &str = "docs/performance.md is written from all workloads and programs";

/// Measures thenable beside its peers, and prints one table.
///
/// Tables and chart are written into target/peers. A full run takes about half an hour.
#[derive(Parser, Debug)]
pub struct Arguments {
    /// Only these workloads, by name: W1,W3.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,

    /// Only programs whose names contain one of these. Node is always there, for the ratio.
    #[arg(long, value_delimiter = ',')]
    programs: Vec<String>,

    /// A tenth of the size, and three repetitions.
    #[arg(long)]
    quick: bool,

    /// How often each program runs.
    #[arg(long)]
    repetitions: Option<usize>,

    /// Do not count instructions.
    #[arg(long)]
    no_instructions: bool,

    /// Put tables and chart into docs/performance.md. Needs all workloads and programs.
    #[arg(long)]
    update_docs: bool,

    /// Measure nothing: take the results that an earlier run has left in this file. With --only, measure these workloads
    /// again and take the others from the file.
    #[arg(long, value_name = "FILE", conflicts_with = "programs")]
    from: Option<PathBuf>,
}

impl Arguments {
    /// The workloads that are asked for.
    ///
    /// # Errors
    ///
    /// If one has no such name, or if the page is to be written from a part.
    pub fn workloads(&self) -> Result<Vec<Workload>> {
        ensure!(!(self.update_docs && self.is_partial() && self.from.is_none()), PARTIAL);
        for name in &self.only {
            ensure!(workload(name).is_some(), "there is no workload {name}");
        }
        let wanted = |workload: &&Workload| self.only.is_empty() || self.only.iter().any(|name| name == workload.name);
        Ok(WORKLOADS.iter().filter(wanted).copied().collect())
    }

    /// Whether only some workloads or programs are asked for.
    pub fn is_partial(&self) -> bool {
        !self.only.is_empty() || !self.programs.is_empty()
    }

    /// Whether a program with this name is asked for.
    pub fn wants(&self, program: &str) -> bool {
        self.programs.is_empty() || self.programs.iter().any(|part| program.contains(part))
    }

    /// Whether the sizes are a tenth.
    pub fn is_quick(&self) -> bool {
        self.quick
    }

    /// How often each program runs.
    pub fn repetitions(&self) -> usize {
        self.repetitions.unwrap_or(if self.quick { 3 } else { 7 }).max(1)
    }

    /// Whether instructions are counted, where Valgrind is there.
    pub fn counts_instructions(&self) -> bool {
        !self.no_instructions
    }

    /// Whether docs/performance.md is to be written.
    pub fn updates_docs(&self) -> bool {
        self.update_docs
    }

    /// Whether the table of linearity is wanted.
    pub fn wants_linearity(&self) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == "W1")
    }

    /// Whether anything is measured.
    pub fn measures(&self) -> bool {
        self.from.is_none() || !self.only.is_empty()
    }

    /// The results of an earlier run.
    pub fn from(&self) -> Option<&PathBuf> {
        self.from.as_ref()
    }
}
