//! How a loop makes the choices that the rules of order leave open, if it has a seed.

use crate::inbox::Sent;

/// A sequence of choices that a seed determines.
pub(super) struct Schedule {
    seed: u64,
    /// The state of the generator: `SplitMix64`, by Sebastiano Vigna.
    state: u64,
}

impl Schedule {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of the numbers below `bound`.
    fn choose(&mut self, bound: usize) -> usize {
        // The high half of the product: without the bias of a remainder for all bounds that occur.
        let product = u128::from(self.next()) * bound as u128;
        usize::try_from(product >> 64).expect("it is below the bound")
    }

    /// Takes messages out of those that have arrived: at least one, if there is any. What one sender has sent stays in its
    /// order; which sender comes next, and how many messages are noticed in this poll, is open.
    pub(super) fn arrange<M>(&mut self, arrived: &mut Vec<Sent<M>>) -> Vec<Sent<M>> {
        if arrived.is_empty() {
            return Vec::new();
        }
        let count = 1 + self.choose(arrived.len());
        let mut left: Vec<_> = arrived.drain(..).map(Some).collect();
        let mut chosen = Vec::with_capacity(count);
        for _ in 0..count {
            let mut senders: Vec<_> = left.iter().flatten().map(|(sender, _)| *sender).collect();
            senders.sort_unstable();
            senders.dedup();
            let sender = senders[self.choose(senders.len())];
            let oldest = left.iter_mut().find(|message| message.as_ref().is_some_and(|(from, _)| *from == sender));
            chosen.extend(oldest.and_then(Option::take));
        }
        arrived.extend(left.into_iter().flatten());
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;

    #[test]
    fn the_generator_is_the_published_one() {
        // The first outputs for the seed 1234567, as the author's C program prints them.
        let mut schedule = Schedule::new(1_234_567);
        let outputs = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([(); 3].map(|()| schedule.next()), outputs);
    }

    #[test]
    fn what_one_sender_has_sent_stays_in_order_and_nothing_is_lost() {
        for seed in 0..500 {
            let mut schedule = Schedule::new(seed);
            let mut arrived: Vec<(u64, u32)> = (0..12).map(|n| (u64::from(n % 3), n)).collect();
            let mut delivered = Vec::new();
            let mut polls = 0;
            while !arrived.is_empty() {
                let batch = schedule.arrange(&mut arrived);
                assert!(!batch.is_empty(), "seed {seed}: a poll notices something");
                delivered.extend(batch);
                polls += 1;
            }
            assert!(polls <= 12);
            assert!(schedule.arrange(&mut arrived).is_empty());
            for sender in 0..3 {
                let own: Vec<_> = delivered.iter().filter(|(from, _)| *from == sender).map(|(_, n)| *n).collect();
                let sent: Vec<_> = (0..12).filter(|n| u64::from(n % 3) == sender).collect();
                assert_eq!(own, sent, "seed {seed}");
            }
        }
    }
}
