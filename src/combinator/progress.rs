//! How far a combinator has come, for a progress bar.

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt::{self, Debug};
use std::panic::Location;
use std::rc::Rc;

use super::all::Values;
use super::all_settled::Outcomes;
use super::course::over_iterator;
use super::each::Done;
use super::filter_all::Filtered;
use super::gather_reporting;
use crate::cell::handle::Promise;
use crate::context::{self, Context};
use crate::outcome::Outcome;
use crate::resolve::resolution::IntoResolution;

/// How far a combinator has come. See [`with_progress`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Progress {
    /// How many elements are done.
    pub done: usize,
    /// How many there are, as soon as that is known.
    pub total: Option<usize>,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.total {
            Some(total) => write!(f, "{} of {total}", self.done),
            None => write!(f, "{}", self.done),
        }
    }
}

/// Has `callback` called as a combinator comes along: with 0 done when it begins, and then whenever one more element is done.
///
/// The verbs of what is returned are those of [`Promise`], with the same results in the same ticks. The callback is called:
///
/// - **within the call:** by `all` and `all_settled` when all elements are there, by the others before the first item. The total
///   is known then, unless the iterator of the items does not know it; in that case it comes with its end;
/// - **in the job of each element,** after it was taken, before the result settles. An element that decides the result by
///   failing is not done, and is followed by nothing.
///
/// A panic of the callback is a fault of the result.
///
/// ```
/// use std::{cell::RefCell, rc::Rc};
/// use thenable::{Promise, block_on, with_progress};
///
/// let bar = Rc::new(RefCell::new(Vec::new()));
/// let draw = bar.clone();
/// let pages = with_progress(move |progress| draw.borrow_mut().push(progress.to_string()))
///     .map_all(["a", "b"], 1, |name| Promise::<_, String>::resolve(name.len()));
/// assert_eq!(block_on(pages), Ok(vec![1, 1]));
/// assert_eq!(*bar.borrow(), ["0 of 2", "1 of 2", "2 of 2"]);
/// ```
///
/// `examples/progress.rs` has a bar of the crate `indicatif`.
pub fn with_progress(mut callback: impl FnMut(Progress) + 'static) -> WithProgress {
    let callback: Callback = match Context::current() {
        None => Box::new(callback),
        context => Box::new(move |progress| context::restore(context.as_ref(), || callback(progress))),
    };
    WithProgress {
        reporter: Reporter {
            callback: Cell::new(Some(callback)),
            progress: Cell::default(),
            counted: Cell::new(0),
            has_begun: Cell::new(false),
        },
    }
}

/// Combinators that say how far they have come: [`with_progress`].
#[must_use = "it does nothing before one of its verbs is called"]
pub struct WithProgress {
    reporter: Reporter,
}

impl WithProgress {
    /// [`Promise::all`].
    #[track_caller]
    pub fn all<I, T, E>(self, elements: I) -> Promise<Vec<T>, E>
    where
        I: IntoIterator<Item: IntoResolution<E, Value = T>>,
        T: 'static,
        E: Debug + 'static,
    {
        gather_reporting(Values::new(), Some(self.reporter()), elements, Location::caller())
    }

    /// [`Promise::all_settled`].
    #[track_caller]
    pub fn all_settled<I, T, E>(self, elements: I) -> Promise<Vec<Outcome<T, E>>, Infallible>
    where
        I: IntoIterator<Item: IntoResolution<E, Value = T>>,
        T: 'static,
        E: Debug + 'static,
    {
        gather_reporting(Outcomes::new(), Some(self.reporter()), elements, Location::caller())
    }

    /// [`Promise::map_all`].
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    #[track_caller]
    pub fn map_all<I, R, E, F>(self, items: I, limit: usize, mut mapper: F) -> Promise<Vec<R::Value>, E>
    where
        I: IntoIterator<IntoIter: 'static> + 'static,
        F: FnMut(I::Item) -> R + 'static,
        R: IntoResolution<E>,
        E: Debug + 'static,
    {
        let call = move |item| ((), mapper(item).into_resolution());
        over_iterator(Values::new(), Some(self.reporter()), items, limit, call)
    }

    /// [`Promise::filter_all`].
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    #[track_caller]
    pub fn filter_all<I, R, E, F>(self, items: I, limit: usize, mut predicate: F) -> Promise<Vec<I::Item>, E>
    where
        I: IntoIterator<Item: 'static, IntoIter: 'static> + 'static,
        F: FnMut(&I::Item) -> R + 'static,
        R: IntoResolution<E, Value = bool>,
        E: Debug + 'static,
    {
        let call = move |item| {
            let decision = predicate(&item).into_resolution();
            (item, decision)
        };
        over_iterator(Filtered::new(), Some(self.reporter()), items, limit, call)
    }

    /// [`Promise::each`].
    #[track_caller]
    pub fn each<I, R, E, F>(self, items: I, mut function: F) -> Promise<(), E>
    where
        I: IntoIterator<IntoIter: 'static> + 'static,
        F: FnMut(I::Item) -> R + 'static,
        R: IntoResolution<E>,
        E: Debug + 'static,
    {
        let call = move |item| ((), function(item).into_resolution());
        over_iterator(Done::new(), Some(self.reporter()), items, 1, call)
    }

    fn reporter(self) -> Rc<Reporter> {
        Rc::new(self.reporter)
    }
}

impl Debug for WithProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithProgress").finish_non_exhaustive()
    }
}

type Callback = Box<dyn FnMut(Progress)>;

/// Who is told how far a gathering has come.
pub(crate) struct Reporter {
    /// Taken out while it runs. Gone after a panic.
    callback: Cell<Option<Callback>>,
    progress: Cell<Progress>,
    /// How many elements there have been.
    counted: Cell<usize>,
    has_begun: Cell<bool>,
}

impl Reporter {
    /// There is one more element.
    pub(super) fn count(&self) {
        self.counted.set(self.counted.get() + 1);
    }

    /// It begins with so many items.
    pub(super) fn begin(&self, (least, most): (usize, Option<usize>)) {
        self.has_begun.set(true);
        self.tell(Progress { done: 0, total: most.filter(|most| *most == least) });
    }

    /// One more element is done.
    pub(super) fn advance(&self) {
        let Progress { done, total } = self.progress.get();
        self.tell(Progress { done: done + 1, total });
    }

    /// There is no further element.
    pub(super) fn end(&self) {
        let progress = Progress { total: Some(self.counted.get()), ..self.progress.get() };
        if !self.has_begun.replace(true) || progress != self.progress.get() {
            self.tell(progress);
        }
    }

    fn tell(&self, progress: Progress) {
        self.progress.set(progress);
        // If it is running, it has run the loop: then it is called once more when it returns.
        let Some(mut callback) = self.callback.take() else { return };
        let mut told = progress;
        callback(told);
        while told != self.progress.get() {
            told = self.progress.get();
            callback(told);
        }
        self.callback.set(Some(callback));
    }
}
