//! The crate does what Node did when the corpus was recorded, word for word. This needs no Node.

use thenable_differential::corpus::recorded;
use thenable_differential::javascript::source;
use thenable_differential::trace::side_by_side;

#[test]
fn every_recorded_program_does_what_it_did_in_node() {
    let entries = recorded().unwrap();
    assert!(entries.len() > 2000, "{} recorded programs", entries.len());
    for (index, entry) in entries.iter().enumerate() {
        if let Some(trace) = entry.difference() {
            let name = entry.name.clone().unwrap_or_else(|| format!("#{}", index + 1));
            let table = side_by_side(["Node", "thenable"], &entry.trace(), &trace);
            panic!("the recorded program {name} differs:\n\n{}\n{table}", source(&entry.program));
        }
    }
}
