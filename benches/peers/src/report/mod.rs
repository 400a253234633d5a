//! What comes of the results: tables, a chart, and the page that shows them.

pub mod chart;
pub mod page;
pub mod table;

use crate::results::{Cell, Results};
use crate::statistics::{Ratio, median, ratio};

/// A cell in short.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// Nanoseconds per operation.
    pub nanoseconds: f64,
    /// In relation to Node.
    pub ratio: Option<Ratio>,
    /// The peak of the process's memory.
    pub peak_mib: Option<f64>,
    /// Bytes per promise.
    pub bytes: Option<f64>,
}

/// The cell in short, if it did its work.
#[expect(clippy::cast_precision_loss, reason = "memory is far below 2^53 KiB")]
pub fn summary(cell: &Cell, base: Option<&Cell>) -> Option<Summary> {
    if cell.failure().is_some() {
        return None;
    }
    Some(Summary {
        nanoseconds: median(cell.nanoseconds().flatten())?,
        ratio: base.and_then(|base| ratio(cell, base)),
        peak_mib: median(cell.measured().filter_map(|run| Some(run.peak_kib? as f64 / 1024.0))),
        bytes: median(cell.measured().filter_map(|run| run.bytes)),
    })
}

/// What did not go as it should, for people to read.
pub fn failures(results: &Results) -> Vec<String> {
    let failed = |cell: &Cell| Some(format!("{}, {}: {}.", cell.workload, cell.program, cell.failure()?));
    results.cells.iter().chain(&results.linearity).filter_map(failed).collect()
}
