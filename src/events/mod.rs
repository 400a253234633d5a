//! Events: listeners that are called in order, as those of Node's `EventEmitter` are.

pub(crate) mod stream;

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;

use self::stream::{Events, feed};
use crate::cell::handle::Promise;
use crate::outcome::Outcome;
use crate::resolve::Producer;
use crate::resolve::resolution::Resolution;

/// Calls its listeners with every event: the part of Node's `EventEmitter` that belongs to one name.
///
/// JavaScript has one emitter with a name for each kind of event, because its events have no types. Here the type is the
/// name. Where an object has several kinds of events, give it an emitter for each, or one emitter with an `enum`:
///
/// ```
/// use thenable::Emitter;
///
/// #[derive(Default)]
/// struct Download {
///     progress: Emitter<u8>,
///     error: Emitter<std::io::Error>,
/// }
///
/// let download = Download::default();
/// download.progress.on(|percent| println!("{percent} %"));
/// assert!(download.progress.emit(&50), "somebody listens");
/// assert!(!download.error.emit(&std::io::Error::other("broken")), "nobody does");
/// ```
///
/// Everything is synchronous, as in Node: [`emit`](Self::emit) calls the listeners before it returns, in the order in which
/// they were added. A listener may do anything meanwhile: add and remove listeners, emit again, drop the emitter.
/// It gets a reference, for all of them see one event. It is an `Fn`, since an event may be emitted while it runs; what it
/// changes is in a [`Cell`] or a [`RefCell`].
///
/// A clone is another handle on the same emitter. When the last handle goes, so do the listeners. An emitter does not keep
/// the loop going.
///
/// Left out: the warning about more than ten listeners, and the events `newListener` and `removeListener`.
pub struct Emitter<T> {
    listeners: Rc<Listeners<T>>,
}

struct Listeners<T> {
    /// In the order of the calls. `emit` calls a snapshot: whoever changes the list meanwhile copies it.
    list: RefCell<Rc<Vec<Rc<Listener<T>>>>>,
}

struct Listener<T> {
    id: ListenerId,
    callback: Callback<T>,
}

enum Callback<T> {
    Always(Box<dyn Fn(&T)>),
    /// `None` when it was called.
    Once(Cell<Option<OnceCallback<T>>>),
}

type OnceCallback<T> = Box<dyn FnOnce(&T)>;

/// Names a listener, to remove it with [`Emitter::off`]. Every listener of a thread has its own.
///
/// Dropping it does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerId {
    number: u64,
    /// Numbers are given out by the thread, so they do not leave it.
    thread: PhantomData<*const ()>,
}

impl ListenerId {
    fn new() -> Self {
        thread_local! {
            static NEXT: Cell<u64> = const { Cell::new(1) };
        }
        let number = NEXT.get();
        NEXT.set(number + 1);
        Self { number, thread: PhantomData }
    }
}

impl Debug for ListenerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListenerId({})", self.number)
    }
}

impl<T: 'static> Emitter<T> {
    /// An emitter without listeners.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `listener` with every event from now on, after those that are there already: `emitter.on(name, f)`.
    ///
    /// Called from a listener, it is told of the next event and not of the one that is being emitted.
    pub fn on(&self, listener: impl Fn(&T) + 'static) -> ListenerId {
        self.listeners.add(usize::MAX, Callback::Always(Box::new(listener)))
    }

    /// [`on`](Self::on), but before those that are there already: `emitter.prependListener(name, f)`.
    pub fn prepend(&self, listener: impl Fn(&T) + 'static) -> ListenerId {
        self.listeners.add(0, Callback::Always(Box::new(listener)))
    }

    /// Calls `listener` with the next event only: `emitter.once(name, f)`. It is removed before it is called.
    pub fn once(&self, listener: impl FnOnce(&T) + 'static) -> ListenerId {
        self.listeners.add(usize::MAX, Callback::Once(Cell::new(Some(Box::new(listener)))))
    }

    /// Removes a listener: `emitter.off(name, f)`. Returns whether it was there.
    ///
    /// An event that is being emitted still reaches it, as in Node: `emit` calls those that were there when it began.
    ///
    /// ```
    /// use std::{cell::Cell, rc::Rc};
    /// use thenable::Emitter;
    ///
    /// let calls = Rc::new(Cell::new(0));
    /// let count = calls.clone();
    /// let emitter = Emitter::<()>::new();
    /// let listener = emitter.on(move |()| count.set(count.get() + 1));
    /// emitter.emit(&());
    /// assert!(emitter.off(listener));
    /// emitter.emit(&());
    /// assert_eq!(calls.get(), 1);
    /// assert!(!emitter.off(listener), "it is not there any more");
    /// ```
    pub fn off(&self, listener: ListenerId) -> bool {
        self.listeners.remove(listener)
    }

    /// Removes all listeners: `emitter.removeAllListeners(name)`. An event that is being emitted still reaches them.
    pub fn off_all(&self) {
        // What the listeners own is dropped when no borrow is held.
        drop(self.listeners.list.take());
    }

    /// Calls every listener with `event`, in the order in which they were added, before it returns: `emitter.emit(name,
    /// event)`. Returns whether there was one.
    ///
    /// Those are called that are there when it begins: one that is added meanwhile is not, one that is removed meanwhile
    /// is. A listener may emit; the inner event reaches all of them before the outer one goes on. The event is borrowed, so a
    /// listener may pass it on to another emitter.
    ///
    /// # Panics
    ///
    /// If a listener panics, as `emit` throws in Node what a listener throws. The listeners after it are not called.
    pub fn emit(&self, event: &T) -> bool {
        let snapshot = self.listeners.list.borrow().clone();
        // A listener may drop the handle on which this was called.
        let listeners = self.listeners.clone();
        for listener in snapshot.iter() {
            listener.call(&listeners, event);
        }
        !snapshot.is_empty()
    }

    /// [`emit`](Self::emit) for events that are errors: if nobody listens, `error` becomes an unhandled rejection.
    ///
    /// Node's `emit("error", error)` throws if nobody listens, so that an error cannot go unnoticed. Here it is reported as
    /// the rejection of a promise is that nobody handles: to the [hook](crate::on_unhandled_rejection), or the loop stops.
    ///
    /// ```
    /// use thenable::{Emitter, run};
    ///
    /// let errors = Emitter::new();
    /// let unhandled = run(|| errors.emit_error("broken")).unwrap_err();
    /// assert_eq!(unhandled.downcast::<&str>().unwrap(), "broken");
    ///
    /// errors.on(|error| eprintln!("{error}"));
    /// assert_eq!(run(|| errors.emit_error("broken")).unwrap(), true);
    /// ```
    #[track_caller]
    pub fn emit_error(&self, error: T) -> bool
    where
        T: Debug,
    {
        if self.listener_count() > 0 {
            self.emit(&error)
        } else {
            drop(Promise::<Infallible, T>::reject(error));
            false
        }
    }

    /// How many listeners there are: `emitter.listenerCount(name)`. Promises and streams of events count, too.
    pub fn listener_count(&self) -> usize {
        self.listeners.list.borrow().len()
    }

    /// A promise of the next event: `once(emitter, name)` of Node's `events`.
    ///
    /// It waits in line among the listeners. It has the ticks of Node's, which is an async function that returns a promise: if
    /// the event comes a tick later or more, a handler runs two ticks after the event. If the emitter goes first, it is
    /// abandoned. Its listener stays until the next event, also if the promise is dropped; a loop that waits again and again
    /// and may give up is better off with [`events`](Self::events).
    ///
    /// ```
    /// use thenable::{Emitter, block_on};
    ///
    /// let ready = Emitter::new();
    /// let promise = ready.next_event();
    /// ready.emit(&"now");
    /// assert_eq!(block_on(promise), Ok("now"));
    /// ```
    #[track_caller]
    pub fn next_event(&self) -> Promise<T, Infallible>
    where
        T: Clone,
    {
        let made_at = Location::caller();
        let (event, producer) = Producer::of_outcome(made_at);
        self.once(move |event: &T| producer.settle(Outcome::Fulfilled(event.clone())));
        let (promise, returned) = Producer::new(made_at);
        returned.complete(Ok(Resolution::Adopt(event)));
        promise
    }

    /// The events from now on, one after the other: `on(emitter, name)` of Node's `events`, for `for await`.
    ///
    /// Events that nobody has asked for yet wait in a buffer without a limit. Each takes a tick, as in JavaScript. The stream
    /// ends when the emitter is gone and the buffer is empty. Dropping it removes its listener, as `break` does.
    ///
    /// ```
    /// use futures::StreamExt;
    /// use thenable::{Emitter, Promise, block_on};
    ///
    /// let emitter = Emitter::<u32>::new();
    /// let mut events = emitter.events();
    /// let sum = Promise::<u32, String>::spawn(async move {
    ///     let mut sum = 0;
    ///     while let Some(n) = events.next().await {
    ///         sum += n;
    ///     }
    ///     Ok(sum)
    /// });
    /// emitter.emit(&20);
    /// emitter.emit(&22);
    /// drop(emitter);
    /// assert_eq!(block_on(sum), Ok(42));
    /// ```
    #[track_caller]
    pub fn events(&self) -> Events<T>
    where
        T: Clone,
    {
        let (feed, mut events) = feed(Location::caller());
        let listener = self.on(move |event: &T| feed.push(event.clone()));
        // Weak, since the stream must not keep the emitter.
        let listeners = Rc::downgrade(&self.listeners);
        events.when_dropped(move || {
            if let Some(listeners) = listeners.upgrade() {
                listeners.remove(listener);
            }
        });
        events
    }
}

impl<T> Listeners<T> {
    /// Puts a listener in at `index`, or at the end.
    fn add(&self, index: usize, callback: Callback<T>) -> ListenerId {
        let id = ListenerId::new();
        let mut list = self.list.borrow_mut();
        let list = Rc::make_mut(&mut list);
        list.insert(index.min(list.len()), Rc::new(Listener { id, callback }));
        id
    }

    fn remove(&self, id: ListenerId) -> bool {
        let removed = {
            let mut list = self.list.borrow_mut();
            let index = list.iter().position(|listener| listener.id == id);
            index.map(|index| Rc::make_mut(&mut list).remove(index))
        };
        // What it owns is dropped here, when no borrow is held.
        removed.is_some()
    }
}

impl<T> Listener<T> {
    fn call(&self, listeners: &Listeners<T>, event: &T) {
        match &self.callback {
            Callback::Always(callback) => callback(event),
            Callback::Once(callback) => {
                if let Some(callback) = callback.take() {
                    listeners.remove(self.id);
                    callback(event);
                }
            }
        }
    }
}

impl<T> Default for Emitter<T> {
    fn default() -> Self {
        Self { listeners: Rc::new(Listeners { list: RefCell::default() }) }
    }
}

impl<T> Clone for Emitter<T> {
    fn clone(&self) -> Self {
        Self { listeners: self.listeners.clone() }
    }
}

impl<T> fmt::Debug for Emitter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter").field("listeners", &self.listeners.list.borrow().len()).finish()
    }
}
