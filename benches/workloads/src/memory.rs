//! W8: what a pending promise weighs.

use std::fs;

use thenable::{Resolve, run};

use crate::P;
use crate::sample::{Sample, Sum, timed};

/// The memory of this process that is resident, in bytes: Linux only.
pub fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells how much memory is resident");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it stands in the status");
    let kib = line.trim().trim_end_matches("kB").trim().parse::<u64>().expect("it is a number of KiB");
    kib * 1024
}

/// W8: pending promises, each with one `then` and with the function that can settle it.
#[expect(clippy::cast_precision_loss, reason = "a mean of so many bytes has no more digits")]
pub(crate) fn pending_promises(count: u64) -> Sample {
    let mut bytes = 0.0;
    let sample = timed(|| {
        let sum = Sum::new();
        let mut resolvers: Vec<Option<Resolve<u64, u64>>> = (0..count).map(|_| None).collect();
        let before = resident_bytes();
        for place in &mut resolvers {
            let (promise, resolve, _reject) = P::with_resolvers();
            promise.then(move |value| sum.add(value));
            *place = Some(resolve);
        }
        bytes = (resident_bytes() - before) as f64 / count as f64;
        let settle = || (0..).zip(resolvers.into_iter().flatten()).for_each(|(index, resolve)| resolve(index));
        run(settle).expect("nothing rejects");
        sum.get()
    });
    Sample { bytes: Some(bytes), ..sample }
}
