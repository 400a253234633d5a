//! What a program logs, and how two traces differ.
//!
//! A trace is a list of words. `f2(1)@3` says: the handler for fulfilment of the `then` that has number 2 was called
//! with 1, in the third tick. The table of the letters stands in `README.md`.

use std::fmt::Write;

/// What a program logs.
pub type Trace = Vec<String>;

/// Two traces beside each other, with a mark where they begin to differ.
pub fn side_by_side(titles: [&str; 2], left: &[String], right: &[String]) -> String {
    let width = left.iter().map(String::len).chain([titles[0].len()]).max().unwrap_or(0);
    let mut table = format!("      {:width$}    {}\n", titles[0], titles[1]);
    let first = first_difference(left, right);
    for line in 0..left.len().max(right.len()) {
        let word = |trace: &[String]| trace.get(line).cloned().unwrap_or_default();
        let mark = if Some(line) == first { "<>" } else { "" };
        let row = format!("{:4}  {:width$} {mark:2} {}", line + 1, word(left), word(right));
        writeln!(table, "{}", row.trim_end()).expect("a string takes everything");
    }
    table
}

/// The index of the first word that is not the same in both.
pub fn first_difference(a: &[String], b: &[String]) -> Option<usize> {
    (0..a.len().max(b.len())).find(|line| a.get(*line) != b.get(*line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(words: &str) -> Trace {
        words.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_first_difference_is_marked() {
        let table = side_by_side(["Node", "thenable"], &trace("m1@1 f2(7)@2 U3(1)@14"), &trace("m1@1 f2(7)@3"));
        let expected = "      Node        thenable
   1  m1@1        m1@1
   2  f2(7)@2  <> f2(7)@3
   3  U3(1)@14\n";
        assert_eq!(table, expected);
    }

    #[test]
    fn a_longer_trace_differs_where_the_shorter_one_ends() {
        assert_eq!(first_difference(&trace("a b"), &trace("a b")), None);
        assert_eq!(first_difference(&trace("a b"), &trace("a")), Some(1));
        assert_eq!(first_difference(&trace("a"), &trace("a b")), Some(1));
    }
}
