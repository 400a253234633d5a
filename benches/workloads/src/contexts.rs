//! What a context costs: W1, W5 and W11 inside of one, and chains whose links alternate between a hundred of them.

use thenable::{AsyncLocal, run};

use crate::P;
use crate::sample::{Sample, Sum, timed};
use crate::{adoption, awaiting, chain};

static REQUEST: AsyncLocal<u64> = AsyncLocal::new();

/// W1c: W1 in a context.
pub(crate) fn chain(links: u64) -> Sample {
    REQUEST.run(1, || chain::settled_head(links))
}

/// W5c: W5 in a context.
pub(crate) fn adopting_chain(links: u64) -> Sample {
    REQUEST.run(1, || adoption::settled(links))
}

/// W11c: W11 in a context.
pub(crate) fn awaiting(awaits: u64) -> Sample {
    REQUEST.run(1, || awaiting::settled(awaits))
}

/// W1x: a hundred chains side by side, for comparison.
pub(crate) fn chains_outside(links: u64) -> Sample {
    side_by_side(links, |_, chain| chain())
}

/// W1xc: a hundred chains side by side, each in a context of its own: with each link the context changes.
pub(crate) fn chains_in_contexts(links: u64) -> Sample {
    side_by_side(links, |number, chain| REQUEST.run(number, chain))
}

fn side_by_side(links: u64, around: impl Fn(u64, &mut dyn FnMut())) -> Sample {
    const CHAINS: u64 = 100;
    let sum = Sum::new();
    timed(|| {
        run(|| {
            for number in 0..CHAINS {
                around(number, &mut || {
                    let tail = chain::extend(P::resolve(0), links / CHAINS);
                    tail.map(move |value| sum.add(value));
                });
            }
        })
        .expect("nothing rejects");
        sum.get()
    })
}
