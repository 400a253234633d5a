//! Medians, and ratios in pairs.

use crate::results::Cell;

/// The median; of an even number of values the mean of the two in the middle.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// The ratio of a program to another one: of each pair of runs that followed each other, the median and the extremes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The median.
    pub median: f64,
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
}

/// The ratio of `program` to `base`, pair by pair.
pub fn ratio(program: &Cell, base: &Cell) -> Option<Ratio> {
    let pairs = program.nanoseconds().zip(base.nanoseconds());
    let ratios: Vec<_> = pairs.filter_map(|(program, base)| Some(program? / base?)).collect();
    Some(Ratio {
        median: median(ratios.iter().copied())?,
        low: ratios.iter().copied().reduce(f64::min)?,
        high: ratios.iter().copied().reduce(f64::max)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Ratio, median, ratio};
    use crate::native::Measured;
    use crate::results::{Cell, Run};

    fn cell(runs: &[Option<f64>]) -> Cell {
        let run = |nanoseconds: &Option<f64>| match nanoseconds {
            Some(nanoseconds) => {
                Run::Measured(Measured { nanoseconds: *nanoseconds, checksum: 0, peak_kib: None, bytes: None })
            }
            None => Run::Failed("no".to_owned()),
        };
        let runs = runs.iter().map(run).collect();
        Cell { workload: String::new(), program: String::new(), size: 10, rounds: 1, runs, instructions: None }
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn ratios_are_of_runs_that_followed_each_other() {
        let program = cell(&[Some(10.0), Some(20.0), Some(30.0)]);
        let base = cell(&[Some(100.0), Some(400.0), Some(100.0)]);
        assert_eq!(ratio(&program, &base), Some(Ratio { median: 0.1, low: 0.05, high: 0.3 }));
        assert_eq!(ratio(&program, &cell(&[None])), None);
        let twice = cell(&[None, Some(10.0)]);
        assert_eq!(ratio(&program, &twice), Some(Ratio { median: 2.0, low: 2.0, high: 2.0 }));
    }
}
