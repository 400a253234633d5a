//! The command that writes the corpus anew.

use thenable_differential::corpus::{Entry, File};
use thenable_differential::oracle::Oracle;
use thenable_differential::program::Program;
use thenable_differential::select::select;
use thenable_differential::{generate, native};

use crate::commands::{Outcome, Verdict, traces};

/// How large the generated programs are, in statements.
const SIZES: std::ops::RangeInclusive<usize> = 1..=6;
/// How many programs of each size there are to choose from.
const CHOICE: u64 = 6_000;
/// How large the generated part of the corpus may be, in bytes.
const ROOM: usize = 900_000;

pub(crate) fn record(seed: u64) -> Outcome {
    let mut oracle = Oracle::start()?;
    native::silence_panics();
    let mut differences = 0;

    let mut named = File::Named.entries()?;
    let programs: Vec<Program> = named.iter().map(|entry| entry.program.clone()).collect();
    for (entry, traces) in named.iter_mut().zip(traces(&mut oracle, &programs)?) {
        if !traces.agree() {
            println!("{}: the crate differs from Node", entry.name.as_deref().unwrap_or("a program without a name"));
            differences += 1;
        }
        *entry = Entry::new(entry.name.take(), entry.program.clone(), &traces.node);
    }
    File::Named.write(&named)?;

    let mut candidates = Vec::new();
    for size in SIZES {
        let first = seed + size as u64 * CHOICE;
        let programs: Vec<Program> = (first..first + CHOICE).map(|seed| generate::program(seed, size)).collect();
        for (program, traces) in programs.iter().zip(traces(&mut oracle, &programs)?) {
            // The corpus says what must not change; what is wrong today is shown by `fresh`.
            if traces.agree() {
                candidates.push(Entry::new(None, program.clone(), &traces.node));
            } else {
                differences += 1;
            }
        }
    }
    let generated = select(candidates, ROOM);
    File::Generated.write(&generated)?;

    println!("{} named programs, {} generated ones", named.len(), generated.len());
    if differences > 0 {
        println!("the crate differs from Node in {differences} programs; those that were generated are left out");
        return Ok(Verdict::Differ);
    }
    Ok(Verdict::Agree)
}
