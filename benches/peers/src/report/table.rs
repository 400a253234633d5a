//! The tables, in Markdown.

use crate::catalogue::{WORKLOADS, Workload};
use crate::program::BASE;
use crate::report::{Summary, summary};
use crate::results::{Cell, Results};
use crate::statistics::median;

/// A table with these columns; the first is text, and the others are numbers.
fn table(head: &[String], rows: &[Vec<String>]) -> String {
    table_with(1, head, rows)
}

/// A table whose first columns, so many, are text.
fn table_with(texts: usize, head: &[String], rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().chain([&head.to_vec()]).map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..head.len()).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &[String]| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column < texts { format!(" {cell:<width$} |") } else { format!(" {cell:>width$} |") }
        });
        format!("|{}\n", cells.collect::<String>())
    };
    let rule = (0..head.len()).map(|column| if column < texts { " --- |" } else { " ---: |" }).collect::<String>();
    format!("{}|{rule}\n{}", line(head), rows.iter().map(|row| line(row)).collect::<String>())
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// A number in as many digits as it deserves.
fn number(value: f64) -> String {
    match value {
        small if small < 10.0 => format!("{small:.1}"),
        large => format!("{large:.0}"),
    }
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(String::new, number)
}

/// A ratio in as many digits as it deserves.
fn fraction(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

/// The workloads that have cells, in the order of the catalogue.
pub fn measured(results: &Results) -> impl Iterator<Item = &'static Workload> {
    WORKLOADS.iter().filter(|workload| results.cells.iter().any(|cell| cell.workload == workload.name))
}

/// Every program of every workload, with all that was measured of it.
pub fn everything(results: &Results) -> String {
    let head = strings(&[
        "workload, program",
        "ns per operation",
        "ratio to Node",
        "of all pairs",
        "peak MiB",
        "instructions per operation",
    ]);
    let mut rows = Vec::new();
    for workload in measured(results) {
        for cell in results.cells.iter().filter(|cell| cell.workload == workload.name) {
            rows.push(row(cell, results.cell(workload.name, BASE)));
        }
    }
    table(&head, &rows)
}

fn row(cell: &Cell, base: Option<&Cell>) -> Vec<String> {
    let name = format!("{}, {}", cell.workload, cell.program);
    let Some(summary) = summary(cell, base) else {
        return [name, "fails".to_owned()].into_iter().chain((0..4).map(|_| String::new())).collect();
    };
    vec![
        name,
        number(summary.nanoseconds),
        summary.ratio.map_or_else(String::new, |ratio| fraction(ratio.median)),
        summary.ratio.map_or_else(String::new, |ratio| format!("{}-{}", fraction(ratio.low), fraction(ratio.high))),
        optional(summary.peak_mib),
        optional(cell.instructions),
    ]
}

/// One row for each workload and one column for each of these programs.
fn matrix(results: &Results, programs: &[&str], shown: impl Fn(&Cell, &Summary) -> String) -> String {
    let head: Vec<_> = ["workload"].iter().chain(programs).map(ToString::to_string).collect();
    let entry = |workload: &Workload, program: &str| match results.cell(workload.name, program) {
        None => String::new(),
        Some(cell) => match summary(cell, results.cell(workload.name, BASE)) {
            None => "fails".to_owned(),
            Some(summary) => shown(cell, &summary),
        },
    };
    let mut rows = Vec::new();
    for workload in measured(results) {
        let entries: Vec<_> = programs.iter().map(|program| entry(workload, program)).collect();
        if entries.iter().any(|entry| !entry.is_empty()) {
            rows.push([workload.name.to_owned()].into_iter().chain(entries).collect());
        }
    }
    table(&head, &rows)
}

/// Times and ratios.
pub fn times(results: &Results, programs: &[&str]) -> String {
    matrix(results, programs, |_, summary| match summary.ratio {
        Some(ratio) => format!("{} ({})", number(summary.nanoseconds), fraction(ratio.median)),
        None => number(summary.nanoseconds),
    })
}

/// The peaks of memory.
pub fn peaks(results: &Results, programs: &[&str]) -> String {
    matrix(results, programs, |_, summary| optional(summary.peak_mib))
}

/// Instructions per operation.
pub fn instructions(results: &Results, programs: &[&str]) -> String {
    matrix(results, programs, |cell, _| optional(cell.instructions))
}

/// Bytes per pending promise.
pub fn bytes(results: &Results) -> String {
    let head = strings(&["program", "bytes per pending promise with one `then`"]);
    let row = |cell: &Cell| Some(vec![cell.program.clone(), number(summary(cell, None)?.bytes?)]);
    let rows: Vec<_> = results.cells.iter().filter(|cell| cell.workload == "W8").filter_map(row).collect();
    table(&head, &rows)
}

/// The chain of W1 in several sizes: nanoseconds per link.
pub fn linearity(results: &Results) -> String {
    let mut programs: Vec<&str> = Vec::new();
    let mut sizes: Vec<u64> = Vec::new();
    for cell in &results.linearity {
        if !programs.contains(&cell.program.as_str()) {
            programs.push(&cell.program);
        }
        if !sizes.contains(&cell.size) {
            sizes.push(cell.size);
        }
    }
    let head: Vec<_> = ["links"].iter().chain(&programs).map(ToString::to_string).collect();
    let entry = |size: u64, program: &str| {
        let cell = results.linearity.iter().find(|cell| cell.size == size && cell.program == program);
        cell.map_or_else(String::new, |cell| match cell.failure() {
            Some(_) => "fails".to_owned(),
            None => optional(median(cell.nanoseconds().flatten())),
        })
    };
    let rows: Vec<Vec<_>> = sizes
        .iter()
        .map(|&size| {
            [size.to_string()].into_iter().chain(programs.iter().map(|program| entry(size, program))).collect()
        })
        .collect();
    table(&head, &rows)
}

/// What the names of the workloads stand for.
pub fn legend(results: &Results) -> String {
    let head = strings(&["workload", "what it is", "operation"]);
    let rows: Vec<_> =
        measured(results).map(|workload| strings(&[workload.name, workload.title, workload.unit])).collect();
    table_with(3, &head, &rows)
}

#[cfg(test)]
mod tests {
    use super::{number, strings, table};

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [strings(&["a", "1000"]), strings(&["long", "1"])];
        let expected = "| x    |    y |\n| --- | ---: |\n| a    | 1000 |\n| long |    1 |\n";
        assert_eq!(table(&strings(&["x", "y"]), &rows), expected);
    }

    #[test]
    fn small_numbers_have_a_decimal() {
        assert_eq!([number(1.25), number(74.4), number(1370.0)], ["1.2", "74", "1370"]);
    }
}
