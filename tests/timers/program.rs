//! Random programs of timers, immediates, microtasks and ticks.

use std::fmt;

use proptest::prelude::*;

/// What a callback does.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Op {
    Timeout(u64),
    Interval {
        period: u64,
        times: u64,
    },
    Immediate,
    Microtask,
    Tick,
    /// Clears the handle with this number, of those that were made so far, counted round.
    Clear(usize),
    /// Clears the handle of the macrotask that runs.
    ClearSelf,
    /// Lets milliseconds pass.
    Busy(u64),
    KeepAlive(usize, bool),
    Refresh(usize),
}

/// What the callbacks do: the `n`th one does what stands at `n`, counted round. The first is the main script.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) bodies: Vec<Vec<Op>>,
}

/// Which callback ran, and when.
pub(crate) type Trace = Vec<(usize, u64)>;

/// No callback is made after so many, so that every program ends.
pub(crate) const LIMIT: usize = 40;

impl Program {
    /// Reads what `Debug` writes.
    pub(crate) fn parse(text: &str) -> Self {
        let bodies = text.split('|').map(|body| body.split_whitespace().map(parse_op).collect());
        Self { bodies: bodies.collect() }
    }
}

fn parse_op(text: &str) -> Op {
    let number = |text: &str| text.parse().expect("a number");
    let handle = |text: &str| text.parse().expect("a number");
    let (kind, rest) = text.split_at(1);
    match kind {
        "t" => Op::Timeout(number(rest)),
        "v" => {
            let (period, times) = rest.split_once(':').expect("period and times");
            Op::Interval { period: number(period), times: number(times) }
        }
        "i" => Op::Immediate,
        "m" => Op::Microtask,
        "k" => Op::Tick,
        "c" => Op::Clear(handle(rest)),
        "s" => Op::ClearSelf,
        "b" => Op::Busy(number(rest)),
        "u" => Op::KeepAlive(handle(rest.trim_end_matches(['+', '-'])), rest.ends_with('+')),
        "r" => Op::Refresh(handle(rest)),
        _ => panic!("no operation is written {text}"),
    }
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Timeout(delay) => write!(f, "t{delay}"),
            Self::Interval { period, times } => write!(f, "v{period}:{times}"),
            Self::Immediate => f.write_str("i"),
            Self::Microtask => f.write_str("m"),
            Self::Tick => f.write_str("k"),
            Self::Clear(handle) => write!(f, "c{handle}"),
            Self::ClearSelf => f.write_str("s"),
            Self::Busy(time) => write!(f, "b{time}"),
            Self::KeepAlive(handle, alive) => write!(f, "u{handle}{}", if alive { '+' } else { '-' }),
            Self::Refresh(handle) => write!(f, "r{handle}"),
        }
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bodies =
            self.bodies.iter().map(|body| body.iter().map(|op| format!("{op:?}")).collect::<Vec<_>>().join(" "));
        f.write_str(&bodies.collect::<Vec<_>>().join(" | "))
    }
}

/// A trace as the JavaScript that ran the programs in Node prints it.
pub(crate) fn print(trace: &Trace) -> String {
    trace.iter().map(|(callback, time)| format!("{callback}@{time}")).collect::<Vec<_>>().join(" ")
}

fn op(with_keep_alive: bool) -> impl Strategy<Value = Op> {
    prop_oneof![
        34 => prop::sample::select(vec![0, 1, 1, 2, 2, 3, 4, 5, 5, 6, 7, 10]).prop_map(Op::Timeout),
        6 => (1_u64..8, 1_u64..5).prop_map(|(period, times)| Op::Interval { period, times }),
        14 => Just(Op::Immediate),
        6 => Just(Op::Microtask),
        5 => Just(Op::Tick),
        13 => (0_usize..100).prop_map(Op::Clear),
        4 => Just(Op::ClearSelf),
        8 => prop::sample::select(vec![1, 1, 2, 3, 5, 8]).prop_map(Op::Busy),
        if with_keep_alive { 5 } else { 0 } => (0_usize..100, any::<bool>()).prop_map(|(handle, alive)| Op::KeepAlive(handle, alive)),
        5 => (0_usize..100).prop_map(Op::Refresh),
    ]
}

pub(crate) fn program(with_keep_alive: bool) -> impl Strategy<Value = Program> {
    let body = move |most| prop::collection::vec(op(with_keep_alive), 0..most);
    (body(10), prop::collection::vec(body(5), 11)).prop_map(|(main, mut bodies)| {
        bodies.insert(0, main);
        Program { bodies }
    })
}
