//! The chart: for each workload, where each program stands in relation to Node, on a logarithmic scale.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::program::BASE;
use crate::report::summary;
use crate::report::table::measured;
use crate::results::Results;

/// The programs that are shown, with their colours: fewer than there are, so that they can be told apart.
const SHOWN: [(&str, RGBColor); 7] = [
    ("thenable", RGBColor(200, 30, 30)),
    ("thenable + mimalloc", RGBColor(240, 150, 150)),
    ("tokio", RGBColor(31, 90, 180)),
    ("async-executor", RGBColor(20, 140, 140)),
    ("futures, tasks", RGBColor(120, 80, 170)),
    ("Bun", RGBColor(190, 130, 20)),
    ("Bluebird", RGBColor(120, 120, 120)),
];

const WIDTH: u32 = 960;
const ROW: u32 = 26;
const MARGIN: u32 = 110;
const LEGEND: u32 = 170;

/// A point: the ratio, and the row of the workload.
type Point = (f64, usize);

/// Draws the chart into `file`, an SVG, if anything was measured beside Node.
///
/// # Errors
///
/// If the file cannot be written.
pub fn draw(results: &Results, file: &Path) -> Result<()> {
    let names: Vec<_> = measured(results)
        .map(|workload| workload.name)
        .filter(|workload| results.cell(workload, BASE).is_some())
        .collect();
    let series: Vec<_> =
        SHOWN.iter().map(|(program, colour)| (*program, *colour, points(results, &names, program))).collect();
    if names.is_empty() {
        return Ok(());
    }
    let rows = u32::try_from(names.len())?;
    let root = SVGBackend::new(file, (WIDTH, rows * ROW + MARGIN)).into_drawing_area();
    plot(&root, &names, &series).map_err(|error| anyhow!("{} cannot be drawn: {error}", file.display()))
}

fn points(results: &Results, names: &[&str], program: &str) -> Vec<Point> {
    let point = |(row, workload): (usize, &&str)| {
        let summary = summary(results.cell(workload, program)?, results.cell(workload, BASE))?;
        Some((summary.ratio?.median, names.len() - 1 - row))
    };
    names.iter().enumerate().filter_map(point).collect()
}

type Drawing<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A program's name, colour and points.
type Series<'a> = (&'a str, RGBColor, Vec<Point>);

type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

fn plot(root: &Drawing<'_>, names: &[&str], series: &[Series<'_>]) -> Drawn {
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(WIDTH - LEGEND);
    let ratios = || series.iter().flat_map(|(.., points)| points).map(|(ratio, _)| *ratio);
    let low = ratios().fold(0.1, f64::min) / 1.3;
    let high = ratios().fold(2.0, f64::max) * 1.3;
    let mut chart = ChartBuilder::on(&left)
        .caption("Time in relation to Node: further left is faster", ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d((low..high).log_scale(), (0..names.len() - 1).into_segmented())?;
    let label = |row: &SegmentValue<usize>| match row {
        SegmentValue::CenterOf(row) => names.iter().rev().nth(*row).map_or_else(String::new, ToString::to_string),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .y_labels(names.len())
        .y_label_formatter(&label)
        .x_label_formatter(&|ratio| format!("{ratio}"))
        .x_desc("Node = 1")
        .light_line_style(WHITE)
        .draw()?;
    let line = [(1.0, SegmentValue::Exact(0)), (1.0, SegmentValue::Last)];
    chart.draw_series(LineSeries::new(line, BLACK))?;
    for (_, colour, points) in series {
        let dot = |(ratio, row): &Point| Circle::new((*ratio, SegmentValue::CenterOf(*row)), 5, colour.filled());
        chart.draw_series(points.iter().map(dot))?;
    }
    explain(&right, series)?;
    root.present()?;
    Ok(())
}

/// Says beside the chart which colour is which program's.
fn explain(area: &Drawing<'_>, series: &[Series<'_>]) -> Drawn {
    for (row, (program, colour, _)) in (0..).zip(series) {
        let y = 50 + row * 22;
        area.draw(&Circle::new((12, y), 5, colour.filled()))?;
        area.draw(&Text::new(program.to_string(), (26, y - 7), ("sans-serif", 13)))?;
    }
    Ok(())
}
