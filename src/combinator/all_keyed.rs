//! `all_keyed` and `all_settled_keyed`: a map of promises to the promise of a map.

use std::convert::Infallible;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::mem;
use std::panic::Location;
use std::rc::Rc;

use super::all::Values;
use super::all_settled::Outcomes;
use super::hook_up::hook_up;
use super::{Gathering, Row, Strategy, Take, Taken};
use crate::cell::handle::Promise;
use crate::outcome::Outcome;
use crate::resolve::resolution::IntoResolution;

impl<M: 'static, E: Debug + 'static> Promise<M, E> {
    /// [`all`](Promise::all) for elements that have keys: JavaScript's coming `Promise.allKeyed(object)`, and Bluebird's
    /// `Promise.props`. The entries of a map become a map, or anything that is [collected](FromIterator) from pairs.
    ///
    /// It settles, takes its ticks, and treats losers and faults as [`all`](Promise::all) does. Entries are hooked up in the
    /// order in which they are iterated over, which for a `HashMap` is any, and their values are collected in that order.
    ///
    /// - **No entries:** it is fulfilled at once, with an empty map.
    /// - **Faults:** a panic while the map is made, in the `Hash` of a key perhaps, is a fault of the result.
    /// - **Cost:** one allocation for each entry but those that are fulfilled and have one handle, the `Vec`s of the
    ///   keys and of the values, and the map.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use thenable::{Promise, block_on};
    ///
    /// let prices = BTreeMap::from([("tea", Promise::<_, String>::resolve(4)), ("cup", Promise::resolve(9))]);
    /// let prices: Promise<BTreeMap<_, _>, _> = Promise::all_keyed(prices);
    /// assert_eq!(block_on(prices), Ok(BTreeMap::from([("cup", 9), ("tea", 4)])));
    /// ```
    #[doc(alias = "props")]
    #[track_caller]
    pub fn all_keyed<I, K, R>(entries: I) -> Self
    where
        I: IntoIterator<Item = (K, R)>,
        K: 'static,
        R: IntoResolution<E>,
        M: FromIterator<(K, R::Value)>,
    {
        gather_entries(Values::new(), entries, Location::caller())
    }
}

impl<M: 'static> Promise<M, Infallible> {
    /// [`all_settled`](Promise::all_settled) for elements that have keys: JavaScript's coming
    /// `Promise.allSettledKeyed(object)`. It makes a map of outcomes as [`all_keyed`](Promise::all_keyed) makes one of values.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use thenable::{Outcome, Promise, block_on};
    ///
    /// let prices = BTreeMap::from([("tea", Promise::resolve(4)), ("cup", Promise::reject("sold out"))]);
    /// let prices: Promise<BTreeMap<_, _>, _> = Promise::all_settled_keyed(prices);
    /// let Ok(prices) = block_on(prices);
    /// assert_eq!(prices["tea"], Outcome::Fulfilled(4));
    /// assert_eq!(prices["cup"], Outcome::Rejected("sold out"));
    /// ```
    #[track_caller]
    pub fn all_settled_keyed<I, K, R, E>(entries: I) -> Self
    where
        I: IntoIterator<Item = (K, R)>,
        K: 'static,
        E: Debug + 'static,
        R: IntoResolution<E>,
        M: FromIterator<(K, Outcome<R::Value, E>)>,
    {
        gather_entries(Outcomes::new(), entries, Location::caller())
    }
}

fn gather_entries<I, K, R, E, S, V, M>(
    inner: S,
    entries: I,
    made_at: &'static Location<'static>,
) -> Promise<M, S::Error>
where
    I: IntoIterator<Item = (K, R)>,
    K: 'static,
    E: Debug + 'static,
    R: IntoResolution<E>,
    S: Strategy<Value = Vec<V>> + Row + Take<R::Value, E>,
    M: FromIterator<(K, V)> + 'static,
{
    let strategy = Keyed { inner, keys: Vec::new(), map: PhantomData };
    let (result, gathering) = Gathering::new(strategy, made_at);
    let gathering = Rc::new(gathering);
    gathering.iterate(|| {
        let entries = entries.into_iter();
        gathering.announce(entries.size_hint().0);
        for (key, element) in entries {
            let element = element.into_resolution();
            let place = gathering.make_room(key);
            hook_up(&gathering, place, element, made_at);
        }
    });
    result
}

/// What another strategy makes of the elements, with their keys.
struct Keyed<S, K, M> {
    inner: S,
    keys: Vec<K>,
    map: PhantomData<M>,
}

impl<S, K, V, M> Strategy for Keyed<S, K, M>
where
    S: Strategy<Value = Vec<V>>,
    K: 'static,
    M: FromIterator<(K, V)> + 'static,
{
    type Value = M;
    type Error = S::Error;
    type Waste = S::Waste;

    const NEEDS_EVERY_ELEMENT: bool = S::NEEDS_EVERY_ELEMENT;

    fn conclude(&mut self) -> Option<Outcome<M, S::Error>> {
        let keys = mem::take(&mut self.keys);
        Some(self.inner.conclude()?.map(|values| keys.into_iter().zip(values).collect()))
    }
}

impl<S, K, V, M> Row<K> for Keyed<S, K, M>
where
    S: Strategy<Value = Vec<V>> + Row,
    K: 'static,
    M: FromIterator<(K, V)> + 'static,
{
    fn make_room(&mut self, key: K) -> usize {
        self.keys.push(key);
        self.inner.make_room(())
    }

    fn announce(&mut self, least: usize) {
        self.inner.announce(least);
    }
}

impl<T, E, S, K, V, M> Take<T, E> for Keyed<S, K, M>
where
    S: Strategy<Value = Vec<V>> + Take<T, E>,
    K: 'static,
    M: FromIterator<(K, V)> + 'static,
{
    fn take(&mut self, place: usize, outcome: Outcome<T, E>) -> Taken<Self> {
        match self.inner.take(place, outcome) {
            Taken::Kept => Taken::Kept,
            Taken::Wasted(waste) => Taken::Wasted(waste),
            Taken::Over => Taken::Over,
            Taken::Decided(decided) => {
                Taken::Decided(decided.map(|_| unreachable!("the values are there when all elements have settled")))
            }
        }
    }

    fn keep(&mut self, place: usize, outcome: Outcome<T, E>) -> Result<(), Outcome<T, E>> {
        self.inner.keep(place, outcome)
    }
}
