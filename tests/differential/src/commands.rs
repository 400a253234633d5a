//! What the commands do.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use thenable_differential::corpus;
use thenable_differential::oracle::Oracle;
use thenable_differential::program::Program;
use thenable_differential::shrink::shrink;
use thenable_differential::trace::{Trace, side_by_side};
use thenable_differential::{generate, javascript, native};

/// What goes wrong is said, and ends the command.
pub(crate) type Failure = Box<dyn Error>;
/// How a command ends.
pub(crate) type Outcome = Result<Verdict, Failure>;

/// Whether the crate does what Node does.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    Agree,
    Differ,
}

/// How many programs Node runs at a time.
const BATCH: u64 = 200;

pub(crate) fn fresh(seconds: u64, seed: Option<u64>) -> Outcome {
    let mut oracle = Oracle::start()?;
    native::silence_panics();
    let first = seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000));
    println!("programs from seed {first} on");
    let (start, mut words, mut seed) = (Instant::now(), 0, first);
    while start.elapsed() < Duration::from_secs(seconds) {
        let programs: Vec<Program> = (seed..seed + BATCH).map(generate::program_of_any_size).collect();
        for (program, mut traces) in programs.iter().zip(traces(&mut oracle, &programs)?) {
            // V8's own threads may wake Node's loop. Where it would sleep, although an immediate waits that does not keep
            // it alive, that immediate runs then, and not the next timer.
            if !traces.agree() {
                traces.node = oracle.trace(program)?;
            }
            if !traces.agree() {
                println!("{} programs agreed in {words} words; the program of seed {seed} does not", seed - first);
                explain(&mut oracle, seed, program)?;
                return Ok(Verdict::Differ);
            }
            words += traces.node.len();
            seed += 1;
        }
    }
    println!("{} programs agreed in {words} words, in {} seconds", seed - first, start.elapsed().as_secs());
    Ok(Verdict::Agree)
}

/// What one program logs.
pub(crate) struct Traces {
    pub(crate) node: Trace,
    native: Trace,
}

impl Traces {
    pub(crate) fn agree(&self) -> bool {
        self.node == self.native
    }
}

pub(crate) fn traces(oracle: &mut Oracle, programs: &[Program]) -> Result<Vec<Traces>, Failure> {
    // Node runs them at the same time.
    oracle.ask(programs)?;
    let native: Vec<Trace> = programs.iter().map(native::trace).collect();
    Ok(oracle.answer()?.into_iter().zip(native).map(|(node, native)| Traces { node, native }).collect())
}

/// Shrinks a program that differs, and shows what is left of it.
fn explain(oracle: &mut Oracle, seed: u64, program: &Program) -> Result<(), Failure> {
    let mut failure = None;
    let smallest = shrink(program, |candidate| match oracle.trace(candidate) {
        Ok(trace) => trace != native::trace(candidate),
        Err(error) => {
            failure = Some(error);
            false
        }
    });
    if let Some(error) = failure {
        return Err(error.into());
    }
    println!("\nThe smallest program found that differs:\n\n{}\n", smallest.to_json());
    let node = oracle.trace(&smallest)?;
    println!("{}", both_traces(&smallest, "Node", &node, &native::trace(&smallest)));
    println!("The program before it shrank: cargo run -p thenable-differential -- show {seed}");
    Ok(())
}

/// The program in JavaScript, and what it logs in Node and on the crate.
fn both_traces(program: &Program, title: &str, node: &Trace, native: &Trace) -> String {
    format!("{}\n{}", javascript::source(program), side_by_side([title, "thenable"], node, native))
}

pub(crate) fn show(which: &str) -> Outcome {
    let program = find(which)?;
    let mut oracle = Oracle::start()?;
    native::silence_panics();
    let (node, native) = (oracle.trace(&program)?, native::trace(&program));
    let shown = format!("{}\n\n{}", program.to_json(), both_traces(&program, "Node", &node, &native));
    io::stdout().write_all(shown.as_bytes())?;
    Ok(if node == native { Verdict::Agree } else { Verdict::Differ })
}

/// The program that the command line means.
fn find(which: &str) -> Result<Program, Failure> {
    if let Ok(seed) = which.parse() {
        return Ok(generate::program_of_any_size(seed));
    }
    let entries = corpus::recorded()?;
    let number = which.strip_prefix('#').and_then(|number| number.parse::<usize>().ok());
    let numbered = number.and_then(|number| entries.get(number.checked_sub(1)?));
    if let Some(entry) = numbered.or_else(|| entries.iter().find(|entry| entry.name.as_deref() == Some(which))) {
        return Ok(entry.program.clone());
    }
    if !Path::new(which).exists() {
        return Err(format!("`{which}` is not a seed, not in the corpus, and not a file").into());
    }
    let text = fs::read_to_string(which)?;
    Program::from_json(&text).map_err(|error| format!("{which} is not a program in JSON: {error}").into())
}

pub(crate) fn corpus() -> Outcome {
    native::silence_panics();
    let entries = corpus::recorded()?;
    for (index, entry) in entries.iter().enumerate() {
        if let Some(native) = entry.difference() {
            println!("program #{}, {}:\n", index + 1, entry.name.as_deref().unwrap_or("a generated one"));
            println!("{}", both_traces(&entry.program, "Node, recorded", &entry.trace(), &native));
            return Ok(Verdict::Differ);
        }
    }
    println!("{} recorded programs agreed", entries.len());
    Ok(Verdict::Agree)
}
