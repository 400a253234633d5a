//! The workloads: what is measured, how often, and what must come out.

/// A workload that programs of several libraries do in the same way.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// What it is called in tables.
    pub name: &'static str,
    /// What it is.
    pub title: &'static str,
    /// What one operation is.
    pub unit: &'static str,
    /// How many operations one round has.
    pub size: u64,
    /// How many rounds are measured together.
    pub rounds: u64,
    /// What the program of so many operations computes.
    pub checksum: fn(u64) -> u64,
}

/// The sum of the numbers below `count`.
fn numbers(count: u64) -> u64 {
    count * count.saturating_sub(1) / 2
}

const fn same(count: u64) -> u64 {
    count
}

/// Uploads add 6 to the number of their request: five steps add 1, and so does the link.
fn uploads(count: u64) -> u64 {
    numbers(count) + 6 * count
}

/// Queries of one request add up 25 numbers that begin with its own.
fn queries(count: u64) -> u64 {
    25 * numbers(count) + 300 * count
}

const MILLION: u64 = 1_000_000;
const REQUESTS: u64 = 10_000;

const fn million(name: &'static str, unit: &'static str, title: &'static str, checksum: fn(u64) -> u64) -> Workload {
    Workload { name, title, unit, size: MILLION, rounds: 1, checksum }
}

const fn requests(name: &'static str, title: &'static str, rounds: u64, checksum: fn(u64) -> u64) -> Workload {
    Workload { name, title, unit: "request", size: REQUESTS, rounds, checksum }
}

/// The workload whose size varies in the table of linearity.
pub const CHAIN: Workload = million("W1", "link", "a chain of `then`, its head settled", same);

/// All workloads, in the order of the tables.
pub const WORKLOADS: &[Workload] = &[
    million("F1", "step", "the floor, hot in the cache: allocate 64 bytes, push, pop, call, free", same),
    million("F2", "step", "the floor, cold in memory", same),
    CHAIN,
    million("W1b", "link", "a chain of `then`, its head pending", same),
    million("W2", "promise", "a new promise, settled by a microtask, then the next", numbers),
    million("W3", "then", "a million `then`s on one promise", same),
    million("W4", "promise", "`all` of a million pending promises", numbers),
    million("W5", "link", "a chain whose handlers return settled promises", same),
    million("W5p", "promise", "adoption of a promise that is still pending", numbers),
    million("W6", "microtask", "a million microtasks", same),
    million("W6s", "task", "a million async functions called, that await once", same),
    million("W7", "timer", "a million timers with random delays of up to a second", same),
    million("W7c", "timer", "a million timers made and cleared", same),
    million("W8", "promise", "a million pending promises with one `then` each, and settling them", numbers),
    requests("W9d", "doxbee-sequential, without timers, with `then`", 20, uploads),
    requests("W9da", "doxbee-sequential, without timers, with `await`", 20, uploads),
    requests("W9dt", "doxbee-sequential, with timers of 1 ms", 1, uploads),
    requests("W9m", "madeup-parallel, without timers", 5, queries),
    requests("W9mt", "madeup-parallel, with timers of 1 ms", 1, queries),
    million("W10", "completion", "a million completions from another thread", numbers),
    million("W11", "await", "await of a settled promise", numbers),
    million("W12t", "step", "steps that each wait for a microtask, in a chain of `then`", same),
    million("W12a", "step", "the same steps with `await`", same),
];

/// The workload with this name.
pub fn workload(name: &str) -> Option<Workload> {
    WORKLOADS.iter().find(|workload| workload.name == name).copied()
}
