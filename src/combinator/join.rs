//! `join`: promises of different types, and arrays.

use std::convert::Infallible;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::mem;
use std::panic::Location;
use std::rc::Rc;

use super::hook_up::hook_up;
use super::{Gathering, Strategy, Take, Taken, keep_value, value};
use crate::cell::handle::Promise;
use crate::outcome::Outcome;
use crate::resolve::resolution::IntoResolution;

impl<T: 'static, E: Debug + 'static> Promise<T, E> {
    /// [`all`](Promise::all) for a fixed number of promises: a tuple of up to twelve, each with a value of its own type, makes
    /// a tuple of the values; an array makes an array.
    ///
    /// It settles, takes its ticks, and treats losers and faults as [`all`](Promise::all) does. The promises share one type of
    /// reasons; [`map_err`](Promise::map_err) changes it.
    ///
    /// - **An empty array:** it is fulfilled at once.
    /// - **Cost:** one allocation for each element but those that are fulfilled and have one handle. The values need
    ///   none.
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let user = Promise::<_, String>::resolve("zero");
    /// let visits = Promise::resolve(7);
    /// let both = Promise::join((user, visits)).map(|(user, visits)| format!("{user} came {visits} times"));
    /// assert_eq!(block_on(both), Ok("zero came 7 times".to_string()));
    ///
    /// let [a, b] = block_on(Promise::join([Ok::<_, String>(1), Ok(2)]))?;
    /// assert_eq!(a + b, 3);
    /// # Ok::<(), String>(())
    /// ```
    #[track_caller]
    pub fn join<J: Join<E, Values = T>>(promises: J) -> Self {
        promises.join_at(Location::caller())
    }
}

/// What [`Promise::join`] takes: tuples and arrays of what [resolves](IntoResolution).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tuple or an array of what resolves a promise with reasons of type `{E}`",
    note = "`join` takes tuples of up to twelve promises, and arrays; `all` takes any iterator",
    note = "the promises share one type of reasons; `map_err` changes it"
)]
pub trait Join<E> {
    /// The values of the elements.
    type Values: 'static;

    #[doc(hidden)]
    fn join_at(self, made_at: &'static Location<'static>) -> Promise<Self::Values, E>;
}

/// A place for each value: a tuple or an array of `Option`s.
trait Places: 'static {
    type Values: 'static;

    /// Takes the values, which are all there.
    fn take_values(&mut self) -> Self::Values;
}

/// The place of a `T` among others.
type Place<P, T> = fn(&mut P) -> &mut Option<T>;

const ALL_SETTLED: &str = "every element has settled";

/// Every value, or the first failure.
struct Joined<P, E> {
    places: P,
    reasons: PhantomData<E>,
}

impl<P: Places, E: Debug + 'static> Joined<P, E> {
    /// The result, and who gathers its values.
    fn gather(places: P, made_at: &'static Location<'static>) -> (Promise<P::Values, E>, Rc<Gathering<Self>>) {
        let (result, gathering) = Gathering::new(Self { places, reasons: PhantomData }, made_at);
        (result, Rc::new(gathering))
    }
}

impl<P: Places, E: Debug + 'static> Strategy for Joined<P, E> {
    type Value = P::Values;
    type Error = E;
    type Waste = Infallible;

    fn conclude(&mut self) -> Option<Outcome<P::Values, E>> {
        Some(Outcome::Fulfilled(self.places.take_values()))
    }
}

impl<P: Places, T: 'static, E: Debug + 'static> Take<T, E, Place<P, T>> for Joined<P, E> {
    fn take(&mut self, place: Place<P, T>, outcome: Outcome<T, E>) -> Taken<Self> {
        match value(outcome) {
            Ok(value) => {
                *place(&mut self.places) = Some(value);
                Taken::Kept
            }
            Err(failure) => failure,
        }
    }

    fn keep(&mut self, place: Place<P, T>, outcome: Outcome<T, E>) -> Result<(), Outcome<T, E>> {
        keep_value(outcome, |value| *place(&mut self.places) = Some(value))
    }
}

/// Hooks an element up whose value has this place.
fn join<R, P, E>(
    gathering: &Rc<Gathering<Joined<P, E>>>,
    place: Place<P, R::Value>,
    element: R,
    made_at: &'static Location<'static>,
) where
    R: IntoResolution<E>,
    P: Places,
    E: Debug + 'static,
{
    let element = element.into_resolution();
    gathering.expect_element();
    hook_up(gathering, place, element, made_at);
}

impl<R, E, const N: usize> Join<E> for [R; N]
where
    E: Debug + 'static,
    R: IntoResolution<E>,
{
    type Values = [R::Value; N];

    fn join_at(self, made_at: &'static Location<'static>) -> Promise<Self::Values, E> {
        let (result, gathering) = Joined::gather([const { None }; N], made_at);
        gathering.iterate(|| {
            for (index, element) in self.into_iter().enumerate() {
                let element = element.into_resolution();
                gathering.expect_element();
                hook_up(&gathering, index, element, made_at);
            }
        });
        result
    }
}

impl<T: 'static, const N: usize> Places for [Option<T>; N] {
    type Values = [T; N];

    fn take_values(&mut self) -> [T; N] {
        mem::replace(self, [const { None }; N]).map(|value| value.expect(ALL_SETTLED))
    }
}

impl<T: 'static, E: Debug + 'static, const N: usize> Take<T, E> for Joined<[Option<T>; N], E> {
    fn take(&mut self, place: usize, outcome: Outcome<T, E>) -> Taken<Self> {
        match value(outcome) {
            Ok(value) => {
                self.places[place] = Some(value);
                Taken::Kept
            }
            Err(failure) => failure,
        }
    }

    fn keep(&mut self, place: usize, outcome: Outcome<T, E>) -> Result<(), Outcome<T, E>> {
        keep_value(outcome, |value| self.places[place] = Some(value))
    }
}

macro_rules! tuples {
    ($($element:ident $index:tt,)+) => {
        impl<$($element,)+ E> Join<E> for ($($element,)+)
        where
            E: Debug + 'static,
            $($element: IntoResolution<E>,)+
        {
            type Values = ($($element::Value,)+);

            fn join_at(self, made_at: &'static Location<'static>) -> Promise<Self::Values, E> {
                let places = ($(None::<$element::Value>,)+);
                let (result, gathering) = Joined::gather(places, made_at);
                gathering.iterate(|| {
                    $(
                        join(&gathering, |places| &mut places.$index, self.$index, made_at);
                    )+
                });
                result
            }
        }

        impl<$($element: 'static,)+> Places for ($(Option<$element>,)+) {
            type Values = ($($element,)+);

            fn take_values(&mut self) -> Self::Values {
                ($(self.$index.take().expect(ALL_SETTLED),)+)
            }
        }
    };
}

tuples! { A 0, }
tuples! { A 0, B 1, }
tuples! { A 0, B 1, C 2, }
tuples! { A 0, B 1, C 2, D 3, }
tuples! { A 0, B 1, C 2, D 3, F 4, }
tuples! { A 0, B 1, C 2, D 3, F 4, G 5, }
tuples! { A 0, B 1, C 2, D 3, F 4, G 5, H 6, }
tuples! { A 0, B 1, C 2, D 3, F 4, G 5, H 6, I 7, }
tuples! { A 0, B 1, C 2, D 3, F 4, G 5, H 6, I 7, J 8, }
tuples! { A 0, B 1, C 2, D 3, F 4, G 5, H 6, I 7, J 8, K 9, }
tuples! { A 0, B 1, C 2, D 3, F 4, G 5, H 6, I 7, J 8, K 9, L 10, }
tuples! { A 0, B 1, C 2, D 3, F 4, G 5, H 6, I 7, J 8, K 9, L 10, M 11, }
